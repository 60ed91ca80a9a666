#!/bin/sh
# kills.sh COMMAND PROGRAM [TIMES]: kills `mapsan race` at random moments while the two processes of PROGRAM (race-counter) come to
# one word all the time; both must go on after each, untraced and not stopped, and the program end as without.
set -u
[ $# -ge 2 ] || { sed -n 2,3p "$0"; exit 2; }
command=$1 program=$2 times=${3:-100}
here=$(mktemp -d) || exit 1
trap 'rm -rf "$here"' EXIT
cd "$here" || exit 1

# The two of them, not yet more than that.
processes() {
    pgrep -x -s "$session" "$(basename "$program" | cut -c 1-15)" | tr '\n' ' '
}
# A number below $1.
below() {
    echo $(($(od -An -N4 -tu4 /dev/urandom) % $1))
}
bad=0 kill=0
while [ $kill -lt "$times" ]; do
    kill=$((kill + 1))
    rm -f status
    setsid sh -c 'echo $$ >session; "$@" >out.txt 2>&1 & echo $! >command; wait $!; echo over >over' sh \
        "$command" race --budget 900 -- sh -c '"$@"; echo $? >status' sh "$program" anonymous 2 &
    until [ -s command ] && session=$(cat session) && set -- $(processes) && [ $# = 2 ]; do
        sleep 0.01
    done
    both=$*
    sleep "0.$(printf %03d "$(below 400)")"
    kill -s KILL "$(cat command)"
    sleep 0.05
    for pid in $both; do
        state=$(sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$pid/status" 2>/dev/null)
        tracer=$(sed -n 's/^TracerPid:\t//p' "/proc/$pid/status" 2>/dev/null)
        case $state:$tracer in
        [RSD]:0) ;;
        *) echo "kill $kill: process $pid is in state '$state', traced by '$tracer'"; bad=$((bad + 1)) ;;
        esac
    done
    waited=0
    until [ -s status ] || [ $waited -ge 200 ]; do
        waited=$((waited + 1))
        sleep 0.05
    done
    status=$(cat status 2>/dev/null)
    [ "$status" = 0 ] || { echo "kill $kill: the program ended with '$status'"; bad=$((bad + 1)); }
    wait
    rm -f command session over
done
echo "$kill kills, $bad times something was wrong"
[ $bad = 0 ]
