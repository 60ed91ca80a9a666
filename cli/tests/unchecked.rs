//! No run looks clean that was not checked: what outlives the program, what is started without the library, surroundings in
//! which something can't be had.

mod covering;

use covering::{Compiled, covering, ended, gaps, text};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A program that makes a finding, after so many tenths of a second if it has an argument.
fn bad() -> Compiled {
    let code = "#include <stdlib.h>\n#include <sys/mman.h>\n#include <unistd.h>\n\
        int main(int argc, char **argv)\n{\n    if (argc > 1) usleep(100000 * atoi(argv[1]));\n    \
        return munmap((void *)4096, 0) == -1 ? 3 : 0;\n}\n";
    Compiled::new(code, &[])
}

const FOUND: &str = "error[munmap-zero-length]";

#[test]
fn what_a_program_leaves_running_is_followed_where_something_depends_on_it() {
    let bad = bad();
    let in_background = r#""$0" 3 & exit 4"#;
    let daemon = r#"setsid env -u TERM sh -c '("$0" 3) &' "$0" & exit 4"#;
    let out = bad.path("out");
    let out = out.to_str().unwrap();
    for script in [in_background, daemon] {
        for (options, status, finds) in [
            (&["--error-exitcode", "9"][..], 9, true),
            (&["--require-coverage"], 4, true),
            (&["--wait"], 4, true),
            (&["--wait=20"], 4, true),
            (&["--output", out], 4, true),
            (&["--no-wait", "--wait"], 4, true),
            (&[], 4, false),
            (&["--error-exitcode", "9", "--no-wait"], 4, false),
            (&["--wait=0.01"], 4, false),
        ] {
            let Some(mut command) = covering() else { return };
            let output = command.arg("run").args(options).args(["sh", "-c", script]).arg(&bad.program).output();
            let (mut said, ended) = ended(&output.unwrap());
            said += &fs::read_to_string(out).unwrap_or_default();
            let _ = fs::remove_file(out);
            assert_eq!((ended, said.contains(FOUND)), (Some(status), finds), "{options:?} {script}: {said}");
            assert_eq!(said.contains("still r"), !finds, "{options:?} {script}: {said}");
        }
    }
}

/// Reads the lines of a command's standard error until one has these words.
fn until(child: &mut Child, words: &str) -> String {
    let mut lines = String::new();
    let mut error = BufReader::new(child.stderr.as_mut().unwrap());
    while !lines.contains(words) {
        assert!(error.read_line(&mut lines).unwrap() > 0, "{words} in {lines}");
    }
    lines
}

/// Whether this process ignores a signal.
fn is_ignored(number: u32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim();
    u64::from_str_radix(ignored, 16).unwrap() >> (number - 1) & 1 == 1
}

#[test]
fn the_wait_for_a_daemon_that_never_ends_can_be_ended() {
    for (signal, number) in [("INT", 2), ("TERM", 15), ("HUP", 1)] {
        // A command that was started with a signal ignored (nohup, a shell's background job) goes on ignoring it.
        if is_ignored(number) {
            println!("SKIPPED: SIG{signal} is ignored here, and so by the command");
            continue;
        }
        let Some(mut command) = covering() else { return };
        let script = "sleep 1000 >/dev/null 2>&1 & echo $!; exit 4";
        command.args(["run", "--error-exitcode", "9", "sh", "-c", script]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = until(&mut child, "waiting for");
        assert!(said.contains("waiting for process") && said.contains("(sleep), which still runs (Ctrl-C"), "{said}");
        assert!(
            Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap().success()
        );
        let mut rest = String::new();
        child.stderr.as_mut().unwrap().read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(4), "the program's own status: {rest}");
        assert!(rest.contains("NOT COVERED") && rest.contains("still ran when the command ended"), "{rest}");
        let mut daemon = String::new();
        child.stdout.as_mut().unwrap().read_to_string(&mut daemon).unwrap();
        assert!(Command::new("kill").arg(daemon.trim()).status().unwrap().success(), "it lives on");
    }
}

