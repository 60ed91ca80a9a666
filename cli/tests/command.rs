//! The command from outside: what it prints, and how it ends.
//!
//! Runs need the library, which cargo builds for the tests of the root package alone: it is taken from
//! `MAPSAN_RUNTIME` or from the release build, and without it these tests say that they were skipped.

mod covering;

use covering::{covering, mapsan, text};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};

fn failed(output: &Output, status: i32, words: &[&str]) {
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{error}");
    assert!(words.iter().all(|word| error.contains(word)), "{error}");
    assert_eq!(error.lines().count(), 1, "one line: {error}");
}

const BAD: &str = "#include <stdio.h>\n#include <stdlib.h>\n#include <sys/mman.h>\n\
    static void *map(void) { return mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }\n\
    int main(int argc, char **argv)\n{\n    map();\n    printf(\"%d %s\\n\", argc, argv[1]);\n    return 3;\n}\n";

#[test]
fn rules_options_and_pages_are_printed() {
    for (arguments, word) in [
        (&["rules"][..], "mmap-unaligned-offset"),
        (&["options"], "stack_depth"),
        (&["explain", "mmap-bad-fd"], "## A program that breaks it"),
        (&["explain", "EINVAL"], "shmget-zero-size"),
        (&["run", "--help"], "--error-exitcode"),
    ] {
        let output = mapsan().args(arguments).output().unwrap();
        assert!(output.status.success() && text(&output.stdout).contains(word), "{arguments:?}");
    }
}

