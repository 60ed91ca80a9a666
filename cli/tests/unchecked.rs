//! No run looks clean that was not checked: what outlives the program, what is started without the library, surroundings in
//! which something can't be had. Runs need the library, as in `command.rs`.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The command with the library; `None`, said loudly, where there is none.
fn covering() -> Option<Command> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/libmapsan.so");
    let library = std::env::var_os("MAPSAN_RUNTIME").map_or(built, PathBuf::from);
    if !library.exists() {
        eprintln!("SKIPPED: {} is missing: cargo build --release", library.display());
        return None;
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_mapsan"));
    command.env_remove("MAPSAN_OPTIONS").env_remove("LD_PRELOAD").env("MAPSAN_RUNTIME", library).stdin(Stdio::null());
    Some(command)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a run says on standard error, and its status.
fn ended(output: &Output) -> (String, Option<i32>) {
    (text(&output.stderr), output.status.code())
}

/// A program in a folder of its own, compiled.
struct Compiled {
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl Compiled {
    fn new(code: &str, options: &[&str]) -> Compiled {
        let folder = tempfile::tempdir().unwrap();
        let (source, program) = (folder.path().join("prog.c"), folder.path().join("prog"));
        fs::write(&source, code).unwrap();
        let mut compiler = Command::new("cc");
        compiler.args(["-g", "-w", "-o"]).args([&program, &source]).args(options);
        assert!(compiler.status().unwrap().success());
        Compiled { folder, program }
    }

    /// One that makes a finding, after so many tenths of a second if it has an argument.
    fn bad() -> Compiled {
        let code = "#include <stdlib.h>\n#include <sys/mman.h>\n#include <unistd.h>\n\
            int main(int argc, char **argv)\n{\n    if (argc > 1) usleep(100000 * atoi(argv[1]));\n    \
            return munmap((void *)4096, 0) == -1 ? 3 : 0;\n}\n";
        Compiled::new(code, &[])
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

const FOUND: &str = "error[munmap-zero-length]";

#[test]
fn what_a_program_leaves_running_is_followed_where_something_depends_on_it() {
    let bad = Compiled::bad();
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

#[test]
fn the_wait_for_a_daemon_that_never_ends_can_be_ended() {
    for signal in ["INT", "TERM", "HUP"] {
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
