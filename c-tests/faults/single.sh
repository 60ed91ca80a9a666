#!/bin/sh
# Judges one case of single.c: single.sh PROGRAM PLUGIN LIBRARY CASE RULE PATTERN [UNWANTED]
#
# The program ends as it does without the library, also hardened. The log has one finding of RULE about the fault, whose text
# holds PATTERN and not UNWANTED; with RULE none there is no finding about the fault,
# and the log holds PATTERN, if there is one, and not UNWANTED.
set -u
program=$1 plugin=$2 library=$3 case=$4 rule=$5 pattern=$6 unwanted=${7-}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
ulimit -c 0

fail() {
    echo "FAILED $case $harden: $1"
    cat log 2> /dev/null | sed 's/^/    /'
    exit 1
}

"$program" "$case" "$plugin" > out 2>&1
plain=$?
[ "$plain" = 77 ] && { cat out; exit 77; }
for harden in none all; do
    rm -f file log
    env LD_PRELOAD="$library" MAPSAN_OPTIONS="leaks=0:harden=$harden:log_path=$PWD/log" "$program" "$case" "$plugin" > out 2>&1
    status=$?
    [ "$status" = "$plain" ] || fail "status $plain without the library, $status with it"
    found=$(grep -c '^mapsan: [a-z]*\[fault-' log 2> /dev/null)
    if [ "$rule" = none ]; then
        [ "${found:-0}" = 0 ] || fail "$found findings"
        [ "$harden" = none ] || continue
        [ -z "$pattern" ] || grep -q -e "$pattern" log || fail "nothing like '$pattern'"
        [ -z "$unwanted" ] || ! grep -q -e "$unwanted" log 2> /dev/null || fail "there is '$unwanted'"
        continue
    fi
    [ "${found:-0}" = 1 ] || fail "${found:-0} findings"
    grep -q "^mapsan: [a-z]*\[$rule\]: " log || fail "no finding of $rule"
    # What guards and quarantine change of the words is tried in harden/.
    [ "$harden" = none ] || continue
    grep -q -e "$pattern" log || fail "nothing like '$pattern'"
    [ -z "$unwanted" ] || ! grep -q -e "$unwanted" log || fail "there is '$unwanted'"
done
