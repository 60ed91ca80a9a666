#!/bin/sh
# Findings name the executable by its path, whatever the process has done before: executable.sh PROGRAM LIBRARY
set -u
program=$1 library=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/root"
failures=0
for case in plain gone confined shut-in; do
    copy=$work/$case
    cp "$program" "$copy" || exit 1
    # The log is opened before the process has another root.
    (cd "$work" && LD_PRELOAD=$library MAPSAN_OPTIONS=log_path=$work/log "./$case" "$case" "$work/root") > "$work/out" 2>&1
    case $? in
    0) ;;
    77) cat "$work/out"; continue ;;
    *) echo "FAILED $case: status $?"; cat "$work/out"; failures=$((failures + 1)); continue ;;
    esac
    if ! grep -q "($copy+0x[0-9a-f]*)" "$work/log"; then
        echo "FAILED $case: nothing names $copy"
        cat "$work/log"
        failures=$((failures + 1))
    fi
    rm -f "$work/log"
done
exit $failures
