//! `cargo xtask compatibility`: real programs with and without the library, as a table in docs/compatibility.md.

use anyhow::{Context, Result};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

/// A program: its name, the Debian package, and a shell command that prints the same each time.
struct Subject(&'static str, &'static str, &'static str);

/// What is tried. Each command runs in an empty folder of its own.
const SUBJECTS: &[Subject] = &[
    Subject(
        "python3",
        "python3",
        "python3 -c 'import mmap,tempfile; f=tempfile.TemporaryFile(); f.truncate(9999); m=mmap.mmap(f.fileno(),0); m[5]=7; m.close(); print(sum(range(10**6)))'",
    ),
    Subject(
        "python3 shared memory",
        "python3",
        "python3 -c 'from multiprocessing import shared_memory as s; a=s.SharedMemory(create=True,size=5000); b=s.SharedMemory(a.name); b.buf[0]=9; print(a.buf[0]); b.close(); a.close(); a.unlink()'",
    ),
    Subject("perl", "perl", "perl -e 'my %h; $h{$_%997}+=$_ for 1..300000; print scalar(keys %h),\"\\n\"'"),
    Subject("bash", "bash", "bash -c 'for i in {1..20000}; do x=$((x+i)); done; echo $x'"),
    Subject("gawk", "gawk", "gawk 'BEGIN { for (i=0;i<300000;i++) a[i%1000]+=i; print length(a), a[7] }'"),
    Subject(
        "git",
        "git",
        "git init -q . && seq 20000 > f && git add f && git -c user.name=a -c user.email=b commit -qm m --date=2020-01-01 && git fsck && git gc -q && git cat-file -s HEAD:f",
    ),
    Subject(
        "sqlite3, mapped",
        "sqlite3",
        "sqlite3 db 'pragma mmap_size=268435456; create table t(a); with recursive c(x) as (select 1 union all select x+1 from c where x<50000) insert into t select x from c; select sum(a),count(*) from t;'",
    ),
    Subject("gcc", "gcc", "printf 'int main(void){return 0;}' > a.c && gcc -O2 -o a a.c && ./a && echo built"),
    Subject(
        "g++",
        "g++",
        "printf '#include <map>\\n#include <string>\\nint main(){std::map<std::string,int> m; m[\"a\"]=1; return m.size()-1;}' > a.cpp && g++ -O2 -o a a.cpp && ./a && echo built",
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
        "printf 'class H { public static void main(String[] a) throws Exception { String s=null; int n=0; for (int i=0;i<50000;i++) try { s.length(); } catch (NullPointerException e) { n++; } System.gc(); System.out.println(n); } }' > H.java && java H.java",
    ),
    Subject(
        "node",
        "nodejs",
        "node -e 'let a=[]; for (let i=0;i<3e5;i++) a.push({i}); try { (function f(){f()})() } catch (e) { console.log(e.name, a.length) }'",
    ),
    Subject("guile", "guile-3.0", "guile -c '(display (apply + (iota 100000)))'"),
    Subject("luajit", "luajit", "luajit -e 'local t={} for i=1,1e6 do t[i%1000]=i end print(#t)'"),
    Subject("ruby", "ruby", "ruby -e 'puts (1..200000).map { |x| x.to_s }.uniq.size'"),
    Subject(
        "PostgreSQL initdb",
        "postgresql",
        "id -u postgres > /dev/null && chmod 777 . && setpriv --reuid postgres --regid postgres --clear-groups sh -c 'PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin | tail -n 1); initdb -D data > /dev/null && echo \"select sum(g) from generate_series(1,10000) g\" | postgres --single -D data postgres | grep sum'",
    ),
    Subject(
        "redis",
        "redis-server",
        "redis-server --version | cut -d' ' -f1-2 && redis-server --port 0 --unixsocket $PWD/s --save '' --daemonize yes > /dev/null && sleep 1 && redis-cli -s $PWD/s set a 1 && redis-cli -s $PWD/s incr a && redis-cli -s $PWD/s shutdown nosave; sleep 0.3",
    ),
    Subject(
        "jemalloc before the library",
        "libjemalloc2",
        "LD_PRELOAD=$(ls /usr/lib/*/libjemalloc.so.2):$LD_PRELOAD perl -e 'my @a = map { \"x\" x $_ } 1..3000; print scalar(@a),\"\\n\"'",
    ),
    Subject(
        "mimalloc behind the library",
        "libmimalloc2.0",
        "LD_PRELOAD=$LD_PRELOAD:$(ls /usr/lib/*/libmimalloc.so.2*|head -n 1) perl -e 'my @a = map { \"x\" x $_ } 1..3000; print scalar(@a),\"\\n\"'",
    ),
    Subject(
        "AddressSanitizer",
        "gcc",
        "printf '#include <stdlib.h>\\nint main(void){for (int i=1;i<9999;i++) free(malloc(i)); return 0;}' > a.c && gcc -fsanitize=address -o a a.c && ASAN_OPTIONS=verify_asan_link_order=0 ./a && echo ran",
    ),
    Subject(
        "ThreadSanitizer",
        "gcc",
        "printf '#include <pthread.h>\\nvoid*f(void*p){return p;}int main(void){pthread_t t; pthread_create(&t,0,f,0); return pthread_join(t,0);}' > a.c && gcc -fsanitize=thread -o a a.c && ./a && echo ran",
    ),
    Subject("man, confined by seccomp", "man-db", "man -E ascii -P cat man | sed -n 3,12p"),
    Subject(
        "OpenSSH, confined by seccomp",
        "openssh-server",
        "mkdir -p /run/sshd; ssh-keygen -q -t ed25519 -N '' -f k && ssh -F none -i k -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ProxyCommand=\"/usr/sbin/sshd -i -h $PWD/k -o AuthorizedKeysFile=$PWD/k.pub -o StrictModes=no -o UsePAM=no\" $(id -un)@here 'echo in the session; exit 3'; echo $?",
    ),
    Subject(
        "stress-ng mmap, mremap, shm",
        "stress-ng",
        "stress-ng --mmap 1 --mmap-ops 40 --mmap-bytes 16m --mremap 1 --mremap-ops 40 --mremap-bytes 8m --shm 1 --shm-ops 20 > out 2>&1; echo $?",
    ),
];

/// Runs all of it and writes the table.
pub(crate) fn compatibility() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the folder of the sources")?;
    crate::install::build(root)?;
    let library = root.join("target/release/libmapsan.so").canonicalize().context("the library")?;
    let mut text = format!(
        "# Compatibility\n\nReal programs of Debian packages, each run with the library and without: the same output and exit \
         status or not, what was found, and what it cost. Written by `cargo xtask compatibility` on {}.\n\nErrors and warnings \
         are named; notes, most of which tell of mappings that are never unmapped, are counted. Times are the median of \
         three, with start and end of all processes.\n\n\
         | program | package | result | errors and warnings | notes | time without, with |\n| --- | --- | --- | --- | ---: | ---: |\n",
        crate::bench::machine()?
    );
    for subject in SUBJECTS {
        println!("{}", subject.0);
        text.push_str(&row(subject, &library)?);
    }
    let document = root.join("docs/compatibility.md");
    fs::write(&document, text).context("writing docs/compatibility.md")?;
    println!("the table is in {}", document.display());
    Ok(())
}

