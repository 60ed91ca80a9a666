//! What stands in the way of the command itself: output that fails, limits, full disks, terminals, processes that outlive
//! the run. Runs need the library, as in `command.rs`.

mod covering;

use covering::{covering, text};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The command in a shell, whose `$0` is the command; what it printed on both streams, and its status.
fn in_shell(script: &str, arguments: &[&Path]) -> Option<(String, Option<i32>)> {
    let command = covering()?;
    let library = command.get_envs().find(|(name, _)| *name == "MAPSAN_RUNTIME")?.1?.to_owned();
    let mut shell = Command::new("bash");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_mapsan")]).args(arguments).env("MAPSAN_RUNTIME", library);
    let output = shell.env_remove("MAPSAN_OPTIONS").stdin(Stdio::null()).output().unwrap();
    Some((text(&output.stdout) + &text(&output.stderr), output.status.code()))
}

/// A program without output of its own that makes a finding, compiled; and its folder.
fn quiet() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (source, program) = (folder.path().join("quiet.c"), folder.path().join("quiet"));
    fs::write(&source, "#include <sys/mman.h>\nint main(void) { return munmap((void *)4096, 0) == -1 ? 3 : 0; }\n")
        .unwrap();
    assert!(Command::new("cc").arg("-g").arg("-o").args([&program, &source]).status().unwrap().success());
    (folder, program)
}