#[test]
fn a_reader_who_stops_reading_ends_it_in_order() {
    let mut child = mapsan().arg("rules").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn wrong_usage_is_met_with_one_line_and_2() {
    failed(&mapsan().args(["explain", "mmap-bad-df"]).output().unwrap(), 2, &["'mmap-bad-fd'"]);
    failed(&mapsan().args(["run", "--nonsense", "true"]).output().unwrap(), 2, &["--nonsense"]);
    assert_eq!(mapsan().args(["run", "--level", "loud", "true"]).output().unwrap().status.code(), Some(2));
    assert_eq!(mapsan().arg("run").output().unwrap().status.code(), Some(2));
}

#[test]
fn mistakes_of_a_first_day() {
    for (arguments, word) in [
        (&["./prog"][..], "mapsan run ./prog"),
        (&["run", "--error-exitcod", "9", "true"], "'--error-exitcode'"),
        (&["explain", "mmmap", "EINVAL"], "did you mean 'mmap'"),
    ] {
        failed(&mapsan().args(arguments).output().unwrap(), 2, &[word]);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known");
    fs::write(&file, "munmap-double\nmunmap-duble:x\n").unwrap();
    let Some(mut command) = covering() else { return };
    let output = command.args(["run", "--suppressions"]).arg(&file).args(["true", "--error-exitcode", "9"]).output();
    let error = text(&output.unwrap().stderr);
    for words in ["it has no pattern", "did you mean 'munmap-double'", "put it before"] {
        assert!(error.contains(words), "{words} in\n{error}");
    }
}

#[test]
fn nothing_is_left_behind_by_a_program_that_dies_of_a_signal() {
    let place = tempfile::tempdir().unwrap();
    for script in ["kill -SEGV $$", "exit 3"] {
        let Some(mut command) = covering() else { return };
        command.env("TMPDIR", place.path()).args(["run", "sh", "-c", script]).output().unwrap();
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "{script}");
    }
}

#[test]
fn lines_come_from_separate_debug_files() {
    let Some(_) = covering() else { return };
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bad.c"), BAD).unwrap();
    let made = Command::new("sh").current_dir(folder.path()).args(["-ec", SPLIT]).status().unwrap();
    assert!(made.success());
    let run = |place: &str| {
        fs::rename(folder.path().join("bad.debug"), folder.path().join(place)).ok();
        let output = covering().unwrap().current_dir(folder.path()).args(["run", "./bad"]).output().unwrap();
        text(&output.stderr)
    };
    assert!(run("bad.debug").contains("map (bad.c:4)"));
    fs::create_dir(folder.path().join(".debug")).unwrap();
    assert!(run(".debug/bad.debug").contains("map (bad.c:4)"));
    // That of another build is not taken.
    fs::write(folder.path().join("bad.c"), format!("int more;\n{BAD}")).unwrap();
    assert!(Command::new("sh").current_dir(folder.path()).args(["-ec", OTHER]).status().unwrap().success());
    assert!(!run("bad.debug").contains("bad.c:"));
}

const SPLIT: &str = "cc -g -w -o bad bad.c; objcopy --only-keep-debug bad bad.debug; strip -g bad; \
    objcopy --add-gnu-debuglink=bad.debug bad";
const OTHER: &str = "cc -g -w -o other bad.c; objcopy --only-keep-debug other .debug/bad.debug";

#[test]
fn a_missing_library_is_named() {
    let output = mapsan().args(["run", "true"]).env("MAPSAN_RUNTIME", "/no/such/place").output().unwrap();
    failed(&output, 125, &["MAPSAN_RUNTIME", "/no/such/place"]);
}

#[test]
fn programs_that_are_not_there_or_not_executable() {
    let Some(mut command) = covering() else { return };
    failed(&command.args(["run", "no-such-program"]).output().unwrap(), 127, &["no-such-program"]);
    let Some(mut command) = covering() else { return };
    failed(&command.args(["run", "/etc/passwd"]).output().unwrap(), 126, &["not executable"]);
    let Some(mut command) = covering() else { return };
    failed(&command.args(["run", "missing.c"]).output().unwrap(), 127, &["missing.c"]);
}

#[test]
fn programs_that_can_not_be_covered() {
    let folder = tempfile::tempdir().unwrap();
    let (source, program) = (folder.path().join("a.c"), folder.path().join("a"));
    fs::write(&source, "int main(void) { return 0; }\n").unwrap();
    assert!(Command::new("cc").arg("-static").arg("-o").args([&program, &source]).status().unwrap().success());
    let Some(mut command) = covering() else { return };
    let output = command.arg("run").arg(&program).output().unwrap();
    let error = text(&output.stderr);
    assert!(output.status.success() && error.contains("NOT COVERED") && error.contains("libmapsan.a"), "{error}");
    let Some(mut command) = covering() else { return };
    let output = command.args(["run", "--require-coverage"]).arg(&program).output().unwrap();
    assert_eq!(output.status.code(), Some(125), "{}", text(&output.stderr));

    let copy = folder.path().join("true");
    fs::copy("/bin/true", &copy).unwrap();
    // SAFETY: takes nothing and can't fail.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("SKIPPED: a set-user-ID program of another user takes root");
        return;
    }
    std::os::unix::fs::chown(&copy, Some(65534), None).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o4755)).unwrap();
    let Some(mut command) = covering() else { return };
    let error = text(&command.arg("run").arg(&copy).output().unwrap().stderr);
    assert!(error.contains("set-user-ID"), "{error}");
}

#[test]
fn a_c_file_is_compiled_and_its_finding_shows_the_line() {
    let Some(mut command) = covering() else { return };
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("bad.c");
    fs::write(&source, BAD).unwrap();
    let output = command.arg("run").arg(&source).arg("argument").output().unwrap();
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(3), "2 argument\n"));
    let error = text(&output.stderr);
    let file = source.display();
    for expected in [
        "mapsan: error[mmap-zero-length]: ".to_owned(),
        format!(" map ({file}:4)\n"),
        format!(" main ({file}:7)\n"),
        "^^^^^^^ EINVAL\n".to_owned(),
        "\n    help: ".to_owned(),
        "mapsan: summary: 1 error, 0 warnings, 0 notes\n".to_owned(),
    ] {
        assert!(error.contains(&expected), "expected {expected:?} in\n{error}");
    }

    let Some(mut command) = covering() else { return };
    let output = command.args(["run", "--error-exitcode", "9"]).arg(&source).output().unwrap();
    assert_eq!(output.status.code(), Some(9));

    let suppressions = folder.path().join("known");
    fs::write(&suppressions, "mmap-*:map\n").unwrap();
    let Some(mut command) = covering() else { return };
    command.args(["run", "--error-exitcode", "9", "--suppressions"]).arg(&suppressions).arg(&source);
    let output = command.output().unwrap();
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (Some(3), "mapsan: suppressed: 1\n".to_owned()),
        "a static function's name"
    );
}

