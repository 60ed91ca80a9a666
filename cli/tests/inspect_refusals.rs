//! `mapsan inspect` of what it can't read: one line each, which says what was given, why, and what to do.
//!
//! Some take root, another architecture's programs or a setting of the kernel: where those are not to be had, the test says
//! that it was skipped.

mod library;

use library::library;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// A program that says a line, and waits.
const WAITS: &str =
    "#include <stdio.h>\n#include <unistd.h>\nint main(void) { puts(\"here\"); fflush(stdout); pause(); }\n";

/// A process that is ended with the test.
struct Running(Child);

impl Running {
    /// Starts it, and waits for its first line.
    fn start(command: &mut Command) -> (Running, String) {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        (Running(child), line.trim().to_owned())
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Compiles a program; `None`, said loudly, where the compiler can't.
fn compiled(folder: &Path, compiler: &[&str], source: &str) -> Option<PathBuf> {
    let (file, program) = (folder.join("program.c"), folder.join("program"));
    fs::write(&file, source).unwrap();
    let (name, options) = compiler.split_first().unwrap();
    let done = Command::new(name).args(options).arg("-o").args([&program, &file]).output();
    if done.is_ok_and(|done| done.status.success()) {
        return Some(program);
    }
    eprintln!("SKIPPED: {compiler:?} is not here, or can't build this");
    None
}

fn is_root() -> bool {
    let is_root = fs::read_to_string("/proc/self/status").unwrap().contains("\nUid:\t0\t0\t0\t0\n");
    if !is_root {
        eprintln!("SKIPPED: this takes root");
    }
    is_root
}

/// One that says a line, and waits.
fn waiting() -> Command {
    let mut command = Command::new("tail");
    command.args(["-n", "+1", "-f", "/proc/version"]);
    command
}

const MAPSAN: &str = env!("CARGO_BIN_EXE_mapsan");

/// The command where the user nobody reaches it.
fn for_everybody(folder: &Path) -> PathBuf {
    let copy = folder.join("mapsan");
    fs::copy(MAPSAN, &copy).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    copy
}

const NOBODY: [&str; 3] = ["--reuid=65534", "--regid=65534", "--clear-groups"];

fn as_nobody(mapsan: &Path, pid: &str) -> Output {
    Command::new("setpriv").args(NOBODY).arg(mapsan).args(["inspect", pid]).output().unwrap()
}

fn inspect(pid: &str) -> Output {
    Command::new(MAPSAN).args(["inspect", pid]).output().unwrap()
}

/// That it failed in one line that has these words.
fn assert_refused(output: &Output, status: i32, words: &[&str]) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(status), true), "{error}");
    assert!(error.starts_with("mapsan: ") && error.lines().count() == 1, "{error}");
    for words in words {
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn a_number_of_no_process() {
    assert_refused(&inspect("4000000"), 127, &["there is no process 4000000", "pgrep"]);
    assert_refused(&inspect("0"), 127, &["there is no process 0"]);
    assert_refused(&inspect("nonsense"), 127, &["there is no file 'nonsense'", "pid", "core"]);
    for wrong in [&["1", "nonsense"][..], &["-5"], &[]] {
        assert_eq!(
            Command::new(MAPSAN).arg("inspect").args(wrong).output().unwrap().status.code(),
            Some(2),
            "{wrong:?}"
        );
    }
}

#[test]
fn programs_without_the_library() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |command: &mut Command, words: &[&str]| {
        let (running, _) = Running::start(command);
        let who = format!("process {} ('/", running.pid());
        assert_refused(
            &inspect(&running.pid()),
            125,
            &[&[who.as_str(), "does not have the library: "], words].concat(),
        );
    };
    if let Some(program) = compiled(folder.path(), &["cc"], WAITS) {
        refused(&mut Command::new(program), &["can't be added to one that runs", "mapsan run"]);
    }
    if let Some(program) = compiled(folder.path(), &["cc", "-static"], WAITS) {
        refused(&mut Command::new(program), &["statically linked", "libmapsan.a"]);
    }
    // write(1, "\n", 1), and pause().
    let source = "void _start(void) { int done; __asm__ volatile(\"int $0x80\" : \"=a\"(done) : \"0\"(4), \"b\"(1), \
                  \"c\"(\"\\n\"), \"d\"(1)); for (;;) __asm__ volatile(\"int $0x80\" : \"=a\"(done) : \"0\"(29)); }";
    if let Some(program) = compiled(folder.path(), &["cc", "-m32", "-nostdlib", "-static", "-fno-pic"], source) {
        refused(&mut Command::new(program), &["32-bit"]);
    }
    if Path::new("/usr/bin/qemu-aarch64").exists() {
        if let Some(program) = compiled(folder.path(), &["aarch64-linux-gnu-gcc", "-static"], WAITS) {
            refused(Command::new("qemu-aarch64").arg(program), &["qemu-aarch64", "-E LD_PRELOAD="]);
        }
    } else {
        eprintln!("SKIPPED: qemu-aarch64 is not here");
    }
}

#[test]
fn a_process_that_ends_while_it_is_read() {
    let Some(library) = library() else { return };
    let mut refused = 0;
    for attempt in 0..60 {
        let mut command = waiting();
        let (running, _) = Running::start(command.env("LD_PRELOAD", &library));
        let inspection = Command::new(MAPSAN)
            .args(["inspect", &running.pid()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(250 * attempt));
        drop(running);
        let output = inspection.wait_with_output().unwrap();
        if output.status.success() {
            continue;
        }
        refused += 1;
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(125 | 127)) && error.lines().count() == 1, "{error}");
        let words = ["has ended", "there is no process"];
        assert!(words.iter().any(|words| error.contains(words)), "{error}");
    }
    assert!(refused > 0, "none ended in time: the test shows nothing");
}

