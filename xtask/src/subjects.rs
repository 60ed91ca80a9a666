//! What `cargo xtask compatibility` tries: programs of all kinds that map memory, watch it, or take it for their own.

/// A program with calls of memory, built by a compiler's command and run by `$RUN`.
macro_rules! plain {
    ($build:literal) => {
        plain!($build, "")
    };
    ($build:literal, $after:literal) => {
        concat!(
            "printf '#include <stdlib.h>\\n#include <stdio.h>\\n#include <sys/mman.h>\\nint main(void){char*p; for \
             (int i=1;i<999;i++) { free(malloc(i)); p=mmap(0,4096*i,3,34,-1,0); *p=1; munmap(p,4096*i); } \
             puts(\"ran\"); return 0;}' > a.c && ",
            $build,
            " -o a a.c && $RUN ./a",
            $after
        )
    };
}

/// A program with threads that map.
macro_rules! tsan {
    ($build:literal) => {
        concat!(
            "printf '#include <pthread.h>\\n#include <sys/mman.h>\\nvoid*f(void*p){for (int i=0;i<2000;i++) \
             munmap(mmap(0,8192,3,34,-1,0),8192); return p;} int main(void){pthread_t t[4]; for (int i=0;i<4;i++) \
             pthread_create(t+i,0,f,0); for (int i=0;i<4;i++) pthread_join(t[i],0); return 0;}' > a.c && ",
            $build,
            " -o a a.c -lpthread && ./a 2>&1 && echo ran"
        )
    };
}

/// A program that leaks; how much is found.
macro_rules! leak {
    ($build:literal) => {
        concat!(
            "printf '#include <stdlib.h>\\n#include <sys/mman.h>\\n__attribute__((noinline)) void f(void){for (int \
             i=0;i<23;i++) {volatile char*p=malloc(1000); (void)p; munmap(mmap(0,8192,3,34,-1,0),8192);}} int \
             main(void){f(); volatile char c[9999]; for (int i=0;i<9999;i++) c[i]=1; return 0;}' > a.c && ",
            $build,
            " -o a a.c && { ./a 2>&1 | grep SUMMARY; }"
        )
    };
}