#[test]
fn cpp_files_are_compiled_and_files_together_are_one_program() {
    let Some(_) = covering() else { return };
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, code: &str| fs::write(folder.path().join(name), code).unwrap();
    let ended = |words: &[&str]| {
        let output = covering().unwrap().current_dir(folder.path()).arg("run").args(words).output().unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let bad = "#include <cstdio>\n#include <sys/mman.h>\ntemplate <class T> T twice(T t) { return t + t; }\n\
        int main(int argc, char **argv)\n{\n    mmap(nullptr, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);\n    \
        std::puts(argv[argc - 1]);\n    return twice(2);\n}\n";
    for name in ["bad.cpp", "bad.cc", "bad.cxx"] {
        write(name, bad);
        let (status, out, error) = ended(&[name, "argument"]);
        assert_eq!((status, out.as_str()), (Some(4), "argument\n"), "{error}");
        assert!(error.contains("error[mmap-zero-length]") && error.contains(&format!(" main ({name}:6)\n")), "{error}");
    }
    write("part.c", "int part(void) { return 7; }\n");
    write("whole.cc", "extern \"C\" int part(void);\nint main() { return part(); }\n");
    write("whole.c", "int part(void);\nint main(void) { return part(); }\n");
    for words in [["whole.cc", "part.c"], ["part.c", "whole.cc"], ["whole.c", "part.c"]] {
        assert_eq!(ended(&words), (Some(7), String::new(), String::new()), "{words:?}");
    }
    write("other.c", "int main(void) { return 0; }\n");
    let output = covering().unwrap().current_dir(folder.path()).args(["run", "whole.c", "part.c", "other.c"]).output();
    failed(&output.unwrap(), 2, &["'whole.c' and 'other.c' each define main", "mapsan run whole.c"]);
}

#[test]
fn harden_private_turns_its_rule_on() {
    let code = "#include <fcntl.h>\n#include <sys/mman.h>\n#include <unistd.h>\nint main(void)\n{\n    \
        int fd = open(\"data\", O_RDWR | O_CREAT, 0600);\n    ftruncate(fd, 4096);\n    \
        char *p = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);\n    p[0] = 1;\n    \
        return munmap(p, 4096);\n}\n";
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("private.c"), code).unwrap();
    let rule = "note[private-write-discarded]";
    for (options, environment, finds) in [
        (&["--harden", "private"][..], "", true),
        (&["--harden=all"], "", true),
        (&[], "harden=private", true),
        (&["--harden=private", "--disable", "private-write-discarded"], "", false),
        (&["--harden=guard"], "", false),
    ] {
        let Some(mut command) = covering() else { return };
        command.current_dir(folder.path()).env("MAPSAN_OPTIONS", environment).arg("run").args(options);
        let said = text(&command.arg("private.c").output().unwrap().stderr);
        assert_eq!(said.contains(rule), finds, "{options:?} {environment} {said}");
    }
}

#[test]
fn a_c_file_with_errors_is_the_compiler_s_business() {
    let Some(mut command) = covering() else { return };
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("bad.c");
    fs::write(&source, "int main(void) { return x; }\n").unwrap();
    let output = command.arg("run").arg(&source).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    let error = text(&output.stderr);
    assert!(error.contains("error: ") && error.contains("was not compiled"), "{error}");
}