#[test]
fn output_that_fails_is_no_abort() {
    let usage =
        [r#""$0" run --nonsense 2>/dev/full"#, r#""$0" run --nonsense 2>&-"#, r#""$0" run --level x y 2>/dev/full"#];
    for script in usage {
        let Some(ended) = in_shell(script, &[]) else { return };
        assert_eq!(ended, (String::new(), Some(2)), "{script}");
    }
    for words in ["rules", "options", "explain EINVAL", "man", "man run", "completions bash", "--help", "run --help"] {
        for to in [">/dev/full", ">&-"] {
            let Some((said, status)) = in_shell(&format!(r#""$0" {words} {to}"#), &[]) else { return };
            assert_eq!((said.lines().count(), status), (1, Some(125)), "{words} {to}: {said}");
            assert!(said.starts_with("mapsan: standard output can't be written: "), "{said}");
        }
        let Some(ended) = in_shell(&format!(r#""$0" {words} | true; exit ${{PIPESTATUS[0]}}"#), &[]) else { return };
        assert_eq!(ended, (String::new(), Some(0)), "{words} to nobody");
    }
    let (folder, program) = quiet();
    let records = folder.path().join("records");
    for (script, status) in [
        (r#""$0" run "$1" 2>/dev/full"#, 125),
        (r#""$0" run "$1" 2>&-"#, 3),
        (r#""$0" run --error-exitcode 9 "$1" 2>&-"#, 9),
        (r#""$0" run --format json -o "$2" "$1"; "$0" report "$2" >/dev/full"#, 125),
        (r#"{ "$0" run "$1"; echo $? >"$2"; } 2>&1 | true; exit $(cat "$2")"#, 3),
    ] {
        let Some((said, ended)) = in_shell(script, &[&program, &records]) else { return };
        assert_eq!(ended, Some(status), "{script}: {said}");
    }
}

#[test]
fn no_limit_or_missing_folder_stands_in_the_way_of_records() {
    let (folder, program) = quiet();
    let missing = folder.path().join("missing");
    for script in [
        r#"ulimit -f 0; "$0" run --error-exitcode 9 --require-coverage "$1" 2>&1 | cat; exit ${PIPESTATUS[0]}"#,
        r#"TMPDIR="$2" "$0" run --error-exitcode 9 --require-coverage "$1""#,
    ] {
        let Some((said, status)) = in_shell(script, &[&program, &missing]) else { return };
        assert!(status == Some(9) && said.contains("error[munmap-zero-length]"), "{script}: {status:?} {said}");
    }
    let Some((said, status)) = in_shell(r#"ulimit -f 0; "$0" run /bin/true; exit $?"#, &[]) else { return };
    assert_eq!((said.as_str(), status), ("", Some(0)));
    let script = r#"ulimit -f 0; "$0" run -o "$2" "$1""#;
    let Some((said, status)) = in_shell(script, &[&program, &folder.path().join("large")]) else { return };
    assert!(status == Some(125) && said.contains("EFBIG"), "{said}");
    let script = r#"echo "int main(void) { return 5; }" >"$1.c"; TMPDIR="$2" "$0" run "$1.c""#;
    let Some((said, status)) = in_shell(script, &[&program, &missing]) else { return };
    assert!(status == Some(5) && said.contains("missing' (TMPDIR): ") && said.contains("ENOENT"), "{said}");
    assert!(said.contains("'/tmp' is used instead"), "{said}");
}

#[test]
fn a_full_folder_for_temporary_files_is_named() {
    // SAFETY: takes nothing and can't fail.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("SKIPPED: a full file system takes root");
        return;
    }
    let (folder, program) = quiet();
    let mount = "mount -t tmpfs -o size=4k,nr_inodes=1 none \"$2\" 2>/dev/null || exit 77; export TMPDIR=\"$2\"; ";
    let script =
        format!(r#"unshare -m bash -c '{mount} "$0" run --error-exitcode 9 "$1"; "$0" run "$3"; exit $?' "$0" "$@""#);
    fs::create_dir(folder.path().join("full")).unwrap();
    let source = folder.path().join("quiet.c");
    let Some((said, status)) = in_shell(&script, &[&program, &folder.path().join("full"), &source]) else { return };
    if status == Some(77) {
        eprintln!("SKIPPED: nothing can be mounted here");
        return;
    }
    assert!(said.contains("error[munmap-zero-length]") && status == Some(3), "{status:?} {said}");
    assert!(said.contains("full' (TMPDIR): ") && said.contains("ENOSPC"), "{said}");
    // Room for a folder, and for no program in it.
    let script = script.replace("nr_inodes=1", "nr_inodes=100").replace("size=4k", "size=16k");
    let Some((said, status)) = in_shell(&script, &[&program, &folder.path().join("full"), &source]) else { return };
    assert!(said.contains("full' (TMPDIR): ") && status == Some(3), "{status:?} {said}");
}

#[test]
fn a_program_in_the_background_is_not_stopped_for_the_command_s_output() {
    let (_folder, program) = quiet();
    let script = r#"command -v script >/dev/null || exit 77
        script -qec "bash -c 'set -m; stty tostop; \"$0\" run \"$1\" & wait \$!; echo status \$?'" /dev/null </dev/null"#;
    let Some((said, status)) = in_shell(script, &[&program]) else { return };
    if status == Some(77) {
        eprintln!("SKIPPED: there is no script(1)");
        return;
    }
    assert!(said.contains("error[munmap-zero-length]") && said.contains("status 3"), "{said}");
}

#[test]
fn nothing_is_left_of_a_run_and_what_outlives_it_is_named() {
    let place = tempfile::tempdir().unwrap();
    let left = || fs::read_dir(place.path()).unwrap().count();
    let run = |script: &str| {
        let script = format!(r#"export TMPDIR="$1"; {script}"#);
        in_shell(&script, &[place.path()])
    };
    // One that ends a moment later, one that stays, and one that starts another when nobody reads any more.
    let Some((said, status)) = run(r#""$0" run sh -c 'sleep 0.01 & exit 4'"#) else { return };
    assert_eq!((said.as_str(), status, left()), ("", Some(4), 0));
    let stays = r#""$0" run sh -c 'read -r _ <"$1/go" && ls -d / && : >"$1/done" & echo $!' - "$1" 2>&1
        echo >"$1/go"; while ! [ -e "$1/done" ]; do sleep 0.01; done; rm "$1"/*"#;
    let Some((said, status)) = run(&format!("mkfifo \"$1/go\"; {stays}")) else { return };
    let lines: Vec<&str> = said.lines().collect();
    let [pid, named, rest @ ..] = &lines[..] else { panic!("{said}") };
    assert!(named.starts_with(&format!("mapsan: process {pid} (")) && named.contains("still runs"), "{said}");
    assert!(rest == ["/"] && status == Some(0) && left() == 0, "{status:?} {said}");
    // A command that is killed.
    let Some(mut command) = covering() else { return };
    command.env("TMPDIR", place.path()).args(["run", "sh", "-c", "echo; exec sleep 0.5"]).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut byte = [0];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut byte).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(left(), 0);
}

#[test]
fn a_program_that_dies_before_main_is_said_to() {
    let folder = tempfile::tempdir().unwrap();
    let (source, program) = (folder.path().join("early.c"), folder.path().join("early"));
    let code = "static void *f(void) { __builtin_trap(); }\nint g(void) __attribute__((ifunc(\"f\")));\n\
        int main(void) { return g(); }\n";
    fs::write(&source, code).unwrap();
    assert!(Command::new("cc").arg("-w").arg("-o").args([&program, &source]).status().unwrap().success());
    let Some(mut command) = covering() else { return };
    let error = text(&command.arg("run").arg(&program).output().unwrap().stderr);
    assert!(error.contains("NOT COVERED") && error.contains("before main") && error.contains("SIGILL"), "{error}");
}

#[test]
fn a_program_that_is_started_without_the_library_is_named() {
    let Some(mut command) = covering() else { return };
    let output = command.args(["run", "--require-coverage", "sh", "-c", "env -i sleep 1; exit 0"]).output().unwrap();
    let error = text(&output.stderr);
    assert!(error.contains("NOT COVERED") && error.contains("sleep': the library is not in it"), "{error}");
    assert_eq!(output.status.code(), Some(125), "{error}");
}

#[test]
fn a_dumb_terminal_gets_no_colours() {
    if Command::new("script").args(["-qec", "true", "/dev/null"]).output().is_err() {
        eprintln!("SKIPPED: there is no script(1); apt-get install bsdutils");
        return;
    }
    let (_folder, program) = quiet();
    for script in [
        r#""$0" run "$1""#,
        r#""$0" run --level nonsense true"#,
        r#""$0" explain munmap-double"#,
        r#"LD_PRELOAD=$MAPSAN_RUNTIME "$1""#,
    ] {
        for (environment, are_shown) in [
            ("TERM=xterm", true),
            ("TERM=dumb", false),
            ("TERM=xterm NO_COLOR=1", false),
            ("TERM=dumb NO_COLOR=", false),
            ("TERM=dumb CI=true", false),
        ] {
            let words = script.replace("$0", env!("CARGO_BIN_EXE_mapsan")).replace("$1", program.to_str().unwrap());
            let inner = format!("export {environment}; {words}");
            let Some((said, _)) = in_shell("unset NO_COLOR CI; script -qec \"$1\" /dev/null", &[Path::new(&inner)])
            else {
                return;
            };
            assert_eq!(said.contains('\x1b'), are_shown, "{words} {environment}: {said:?}");
        }
    }
}
