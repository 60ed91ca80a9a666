#!/bin/sh
# who.sh COMMAND PROGRAM SOURCE: who writes a word that two processes write all the time is named, with lines; and they go on, also
# when the command is killed.
set -u
command=$1 program=$2 source=$3
here=$(mktemp -d) || exit 1
setsid "$program" anonymous 100 &
first=$!
trap 'kill -s KILL -- -$first 2>/dev/null; rm -rf "$here"' EXIT
cd "$here" || exit 1
tries=0
until second=$(pgrep -P $first) && grep -q "rw-s.*/dev/zero" "/proc/$second/maps"; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || { echo "it doesn't start"; exit 1; }
    sleep 0.1
done
address=$(sed -n 's/^\([0-9a-f]*\)-.*rw-s.*\/dev\/zero.*/\1/p' "/proc/$first/maps")
# The sixth number of 4 bytes.
word=$first:$(printf '0x%x' $((0x$address + 20)))
# On a busy machine one of them may not run for a while.
for time in 1 5 20; do
    "$command" who "$word" --writes $time >out 2>err
    status=$?
    if grep -q "can't be watched\|no watchpoint can be set" err; then
        echo "SKIPPED: $(cat err); by hand: $command who $word --writes"
        exit 77
    fi
    grep -q "^process $first " out && grep -q "^process $second " out && break
done
cat out err
[ $status = 0 ] || { echo "it ended with $status"; exit 1; }
for pid in $first $second; do
    grep -q "^process $pid (" out || { echo "$pid is not named"; exit 1; }
done
lines=$(grep -A1 "^process" out | sed -n "s|^ *at 0x.*($source:\([0-9]*\)).*|\1|p")
[ -n "$lines" ] || { echo "no line of $source is told"; exit 1; }
for line in $lines; do
    sed -n "${line}p" "$source" | grep -q "/\* race \*/" || { echo "line $line does not write it"; exit 1; }
done

# Whether both run, and are traced by nobody.
go_on() {
    for pid in $first $second; do
        before=$(cut -d' ' -f14 "/proc/$pid/stat") || { echo "$pid has ended: $1"; exit 1; }
        tries=0
        until grep -q "^TracerPid:.0$" "/proc/$pid/status" && [ "$(cut -d' ' -f14 "/proc/$pid/stat")" -gt "$before" ]; do
            tries=$((tries + 1))
            [ $tries -lt 600 ] || { echo "$pid does not go on: $1"; cat "/proc/$pid/status"; exit 1; }
            sleep 0.1
        done
    done
}
go_on "after --writes"
for time in 0.05 0.1 0.15 0.2 0.3 0.4; do
    "$command" who "$word" --writes 20 >out 2>err &
    killed=$!
    sleep $time
    kill -s KILL $killed
    { wait $killed; } 2>/dev/null
    go_on "after the command was killed"
done
exit 0
