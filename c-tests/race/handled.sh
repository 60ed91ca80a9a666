#!/bin/sh
# handled.sh COMMAND PROGRAM: a program that handles the signal by which it is told of watchpoints gets none but its own, and
# is watched all the same: its race is told in one of some runs.
set -u
command=$1 program=$2
by_hand="$program"
. "$(dirname "$0")/watchable.sh"
"$program" || { echo "the program itself"; exit 1; }
for run in 1 2 3 4 5 6 7 8 9 10; do
    said=$("$command" race --budget 150 -- "$program" 2>&1) || { echo "$said"; exit 1; }
    case $said in
    *'warning[race-shared-memory]'*) exit 0 ;;
    esac
done
echo "the race was told in no run; the last one: $said"
exit 1
