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
log=$work/logs/log
mkdir "$work/logs"

fail() {
    echo "storm.sh: $kind: $*" >&2
    head -50 "$log" "$work/stderr" >&2
    exit 1
}

# under [LOG]: runs the storm of this kind with its findings in LOG.
under() {
    timeout -k 10 $((seconds * 4 + 60)) sh -c "exec 3>&- 4>&- 5>&- 6>&-; ulimit -n $descriptors; exec env \"\$@\"" sh \
        LD_PRELOAD="$library" MAPSAN_OPTIONS="log_path=${1:-$log}$options" "$storm" "$what" "$seconds" 2> "$work/stderr"
}

# there_are NUMBER RULE: that many findings of a rule are in the log, whole, and no others.
there_are() {
    found=$(grep -c "^mapsan: error\\[$2\\]: .*" "$log")
    all=$(grep -c '^mapsan: [a-z]*\[' "$log")
    [ "$found" = "$1" ] || fail "$found findings of $2 in the log, not $1"
    [ "$all" = "$1" ] || fail "$((all - $1)) findings besides those of $2"
}

what=$kind
descriptors=1024
case $kind in
signals)
    under || fail "status $?"
    [ ! -s "$log" ] || fail "something was said"
    ;;
forks)
    under || fail "status $?"
    # A child without atfork handlers may find the lock held by a thread that it does not have.
    if grep -v 'tracking ends for this process: its lock is held' "$log" > /dev/null 2>&1; then
        fail "something was said"
    fi
    ;;
cancellations)
    under || fail "status $?"
    there_are 1 msync-unaligned-address
    ;;
descriptors)
    under || fail "status $?"
    there_are 110 munmap-unaligned-address
    ;;
findings)
    under || fail "status $?"
    there_are 500 munmap-zero-length
    ;;
disk-full)
    what=findings
    under /dev/full || fail "status $?"
    ;;
log-gone)
    what=findings
    under &
    sleep 1
    rm -rf "$work/logs"
    wait $! || { mkdir -p "$work/logs"; : > "$log"; fail "status $?"; }
    ;;
few-descriptors)
    what=signals
    # As many as the loader needs.
    descriptors=4
    under || fail "status $?"
    ;;
mappings)
    started=$(date +%s)
    under
    status=$?
    [ "$status" = 139 ] || fail "status $status, not that of a segmentation fault"
    there_are 1 fault-after-unmap
    [ $(($(date +%s) - started)) -lt $((seconds * 4 + 30)) ] || fail "it took $(($(date +%s) - started)) seconds"
    ;;
*)
    fail "there is no such storm"
    ;;
esac
