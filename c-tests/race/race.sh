#!/bin/sh
# race.sh COMMAND racy|correct PROGRAM SOURCE RULE [ARGUMENT...]
# Racy: found, by this rule, with both accesses on lines that say so, and the program ends as it would. Correct: nothing.
set -u
command=$1 what=$2 program=$3 source=$4 rule=$5
shift 5
by_hand="$program $*"
. "$(dirname "$0")/watchable.sh"

if [ "$what" = correct ]; then
    "$command" race --budget 150 --format json -o records.json -- "$program" "$@"
    status=$?
    [ $status = 0 ] || { echo "it ended with $status"; exit 1; }
    grep '"kind":"finding"' records.json && { echo "a correct program"; exit 1; }
    grep -q '"kind":"coverage"' records.json || { echo "no coverage is told"; exit 1; }
    grep -q '"objects":[1-9]' records.json || { echo "nothing was watched"; exit 1; }
    exit 0
fi

found() {
    grep -q '"kind":"finding"' records.json 2>/dev/null
}
# Until it is found. A program that ends before is run again.
waited=0
until found; do
    # In a process group of its own, of which all are ended at once when it is found.
    setsid "$command" race --budget 150 --format json -o records.json --format text -o text.txt -- "$program" "$@" &
    running=$!
    until found || ! kill -0 $running 2>/dev/null; do
        waited=$((waited + 1))
        [ $waited -lt 1800 ] || { echo "not found"; kill -s TERM -- -$running; wait $running; exit 1; }
        sleep 0.1
    done
    was_running=$(kill -s TERM -- -$running 2>/dev/null && echo yes)
    wait $running
    status=$?
done
[ "$was_running" != yes ] || [ $status = 143 ] || [ $status = 0 ] || { echo "it ended with $status, not as the program did"; exit 1; }
cat text.txt
grep '"kind":"finding"' records.json | grep -v "\"rule\":\"$rule\"" && { echo "another rule than $rule"; exit 1; }
# The innermost line of each access.
lines=$(grep -A1 "of [0-9]* bytes\? at 0x\|in child process" text.txt | sed -n "s|^ *at 0x.*($source:\([0-9]*\)).*|\1|p")
[ -n "$lines" ] || { echo "no line of $source is told"; exit 1; }
for line in $lines; do
    sed -n "${line}p" "$source" | grep -q "/\* race \*/\|/\* faulty \*/" || { echo "line $line does not race"; exit 1; }
done
exit 0
