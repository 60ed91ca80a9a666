#!/bin/sh
# What is found, and said, of small programs with segments: segments.sh PROGRAM LIBRARY
set -u
program=$1 library=$2
if ! unshare --ipc true 2> /dev/null; then
    echo "SKIPPED: an IPC namespace of one's own takes root"
    exit 77
fi
work=$(mktemp -d) || exit 1
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

# run WORD: leaves err, and found, the rules in their order; a program that can't be tried has none.
run() {
    word=$1
    unshare --ipc sh -c "${setup:-:}; exec env LD_PRELOAD=$library $program $word" > out 2> err
    status=$?
    found=$(sed -n 's/^mapsan: \([a-z]*\)\[\([a-z-]*\)\].*/\1:\2/p' err | tr '\n' ' ')
    [ "$status" = 0 ] || [ "$status" = 77 ] || fail "ended with $status"
}
fail() {
    failures=$((failures + 1))
    echo "FAILED: $word: $1"
    sed 's/^/    /' out err
}
finds() { [ "$status" = 77 ] || [ "$found" = "${1:+$1 }" ] || fail "expected '$1', found '$found'"; }
says() { [ "$status" = 77 ] || grep -q -- "$1" err || fail "expected '$1'"; }
never_says() { ! grep -q -- "$1" err || fail "did not expect '$1'"; }

run known;          finds ''
run looked-up;      finds note:leak-segment; says 'shmget(0x00004d53, 4096, IPC_CREAT|IPC_EXCL|0600)'
run five;           finds note:leak-segment; says '5 segments made here .*: 0, 1, 2, 3, 4$'; says 'summary: .* 1 note$'
run handed-on;      finds ''
run refused;        finds 'note:shmctl-denied note:leak-segment'; says 'IPC_RMID of segment [0-9]* was refused here (EPERM)'
                    says 'made by uid 0 .* runs as uid 65534 now'; never_says 'ipcrm'; never_says 'if it is not meant to stay'
run lock;           finds note:shmctl-failed; says 'RLIMIT_MEMLOCK is 0 bytes'
run heap;           finds note:shmat-address-in-use; says 'heap'; never_says SHM_REMAP
run reserved;       finds note:shmat-address-in-use; says 'help: .*SHM_REMAP'
run still-attached; finds 'note:shmctl-remove-attached note:shmget-missing'; says 'still attached, at .* which had the key'
                    says 'was removed here:'; never_says 'or add IPC_CREAT'
run no-mode;        finds 'warning:shmget-no-permissions note:shmat-denied'; says 'change the mode itself: shmctl([0-9]*, IPC_SET'
run tried;          finds ''
run tried-and-left; finds 'warning:shmget-no-permissions note:leak-segment'; says 'nobody without privileges can attach it'
run tried-and-published; finds note:leak-segment
run letter;         finds note:ftok-negative-key
run of-another;     finds warning:shmget-size-mismatch; says 'uid 0, its owner'; never_says ipcrm
run swapped;        finds note:shmget-missing; says 'size is 896, which is IPC_CREAT|0600, and flags is 4096'
run rotated;        finds note:shmget-missing; says 'flags look swapped: size is 950, which is IPC_CREAT|0666'; never_says 'start the'
run swapped-private; finds warning:shmget-no-permissions; says 'size and flags are swapped: size is 896'
run swapped-existing; finds warning:shmget-size-mismatch; says 'size and flags are swapped: size is 896'; never_says 'size that is'
run logical;        finds warning:shmget-no-permissions; says 'which is what a logical ||'; says 'with a single |'
run logical-existing; finds note:shmget-denied; says 'which is what a logical ||'
run by-chance;      finds note:shmget-missing; says 'no segment has key 0x00004d53, and'; says 'size 896 is IPC_CREAT|0600, too'
run handed-over;    finds note:shmget-stale-segment; says 'the last to attach or detach it'; never_says nitialise; never_says ipcrm
run is-given;       finds 'note:shmctl-remove-inherited note:shmat-bad-id'; says 'no longer exists'
run minus-one;      finds error:shmctl-bad-id; says 'no shmget that failed was seen'
run huge;           finds note:shmget-size-limit; says 'huge pages of .* are asked for, and [0-9]* are available'
setup='echo 1048576 > /proc/sys/kernel/shmmax'
run too-large;      finds note:shmget-size-limit; says 'larger than kernel.shmmax allows'; never_says NORESERVE
setup=:
run in-part;        finds note:leak-mapping; says '3 mappings made here were unmapped only in part'; says 'was released here:'
                    says 'pass the length that was mapped (65536)'
run raw;            finds ''
run asked;          finds note:leak-segment; says 'segment [0-9]* of 4096 bytes, made here, still exists$'
run daemon;         finds ''
run variable;       finds error:shmdt-not-attached; never_says munmap
run address-of-pointer
finds 'error:shmdt-not-attached error:munmap-unaligned-address error:mprotect-unaligned-address error:msync-unaligned-address error:mremap-bad-address'
                    says 'shmdt got the address of a pointer, .*, and not the pointer, 0x'; says 'attached here:'; says 'not &p'
                    never_says 'pass the pointer that'; never_says 'malloc'
run block;          finds 'error:munmap-unaligned-address error:munmap-unaligned-address error:shmdt-not-attached'
                    says 'munmap of memory that malloc gave'; says 'give memory of malloc back with free'; says 'with free; detach only'; never_says 'pass the pointer that'
run no-block;       finds error:munmap-unaligned-address; says 'pass the pointer that mmap returned'; never_says malloc
run locked-folder;  finds note:ftok-path; says "'locked' refuses search to effective uid 65534.*mode 0700, owner uid 0"
                    never_says 'create the file'
run no-path;        finds note:ftok-path; says 'the path is NULL'
[ "$failures" = 0 ] || echo "$failures failures"
[ "$failures" = 0 ]