#[test]
fn children_that_the_command_was_given_and_an_ignored_end_of_children_do_not_matter() {
    let Some(command) = covering() else { return };
    let library = command.get_envs().find(|(name, _)| *name == "MAPSAN_RUNTIME").unwrap().1.unwrap();
    for script in [
        r#"sleep 3 >/dev/null 2>&1 & exec "$0" run --wait sh -c 'exit 3'"#,
        r#"trap '' CHLD; exec "$0" run sh -c 'exit 3'"#,
    ] {
        let start = Instant::now();
        let mut shell = Command::new("bash");
        shell.args(["-c", script, env!("CARGO_BIN_EXE_mapsan")]).env("MAPSAN_RUNTIME", library);
        assert_eq!(ended(&shell.output().unwrap()), (String::new(), Some(3)), "{script}");
        assert!(start.elapsed() < Duration::from_millis(2500), "{script}");
    }
}

#[test]
fn a_log_that_the_environment_asks_for_is_written_beside_what_the_command_shows() {
    let bad = bad();
    let log = bad.path("log");
    for (format, words) in [("", FOUND), (":log_format=json", r#""rule":"munmap-zero-length""#)] {
        let Some(mut command) = covering() else { return };
        command.env("MAPSAN_OPTIONS", format!("log_path={}{format}", log.display())).arg("run").arg(&bad.program);
        let (said, status) = ended(&command.output().unwrap());
        let log = fs::read_to_string(&log).unwrap();
        assert!(status == Some(3) && said.contains(FOUND) && log.contains(words), "{status:?} {said} {log}");
    }
    let Some(mut command) = covering() else { return };
    command
        .env("MAPSAN_OPTIONS", format!("log_path={}.%e", log.display()))
        .arg("run")
        .arg(&bad.program)
        .output()
        .unwrap();
    assert!(fs::read_to_string(bad.path("log.prog")).unwrap().contains(FOUND));
    for path in ["/tmp/x.%z", "@socket"] {
        let Some(mut command) = covering() else { return };
        command.env("MAPSAN_OPTIONS", format!("log_path={path}")).arg("run").arg(&bad.program);
        let (said, status) = ended(&command.output().unwrap());
        assert!(status == Some(2) && said.contains(&format!("log_path={path}: ")), "{status:?} {said}");
    }
    // A command under a command takes over.
    let Some(mut command) = covering() else { return };
    command.args(["run", env!("CARGO_BIN_EXE_mapsan"), "run", "--error-exitcode", "9"]).arg(&bad.program);
    let (said, status) = ended(&command.output().unwrap());
    assert!(status == Some(9) && said.contains(FOUND), "{status:?} {said}");
}

#[test]
fn a_command_that_is_killed_leaves_no_empty_file_and_no_folder_for_long() {
    let waits = Compiled::new("#include <unistd.h>\nint main(void) { write(1, \"x\", 1); return pause(); }\n", &[]);
    let (out, source, place) = (waits.path("out.sarif"), waits.path("prog.c"), waits.path("tmp"));
    fs::create_dir(&place).unwrap();
    fs::write(&out, "of an earlier run").unwrap();
    let run = || {
        let mut command = covering()?;
        command.env("TMPDIR", &place).args(["run", "--format", "sarif", "-o"]).arg(&out);
        Some(command)
    };
    let Some(mut command) = run() else { return };
    let mut child = command.arg(&source).stdout(Stdio::piped()).spawn().unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    let folders = || fs::read_dir(&place).unwrap().count();
    assert_eq!(folders(), 1);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!out.exists(), "neither an empty one nor an earlier one");
    assert_eq!(folders(), 1);
    // The program still runs from its folder, which the next run leaves alone.
    let quick = waits.path("quick.c");
    fs::write(&quick, "int main(void) { return 6; }\n").unwrap();
    let program = fs::read_dir(&place).unwrap().next().unwrap().unwrap().path().join("prog");
    assert_eq!(run().unwrap().arg(&quick).status().unwrap().code(), Some(6));
    assert_eq!(folders(), 1);
    let of_program = |entry: &fs::DirEntry| fs::read_link(entry.path().join("exe")).is_ok_and(|exe| exe == program);
    let process = fs::read_dir("/proc").unwrap().flatten().find(of_program).unwrap().file_name();
    assert!(Command::new("kill").arg(&process).status().unwrap().success());
    while Path::new("/proc").join(&process).join("exe").exists() {
        std::thread::yield_now();
    }
    assert_eq!(run().unwrap().arg(&quick).status().unwrap().code(), Some(6));
    assert_eq!(folders(), 0);
    assert!(fs::read_to_string(&out).unwrap().ends_with("}\n"), "whole");
    assert_eq!(fs::read_dir(waits.folder.path()).unwrap().count(), 5, "prog, prog.c, quick.c, tmp, out.sarif");
}

