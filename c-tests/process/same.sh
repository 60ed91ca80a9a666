#!/bin/sh
# A program prints the same with the library and without. Usage: same.sh PROGRAM LINKED LIBRARY
set -u
program=$1 linked=$2 library=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ulimit -c 0
"$program" > "$work/without" 2>&1
echo "status $?" >> "$work/without"
LD_PRELOAD=$library MAPSAN_OPTIONS=log_path=/dev/null "$program" > "$work/preloaded" 2>&1
echo "status $?" >> "$work/preloaded"
MAPSAN_OPTIONS=log_path=/dev/null "$linked" > "$work/linked" 2>&1
echo "status $?" >> "$work/linked"
failures=0
grep -q '^status 77$' "$work/without" && { grep SKIPPED "$work/without"; exit 77; }
grep -q '^status 0$' "$work/without" || { echo "FAILED: the program itself"; tail -5 "$work/without"; exit 1; }
for way in preloaded linked; do
    diff "$work/without" "$work/$way" || { echo "FAILED: $way differs"; failures=$((failures + 1)); }
done
exit $failures
