#!/bin/sh
# storm.sh COMMAND PROGRAM: a program that starts processes faster than the budget pays for ends as it would, and it is said that not all
# of them were watched.
set -u
command=$1 program=$2
here=$(mktemp -d) || exit 1
trap 'rm -rf "$here"' EXIT
cd "$here" || exit 1
if ! "$command" race -- true 2>why || grep -q "NOT COVERED" why; then
    cat why
    grep -q "no watchpoint can be set\|can't be traced" why || exit 1
    echo "SKIPPED: $(cat why); by hand: $command race -- $program anonymous 3"
    exit 77
fi
"$command" race --budget 0.1 --format json -o records.json --format text -o text.txt -- "$program" anonymous 3
status=$?
[ $status = 0 ] || { echo "it ended with $status"; exit 1; }
grep -q "processes were started faster than the budget pays for" text.txt || { echo "nothing is said"; cat text.txt; exit 1; }
grep -q '"unfollowed_ms":[1-9]' records.json || { echo "no time is told"; grep coverage records.json; exit 1; }
