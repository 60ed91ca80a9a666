#!/bin/sh
# gdb on a core: core.sh SCRIPT LIBRARY PROGRAM SOURCE
#
# The process died in the program's own frame, not in the library's, which explained it first; and the commands tell of it.
set -u
script=$1 library=$2 program=$3 source=$4
if ! gdb -nx -batch -ex 'python print("python")' 2> /dev/null | grep -q python; then
    echo "SKIPPED: no gdb with Python; install it: sudo apt-get install gdb"
    exit 77
fi
read -r pattern < /proc/sys/kernel/core_pattern
case $pattern in
/* | '|'* | @*)
    echo "SKIPPED: cores go to '$pattern' here: sysctl kernel.core_pattern=core"
    exit 77
    ;;
esac
command=$(dirname "$library")/mapsan
if ! [ -x "$command" ]; then
    echo "SKIPPED: there is no $command: cargo build --release"
    exit 77
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
ulimit -c unlimited || { echo "SKIPPED: 'ulimit -c unlimited' is not allowed here"; exit 77; }
LD_PRELOAD=$library "$program" > told 2>&1
grep -q 'mapsan: error\[fault-after-unmap\]' told || { echo "FAILED: it was not explained"; cat told; exit 1; }
# gdb_with EXPRESSION...: these commands, on the core.
gdb_with() { PATH=$(dirname "$library"):$PATH timeout 60 gdb -nx -q -batch -ex "source $script" "$@" "$program" core* > out 2>&1; }
gdb_with -ex 'backtrace' -ex 'mapsan mappings' -ex 'mapsan address memory + 10' -ex 'mapsan findings'
failures=0
has() {
    grep -q -e "$1" out || {
        failures=$((failures + 1))
        echo "FAILED: '$1' is not said:"
        sed 's/^/    /' out
    }
}
mistake=$(grep -n 'the mistake' "$source" | head -1 | cut -d : -f 1)
has "^#0 .*main .*dies.c:$mistake"
grep -q '^#1 ' out && has 'nothing below main'
has '^it met SIGSEGV at 0x'
has 'error\[fault-after-unmap\]: write to 0x'
has 'is not mapped'

# What was told before it died of something else, by itself.
rm -f core*
LD_PRELOAD=$library "$program" twice > told 2>&1
gdb_with -ex 'mapsan findings'
has '^told while it ran: 1 error$'
has '^  the last: \[munmap-double\] the 4096 bytes at 0x'
has "^    at 0x.* main (.*dies.c:$(grep -n 'unmapped before' "$source" | cut -d : -f 1))"
[ "$failures" = 0 ]
