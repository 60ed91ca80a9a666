#!/bin/sh
# A static program with libmapsan.a gets its findings: static.sh COMPILER SOURCE FOLDER-OF-libmapsan.a FOLDER-OF-RULES
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
if ! "$1" -static -o "$work/plain" "$2" 2> "$work/err"; then
    echo 'SKIPPED: no static libc here:'
    cat "$work/err"
    exit 77
fi
"$1" -g -static -o "$work/checked" "$2" -L "$3" -l:libmapsan.a || exit 1
status=0
"$work/plain" 2> "$work/plain.err" || status=1
"$work/checked" 2> "$work/err" || status=1
grep -v -e '^mapsan: ' -e '^    ' "$work/err" | diff - "$work/plain.err" || status=1
for rule in mmap-zero-length ftok-path shmdt-not-attached; do
    grep -q "^mapsan: [a-z]*\[$rule\]" "$work/err" || { echo "no finding of $rule"; status=1; }
done
grep -q '^mapsan: summary: 2 errors, 0 warnings, 1 note' "$work/err" || { echo 'another summary'; status=1; }
# A fault is explained there, too, and ends the program as it would have.
ulimit -c 0
for rule in fault-protection fault-map-failed fault-after-unmap; do
    "$1" -static -o "$work/plain" "$4/$rule/bad.c" && "$1" -g -static -o "$work/checked" "$4/$rule/bad.c" -L "$3" -l:libmapsan.a || exit 1
    "$work/plain" > "$work/plain.out" 2>&1
    plain=$?
    "$work/checked" > "$work/out" 2> "$work/err"
    ended=$?
    [ "$ended" = "$plain" ] || { echo "$rule: status $ended, $plain without the library"; status=1; }
    grep -q "^mapsan: error\[$rule\]" "$work/err" || { echo "no finding of $rule"; status=1; }
done
[ $status = 0 ] || cat "$work/err"
exit $status
