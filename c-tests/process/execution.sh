#!/bin/sh
# Starting programs, with records, and in a static program: execution.sh PROGRAM COMPILER SOURCE FOLDER-OF-THE-LIBRARY
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
status=0
"$1" > "$work/out" || { cat "$work/out"; echo 'without the library'; status=1; }
LD_PRELOAD="$4/libmapsan.so" MAPSAN_OPTIONS="log_format=json:log_path=$work/log" "$1" > "$work/out" || { cat "$work/out"; status=1; }
# Each program that was started is told, what it gets of the library, and what came of it.
expect() {
    there=$(grep -c "$2" "$work/log")
    [ "$there" = "$1" ] || { echo "$there records of $2, and $1 were expected"; status=1; }
}
# 24 by exec and 4 by posix_spawn, twice; 6 of each have no name of a file; and 3 of the failures, twice.
expect 50 '"kind":"exec",.*"path":"[^"]*execution"'
expect 14 '"kind":"exec",.*"path":"name"'
expect 24 '"kind":"exec",.*"path":"[^"]*execution".*"preload":true,"options":true'
expect 18 '"kind":"exec",.*"path":"[^"]*execution".*"preload":false,"options":false'
expect 16 '"kind":"exec-failed"'
expect 8 '"kind":"exec".*"child":[1-9]'
expect 2 '"kind":"exec".*"path":"/bin/sh","preload":false,"options":true,"child":0'
if "$2" -w -static -o "$work/plain" "$3" 2> "$work/err"; then
    for library in plain checked; do
        [ $library = plain ] || "$2" -w -static -o "$work/checked" "$3" -L "$4" -l:libmapsan.a || exit 1
        MAPSAN_OPTIONS=log_path=/dev/null "$work/$library" > "$work/out" || { cat "$work/out"; echo "static, $library"; status=1; }
    done
fi
exit $status
