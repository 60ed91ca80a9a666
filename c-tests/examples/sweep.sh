#!/bin/sh
# The example of a sweep in CI: the first job makes all runs, the second none, and after a change those alone that the change has
# to do with; what it finds then is told in each job until it is mended: sweep.sh SOURCES FOLDER-OF-THE-COMMAND-AND-LIBRARY
set -u
sources=$1 built=$2
[ -x "$built/mapsan" ] || { echo "SKIPPED: $built/mapsan is missing: cargo build --release"; exit 77; }
command -v patch > /dev/null || { echo 'SKIPPED: patch is missing: apt-get install patch'; exit 77; }
unset MAPSAN_OPTIONS LD_PRELOAD
export MAPSAN_RUNTIME="$built/libmapsan.so" NO_COLOR=1 PATH="$built:$PATH"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cp -r "$sources/examples/sweep" "$work/sweep" && cd "$work/sweep" || exit 1
failures=0
fail() {
    failures=$((failures + 1))
    echo "FAILED: $1"
    sed 's/^/    /' "$work/out"
}
# job NAME STATUS RUNS: what CI runs, how it is to end, and how many runs it is to add to what is known.
job() {
    before=$(cat build/points.db 2> /dev/null | grep -c '"kind":"point"')
    ./ci.sh build > "$work/out" 2>&1
    status=$?
    made=$(($(grep -c '"kind":"point"' build/points.db) - before))
    [ $status = "$2" ] || fail "$1: ended with $status, not $2"
    [ $made = "$3" ] || fail "$1: made $made runs, not $3"
}
said() { grep -q "$2" "$work/out" || fail "$1: no word of '$2'"; }

number() { sed -n "s/.*$1 \([0-9]*\).*/\1/p" README.md | head -n 1; }
job 'the first job' 0 "$(number 'all runs,')"
said 'the first job' 'shm_open at table.c:'
said 'the first job' 'mmap at reverse.c:'
job 'the second job' 0 0
said 'the second job' 'mmap at reverse.c:'
patch -s -p0 < wrong/copy.patch > "$work/out" 2>&1 || fail 'the patch does not fit'
job 'the job after the change' 9 "$(number 'next job makes')"
said 'the job after the change' "$(sed -n 's/^    mapsan: error\[\(sweep-[a-z-]*\)\]: \(.*\)/\1\\]: \2/p' README.md)"
said 'the job after the change' 'replay: mapsan run --inject mmap@reverse.c:'
job 'the one after it' 9 0
said 'the one after it' 'sweep-unchecked-return'
said 'the one after it' 'at .* main (.*reverse.c:'
sed -i 's/^    memcpy(copy/    if (copy == MAP_FAILED)\n        return perror("reverse"), EXIT_FAILURE;\n&/' reverse.c
job 'the job after it is mended' 0 "$(number 'next job makes')"
[ "$failures" = 0 ]
