#!/bin/sh
# A torrent of findings: none is lost, none is torn, all others are counted. torrent.sh PROGRAM LIBRARY
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failures=0
is() {
    [ "$2" = "$3" ] && return
    failures=$((failures + 1))
    echo "FAILED: $1: $2, and $3 are due"
}
LD_PRELOAD=$2 MAPSAN_OPTIONS=log_format=json:log_path=$work/log "$1" 10 || { echo "FAILED: status $?"; exit 1; }
is lines "$(wc -l < "$work/log")" 2402
is 'whole records' "$(grep -c '^{"schema":"mapsan/1",.*}$' "$work/log")" 2402
is 'findings, each with one head' "$(grep -c '"kind":"finding"' "$work/log")" 2400
is 'heads' "$(grep -o '{"schema"' "$work/log" | wc -l)" 2402
# The finding's own stack is the first; the others are those of related places (where the thread was started).
is 'different sites' "$(sed -n 's/"stack":\[{"address":"\(0x[0-9a-f]*\)"/\n\1\n/; s/^[^\n]*\n\([^\n]*\)\n.*/\1/p' "$work/log" | sort -u | wc -l)" 2400
grep -q '"errors":2400,"warnings":0,"notes":0,"repeated":189600[,}]' "$work/log" || {
    echo 'FAILED: the end record'
    tail -n 1 "$work/log"
    failures=$((failures + 1))
}
[ "$failures" = 0 ]
