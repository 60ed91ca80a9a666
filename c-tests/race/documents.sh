#!/bin/sh
# documents.sh COMMAND WRITER READER FORKER WRITER-SOURCE READER-SOURCE
# One program writes a byte of a file each second and one prints it each second: told, with the line of either. One that sleeps until
# the other process is likely to have written: nothing, since nothing overlaps.
set -u
command=$1 writer=$2 reader=$3 forker=$4 writer_source=$5 reader_source=$6
by_hand="sh -c '$writer & $reader'"
. "$(dirname "$0")/watchable.sh"

"$command" race --budget 150 --format json -o records.json -- "$forker" >out.txt || { echo "it ended with $?"; exit 1; }
grep -q "read father val=1234567890" out.txt || { echo "it printed:"; cat out.txt; exit 1; }
grep '"kind":"finding"' records.json && { echo "nothing overlapped"; exit 1; }

# Both sleep a second after each access: whether they meet is decided when they start.
tries=0
until grep -q '"kind":"finding"' records.json; do
    tries=$((tries + 1))
    [ $tries -le 12 ] || { echo "not found"; exit 1; }
    rm -f records.json text.txt
    head -c 4096 /dev/zero >test
    setsid "$command" race --budget 150 --format json -o records.json --format text -o text.txt -- \
        sh -c '"$1" & "$2" >out.txt & wait' sh "$writer" "$reader" &
    running=$!
    waited=0
    until grep -q '"kind":"finding"' records.json 2>/dev/null || [ $waited -ge 180 ]; do
        waited=$((waited + 1))
        sleep 0.1
    done
    kill -s TERM -- -$running
    wait $running
done
cat text.txt
# line SOURCE TEXT: the line of the source that is told, which has the text.
line() {
    for number in $(sed -n "s|^ *at 0x.*/$(basename "$1"):\([0-9]*\)).*|\1|p" text.txt); do
        sed -n "${number}p" "$1" | grep -q -- "$2" && return 0
    done
    echo "no line of $1 with $2 is told"
    exit 1
}
line "$writer_source" "memcpy("
line "$reader_source" "printf("
