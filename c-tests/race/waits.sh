#!/bin/sh
# waits.sh COMMAND PROGRAM: a program under `mapsan race` sees no call fail for a signal that does nothing.
set -u
command=$1 program=$2
by_hand="$program"
. "$(dirname "$0")/watchable.sh"
"$program" || { echo "the program itself"; exit 1; }
"$command" race --budget 150 -- "$program" || exit 1