#[test]
fn the_command_in_place_of_its_program() {
    let Some(library) = library() else { return };
    let mut command = Command::new(MAPSAN);
    command.args(["run", "--"]).arg(waiting().get_program()).args(waiting().get_args());
    let (running, _) = Running::start(command.env("MAPSAN_RUNTIME", library));
    let error = String::from_utf8_lossy(&inspect(&running.pid()).stderr).into_owned();
    assert!(error.contains("is the command itself: give the program that it runs"), "{error}");
    // The kernel lists children where it was built with that.
    if let Some((_, program)) = error.trim().rsplit_once("runs: ") {
        let told = inspect(program);
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        // SAFETY: a signal to the program that this test has started.
        assert_eq!(unsafe { libc::kill(program.parse().unwrap(), libc::SIGTERM) }, 0);
    }
}

#[test]
fn what_has_no_memory() {
    let zombie = Running(Command::new("true").spawn().unwrap());
    while !fs::read_to_string(format!("/proc/{}/stat", zombie.pid())).unwrap().contains(") Z ") {
        std::thread::sleep(Duration::from_millis(5));
    }
    let parent = format!("process {}, waits", std::process::id());
    assert_refused(&inspect(&zombie.pid()), 125, &[&zombie.pid(), "('true') has ended", "zombie", &parent]);
    if fs::read_to_string("/proc/2/comm").is_ok_and(|name| name.trim() == "kthreadd") {
        assert_refused(&inspect("2"), 125, &["process 2 ('kthreadd')", "thread of the kernel"]);
    } else {
        eprintln!("SKIPPED: no thread of the kernel is to be seen");
    }
}

#[test]
fn a_thread_and_a_process_whose_first_thread_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let source = |first: &str| {
        format!(
            "#define _GNU_SOURCE\n#include <pthread.h>\n#include <stdio.h>\n#include <unistd.h>\n\
             static void *other(void *unused) {{ printf(\"%d\\n\", gettid()); fflush(stdout); pause(); return unused; }}\n\
             int main(void) {{ pthread_t thread; pthread_create(&thread, NULL, other, NULL); {first}; }}\n"
        )
    };
    let Some(program) = compiled(folder.path(), &["cc", "-pthread"], &source("pause()")) else { return };
    let (running, thread) = Running::start(&mut Command::new(program));
    let process = format!("give {}", running.pid());
    assert_refused(&inspect(&thread), 125, &[&format!("{thread} is a thread of process "), &process]);
    drop(running);
    let Some(program) = compiled(folder.path(), &["cc", "-pthread"], &source("pthread_exit(NULL)")) else { return };
    let (running, _) = Running::start(&mut Command::new(program));
    while !fs::read_to_string(format!("/proc/{}/stat", running.pid())).unwrap().contains(") Z ") {
        std::thread::sleep(Duration::from_millis(5));
    }
    // It is read all the same: that it has no library is seen.
    assert_refused(&inspect(&running.pid()), 125, &["program')", "does not have the library"]);
}

#[test]
fn processes_of_other_users_and_guarded_ones() {
    let folder = tempfile::tempdir().unwrap();
    if !is_root() {
        return;
    }
    let mapsan = for_everybody(folder.path());
    let (running, _) = Running::start(&mut waiting());
    let words = ["can't be read", "belongs to user 0, and this is user 65534", "as root"];
    assert_refused(&as_nobody(&mapsan, &running.pid()), 125, &[&[running.pid().as_str()][..], &words].concat());
    let source = "#include <stdio.h>\n#include <sys/prctl.h>\n#include <unistd.h>\nint main(void) { \
                  if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)) return 1; \
                  prctl(PR_SET_DUMPABLE, 0); puts(\"here\"); fflush(stdout); pause(); }\n";
    let Some(program) = compiled(folder.path(), &["cc"], source) else { return };
    let (running, _) = Running::start(&mut Command::new(program));
    let words = ["can't be read", ": run this as root"];
    assert_refused(&as_nobody(&mapsan, &running.pid()), 125, &[&[running.pid().as_str()][..], &words].concat());
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_else(|_| "0".to_owned());
    if scope.trim() == "0" {
        eprintln!("SKIPPED: yama guards no process here");
        return;
    }
    let mut nobodys = Command::new("setpriv");
    nobodys.args(NOBODY).arg(waiting().get_program()).args(waiting().get_args());
    let (running, _) = Running::start(&mut nobodys);
    assert_refused(&as_nobody(&mapsan, &running.pid()), 125, &["kernel.yama.ptrace_scope is", &running.pid()]);
}

#[test]
fn numbers_of_other_namespaces_and_hidden_processes() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mapsan = for_everybody(folder.path());
    let (running, _) = Running::start(&mut waiting());
    let within = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "sh", "-c", script]).arg(&mapsan).arg(running.pid());
        command.output().unwrap()
    };
    assert_refused(&within("\"$0\" inspect $1"), 125, &["another PID namespace", "mount -t proc"]);
    let words = format!("there is no process {}", running.pid());
    assert_refused(&within("mount -t proc proc /proc && \"$0\" inspect $1"), 127, &[&words]);
    for how in [1, 2] {
        let output = within(&format!(
            "mount -t proc -o hidepid={how} proc /proc && setpriv {} \"$0\" inspect 1",
            NOBODY.join(" ")
        ));
        assert_refused(&output, 125, &["process 1 is hidden", "hidepid", "as root"]);
    }
}
