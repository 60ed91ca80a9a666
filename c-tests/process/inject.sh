#!/bin/sh
# Calls that are made to fail: inject.sh PROGRAM PROGRAM-WITHOUT-PIE LIBRARY
set -u
program=$1 other=$2 library=$3
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

fail() {
    failures=$((failures + 1))
    echo "FAILED with MAPSAN_OPTIONS=$options: $1"
    sed 's/^/    /' out err
}
# run OPTIONS WORDS...: leaves out and err.
run() {
    options=$1
    shift
    LD_PRELOAD=$library MAPSAN_OPTIONS=$options "$program" "$@" > out 2> err
    status=$?
}
gives() { [ "$(cat out)" = "$1" ] || fail "expected '$1'"; }
says() { grep -q -- "$1" err || fail "expected '$1'"; }
says_not() { ! grep -q -- "$1" err || fail "unexpected '$1'"; }

# Each call, with the value and errno of its kind; and none if nothing is ordered.
run 'inject=any:!EXDEV:level=error' each;      gives '58 made to fail, 0 not'
run 'level=error' each;                        grep -q '^0 made to fail, 58 not$' out || fail 'a call fails by itself'

# Which of the calls.
run inject=mmap:ENOMEM:leaks=0 4;              gives xxxx
run inject=mmap:ENOMEM:3:leaks=0 5;            gives ..x..
run inject=mmap:ENOMEM:3+:leaks=0 5;           gives ..xxx
run inject=mmap:ENOMEM:2..3:leaks=0 5;         gives .xx..
run inject=mmap:ENOMEM:2+2:leaks=0 6;          gives .x.x.x
run inject=mmap:ENOMEM:1,mmap:ENOMEM:4 5;      gives x..x.
run inject=munmap:EINVAL 1;                    gives .
run 'inject=any:EEXIST:1' 2;                   gives '?.'

# Over all processes of a run: those that fork by themselves, others by a file.
run inject=mmap:ENOMEM:2 processes;            gives .x...
for which in 1 2 3 4 5; do
    head -c 4096 /dev/zero > counts
    run inject=mmap:ENOMEM:$which:inject_counts="$work/counts" processes
    expected=$(printf '.....' | sed "s/./x/$which")
    gives "$expected"
done
head -c 4096 /dev/zero > counts
run inject=mmap:ENOMEM:4001..4100:inject_counts="$work/counts" threads; gives '100 of 12000'
run inject=mmap:ENOMEM:7+10 threads;           gives '1200 of 12000'

# Neither libc's calls nor the loader's are made to fail, or counted.
run inject=mmap:ENOMEM:1 libc;                 gives x
run inject=munmap:EINVAL,mprotect:ENOMEM,open:ENOENT,openat:ENOENT libc; gives .

# Sites and stacks: as they are told they are ordered, in any process and thread.
run inject=mmap:ENOMEM 1 one-way another-way in-thread; gives xxxx
[ "$(grep -c '^mapsan: injected: mmap(NULL, .*) = MAP_FAILED (ENOMEM)$' err)" = 2 ] || fail 'each site is told once'
run inject=mmap@at_site:ENOMEM 1 one-way another-way in-thread; gives .xxx
says 'at_site+0x'
site=$(sed -n 's/^    at .*\/\([^/]*+0x[0-9a-f]*\)) #[0-9a-f]*$/\1/p' err)
stack=$(sed -n 's/^    at .* #\([0-9a-f]\{8\}\)$/\1/p' err)
run "inject=mmap@$site:ENOMEM" 1 one-way another-way in-thread 1; gives .xxx.
run "inject=mmap@$site:ENOMEM:2" 1 one-way another-way in-thread 1; gives ..x..
run "inject=mmap@$site#$stack:ENOMEM" 1 one-way another-way in-thread 1; gives .x...
run "inject=mmap@#$stack:ENOMEM:2" one-way another-way one-way one-way; gives ..x.
run "inject=mmap@$site:ENOMEM:2++" 1 one-way another-way 2 one-way; gives ..xxxx
run "inject=any@nowhere:ENOMEM" 2;             gives ..
for each in "$program" "$other"; do
    first=$(LD_PRELOAD=$library MAPSAN_OPTIONS=inject=mmap:ENOMEM "$each" one-way in-thread another-way 2>&1 > out | grep -o '#.*')
    again=$(env - LD_PRELOAD="$library" MAPSAN_OPTIONS=inject=mmap:ENOMEM sh -c '"$0" one-way' "$each" 2>&1 > out | grep -o '#.*')
    [ -n "$first" ] && [ "$first" = "$again" ] || fail "stacks of $each: '$first', then '$again'"
done

# Memory: all of it, or from the middle of a file on.
run inject=mmap:sigbus,shmat:sigbus:handle_faults=0 memory
gives 'anonymous 1111 shared 1111 file 1111 private 1111 read-only 1111 segment 11 '
run inject=mmap:truncate:handle_faults=0 memory
gives 'anonymous 0000 shared 0000 file 0011 private 0011 read-only 0011 segment 00 '
run inject=mmap:sigbus touch
says '^mapsan: injected: mmap(.*) = 0x[0-9a-f]* (sigbus)$'
says 'note.fault-memory.: write to 0x[0-9a-f]* in memory that was made to fail'
says_not 'fault-past-eof\|fault-truncated\|fault-no-space'

# It is no finding, and nothing is explained by the machine.
run inject=mmap:ENOMEM 1;                      says_not '\[\|summary'
run inject=shm_open:EMFILE,shmget:ENOSPC,mmap:ENOMEM:2 failed
says 'the failure of shm_open("/mapsan-inject-failed") with EMFILE was injected'
says 'the injected failure of shmget (ENOSPC)'
says_not 'RLIMIT\|limit'
run inject=mmap:ENOMEM failed;                 says 'the injected failure of mmap (ENOMEM)'

# Records.
run points=1:log_format=json one-way another-way failed
grep -q '"kind":"point".*"site":"inject[^"]*+0x[0-9a-f]*","stack_hash":"[0-9a-f]*","flags":\["anonymous"\]' err || fail 'no point of mmap'
grep -q '"failed_result":"fd"\|"failed_result":"shmaddr"' err || [ "$(id -u)" != 0 ] || true
[ "$(grep -c '"kind":"point".*"function":"mmap".*at_site' err)" = 2 ] || fail 'a point of each stack'
run inject=mmap:ENOMEM:log_format=json 3
[ "$(grep -c '"kind":"injected".*"what":"ENOMEM","number":[123],' err)" = 3 ] || fail 'a record of each'

[ $failures = 0 ]
