#!/bin/sh
# Hardened mode changes no result: same.sh PROGRAM LIBRARY CASE
#
# CASE prints and ends the same without the library, with it, and in each hardened mode; and there is no error.
set -u
program=$1 library=$2 case=$3
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
chmod 755 .
ulimit -c 0
case $case in
used-up-*)
    limit=$(cat /proc/sys/vm/max_map_count)
    [ "$limit" -le 262144 ] || { echo "SKIPPED: vm.max_map_count is $limit, more than is tried"; exit 77; }
    ;;
locked) [ "$(id -u)" = 0 ] || { echo 'SKIPPED: root is needed to give up its privileges'; exit 77; } ;;
esac
"$program" "$case" > plain 2>&1
plain=$?
failures=0
for options in leaks=0 harden=guard harden=quarantine harden=guard,quarantine,tail; do
    LD_PRELOAD=$library MAPSAN_OPTIONS="leaks=0:$options:log_path=$work/log" "$program" "$case" > out 2>&1
    status=$?
    # What hole-below asks for is wrong on purpose.
    errors=$(grep -h '^mapsan: error' log 2> /dev/null | grep -v -e mprotect-not-mapped -e msync-not-mapped)
    if ! cmp -s plain out || [ "$status" != "$plain" ] || [ -n "$errors" ]; then
        failures=$((failures + 1))
        echo "FAILED $case with $options: status $status, $plain without"
        diff plain out
        cat log 2> /dev/null
    fi
    rm -f log
done
[ "$failures" = 0 ]