#[test]
fn a_level_holds_for_what_is_told_at_the_end_of_the_run() {
    let code = "#include <fcntl.h>\n#include <sys/ipc.h>\n#include <sys/mman.h>\n#include <sys/shm.h>\n#include <unistd.h>\n\
        int main(void)\n{\n    shmget(getpid(), 4096, IPC_CREAT | 0600);\n    return 0;\n}\n";
    let leaves = Compiled::new(code, &[]);
    for (level, tells) in [("note", true), ("warning", false), ("error", false)] {
        for by_flag in [true, false] {
            let Some(mut command) = covering() else { return };
            command.arg("run");
            if by_flag {
                command.args(["--level", level]);
            } else {
                command.env("MAPSAN_OPTIONS", format!("level={level}"));
            }
            // In a namespace of the test's own, so that nothing is left.
            let mut alone = Command::new("unshare");
            alone.args(["-r", "--ipc"]).arg(command.get_program()).args(command.get_args()).arg(&leaves.program);
            alone.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
            let (said, status) = ended(&alone.output().unwrap());
            if status == Some(1) && said.contains("unshare") {
                eprintln!("SKIPPED: there are no namespaces here: {said}");
                return;
            }
            assert_eq!((status, said.contains("note[leak-segment]")), (Some(0), tells), "{level} {said}");
        }
    }
}

#[test]
fn a_run_without_findings_says_so_to_who_looks_on() {
    // A child counts what is its own; what fails or takes nothing is no change, and a move is two.
    let code = "#define _GNU_SOURCE\n#include <sys/mman.h>\n#include <sys/wait.h>\n#include <unistd.h>\n\
        int main(void)\n{\n    char *p = mmap(0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);\n    munmap(p, 8192);\n    \
        munmap(p, 8192);\n    munmap(p + 1, 8192);\n    p = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);\n    \
        p = mremap(p, 4096, 1 << 20, MREMAP_MAYMOVE);\n    munmap(p, 1 << 20);\n    return 0;\n}\n";
    let pair = Compiled::new(code, &[]);
    let counted = format!("mapsan: no findings in {}; 6 mappings made or released", pair.program.display());
    let Some(mut command) = covering() else { return };
    assert_eq!(ended(&command.args(["run", "true"]).output().unwrap()), (String::new(), Some(0)), "in a pipe");
    let Some(mut command) = covering() else { return };
    let (said, _) = ended(&command.args(["run", "--verbosity", "1", "true"]).output().unwrap());
    assert!(said.lines().last().is_some_and(|line| line.starts_with("mapsan: no findings in /")), "{said}");
    let library = command.get_envs().find(|(name, _)| *name == "MAPSAN_RUNTIME").unwrap().1.unwrap();
    for (run, last) in [
        (
            "run true",
            "mapsan: no findings in /usr/bin/true; no mapping was made or released by a call that is followed",
        ),
        (
            "run sh -c 'cat </dev/null >/dev/null; cat </dev/null >/dev/null; /bin/true'",
            "mapsan: no findings in 3 programs, started 4 times; no mapping was made or released by a call that is followed",
        ),
        (&format!("run --disable all {}", pair.program.display()), &counted),
        (
            "run --only other true",
            "mapsan: NOT COVERED: '/usr/bin/true': it was left out by only= or skip=, and so was all that it has started",
        ),
    ] {
        let script = format!("{} {run}", env!("CARGO_BIN_EXE_mapsan"));
        let mut terminal = Command::new("script");
        terminal.args(["-qec", &script, "/dev/null"]).env("MAPSAN_RUNTIME", library).stdin(Stdio::null());
        let Ok(output) = terminal.output() else {
            eprintln!("SKIPPED: there is no script(1)");
            return;
        };
        let said = text(&output.stdout).replace('\r', "");
        assert_eq!(said.lines().last(), Some(last), "{run}: {said}");
    }
}

