#!/bin/bash
# Logs that live long: logs.sh PROGRAM LIBRARY
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
status=0
fail() {
    echo "FAILED: $1"
    status=1
}
findings() { grep -c 'error\[munmap-zero-length\]' "$1" 2> /dev/null; }

# Moved, removed, and its folder replaced, as logrotate(8) and people do: the next finding makes it anew.
mkdir "$work/logs"
log=$work/logs/log
coproc LD_PRELOAD=$2 MAPSAN_OPTIONS=log_path=$log "$1"
finding() { echo >&"${COPROC[1]}"; read -r _ <&"${COPROC[0]}"; }
finding
[ "$(findings "$log")" = 1 ] || fail 'the first finding is not in the log'
mv "$log" "$log.1"
finding
[ "$(findings "$log.1")$(findings "$log")" = 11 ] || fail 'a log that was moved is written on'
rm "$log"
finding
[ "$(findings "$log")" = 1 ] || fail 'a log that was removed is not made anew'
mv "$work/logs" "$work/before"
mkdir "$work/logs"
finding
[ "$(findings "$log")" = 1 ] || fail 'the folder that was replaced is written to'
wait

# Whose line it is, where several processes share a log; without it, lines begin as they always do.
for prefix in none pid time; do
    rm -f "$work/log"
    pids=$(for _ in 1 2; do echo | LD_PRELOAD=$2 MAPSAN_OPTIONS=log_path=$work/log:log_prefix=$prefix "$1"; done)
    time='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z'
    for pid in $pids; do
        case $prefix in
        none) lines='^' ;;
        pid) lines="^\\[$pid\\] " ;;
        time) lines="^$time \\[$pid\\] " ;;
        esac
        grep -qE "${lines}mapsan: error\[munmap-zero-length\]: " "$work/log" || fail "$prefix: the first line"
        grep -qE "${lines}    munmap\(0x1000, 0\) = -1 \(EINVAL\)$" "$work/log" || fail "$prefix: the call"
        grep -qE "${lines}mapsan: summary: 1 error" "$work/log" || fail "$prefix: the summary"
    done
    [ $prefix = none ] || grep -vqE '^(.*Z )?\[[0-9]+\] ' "$work/log" && [ $prefix != none ] && fail "$prefix: a line without it"
done
echo | LD_PRELOAD=$2 MAPSAN_OPTIONS=log_path=$work/records:log_format=json:log_prefix=time "$1" > "$work/pid"
grep -vq '^{"schema"' "$work/records" && fail 'records have a prefix'
exit $status
