#!/bin/sh
# A real program does real work under the library: the same output, no error and no warning. real.sh PROGRAM LIBRARY
set -u
program=$1 library=$2
command -v "$program" > /dev/null || { echo "SKIPPED: $program is not installed (apt-get install $program)"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/records"

job() {
    case $program in
        python3) python3 - <<'PYTHON'
import mmap, os, tempfile
from multiprocessing import Process, shared_memory

with tempfile.TemporaryFile() as file:
    file.write(b"x" * 100_000)
    file.flush()
    with mmap.mmap(file.fileno(), 0) as whole:
        whole[:5] = b"hello"
        whole.flush()
        print(whole[:10], whole.find(b"xx"), len(whole))
        whole.resize(200_000)
    with mmap.mmap(file.fileno(), 4096, offset=8192, access=mmap.ACCESS_READ) as window:
        print(window[:3])
with mmap.mmap(-1, 1 << 20) as memory:
    if os.fork() == 0:
        memory[:5] = b"child"
        os._exit(0)
    os.wait()
    print(memory[:5])
segment = shared_memory.SharedMemory(create=True, size=1 << 16)
def fill(name):
    other = shared_memory.SharedMemory(name=name)
    other.buf[:3] = b"abc"
    other.close()
process = Process(target=fill, args=(segment.name,))
process.start()
process.join()
print(bytes(segment.buf[:3]))
segment.close()
segment.unlink()
print(sum(len(bytearray(1 << 20)) for _ in range(64)))
PYTHON
            ;;
        git)
            git init -q repository && cd repository || return
            export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
            export GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
            for number in 1 2 3 4 5; do
                seq $((number * 2000)) > "file$number" && git add . && git commit -qm "commit $number"
            done
            git gc -q && git fsck 2> /dev/null && git log --format=%H && git diff --stat HEAD~2 && git grep -c 999
            ;;
        gcc)
            printf '#include <stdio.h>\n#include <stdlib.h>\nint main(void) { puts("compiled"); return EXIT_SUCCESS; }\n' > a.c
            gcc -O2 -g -o a a.c && ./a && gcc -S -o - a.c | grep -c main
            ;;
        sqlite3)
            sqlite3 db 'pragma journal_mode=wal; pragma mmap_size=10000000; create table t(a integer primary key, b text);
                with recursive n(i) as (select 1 union all select i+1 from n where i<20000)
                insert into t select i, printf("row %d", i) from n; create index x on t(b);
                select count(*), max(b) from t; delete from t where a%3=0; vacuum; select count(*) from t; pragma integrity_check;'
            ;;
        bash)
            bash -c 'seq 5000 | sort -rn | head -3; for i in {1..20}; do (echo $((i * i))); done | tail -1
                cat <(echo substituted); printf "%s\n" {a..e} | while read -r x; do echo "$x"; done | wc -l'
            ;;
    esac
}
mkdir "$work/without" "$work/with" || exit 1
(cd "$work/without" && job) > "$work/without.out" 2> "$work/without.err"
expected=$?
(cd "$work/with" && export LD_PRELOAD="$library" MAPSAN_OPTIONS="log_format=json:log_path=$work/records/%e.%p" && job) \
    > "$work/with.out" 2> "$work/with.err"
status=$?
failed=0
[ "$status" = "$expected" ] || { echo "status $status, without the library $expected"; failed=1; }
[ -s "$work/without.out" ] || { echo 'the job prints nothing'; failed=1; }
diff "$work/without.out" "$work/with.out" || { echo 'the output differs'; failed=1; }
diff "$work/without.err" "$work/with.err" || { echo 'what goes to standard error differs'; failed=1; }
cat "$work/records/"* > "$work/all" 2> /dev/null
grep -q '"kind":"start"' "$work/all" || { echo 'nothing was covered'; failed=1; }
grep -E '"severity":"(error|warning)"' "$work/all" && { echo 'a correct program has errors or warnings'; failed=1; }
exit $failed
