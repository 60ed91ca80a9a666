#!/bin/sh
# storm.sh COMMAND PROGRAM: a program that starts processes faster than the budget pays for ends as it would, and it is said that not all
# of them were watched.
set -u
command=$1 program=$2
by_hand="$program anonymous 3"
. "$(dirname "$0")/watchable.sh"
"$command" race --budget 0.1 --format json -o records.json --format text -o text.txt -- "$program" anonymous 3
status=$?
[ $status = 0 ] || { echo "it ended with $status"; exit 1; }
grep -q "processes were started faster than the budget pays for" text.txt || { echo "nothing is said"; cat text.txt; exit 1; }
grep -q '"unfollowed_ms":[1-9]' records.json || { echo "no time is told"; grep coverage records.json; exit 1; }
