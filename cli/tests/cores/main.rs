//! `mapsan inspect` on cores: what the process knew, and what its fault was due to.

#[cfg(target_arch = "x86_64")]
mod handlers;
#[path = "../library/mod.rs"]
mod library;

use library::library;
use serde_json::Value;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn inspect(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mapsan")).arg("inspect").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What is told of a core, as the schema has it.
fn told_of(core: &Path) -> Value {
    let output = inspect(&["--json", core.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let schema = include_str!("../../../docs/inspection.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    assert!(schema.is_valid(&told), "{told}");
    told
}

/// Whether the kernel writes cores to the folder of the process; if not, that is said loudly.
fn has_cores() -> bool {
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    let limit = Command::new("sh").args(["-c", "ulimit -c unlimited"]).stderr(Stdio::null()).status().unwrap();
    if pattern.starts_with(['|', '/', '@']) || !limit.success() {
        eprintln!(
            "SKIPPED: cores go to '{}' here (sysctl kernel.core_pattern=core), or may not be unlimited (ulimit -c)",
            pattern.trim()
        );
        return false;
    }
    true
}

/// Compiles a source; what it gives lies in a folder of its own.
fn compiled(source: &str, options: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (file, result) = (folder.path().join("program.c"), folder.path().join("program"));
    fs::write(&file, source).unwrap();
    let mut compiler = Command::new("cc");
    compiler.args(["-g", "-w", "-pthread", "-rdynamic"]).args(options).arg("-o").args([&result, &file]);
    assert!(compiler.status().unwrap().success());
    (folder, result)
}

/// Lets a core be as long as it is.
fn allow_cores() -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: a live structure.
    if unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const limit) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Lets a command end with a core, which lies in a folder of its own; what it has told, as records. `None` where it leaves none.
fn dying(command: &mut Command, preload: &[&Path]) -> Option<(tempfile::TempDir, PathBuf, Vec<Value>)> {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let preload: Vec<&str> = preload.iter().map(|path| path.to_str().unwrap()).collect();
    command
        .current_dir(folder.path())
        .env("LD_PRELOAD", preload.join(" "))
        .env("MAPSAN_OPTIONS", format!("leaks=none:log_format=json:log_path={}", log.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // SAFETY: it makes one system call.
    unsafe { command.pre_exec(allow_cores) };
    command.status().unwrap();
    let core = fs::read_dir(folder.path()).unwrap().filter_map(|entry| Some(entry.ok()?.path()));
    let core = core.into_iter().find(|path| path.file_name().unwrap().to_string_lossy().starts_with("core"))?;
    let records = fs::read_to_string(log).unwrap_or_default();
    let records = records.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    Some((folder, core, records))
}

/// The line of the source of a site.
fn line(site: &Value) -> i64 {
    site["places"][0]["line"].as_i64().unwrap_or(0)
}

const DYING: &str = r"#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
static void own(int signal) { (void)signal; abort(); }
int main(void) {
    signal(SIGSEGV, own);
    char *kept = mmap((void *)0x200000000, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    char *gone = mmap((void *)0x210000000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    munmap(gone, 4096);
    mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 9999, 0);
    return kept[0] + gone[10];
}
";

#[test]
fn a_core_tells_what_the_process_knew() {
    let Some(library) = library().filter(|_| has_cores()) else { return };
    let (folder, program) = compiled(DYING, &[]);
    let (_left, core, _) = dying(&mut Command::new(&program), &[&library]).unwrap();
    let core_path = core.to_str().unwrap();
    let known = told_of(&core);
    assert_eq!((known["core"].as_str(), known["is_settled"].as_bool()), (Some(core_path), Some(true)));
    let kept = known["mappings"].as_array().unwrap().iter().find(|one| one["start"] == "0x200000000").unwrap();
    assert_eq!((line(&kept["site"]), kept["is_mapped"].as_bool()), (7, Some(true)));
    let released = &known["released"][0];
    assert_eq!((released["was"]["start"].as_str(), line(&released["site"])), (Some("0x210000000"), 9));
    assert_eq!((known["failures"][0]["errno"].as_i64(), line(&known["failures"][0]["site"])), (Some(9), 10));
    assert_eq!(known["findings"]["errors"], 1);

    let shown = text(&inspect(&[core_path, "0x21000000a"]).stdout);
    assert!(shown.contains("program.c:8") && shown.contains("program.c:9"), "{shown}");

    // A program that has moved is found where it is said to be.
    let moved = folder.path().join("elsewhere");
    fs::rename(folder.path().join("program"), &moved).unwrap();
    let shown = text(&inspect(&[core_path, "--program", moved.to_str().unwrap()]).stdout);
    assert!(shown.contains("program.c:7"), "{shown}");
}

#[test]
fn what_is_no_core_with_the_library_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let named = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let command = fs::read(env!("CARGO_BIN_EXE_mapsan")).unwrap();
    let cases = [
        (named("text", b"no core"), 125, "is no ELF file of 64 bits"),
        (named("empty", b""), 125, "is no ELF file of 64 bits"),
        (named("program", &command[..4096]), 125, "is an ELF file, but no core"),
        (folder.path().to_str().unwrap().to_owned(), 125, "is no regular file"),
        (folder.path().join("absent").to_str().unwrap().to_owned(), 127, "there is no file"),
    ];
    for (path, status, words) in cases {
        let output = inspect(&[&path]);
        let said = text(&output.stderr);
        assert_eq!(
            (output.status.code(), said.contains(words), said.lines().count()),
            (Some(status), true, 1),
            "{said}"
        );
    }
    let said = text(&inspect(&["1", "--program", "x"]).stderr);
    assert!(said.contains("--program is of a core alone"), "{said}");

    let Some(library) = library().filter(|_| has_cores()) else { return };
    let (_folder, program) = compiled("int main(void) { return *(volatile int *)8; }", &[]);
    let (_left, core, _) = dying(&mut Command::new(&program), &[&library]).unwrap();
    let whole = fs::read(&core).unwrap();
    // However much of it is missing, it is said, or what is there is told.
    for length in [64, 4096, whole.len() / 4, whole.len() / 2, whole.len() - 4096] {
        let path = named("cut", &whole[..length]);
        let output = inspect(&[&path]);
        let said = text(&output.stderr);
        assert!(output.status.success() || output.status.code() == Some(125) && said.lines().count() == 1, "{said}");
    }
    // Nor does it matter what its bytes are; the same ones are changed each time.
    let mut state = 1_u64;
    for _ in 0..60 {
        let mut forged = whole.clone();
        for _ in 0..40 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let among = if state >> 63 == 0 { 8192 } else { forged.len() };
            let at = usize::try_from(state >> 20).unwrap() % among;
            forged[at] = state.to_ne_bytes()[5];
        }
        let output = inspect(&[&named("forged", &forged)]);
        let said = text(&output.stderr);
        assert!(output.status.success() || output.status.code() == Some(125) && said.lines().count() == 1, "{said}");
    }
    let mut other = whole.clone();
    other[18] = if other[18] == 62 { 183 } else { 62 };
    assert!(text(&inspect(&[&named("other", &other)]).stderr).contains("another architecture"));
}

/// Whether a record is a finding about a fault.
fn is_of_fault(record: &Value) -> bool {
    record["rule"].as_str().is_some_and(|rule| rule.starts_with("fault-"))
}

/// What a finding is made of, but for the time.
fn content(record: &Value) -> Vec<&Value> {
    let fields =
        ["rule", "severity", "message", "call", "notes", "help", "stack", "related", "mapping", "pid", "tid", "exe"];
    fields.map(|field| &record[field]).to_vec()
}

/// The same without what differs from one process to the next.
fn likeness(record: &Value) -> String {
    let differs = regex::Regex::new(r"0x[0-9a-f]+|/[^ ']*/\.tmp\w+|inode \d+|segment \d+").unwrap();
    let fields = ["rule", "severity", "message", "notes", "help"].map(|field| record[field].to_string());
    differs.replace_all(&fields.join("\n"), "…").into_owned()
}

const CAUSES: [&str; 20] = [
    "past-eof",
    "truncated",
    "truncated-private",
    "truncated-later",
    "no-huge-page",
    "unsupplied",
    "protected",
    "read-only-segment",
    "uncommitted",
    "data-as-code",
    "unmapped",
    "unmapped-code",
    "moved",
    "detached",
    "failed",
    "failed-field",
    "failed-segment",
    "past-mapping",
    "before-mapping",
    "into-guard",
];

/// A handler that ends the process, and is given what came with the signal if its name says so.
const HANDLER: &str = r#"
#include <signal.h>
#include <stdlib.h>
static void end(int signal) { abort(); }
__attribute__((constructor)) static void start(void)
{
    const char *handler = getenv("HANDLER");
    struct sigaction action = {.sa_handler = end, .sa_flags = handler && *handler == 'i' ? SA_SIGINFO : 0};
    if (handler) {
        sigaction(SIGSEGV, &action, NULL);
        sigaction(SIGBUS, &action, NULL);
    }
}
"#;

/// The handler's findings and those of cores, of every cause in every place; and of cores alone, where the program has a handler.
#[test]
#[cfg(target_arch = "x86_64")]
fn a_core_explains_its_fault_as_the_handler_did() {
    let Some(library) = library().filter(|_| has_cores()) else { return };
    let (_program, program) = compiled(include_str!("../../../c-tests/faults/faults.c"), &[]);
    let (_handler, handler) = compiled(HANDLER, &["-shared", "-fPIC"]);
    let mut compared = 0;
    for cause in CAUSES {
        let die = |place: &str, handler: &Path, how: Option<&str>| {
            // An IPC namespace of its own takes its segments along when it ends.
            let mut command = Command::new("unshare");
            command.args(["--ipc", "--"]).arg(&program).args([cause, place]).env_remove("HANDLER");
            dying(command.envs(how.map(|how| ("HANDLER", how))), &[&library, handler])
        };
        let mut of_main = None;
        for place in ["main", "thread", "child", "handler", "broken", "small"] {
            let Some((_left, core, records)) = die(place, &handler, None) else {
                eprintln!("SKIPPED: '{cause}' can't be had here");
                break;
            };
            let told = records.iter().rfind(|record| is_of_fault(record));
            let told = told.unwrap_or_else(|| panic!("{cause} {place}: {records:?}"));
            let fault = &told_of(&core)["fault"];
            assert_eq!(content(&fault["finding"]), content(told), "{cause} {place}: {fault}");
            assert_eq!(fault["is_handled"], false);
            compared += 1;
            if place == "main" {
                of_main = Some(likeness(told));
            }
        }
        let Some(of_main) = of_main else { continue };
        for how in ["plain", "informed"] {
            let (_left, core, _) = die("main", &handler, Some(how)).unwrap();
            let fault = &told_of(&core)["fault"];
            assert_eq!((&fault["is_handled"], &fault["then"]), (&true.into(), &"SIGABRT".into()), "{cause} {how}");
            assert_eq!(likeness(&fault["finding"]), of_main, "{cause} {how}");
        }
    }
    assert!(compared > 60, "{compared} were compared");
}

const STACKLESS: &str = r"
#include <stddef.h>
#include <sys/mman.h>
#include <ucontext.h>
static ucontext_t outer, inner;
static char *stack;
static void run(void) { munmap(stack, 65536); }
int main(void)
{
    stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    getcontext(&inner);
    inner.uc_stack.ss_sp = stack;
    inner.uc_stack.ss_size = 65536;
    makecontext(&inner, run, 0);
    swapcontext(&outer, &inner);
}
";

#[test]
#[cfg(target_arch = "x86_64")]
fn a_fault_is_explained_for_which_no_handler_had_room() {
    let Some(library) = library().filter(|_| has_cores()) else { return };
    let (_folder, program) = compiled(STACKLESS, &[]);
    let (_left, core, records) = dying(&mut Command::new(&program), &[&library]).unwrap();
    assert_eq!(records.iter().find(|record| is_of_fault(record)), None, "a handler could run");
    let fault = &told_of(&core)["fault"];
    assert_eq!(fault["finding"]["rule"], "fault-after-unmap", "{fault}");
    let shown = text(&inspect(&[core.to_str().unwrap()]).stdout);
    assert!(
        shown.contains("\nit met SIGSEGV at 0x") && shown.contains("run (") && shown.contains("unmapped here"),
        "{shown}"
    );
}

const NULL_POINTER: &str = r"
#include <sys/mman.h>
int main(void) { mmap(0, 4096, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); return *(volatile int *)8; }
";

#[test]
#[cfg(target_arch = "x86_64")]
fn what_is_no_fault_and_what_can_t_be_explained_is_said() {
    let Some(library) = library().filter(|_| has_cores()) else { return };
    let (_folder, program) = compiled("#include <stdlib.h>\nint main(void) { abort(); }", &[]);
    let (_left, core, _) = dying(&mut Command::new(&program), &[&library]).unwrap();
    let fault = &told_of(&core)["fault"];
    assert_eq!(
        (fault["signal"].as_str(), &fault["address"], &fault["finding"]),
        (Some("SIGABRT"), &Value::Null, &Value::Null)
    );

    // The library is another by now: its code is not taken for the one that ran.
    let (_folder, program) = compiled(NULL_POINTER, &[]);
    let own = tempfile::tempdir().unwrap();
    let copy = own.path().join("libmapsan.so");
    fs::copy(&library, &copy).unwrap();
    let (_left, core, _) = dying(&mut Command::new(&program), &[&copy]).unwrap();
    let fault = &told_of(&core)["fault"];
    assert!(fault["note"].as_str().unwrap().contains("no mapping explains this SIGSEGV"), "{fault}");
    let mut bytes = fs::read(&copy).unwrap();
    bytes[200] ^= 1;
    fs::write(&copy, bytes).unwrap();
    let fault = &told_of(&core)["fault"];
    let note = fault["note"].as_str().unwrap();
    assert!(note.contains("could not be found out") && note.contains("libmapsan.so' has changed since"), "{fault}");
}

#[test]
#[cfg(target_arch = "x86_64")]
fn a_core_that_a_debugger_made_tells_the_same() {
    let Some(library) = library() else { return };
    let (folder, program) = compiled(NULL_POINTER, &[]);
    let has_gdb = |arguments: &[&str]| {
        let wrapper = format!("set exec-wrapper env MAPSAN_OPTIONS=leaks=none LD_PRELOAD={}", library.display());
        let mut gdb = Command::new("gdb");
        gdb.args(["-nx", "-q", "-batch", "-ex", &wrapper]).args(arguments).arg(&program);
        gdb.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
    };
    let (dying, running) = (folder.path().join("dying"), folder.path().join("running"));
    let save = |core: &Path| format!("generate-core-file {}", core.display());
    let made = has_gdb(&["-ex", "run", "-ex", &save(&dying), "-ex", "kill"])
        && has_gdb(&["-ex", "break main", "-ex", "run", "-ex", &save(&running), "-ex", "kill"]);
    if !made || !dying.exists() || !running.exists() {
        eprintln!("SKIPPED: gdb can't make a core here; install it: sudo apt-get install gdb");
        return;
    }
    let fault = &told_of(&dying)["fault"];
    assert_eq!((fault["signal"].as_str(), fault["address"].as_str()), (Some("SIGSEGV"), Some("0x8")), "{fault}");
    assert!(fault["note"].as_str().unwrap().contains("no mapping explains this SIGSEGV (read of 0x8)"), "{fault}");
    // It stopped at a breakpoint.
    let fault = &told_of(&running)["fault"];
    assert_ne!(fault["signal"].as_str(), Some("SIGSEGV"), "{fault}");
}
