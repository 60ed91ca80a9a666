#!/bin/sh
# Five programs with the library and without: the same output, status and effects, and no error or warning.
#   five.sh preloaded|linked FOLDER LIBRARY WRITER READER FORK SEGMENT-WRITER SEGMENT-READER
set -u
way=$1 folder=$2 library=$3 writer=$4 reader=$5 forker=$6 segment_writer=$7 segment_reader=$8
if [ "${MAPSAN_OWN_IPC:-}" = '' ] && unshare --ipc true 2> /dev/null; then
    MAPSAN_OWN_IPC=1 exec unshare --ipc sh "$0" "$@"
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/records"
failures=0
fail() {
    failures=$((failures + 1))
    echo "FAILED: $1"
}

# run without|with PROGRAM: prints output and status; endless programs are stopped after two seconds.
run() {
    binary=$folder/plain/$2
    preload= options=
    if [ "$1" = with ]; then
        options=log_format=json:log_path=$work/records/%e.%p
        if [ "$way" = linked ]; then binary=$folder/linked/$2; else preload=$library; fi
    fi
    # Unbuffered, since what a killed program has in its buffer is lost.
    LD_PRELOAD=$preload MAPSAN_OPTIONS=$options timeout -s KILL 2 stdbuf -o0 "$binary" 2>&1 < /dev/null
    echo "status $?"
}

# scenario without|with: all five in an order in which they have what they need, in a folder of their own.
scenario() {
    mkdir "$work/$1" && cd "$work/$1" || exit 1
    run "$1" "$segment_writer"     # no key file
    run "$1" "$segment_reader"
    touch keytest
    run "$1" "$segment_reader"     # no segment
    run "$1" "$writer"             # no file
    head -c 4096 /dev/zero | tr '\0' '-' > test
    run "$1" read_only             # opened for reading alone
    run "$1" "$writer"
    # How far the endless writer gets in two seconds is the machine's business.
    head -c 2 test
    printf 'hello' > start && cat start /dev/zero | head -c 4096 > test
    run "$1" "$reader" | tr -d '\0' | fold -w 10 | sort -u
    run "$1" "$forker"
    run "$1" "$segment_writer"
    ipcs -m | grep -c 0x64
    run "$1" "$segment_reader"
    ipcs -m | grep -c 0x64
}
scenario without | sed 's/key=[0-9a-f]*/KEY/;s/shmid=[0-9]*/ID/' > "$work/without.out"
scenario with | sed 's/key=[0-9a-f]*/KEY/;s/shmid=[0-9]*/ID/' > "$work/with.out"
diff -u "$work/without.out" "$work/with.out" || fail 'the programs behave otherwise with the library'

cd "$work/records" || exit 1
has() { [ "$(cat "$1".* | grep -c "\"rule\":\"$2\"")" -ge 1 ] || fail "$1 has no finding of $2"; }
for program in "$writer" "$reader" "$forker" "$segment_writer" "$segment_reader"; do
    ls "$program".* > /dev/null 2>&1 || fail "$program was not covered"
done
has "$segment_writer" ftok-path
has "$segment_reader" shmget-missing
has read_only mmap-fd-not-writable
grep -h '"rule":"ftok-path"' ./* | grep -q 'ENOENT' || fail 'the reason of the missing key file is not named'
grep -h '"rule":"mmap-fd-not-writable"' ./* | grep -q 'O_RDONLY' || fail 'the reason of the refused mapping is not named'
bad=$(cat ./* | grep -E '"severity":"(error|warning)"' | grep -vc '"rule":"mmap-fd-not-writable"')
[ "$bad" = 0 ] || { cat ./* | grep -E '"severity":"(error|warning)"'; fail "$bad errors or warnings of correct calls"; }
[ "$failures" = 0 ] || { cat "$work/with.out"; exit 1; }