/// Two PID namespaces give their processes the same numbers.
#[test]
fn a_silent_program_of_another_pid_namespace_is_not_hidden() {
    let short = Compiled::new("int main(void) { return 0; }\n", &["-static"]);
    // In each: a shell is process 1, and what it starts is 2.
    let script = "unshare -rpf sh -c '\"$0\"; true' \"$0\"; unshare -rpf sh -c '/bin/true; true'";
    if !Command::new("unshare").args(["-rpf", "true"]).status().is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: there are no namespaces here");
        return;
    }
    let Some(gaps) = gaps(&["sh", "-c", script, short.program.to_str().unwrap()]) else { return };
    assert!(gaps.iter().any(|gap| gap.contains("prog': it is statically linked")), "{gaps:?}");
}

#[test]
fn programs_without_the_library_are_named_however_short_they_run() {
    let short = Compiled::new("int main(void) { return 0; }\n", &["-static"]);
    let fixed = short.program.to_str().unwrap();
    let twice = format!("{fixed}; {fixed}; exit 0");
    let spawns = "import os; os.posix_spawn('/bin/true', ['true'], {}); os.posix_spawn('/bin/ls', ['ls', '/'], os.environ); \
        os.wait(); os.wait()";
    for (arguments, program, words) in [
        (&["env", "-i", "/bin/true"][..], "true': ", "env (process"),
        (&["sh", "-c", "env -i true; env -i true"], "true': ", "without the library in LD_PRELOAD"),
        (&["env", "-u", "MAPSAN_OPTIONS", "true"], "true': ", "without MAPSAN_OPTIONS in its environment"),
        (&["env", "MAPSAN_OPTIONS=leaks=0", "true"], "true': ", "or with another"),
        (&[env!("CARGO_BIN_EXE_mapsan"), "run", "true"], "true': ", "'mapsan run' within the run"),
        (&["sh", "-c", &twice], "prog': ", "it is statically linked"),
        (&["python3", "-c", spawns], "true': ", "python3"),
        (&["perl", "-e", "delete $ENV{LD_PRELOAD}; system('true; true')"], "sh': ", "perl (process"),
        (&["sh", "-c", "LD_PRELOAD=/no/other.so /bin/true 2>/dev/null"], "true': ", "sh (process"),
    ] {
        let Some(gaps) = gaps(arguments) else { return };
        let [gap] = &gaps[..] else { panic!("{arguments:?}: {gaps:?}") };
        assert!(gap.contains(program) && gap.contains(words), "{arguments:?}: {gap}");
    }
}

