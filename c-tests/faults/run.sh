#!/bin/sh
# Judges a cause of faults in all places: run.sh PROGRAM LIBRARY WAY CAUSE RULE PATTERN
#
# Each time the program ends as it does without the library. Where it dies, the log has one finding of RULE, whose text
# holds PATTERN and whose innermost frame of the program is the access; where it recovers by a handler of its own, or has
# a disposition of its own when it dies, none.
set -u
program=$1 library=$2 way=$3 cause=$4 rule=$5 pattern=$6
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
ulimit -c 0
failures=0

fail() {
    failures=$((failures + 1))
    echo "FAILED $cause in $place $recover: $1"
    cat out log.* 2> /dev/null | sed 's/^/    /'
}
# ends COMMAND...: runs it; `status` is how it ended.
ends() {
    rm -rf full file
    "$@" > out 2>&1
    status=$?
}

for place in main thread threads child handler small broken restored reset once ignored blocked; do
    for recover in '' recover; do
        case $place$recover in
        brokenrecover | smallrecover | threadsrecover | restoredrecover | resetrecover | oncerecover | ignoredrecover | blockedrecover) continue ;;
        esac
        rm -f log.*
        ends "$program" "$cause" "$place" $recover
        [ "$status" = 77 ] && { cat out; exit 77; }
        plain=$status
        preload=
        [ "$way" = preloaded ] && preload=$library
        # Failed calls are told as notes, which are no business of this test, but for the rule that is one.
        level=error
        [ "$rule" = fault-memory ] && level=note
        ends env LD_PRELOAD="$preload" MAPSAN_OPTIONS="level=$level:leaks=0:log_path=$PWD/log.%p" "$program" "$cause" "$place" $recover
        [ "$status" = "$plain" ] || fail "status $plain without the library, $status with it"
        found=$(cat log.* 2> /dev/null | grep -c "^mapsan: [a-z]*\[fault-")
        if [ -n "$recover" ]; then
            [ "$found" = 0 ] && [ "$status" = 0 ] || fail "$found findings, status $status"
            continue
        fi
        [ "$status" != 0 ] || fail 'no fault'
        case $place in
        once | ignored | blocked)
            [ "$found" = 0 ] || fail "$found findings in spite of the program's own disposition"
            continue
            ;;
        esac
        [ "$found" = 1 ] || fail "$found findings"
        grep -q "^mapsan: [a-z]*\[$rule\]: " log.* || fail "no finding of $rule"
        grep -q -e "$pattern" log.* || fail "nothing like '$pattern'"
        sed -n '/\[fault-/,$p' log.* | grep '^    at ' | head -n 3 | grep -q ' faulting_access+' || fail 'the access is not among the first frames'
    done
done
[ "$failures" = 0 ] || { echo "$failures failures"; exit 1; }
