#!/bin/sh
# The commands of gdb: gdb.sh SCRIPT LIBRARY WAY PROGRAM SOURCE
set -u
script=$1 library=$2 way=$3 program=$4 source=$5
if ! gdb -nx -batch -ex 'python print("python")' 2> /dev/null | grep -q python; then
    echo "SKIPPED: no gdb with Python; install it: sudo apt-get install gdb"
    exit 77
fi
if ! gdb -nx -batch -ex 'starti' true > /dev/null 2>&1; then
    echo "SKIPPED: gdb may not start a program here (ptrace is refused)"
    exit 77
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failures=0
line_of() { grep -n "$1" "$source" | head -1 | cut -d : -f 1; }
mistake=$(line_of 'the mistake')
gdb_with() { MAPSAN_OPTIONS= timeout 60 gdb -nx -q -batch "$@" "$program" > "$work/out" 2>&1; }
has() {
    grep -q -e "$1" "$work/out" || {
        failures=$((failures + 1))
        echo "FAILED: '$1' is not said:"
        sed 's/^/    /' "$work/out"
    }
}
# part NAME REGEX: what is said between that mark and the next has such a line.
part() {
    sed -n "/^== $1\$/,/^== /p" "$work/out" > "$work/part"
    grep -q -e "$2" "$work/part" || {
        failures=$((failures + 1))
        echo "FAILED: $1 does not say '$2':"
        sed 's/^/    /' "$work/out"
    }
}
lacks() {
    grep -q -e "$1" "$work/out" && {
        failures=$((failures + 1))
        echo "FAILED: '$1' is said:"
        sed 's/^/    /' "$work/out"
    }
}
preload="mapsan preload $library"
[ "$way" = preloaded ] || preload='echo linked\n'

# Two steps: stop, run. The frame is the call's, its variables are there, and the commands leave it.
gdb_with -ex "source $script" -ex "$preload" -ex 'mapsan stop' -ex run -ex 'echo now\n' -ex 'info frame' -ex 'print memory' \
    -ex 'mapsan findings' -ex 'print memory == (void *)0' -ex 'echo == address\n' -ex 'mapsan address kept + 10' \
    -ex 'echo == mappings\n' -ex 'mapsan mappings' -ex 'echo == print\n' -ex 'print (int)mapsan_describe_address(kept, 2)' \
    -ex 'echo == on\n' -ex 'down' -ex 'mapsan caller' -ex 'continue'
has 'mapsan: error\[munmap-double\]'
sed -n '/^now/,$p' "$work/out" > "$work/after"
grep -q "twice.c:$mistake" "$work/after" || { failures=$((failures + 1)); echo "FAILED: it is not at the call:"; cat "$work/out"; }
has '^\$1 = (void \*) 0x'
has '^mapsan: 1 error, 0 warnings, 0 notes$'
has '^mapsan: the last: error\[munmap-double\]: the 4096 bytes at 0x'
has '^Line '"$mistake"' of'
has '^\$2 = 0$'
part address '^0x[0-9a-f]* is 10 bytes into 0x[0-9a-f]*-0x[0-9a-f]* rw- anonymous, mmap of 8192 bytes at 0x'
part mappings '^0x[0-9a-f]*-0x[0-9a-f]* rw- anonymous, mmap of 8192 bytes at 0x'
part print '^0x[0-9a-f]* is at the start of 0x[0-9a-f]*-0x[0-9a-f]* rw- anonymous, mmap of 8192 bytes at 0x'
part print '^\$3 = 1$'
# The program's word may stand behind one of gdb's own.
has 'end$'
has 'exited normally'
lacks 'was not loaded'

# On by steps in the program, as the documents say.
gdb_with -ex "source $script" -ex "$preload" -ex 'mapsan stop' -ex run -ex 'tbreak +1' -ex continue
# gdb says the thread before it.
has "^Thread 2 .* hit Temporary breakpoint .* at .*/twice.c:$((mistake + 1))\$"

# Where the library is, is known by where the script is.
mkdir -p "$work/prefix/share/mapsan" "$work/prefix/lib" && cp "$script" "$work/prefix/share/mapsan/"
gdb_with -ex "source $work/prefix/share/mapsan/mapsan.py" -ex 'mapsan preload'
has "^mapsan: there is no $work/prefix/lib/libmapsan.so.0; say where"
cp "$library" "$work/prefix/lib/libmapsan.so.0"
gdb_with -ex "source $work/prefix/share/mapsan/mapsan.py" -ex 'mapsan preload' -ex 'show exec-wrapper'
has "LD_PRELOAD=$work/prefix/lib/libmapsan.so.0"
lacks NameError

# Where there is nothing to ask, that is said.
gdb_with -ex "source $script" -ex 'mapsan findings' -ex 'mapsan stop now' -ex 'mapsan address' -ex 'mapsan preload /nowhere'
has '^mapsan: no program runs; start it with run$'
has '^mapsan: stop takes no argument$'
has '^mapsan: address takes an expression'
has '^mapsan: there is no /nowhere; say where'
lacks Traceback
if [ "$way" = preloaded ]; then
    gdb_with -ex "source $script" -ex 'break before_end' -ex run -ex 'mapsan findings' -ex 'mapsan address kept'
    has '^mapsan: mapsan_count is not in this program: link it with the library, or preload it'
    gdb_with -ex "source $script" -ex 'mapsan stop' -ex run
    has '^mapsan: stops at each finding (breakpoint 1), once the library is loaded$'
    has '^mapsan: the library was not loaded: nothing was checked'
    lacks 'not defined'
else
    gdb_with -ex "source $script" -ex 'break main' -ex run -ex 'mapsan caller' -ex 'mapsan findings' -ex 'mapsan address nonsense'
    has '^mapsan: there has been no finding$'
    has '^mapsan: 0 errors, 0 warnings, 0 notes$'
    has "^mapsan: 'nonsense' gives no address"
fi
lacks Traceback
[ "$failures" = 0 ]
