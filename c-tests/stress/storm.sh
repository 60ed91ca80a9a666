#!/bin/sh
# A storm under the library, and what was said meanwhile: nothing but what is deserved, and all of that.
#
#   storm.sh KIND STORM-PROGRAM LIBRARY [OPTIONS]
#
# MAPSAN_STRESS_SECONDS sets how long it lasts (3 unless told otherwise).
set -u
kind=$1 storm=$2 library=$3 options=${4:+:$4}
seconds=${MAPSAN_STRESS_SECONDS:-3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
log=$work/logs/log
mkdir "$work/logs"

fail() {
    echo "storm.sh: $kind: $*" >&2
    head -50 "$log" "$work/stderr" >&2
    exit 1
}

# under LOG [ARGUMENT]: runs the storm of this kind with its findings in LOG.
under() {
    timeout -k 10 $((seconds * 4 + 60)) sh -c "exec 3>&- 4>&- 5>&- 6>&-; ulimit -c 0; $limit exec env \"\$@\"" sh \
        LD_PRELOAD="$library" MAPSAN_OPTIONS="log_path=$1$options" "$storm" "$what" "$seconds" ${2:+"$2"} 2> "$work/stderr"
}

# there_are NUMBER RULE: that many findings of a rule are in the log, each with its call and its place, and no others.
there_are() {
    found=$(grep -c "^mapsan: error\\[$2\\]: ." "$log")
    all=$(grep -c '^mapsan: [a-z]*\[' "$log")
    places=$(grep -c '^    at 0x[0-9a-f]* (.*/storm+0x[0-9a-f]*)$' "$log")
    [ "$found" = "$1" ] || fail "$found findings of $2 in the log, not $1"
    [ "$all" = "$1" ] || fail "$((all - $1)) findings besides those of $2"
    [ "$places" -ge "$1" ] || fail "$places places in the log, less than one for each of $1 findings"
}

# no_finding FILE: the file is there, and no finding is in it.
no_finding() {
    [ -e "$1" ] || fail "no $1: was the library loaded?"
    if grep '^mapsan: [a-z]*\[' "$1" > /dev/null; then
        fail "there are findings"
    fi
}

what=$kind
limit=
case $kind in
signals | forks | starved | stopped)
    under "$log" || fail "status $?"
    no_finding "$log"
    [ ! -s "$log" ] || fail "something was said"
    ;;
clones)
    under "$log" || fail "status $?"
    no_finding "$log"
    # A child without atfork handlers may find the lock held by a thread that it does not have.
    if grep -v 'tracking ends for this process: its lock is held' "$log" > /dev/null 2>&1; then
        fail "something was said"
    fi
    ;;
cancellations)
    under "$log" || fail "status $?"
    there_are 1 msync-unaligned-address
    ;;
descriptors)
    under "$log" || fail "status $?"
    there_are 110 munmap-unaligned-address
    ;;
closing | findings)
    under "$log" || fail "status $?"
    there_are 500 munmap-zero-length
    ;;
disk-full)
    what=findings
    under /dev/full || fail "status $?"
    ;;
log-gone)
    what=descriptors
    under "$log" "$log" || fail "status $?"
    [ ! -e "$work/logs" ] || fail "the folder of the log is still there, or again"
    ;;
few-descriptors)
    what=signals
    # As many as the loader needs.
    limit='ulimit -n 4;'
    under "$log" || fail "status $?"
    no_finding "$log"
    no_finding "$work/stderr"
    ;;
mappings)
    started=$(date +%s)
    under "$log"
    status=$?
    [ "$status" = 139 ] || fail "status $status, not that of a segmentation fault"
    there_are 1 fault-after-unmap
    [ $(($(date +%s) - started)) -lt $((seconds * 4 + 30)) ] || fail "it took $(($(date +%s) - started)) seconds"
    ;;
*)
    fail "there is no such storm"
    ;;
esac
