#!/bin/sh
# Judges a case of hardened mode in all places: run.sh PROGRAM LIBRARY WAY CASE OPTIONS RULE PATTERN
#
# With OPTIONS there is one finding of RULE whose text holds PATTERN; without them, and for RULE `none`, there is none and
# the program ends with 0.
set -u
program=$1 library=$2 way=$3 case=$4 options=$5 rule=$6 pattern=$7
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
ulimit -c 0
failures=0

fail() {
    failures=$((failures + 1))
    echo "FAILED $case in $place with $hardening: $1"
    cat out log.* 2> /dev/null | sed 's/^/    /'
}

for place in main thread child handler; do
    for hardening in "$options" all ''; do
        rm -f log.*
        preload=
        [ "$way" = preloaded ] && preload=$library
        # What `fine` does wrong on purpose is no business of this test.
        rules=disable=mprotect-not-mapped,shmdt-double:level=warning
        [ "$rule" = none ] || rules="disable=all:enable=$rule"
        env LD_PRELOAD="$preload" MAPSAN_OPTIONS="$rules:harden=$hardening:log_path=$PWD/log.%p" \
            "$program" "$case" "$place" > out 2>&1
        status=$?
        found=$(cat log.* 2> /dev/null | grep -c '^mapsan: [a-z]*\[')
        if [ -z "$hardening" ] || [ "$rule" = none ]; then
            # Without a guard an overrun may fault all the same, or hit what is there.
            case $rule in
            fault-*) ;;
            *) [ "$found" = 0 ] && [ "$status" = 0 ] || fail "$found findings, status $status" ;;
            esac
            continue
        fi
        [ "$found" = 1 ] || fail "$found findings"
        grep -q "^mapsan: [a-z]*\[$rule\]: " log.* || fail "no finding of $rule"
        grep -q -e "$pattern" log.* || fail "nothing like '$pattern'"
        case $rule in
        fault-*) [ "$status" != 0 ] || fail 'the program was not stopped' ;;
        *) [ "$status" = 0 ] || fail "status $status" ;;
        esac
    done
done
[ "$failures" = 0 ] || { echo "$failures failures"; exit 1; }