#[test]
fn the_end_of_the_program_is_the_end_of_the_command() {
    for (script, code, signal) in
        [("exit 7", Some(7), None), ("kill -TERM $$", None, Some(15)), ("kill -SEGV $$", None, Some(11))]
    {
        let Some(mut command) = covering() else { return };
        let output = command.args(["run", "sh", "-c", script]).output().unwrap();
        assert_eq!((output.status.code(), output.status.signal()), (code, signal), "{script}");
        assert_eq!(text(&output.stderr), "", "{script}");
    }
}

#[test]
fn standard_input_and_signals_reach_the_program() {
    let Some(mut command) = covering() else { return };
    let mut child = command.args(["run", "cat"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"through\n").unwrap();
    assert_eq!(text(&child.wait_with_output().unwrap().stdout), "through\n");

    let Some(mut command) = covering() else { return };
    let script = "trap 'echo caught; exit 5' USR1; echo ready; while :; do sleep 0.05; done";
    let mut child = command.args(["run", "sh", "-c", script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    let sent = Command::new("kill").args(["-USR1", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    std::io::Read::read_to_string(&mut out, &mut line).unwrap();
    assert_eq!((child.wait().unwrap().code(), line.as_str()), (Some(5), "ready\ncaught\n"));
}

#[test]
fn the_program_gets_the_signal_dispositions_that_the_command_got() {
    let Some(mut command) = covering() else { return };
    // Also SIGPIPE, SIGINT and SIGQUIT, which the command ignores itself.
    let words = ["grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status"];
    let direct = Command::new(words[0]).args(&words[1..]).output().unwrap();
    let output = command.arg("run").args(words).output().unwrap();
    assert_eq!(text(&output.stdout), text(&direct.stdout));
    let Some(command) = covering() else { return };
    let library = command.get_envs().find(|(name, _)| *name == "MAPSAN_RUNTIME").unwrap().1.unwrap().to_owned();
    let ignoring = |command: &str| {
        let script = format!("trap '' PIPE INT; exec {command} grep ^SigIgn /proc/self/status");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_mapsan")]).env("MAPSAN_RUNTIME", &library);
        text(&shell.output().unwrap().stdout)
    };
    assert_eq!(ignoring("\"$0\" run"), ignoring(""));
}

#[test]
fn findings_of_children_are_told_apart_and_go_where_they_are_sent() {
    let folder = tempfile::tempdir().unwrap();
    let (source, program) = (folder.path().join("bad.c"), folder.path().join("bad"));
    fs::write(&source, BAD).unwrap();
    assert!(Command::new("cc").arg("-g").arg("-o").args([&program, &source]).status().unwrap().success());
    let out = folder.path().join("findings");
    let Some(mut command) = covering() else { return };
    command.args(["run", "-o"]).arg(&out).args(["sh", "-c", "\"$0\" x; \"$0\" y; exit 0"]).arg(&program);
    let output = command.output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
    let found = fs::read_to_string(&out).unwrap();
    assert_eq!(found.matches("error[mmap-zero-length]").count(), 1, "{found}");
    assert_eq!(found.matches(&format!("({})\n", program.display())).count(), 1, "{found}");
    assert!(
        found.ends_with("mapsan: summary: 1 error, 0 warnings, 0 notes; 1 more of the same not shown\n"),
        "{found}"
    );

    let Some(mut command) = covering() else { return };
    let output = command.args(["run", "--format", "json"]).arg(&program).output().unwrap();
    let records: Vec<_> = text(&output.stderr).lines().map(str::to_owned).collect();
    assert_eq!(records.len(), 3, "{records:?}");
    assert!(records.iter().all(|record| record.starts_with(r#"{"schema":"mapsan/1","kind":""#)), "{records:?}");
}