/// A program: its name, the Debian packages, and a shell command that prints the same each time.
pub(crate) struct Subject(pub(crate) &'static str, pub(crate) &'static str, pub(crate) &'static str);

/// What is tried. Each command runs in an empty folder of its own.
pub(crate) const SUBJECTS: &[Subject] = &[
    Subject(
        "python3",
        "python3",
        "python3 -c 'import mmap,tempfile; f=tempfile.TemporaryFile(); f.truncate(9999); m=mmap.mmap(f.fileno(),0); \
         m[5]=7; m.close(); print(sum(range(10**6)))'",
    ),
    Subject(
        "python3 shared memory",
        "python3",
        "python3 -c 'from multiprocessing import shared_memory as s; a=s.SharedMemory(create=True,size=5000); \
         b=s.SharedMemory(a.name); b.buf[0]=9; print(a.buf[0]); b.close(); a.close(); a.unlink()'",
    ),
    Subject("perl", "perl", "perl -e 'my %h; $h{$_%997}+=$_ for 1..300000; print scalar(keys %h),\"\\n\"'"),
    Subject("bash", "bash", "bash -c 'for i in {1..20000}; do x=$((x+i)); done; echo $x'"),
    Subject("gawk", "gawk", "gawk 'BEGIN { for (i=0;i<300000;i++) a[i%1000]+=i; print length(a), a[7] }'"),
    Subject(
        "git",
        "git",
        "git init -q . && seq 20000 > f && git add f && git -c user.name=a -c user.email=b commit -qm m \
         --date=2020-01-01 && git fsck && git gc -q && git cat-file -s HEAD:f",
    ),
    Subject(
        "sqlite3, mapped",
        "sqlite3",
        "sqlite3 db 'pragma mmap_size=268435456; create table t(a); with recursive c(x) as (select 1 union all select \
         x+1 from c where x<50000) insert into t select x from c; select sum(a),count(*) from t;'",
    ),
    Subject("gcc", "gcc", "printf 'int main(void){return 0;}' > a.c && gcc -O2 -o a a.c && ./a && echo built"),
    Subject(
        "g++",
        "g++",
        "printf '#include <map>\\n#include <string>\\nint main(){std::map<std::string,int> m; m[\"a\"]=1; return \
         m.size()-1;}' > a.cpp && g++ -O2 -o a a.cpp && ./a && echo built",
    ),
    Subject(
        "gold",
        "binutils",
        "printf 'int main(void){return 0;}' > a.c && gcc -fuse-ld=gold -o a a.c && ./a && echo linked",
    ),
    Subject(
        "tar and gzip",
        "tar",
        "mkdir d && seq 50000 > d/f && tar czf a.tgz d && tar tzf a.tgz && tar xzf a.tgz && cksum d/f",
    ),
    Subject("xz, threads", "xz-utils", "seq 200000 > f && xz -T2 -k f && xz -dc f.xz | cksum"),
    Subject("openssl", "openssl", "seq 100000 | openssl dgst -sha256"),
    Subject(
        "sort, parallel",
        "coreutils",
        "seq 200000 | sort -R --random-source=/bin/bash | sort -n --parallel=4 | cksum",
    ),
    Subject(
        "java",
        "default-jdk",
        "printf 'class H { public static void main(String[] a) throws Exception { String s=null; int n=0; for (int \
         i=0;i<50000;i++) try { s.length(); } catch (NullPointerException e) { n++; } System.gc(); \
         System.out.println(n); } }' > H.java && java H.java",
    ),
    Subject(
        "node",
        "nodejs",
        "node -e 'let a=[]; for (let i=0;i<3e5;i++) a.push({i}); try { (function f(){f()})() } catch (e) { \
         console.log(e.name, a.length) }'",
    ),
    Subject("guile", "guile-3.0", "guile -c '(display (apply + (iota 100000)))'"),
    Subject("luajit", "luajit", "luajit -e 'local t={} for i=1,1e6 do t[i%1000]=i end print(#t)'"),
    Subject("ruby", "ruby", "ruby -e 'puts (1..200000).map { |x| x.to_s }.uniq.size'"),
    Subject(
        "PostgreSQL initdb",
        "postgresql",
        "id -u postgres > /dev/null && chmod 777 . && setpriv --reuid postgres --regid postgres --clear-groups sh -c \
         'PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin | tail -n 1); initdb -D data > /dev/null && echo \"select \
         sum(g) from generate_series(1,10000) g\" | postgres --single -D data postgres | grep sum'",
    ),
    Subject(
        "PostgreSQL server, a backend killed",
        "postgresql",
        "id -u postgres > /dev/null && chmod 777 . && setpriv --reuid postgres --regid postgres --clear-groups sh -c \
         'PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin | tail -n 1); export PGHOST=$PWD; initdb -A trust -D data > \
         /dev/null && for kind in \"sysv posix\" \"mmap sysv\" \"mmap mmap\"; do set -- $kind; pg_ctl -D data -l log \
         -w -o \"-k $PWD -h \\\"\\\" -c fsync=off -c shared_memory_type=$1 -c dynamic_shared_memory_type=$2 -c \
         parallel_setup_cost=0 -c parallel_tuple_cost=0 -c min_parallel_table_scan_size=0\" start > /dev/null; \
         pgbench -qis 1 postgres > /dev/null 2>&1; pgbench -nc 4 -t 50 postgres 2> /dev/null | grep actually; psql \
         -qAtc \"select count(*), sum(abs(aid)) from pgbench_accounts\" postgres; psql -qAtc \"select pg_sleep(9)\" \
         postgres > /dev/null 2>&1 & sleep 0.5; kill -9 $(psql -qAtc \"select pid from pg_stat_activity where query \
         like \\$\\$select pg_sleep%\\$\\$\" postgres); until psql -qAtc \"select count(*) from pgbench_accounts\" \
         postgres 2> /dev/null; do sleep 0.2; done; pg_ctl -D data -m fast -w stop > /dev/null && echo stopped; \
         done'",
    ),
    Subject(
        "Apache, graceful restarts",
        "apache2 curl",
        "test -x /usr/sbin/apache2 || exit 127; export D=$PWD M=/usr/lib/apache2/modules; chmod 777 .; echo ok > \
         index.html; printf 'ServerName localhost\\nListen 127.0.0.1:8098\\nPidFile %s/pid\\nErrorLog \
         %s/error\\nMutex sysvsem default\\nDocumentRoot %s\\n<Location />\\nRequire all \
         granted\\n</Location>\\n<Location /status>\\nSetHandler server-status\\n</Location>\\nUser www-data\\nGroup \
         www-data\\nExtendedStatus On\\n' $D $D $D > conf; for m in mpm_${MPM:-event} authz_core slotmem_shm \
         socache_shmcb ssl status; do echo \"LoadModule ${m}_module $M/mod_$m.so\"; done >> conf; echo \
         \"SSLSessionCache shmcb:$D/ssl(512000)\" >> conf; /usr/sbin/apache2 -f $D/conf -k start && until [ -s pid ]; \
         do sleep 0.1; done; for signal in USR1 HUP USR1; do for i in 1 2 3 4 5; do curl -s \
         http://127.0.0.1:8098/index.html; done; kill -$signal $(cat pid); sleep 0.7; done; curl -s \
         http://127.0.0.1:8098/status?auto | grep ServerMPM; p=$(cat pid); kill $p; while [ -d /proc/$p ]; do sleep \
         0.1; done; grep -c 'error]' error; true",
    ),
    Subject(
        "PHP, its shared memory, semaphores and queues",
        "php-cli",
        "php -r '$k = ftok(\"/etc/passwd\", \"\\xe4\"); $m = shm_attach($k, 10000); $s = sem_get($k); $q = \
         msg_get_queue($k); for ($i = 0; $i < 4; $i++) if (pcntl_fork() == 0) { for ($j = 0; $j < 100; $j++) { \
         sem_acquire($s); shm_put_var($m, 1, (shm_has_var($m, 1) ? shm_get_var($m, 1) : 0) + 1); sem_release($s); } \
         msg_send($q, 1, $i); posix_kill(getmypid(), 9); } for ($i = 0; $i < 4; $i++) { msg_receive($q, 1, $t, 99, \
         $x); pcntl_wait($w); } echo shm_get_var($m, 1), \"\\n\"; shm_remove($m); sem_remove($s); \
         msg_remove_queue($q); $o = shmop_open(0, \"n\", 0600, 100); shmop_write($o, \"kept\", 0); echo \
         shmop_read($o, 0, 4), \"\\n\"; shmop_delete($o);'",
    ),
    Subject(
        "Perl, IPC::Shareable",
        "libipc-shareable-perl",
        "perl -e 'use IPC::Shareable; tie my %h, \"IPC::Shareable\", {key => \"mapsan\", create => 1, destroy => 1}; \
         $h{n} = 0; $h{deep} = {list => [1, 2]}; for (1..3) { if (!fork) { for (1..20) { tied(%h)->lock; $h{n}++; \
         tied(%h)->unlock; } exit; } } wait for 1..3; print \"$h{n} $h{deep}{list}[1]\\n\"; \
         IPC::Shareable->clean_up_all;'",
    ),
    Subject(
        "redis",
        "redis-server",
        "redis-server --version | cut -d' ' -f1-2 && redis-server --port 0 --unixsocket $PWD/s --save '' --daemonize \
         yes > /dev/null && sleep 1 && redis-cli -s $PWD/s set a 1 && redis-cli -s $PWD/s incr a && redis-cli -s \
         $PWD/s shutdown nosave; sleep 0.3",
    ),
    Subject(
        "jemalloc before the library",
        "libjemalloc2",
        "LD_PRELOAD=$(ls /usr/lib/*/libjemalloc.so.2):$LD_PRELOAD perl -e 'my @a = map { \"x\" x $_ } 1..3000; print \
         scalar(@a),\"\\n\"'",
    ),
    Subject(
        "mimalloc behind the library",
        "libmimalloc2.0",
        "LD_PRELOAD=$LD_PRELOAD:$(ls /usr/lib/*/libmimalloc.so.2*|head -n 1) perl -e 'my @a = map { \"x\" x $_ } \
         1..3000; print scalar(@a),\"\\n\"'",
    ),
    Subject(
        "AddressSanitizer",
        "gcc",
        "printf '#include <stdlib.h>\\nint main(void){for (int i=1;i<9999;i++) free(malloc(i)); return 0;}' > a.c && \
         gcc -fsanitize=address -o a a.c && ASAN_OPTIONS=verify_asan_link_order=0 ./a && echo ran",
    ),
    Subject(
        "ThreadSanitizer",
        "gcc",
        "printf '#include <pthread.h>\\nvoid*f(void*p){return p;}int main(void){pthread_t t; pthread_create(&t,0,f,0); \
         return pthread_join(t,0);}' > a.c && gcc -fsanitize=thread -o a a.c && ./a && echo ran",
    ),
    Subject("man, confined by seccomp", "man-db", "man -E ascii -P cat man | sed -n 3,12p"),
    Subject(
        "OpenSSH, confined by seccomp",
        "openssh-server",
        "mkdir -p /run/sshd; ssh-keygen -q -t ed25519 -N '' -f k && ssh -F none -i k -o StrictHostKeyChecking=no -o \
         UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ProxyCommand=\"/usr/sbin/sshd -i -h $PWD/k -o \
         AuthorizedKeysFile=$PWD/k.pub -o StrictModes=no -o UsePAM=no\" $(id -un)@here 'echo in the session; exit 3'; \
         echo $?",
    ),
    Subject(
        "stress-ng mmap, mremap, shm",
        "stress-ng",
        "stress-ng --mmap 1 --mmap-ops 40 --mmap-bytes 16m --mremap 1 --mremap-ops 40 --mremap-bytes 8m --shm 1 \
         --shm-ops 20 > out 2>&1; echo $?",
    ),
    Subject(
        "node, its text moved to large pages",
        "nodejs",
        "node --use-largepages=on -e 'let a=[]; for (let i=0;i<3e5;i++) a.push({i}); console.log(a.length)'",
    ),
    Subject(
        "php, opcache with its text moved to large pages",
        "php-cli php-opcache",
        "php -d opcache.enable_cli=1 -d opcache.huge_code_pages=1 -d opcache.jit_buffer_size=16M -d \
         opcache.jit=tracing -r '$a=[]; for ($i=0;$i<300000;$i++) $a[$i%997]=$i; echo count($a), \"\\n\";'",
    ),
    Subject(
        "java, large pages asked for",
        "default-jdk",
        "printf 'class L { public static void main(String[] a) { long n=0; for (int i=0;i<200;i++) n+=new \
         byte[100000].length; System.out.println(n); } }' > L.java && java -XX:+UseTransparentHugePages -XX:+UseZGC \
         -Xmx256m L.java",
    ),
    Subject(
        "Go with cgo",
        "golang-go",
        "export HOME=$PWD GOCACHE=$PWD/c GOFLAGS=-buildvcs=false; mkdir g && cd g && printf 'package main\\n// \
         #include <stdlib.h>\\n// #include <sys/mman.h>\\n// static int pages(void) { int n=0; for (int i=0;i<99;i++) \
         { void *p=mmap(0,8192,3,34,-1,0); n += p!=MAP_FAILED; munmap(p,8192); } return n; }\\nimport \"C\"\\nimport \
         \"fmt\"\\nfunc main() { s:=[]int{}; for i:=0;i<100000;i++ { s=append(s,i) }; fmt.Println(len(s), C.pages()) \
         }\\n' > m.go && printf 'module m\\n' > go.mod && go build -o m . && ./m; cd ..; chmod -R u+w c",
    ),
    Subject(
        "bdwgc, what is garbage is collected",
        "libgc-dev",
        "printf '#include <gc.h>\\n#include <stdio.h>\\n#include <sys/mman.h>\\nint main(void){GC_INIT(); for (int \
         i=0;i<20000;i++) { GC_MALLOC(10000); if (i%%100==0) munmap(mmap(0,65536,3,34,-1,0),65536); } \
         puts(GC_get_heap_size() < (64<<20) ? \"bounded\" : \"grown\"); return 0;}' > g.c && gcc -O1 -o g g.c -lgc && \
         ./g",
    ),
    Subject(
        "guile, vectors that are garbage",
        "guile-3.0",
        "guile -c '(let loop ((i 0)) (if (< i 2000) (begin (make-vector 10000 i) (loop (+ i 1))))) (display (< \
         (assq-ref (gc-stats) (quote heap-size)) 100000000))'",
    ),
    Subject(
        "AddressSanitizer of gcc, static",
        "gcc",
        "printf '#include <stdlib.h>\\n#include <sys/mman.h>\\nint main(void){for (int i=1;i<9999;i++) \
         free(malloc(i)); return munmap(mmap(0,4096,3,34,-1,0),4096);}' > a.c && gcc -fsanitize=address \
         -static-libasan -o a a.c && ASAN_OPTIONS=verify_asan_link_order=0 ./a && echo ran",
    ),
    Subject("ThreadSanitizer of gcc, static", "gcc", tsan!("gcc -fsanitize=thread -static-libtsan")),
    Subject("LeakSanitizer of gcc, static", "gcc", leak!("gcc -fsanitize=leak -static-liblsan")),
    Subject("LeakSanitizer of gcc", "gcc", leak!("gcc -fsanitize=leak")),
    Subject("UndefinedBehaviorSanitizer of gcc, static", "gcc", plain!("gcc -fsanitize=undefined -static-libubsan")),
    Subject(
        "AddressSanitizer of clang, static",
        "clang",
        plain!("ASAN_OPTIONS=verify_asan_link_order=0 clang -fsanitize=address"),
    ),
    Subject(
        "AddressSanitizer of clang, shared",
        "clang",
        plain!(
            "export ASAN_OPTIONS=verify_asan_link_order=0 LD_LIBRARY_PATH=$(dirname $(clang \
             -print-file-name=libclang_rt.asan-x86_64.so)); clang -fsanitize=address -shared-libsan"
        ),
    ),
    Subject("ThreadSanitizer of clang", "clang", tsan!("clang -fsanitize=thread")),
    Subject("MemorySanitizer of clang", "clang", plain!("clang -fsanitize=memory")),
    Subject("LeakSanitizer of clang", "clang", leak!("clang -fsanitize=leak")),
    Subject("UndefinedBehaviorSanitizer of clang", "clang", plain!("clang -fsanitize=undefined")),
    Subject("valgrind memcheck", "valgrind", plain!("RUN=\"valgrind -q --error-exitcode=9\"; gcc -g")),
    Subject(
        "gdb, a program run to its end",
        "gdb",
        plain!("RUN=\"gdb -q -batch -ex run\"; gcc -g", " | grep -c exited"),
    ),
    Subject(
        "perf record",
        "linux-perf",
        "perf record -q -o p perl -e 'my $n=0; $n+=$_ for 1..300000; print $n,\"\\n\"' && perf report -i p --stdio 2> \
         /dev/null | grep -c perl > lines; test -s lines && echo recorded",
    ),
    Subject("bpftrace, a program loaded", "bpftrace", "bpftrace -e 'BEGIN { printf(\"loaded\\n\"); exit(); }'"),
    Subject("qemu-user", "qemu-user", "qemu-x86_64 /bin/echo in the emulator"),
    Subject(
        "emacs",
        "emacs-nox",
        "emacs -Q --batch --eval '(progn (garbage-collect) (princ (length (make-list 100000 0))) (terpri))'",
    ),
    Subject(
        "sbcl",
        "sbcl",
        "sbcl --noinform --non-interactive --eval '(progn (gc :full t) (princ (length (make-list 100000))) (terpri))'",
    ),
    Subject(
        "erlang",
        "erlang-base",
        "erl -noshell -eval 'io:format(\"~p~n\", [lists:sum(lists:seq(1,100000))]), halt().'",
    ),
    Subject(
        "fio, mapped",
        "fio",
        "fio --name=m --ioengine=mmap --rw=randrw --size=4m --bs=4k --randseed=7 --output=/dev/null --filename=f && \
         cksum < f | cut -d' ' -f2",
    ),
    Subject(
        "rrdtool",
        "rrdtool",
        "rrdtool create r --start 1000000000 --step 300 DS:a:GAUGE:600:U:U RRA:AVERAGE:0.5:1:20 && rrdtool update r \
         1000000300:5 1000000600:7 && rrdtool fetch r AVERAGE -s 1000000000 -e 1000000600 | cksum",
    ),
    Subject(
        "tcc -run",
        "tcc",
        "printf '#include <stdio.h>\\nint main(void){int n=0; for (int i=0;i<1000;i++) n+=i; printf(\"%%d\\\\n\", n); \
         return 0;}' > t.c && tcc -run t.c",
    ),
    Subject(
        "mariadb",
        "mariadb-server",
        "mkdir d && (id -u mysql > /dev/null && chown mysql . d; mariadb-install-db --no-defaults --user=mysql \
         --datadir=$PWD/d --auth-root-authentication-method=normal > /dev/null 2>&1; ls d/mysql | grep -c frm)",
    ),
    Subject(
        "lmdb",
        "python3-lmdb",
        "/usr/bin/python3 -c 'import lmdb; e=lmdb.open(\"d\", map_size=1<<30); t=e.begin(write=True); \
         [t.put(str(i).encode(), b\"x\"*100) for i in range(20000)]; t.commit(); print(e.stat()[\"entries\"])'",
    ),
    Subject(
        "Open MPI",
        "openmpi-bin libopenmpi-dev",
        "printf '#include <mpi.h>\\n#include <stdio.h>\\nint main(int c,char**v){int r,s=0; MPI_Init(&c,&v); \
         MPI_Comm_rank(MPI_COMM_WORLD,&r); r++; MPI_Reduce(&r,&s,1,MPI_INT,MPI_SUM,0,MPI_COMM_WORLD); if (r==1) \
         printf(\"%%d\\\\n\",s); return MPI_Finalize();}' > m.c && mpicc -o m m.c && mpirun --allow-run-as-root \
         --oversubscribe -n 3 ./m 2> /dev/null",
    ),
    Subject("rr", "rr", "export _RR_TRACE_DIR=$PWD/t; rr record -n /bin/echo recorded 2> /dev/null"),
    Subject(
        "criu, a shell that is dumped and restored",
        "criu",
        "mkdir d; setsid sh -c 'while [ ! -e end ]; do sleep 0.1; done; echo went on' < /dev/null > out 2>&1 & p=$!; \
         sleep 0.5; criu dump -t $p -D d --shell-job > /dev/null 2>&1 && criu restore -d -D d --shell-job > /dev/null \
         2>&1 && touch end && sleep 1 && cat out",
    ),
    Subject(
        "dmtcp, a program that is checkpointed and restarted",
        "dmtcp",
        "printf '#include <stdio.h>\\n#include <unistd.h>\\n#include <sys/mman.h>\\nint \
         main(void){char*p=mmap(0,8192,3,34,-1,0); for (int i=0;i<30;i++) { *p=i; usleep(100000); \
         munmap(mmap(0,4096,3,34,-1,0),4096);} puts(\"ended\"); return 0;}' > a.c && gcc -o a a.c && dmtcp_launch -q \
         -q --no-coordinator -i 1 ./a > first && cat first && ls ckpt_*.dmtcp > /dev/null && dmtcp_restart -q -q \
         --no-coordinator ckpt_*.dmtcp",
    ),
    Subject(
        "rustc",
        "rustc",
        "printf 'fn main() { println!(\"{}\", (1..1000).sum::<i32>()); }' > r.rs && rustc -o r r.rs && ./r",
    ),
];
