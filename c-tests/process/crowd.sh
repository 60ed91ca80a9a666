#!/bin/sh
# What is told of many mappings, and when: crowd.sh PROGRAM LIBRARY
set -u
program=$1 library=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
status=0
# tells WAY COUNT [PATTERN...]: so many findings of mapping-count, and the patterns.
tells() {
    way=$1 count=$2
    shift 2
    rm -f log.*
    LD_PRELOAD=$library MAPSAN_OPTIONS="leaks=0:log_path=$work/log.%p" "$program" "$way" > out 2>&1
    ended=$?
    [ "$ended" = 77 ] && { cat out; exit 77; }
    found=$(cat log.* 2> /dev/null | grep -c '^mapsan: note\[mapping-count\]: ')
    [ "$ended" = 0 ] && [ "$found" = "$count" ] || { echo "FAILED $way: status $ended, $found findings"; status=1; }
    for pattern; do
        cat log.* 2> /dev/null | grep -q -e "$pattern" || { echo "FAILED $way: nothing like '$pattern'"; status=1; }
    done
    [ "$status" = 0 ] || cat log.* out 2> /dev/null | head -n 60
}
tells mprotect 1 ' are parts: the kernel splits' 'MADV_GUARD_INSTALL'
tells few 0
tells madvise 1 ' are parts: the kernel splits'
tells advice 1 ' madvise(0x'
tells munmap 1 ' are parts: the kernel splits'
tells mmap 1 'lie in memory that was mapped here'
tells fixed 1
tells joined 0
tells parted 1
tells children 1
tells limit 1 'note\[mprotect-failed\]: mprotect needs one more mapping' 'note\[munmap-failed\]: munmap needs one more mapping' \
    'lie in memory that was mapped here'
exit $status