fn row(subject: &Subject, library: &Path) -> Result<String> {
    let Subject(name, package, command) = subject;
    let (plain, without) = run(command, None)?;
    if plain.0.status.code() == Some(127) || !plain.0.status.success() {
        return Ok(format!("| {name} | {package} | not tried: it does not run here | | | |\n"));
    }
    let (covered, with) = run(command, Some(library))?;
    let same = plain.0.stdout == covered.0.stdout && plain.0.status == covered.0.status;
    let result = if same { "same" } else { "**differs**" };
    let mut rules: Vec<&str> = Vec::new();
    for line in covered.1.lines() {
        let found = line.strip_prefix("mapsan: error[").or_else(|| line.strip_prefix("mapsan: warning["));
        rules.extend(found.and_then(|rest| rest.split(']').next()).filter(|rule| !rules.contains(rule)));
    }
    let notes = covered.1.lines().filter(|line| line.starts_with("mapsan: note[")).count();
    let mut row = format!("| {name} | {package} | {result} | ");
    row.push_str(&if rules.is_empty() { "none".to_owned() } else { rules.join(", ") });
    let _ = writeln!(row, " | {notes} | {without:.2} s, {with:.2} s |");
    Ok(row)
}

/// Runs a command three times; the last run's output, the library's log, and the median time in seconds.
fn run(command: &str, library: Option<&Path>) -> Result<((Output, String), f64)> {
    let mut times = Vec::new();
    let mut last = None;
    for _ in 0..3 {
        let folder = std::env::temp_dir().join(format!("mapsan-compatibility-{}", std::process::id()));
        let logs = folder.with_extension("logs");
        for path in [&folder, &logs] {
            let _ = fs::remove_dir_all(path);
            fs::create_dir_all(path).with_context(|| format!("making {}", path.display()))?;
            fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o777))?;
        }
        let mut shell = Command::new("timeout");
        shell.args(["120", "unshare", "--ipc", "sh", "-c", command]).current_dir(&folder).stdin(Stdio::null());
        if let Some(library) = library {
            let options = format!("log_path={}", logs.join("%p").display());
            shell.env("LD_PRELOAD", library).env("MAPSAN_OPTIONS", options);
        }
        let start = Instant::now();
        let output = shell.output().context("running timeout and unshare")?;
        times.push(start.elapsed().as_secs_f64());
        let mut log = String::new();
        for entry in fs::read_dir(&logs)? {
            log.push_str(&String::from_utf8_lossy(&fs::read(entry?.path()).unwrap_or_default()));
        }
        last = Some((output, log));
        let _ = fs::remove_dir_all(&folder);
        let _ = fs::remove_dir_all(&logs);
    }
    times.sort_by(f64::total_cmp);
    Ok((last.context("three runs")?, times[1]))
}