#[test]
fn programs_that_are_covered_or_were_never_started_are_no_gaps() {
    let needs = Command::new("ldd").arg("/bin/true").output().unwrap();
    let needs = String::from_utf8_lossy(&needs.stdout).into_owned();
    let loader = needs.split_whitespace().rfind(|word| word.starts_with("/lib") && word.contains("/ld")).unwrap();
    for script in [
        "true; /bin/true | cat; exit 0",
        "nosuchprogram; /etc/passwd; (exec /no/such); exit 0",
        "exec env A=b env -S true",
        "$LOADER --inhibit-cache /bin/true && exec $LOADER /bin/true",
        "timeout 5 true; nice true; echo true | xargs -n1 env; find / -maxdepth 0 -exec true ';'",
        "python3 -c 'import subprocess, os; subprocess.run([\"true\"]); os.system(\"true\"); os.popen(\"true\").read()'",
        "printf '#!/bin/sh\\nexit 0\\n' >\"$TMPDIR/s\"; chmod +x \"$TMPDIR/s\"; \"$TMPDIR/s\"",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let script = format!("export TMPDIR={} LOADER={loader}; {script}", folder.path().display());
        let Some(gaps) = gaps(&["sh", "-c", &script]) else { return };
        assert!(gaps.is_empty(), "{script}: {gaps:?}");
    }
}

#[test]
fn records_that_can_not_be_read_are_no_coverage() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records");
    fs::write(&records, "").unwrap();
    let Some(mut command) = covering() else { return };
    let (said, status) = ended(&command.arg("report").arg(&records).output().unwrap());
    assert!(status == Some(125) && said.contains("records' is empty: that is the log of"), "{status:?} {said}");
    // Beside the records of its parent it is that of a process that was forked, which tells no start of its own.
    let parent = folder.path().join("parent");
    let head = r#""time":"2026-01-01T00:00:00.000000Z","pid":9,"tid":9,"exe":"/p""#;
    let end = r#""errors":0,"warnings":0,"notes":0,"repeated":0,"changes":0"#;
    let told = [
        format!(r#"{{"schema":"mapsan/1","kind":"start",{head},"version":"0.1.0","ppid":1}}"#),
        format!(r#"{{"schema":"mapsan/1","kind":"end",{head},{end}}}"#),
    ];
    fs::write(&parent, told.join("\n") + "\n").unwrap();
    let Some(mut command) = covering() else { return };
    let (said, status) = ended(&command.arg("report").args([&records, &parent]).output().unwrap());
    assert!(status == Some(0) && said.contains("of a forked process that had nothing to tell"), "{status:?} {said}");
    let Some(mut command) = covering() else { return };
    let strict = command.args(["report", "--require-coverage"]).args([&records, &parent]).output().unwrap();
    assert_eq!(strict.status.code(), Some(125), "{strict:?}");
    // A library of another version: the word it writes its schema with is another.
    let Some(command) = covering() else { return };
    let library = command.get_envs().find(|(name, _)| *name == "MAPSAN_RUNTIME").unwrap().1.unwrap();
    let mut bytes = fs::read(library).unwrap();
    let word = b"mapsan/1";
    let places: Vec<usize> =
        bytes.windows(word.len()).enumerate().filter(|(_, window)| window == word).map(|(place, _)| place).collect();
    for place in places {
        bytes[place + word.len() - 1] = b'9';
    }
    let other = folder.path().join("libmapsan.so");
    fs::write(&other, bytes).unwrap();
    let Some(mut command) = covering() else { return };
    let run = ["run", "--require-coverage", "true"];
    let (said, status) = ended(&command.env("MAPSAN_RUNTIME", &other).args(run).output().unwrap());
    assert!(
        status == Some(125) && said.contains("NOT COVERED") && said.contains("schema 'mapsan/9'"),
        "{status:?} {said}"
    );
}

#[test]
fn a_report_names_what_the_run_did_not_cover() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records");
    let Some(mut command) = covering() else { return };
    command.args(["run", "--format", "json", "-o"]).arg(&records).args(["env", "-i", "true"]).output().unwrap();
    let Some(mut command) = covering() else { return };
    let output = command.arg("report").arg(&records).output().unwrap();
    assert!(text(&output.stdout).contains("NOT COVERED: '"), "{output:?}");
}

