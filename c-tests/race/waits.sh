#!/bin/sh
# waits.sh COMMAND PROGRAM: a program under `mapsan race` sees no call fail for a signal that does nothing.
set -u
command=$1 program=$2
here=$(mktemp -d) || exit 1
trap 'rm -rf "$here"' EXIT
cd "$here" || exit 1
if ! "$command" race -- true 2>why || grep -q "NOT COVERED" why; then
    cat why
    grep -q "no watchpoint can be set\|can't be traced" why || exit 1
    echo "SKIPPED: $(cat why); by hand: $command race -- $program"
    exit 77
fi
"$program" || { echo "the program itself"; exit 1; }
"$command" race --budget 150 -- "$program" || exit 1
