#!/bin/sh
# A program whose main thread has ended: its findings are as complete as any, and mapsan inspect reads it, alive or as a core.
# Usage: ended.sh PROGRAM LIBRARY COMMAND
set -u
program=$1 library=$2 command=$3
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"; [ -z "${pid-}" ] || kill -KILL "$pid" 2> /dev/null' EXIT
cd "$work" || exit 1
failures=0
ulimit -S -c 0
"$program" file > plain
LD_PRELOAD=$library MAPSAN_OPTIONS=log_path=$work/log "$program" file > checked
status=$?
[ "$status" = 0 ] && cmp plain checked || { echo "FAILED: status $status"; cat checked; failures=1; }
has() {
    grep -q -e "$1" log || { echo "FAILED: nothing like '$1'"; failures=1; }
}
has "mapsan: [a-z]*.mmap-fd-not-readable"
has "</.*/file>"
has "mapsan: [a-z]*.mprotect-not-mapped"
has 'the first 4096 bytes are mapped; nothing is mapped at 0x'
has '"/a/b"'
has "mapsan: note.leak-mapping"
! grep 'could not be read' log || { echo "FAILED: the list is there"; failures=1; }

# From outside.
LD_PRELOAD=$library MAPSAN_OPTIONS=log_path=/dev/null "$program" file wait > out &
pid=$!
tries=0
while ! grep -q ready out && [ $tries -lt 500 ]; do
    tries=$((tries + 1))
    sleep 0.1
done
"$command" inspect "$pid" > seen 2>&1 && grep -q '12288' seen || { echo "FAILED: inspect"; cat seen; failures=1; }
kill -KILL "$pid"
wait "$pid" 2> /dev/null
pid=
# As a core, where the kernel writes one here.
case $(cat /proc/sys/kernel/core_pattern) in
core | core.%p) ;;
*) echo "(no core: kernel.core_pattern is neither core nor core.%p)"; exit $failures ;;
esac
(ulimit -S -c unlimited 2> /dev/null && LD_PRELOAD=$library MAPSAN_OPTIONS=handle_faults=0:log_path=/dev/null "$program" file abort > out 2> /dev/null)
core=$(ls core* 2> /dev/null | head -n 1)
[ -n "$core" ] || { echo "(no core: the limit or the place allows none)"; exit $failures; }
"$command" inspect "$core" > seen 2>&1
grep -q 'fault-after-unmap' seen || { echo "FAILED: inspect of a core"; cat seen; failures=1; }
exit $failures