/// Runs a script where there is no /proc, and `$0` is the command; `None` where that can't be had.
fn without_proc(script: &str, program: &Path) -> Option<(String, Option<i32>)> {
    let command = covering()?;
    let library = command.get_envs().find(|(name, _)| *name == "MAPSAN_RUNTIME")?.1?.to_owned();
    // SAFETY: takes nothing and can't fail.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("SKIPPED: hiding /proc takes root");
        return None;
    }
    let hide = "mount -t tmpfs none /proc || exit 77; ";
    let mut shell = Command::new("unshare");
    shell.args(["-m", "--ipc", "sh", "-c", &format!("{hide}{script}"), env!("CARGO_BIN_EXE_mapsan")]).arg(program);
    shell.env("MAPSAN_RUNTIME", &library).env_remove("MAPSAN_OPTIONS");
    let output = shell.stdin(Stdio::null()).output().unwrap();
    if output.status.code() == Some(77) {
        eprintln!("SKIPPED: nothing can be mounted here");
        return None;
    }
    Some(ended(&output))
}

#[test]
fn without_proc_what_the_tracker_knows_is_told_and_coverage_is_not_whole() {
    let code = "#include <stdlib.h>\n#include <sys/ipc.h>\n#include <sys/mman.h>\n#include <sys/shm.h>\n\
        int main(int argc, char **argv)\n{\n    char *p = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);\n    \
        munmap(p, 8192);\n    if (argc == 1) return 0;\n    munmap(p, 8192);\n    mprotect(p, 4096, PROT_READ);\n    \
        int id = shmget(IPC_PRIVATE, 8192, 0600);\n    char *s = shmat(id, NULL, 0);\n    shmctl(id, IPC_RMID, NULL);\n    \
        shmdt(s + 4096);\n    shmdt(s);\n    mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);\n    return 0;\n}\n";
    let program = Compiled::new(code, &[]);
    let found = ["munmap-double", "mprotect-not-mapped", "shmdt-interior", "leak-mapping"];
    let Some((said, status)) = without_proc(r#""$0" run --error-exitcode 9 "$1" x"#, &program.program) else { return };
    for rule in found {
        assert!(said.contains(&format!("[{rule}]")), "{rule}: {said}");
    }
    assert!(status == Some(9) && said.contains("not confirmed by the kernel"), "{status:?} {said}");
    let script = r#""$0" run --require-coverage "$1""#;
    let Some((said, status)) = without_proc(script, &program.program) else { return };
    assert!(status == Some(125) && said.contains("/proc/self/maps could not be read there (ENOENT)"), "{said}");
    // The library alone says it once, and only where something was not checked.
    let script = r#"LD_PRELOAD="$MAPSAN_RUNTIME" "$1" x"#;
    let Some((said, _)) = without_proc(script, &program.program) else { return };
    assert_eq!(said.matches("mapsan: degraded: ").count(), 1, "{said}");
    let script = r#"LD_PRELOAD="$MAPSAN_RUNTIME" "$1""#;
    assert_eq!(without_proc(script, &program.program), Some((String::new(), Some(0))));
}

#[test]
fn the_command_finds_itself_without_proc() {
    let folder = tempfile::tempdir().unwrap();
    let Some(command) = covering() else { return };
    let library = command.get_envs().find(|(name, _)| *name == "MAPSAN_RUNTIME").unwrap().1.unwrap();
    fs::copy(env!("CARGO_BIN_EXE_mapsan"), folder.path().join("mapsan")).unwrap();
    fs::copy(library, folder.path().join("libmapsan.so")).unwrap();
    let script = "unset MAPSAN_RUNTIME; cd \"$1\" && ./mapsan run sh -c 'exit 3'";
    let Some((said, status)) = without_proc(script, folder.path()) else { return };
    assert!(status == Some(3) && !said.contains("find itself"), "{status:?} {said}");
}
