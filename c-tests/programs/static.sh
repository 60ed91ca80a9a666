#!/bin/sh
# A static program with libmapsan.a gets its findings: static.sh COMPILER SOURCE FOLDER-OF-libmapsan.a
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
[ $status = 0 ] || cat "$work/err"
exit $status
