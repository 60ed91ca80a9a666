//! `mapsan inspect` on processes that run.

mod library;

use library::library;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// A program that runs, says what it has done, and waits.
struct Running {
    child: Child,
    /// The words of its first line.
    words: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Running {
    fn start(source: &str, library: Option<&Path>) -> Running {
        let folder = tempfile::tempdir().unwrap();
        let (file, program) = (folder.path().join("program.c"), folder.path().join("program"));
        fs::write(&file, source).unwrap();
        let compiled = Command::new("cc").args(["-g", "-pthread", "-o"]).args([&program, &file]).status().unwrap();
        assert!(compiled.success());
        // An IPC namespace of its own takes its segments along when it ends.
        let mut command = Command::new("unshare");
        command.args(["--ipc", "--"]).arg(&program).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        if let Some(library) = library {
            command.env("LD_PRELOAD", library).env("MAPSAN_OPTIONS", "leaks=none");
        }
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let words = line.split_whitespace().map(str::to_owned).collect();
        Running { child, words, _folder: folder }
    }

    fn inspect(&self, arguments: &[&str]) -> Output {
        inspect(&[&[self.child.id().to_string().as_str()][..], arguments].concat())
    }

    fn json(&self, addresses: &[&str]) -> Value {
        let output = self.inspect(&[&["--json"][..], addresses].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        let schema = include_str!("../../docs/inspection.schema.json");
        let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
        let errors: Vec<String> =
            schema.iter_errors(&value).map(|error| format!("{error} at {}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:?}");
        value
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn inspect(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mapsan")).arg("inspect").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The line of the innermost call of a site.
fn line(site: &Value) -> u64 {
    site["places"][0]["line"].as_u64().unwrap_or(0)
}

fn starting<'a>(list: &'a Value, start: &str) -> &'a Value {
    list.as_array().unwrap().iter().find(|one| one["start"] == start).unwrap_or(&Value::Null)
}

const KNOWN: &str = r#"#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>
int main(int argc, char **argv) {
    char *kept = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = open(argv[0], O_RDONLY);
    char *file = mmap(NULL, 100, PROT_READ, MAP_PRIVATE, fd, 4096);
    char *gone = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(gone, 4096);
    int id = shmget(IPC_PRIVATE, 5000, IPC_CREAT | 0600);
    char *attached = shmat(id, NULL, 0);
    mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 9999, 0);
    char *parts = mmap(NULL, 12288, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(parts + 4096, 4096);
    printf("%p %p %p %d %p %p\n", (void *)kept, (void *)file, (void *)gone, id, (void *)attached, (void *)(parts + 8192));
    fflush(stdout);
    getchar();
}
"#;

#[test]
fn what_a_running_process_has_done_is_told_with_its_lines() {
    let Some(library) = library() else { return };
    let running = Running::start(KNOWN, Some(&library));
    let [kept, file, gone, id, attached, _] = running.words.as_slice() else { panic!("{:?}", running.words) };
    let told = running.json(&[]);
    let mappings = &told["mappings"];
    let mapping = starting(mappings, kept);
    assert_eq!(
        (line(&mapping["site"]), mapping["bytes"].as_u64(), &mapping["protection"]),
        (7, Some(8192), &"rw-".into())
    );
    let mapping = starting(mappings, file);
    assert_eq!(
        (line(&mapping["site"]), mapping["length"].as_u64(), mapping["file"]["offset"].as_u64()),
        (9, Some(100), Some(4096))
    );
    let mapping = starting(mappings, attached);
    assert_eq!((line(&mapping["site"]), mapping["segment"]["id"].to_string()), (13, id.clone()));
    assert!(mappings.as_array().unwrap().iter().all(|mapping| mapping["is_mapped"] == true));
    let released = &told["released"][1];
    assert_eq!((line(&released["site"]), line(&released["was"]["site"])), (11, 10));
    assert_eq!(released["was"]["start"], gone.as_str());
    let age = |told: &Value| told["released"][1]["milliseconds_ago"].as_u64();
    if let Some(age_at_first) = age(&told) {
        std::thread::sleep(std::time::Duration::from_millis(300));
        let later = age(&running.json(&[])).unwrap();
        assert!((age_at_first + 290..age_at_first + 60_000).contains(&later), "{age_at_first} and {later} ms");
    } else {
        eprintln!("SKIPPED: the time of a release is not known here");
    }
    let segment = &told["segments"][0];
    assert_eq!(
        (segment["id"].to_string(), segment["is_created"].as_bool(), line(&segment["site"])),
        (id.clone(), Some(true), 12)
    );
    let failed = &told["failures"][0];
    assert_eq!((failed["call"].as_str(), failed["errno"].as_i64(), line(&failed["site"])), (Some("mmap"), Some(9), 14));
    let findings = &told["findings"];
    assert_eq!((findings["errors"].as_u64(), findings["last"]["rule"].as_str()), (Some(1), Some("mmap-bad-fd")));
    assert_eq!(line(&findings["last"]["site"]), 14);
    assert!(told["is_settled"] == true && told["is_tracking"] == true && told["is_complete"] == true);

    let shown = text(&running.inspect(&[]).stdout);
    for words in
        ["anonymous", "segment ", "mmap at ", "program.c:7", "munmap ", "program.c:11", "(EBADF)", "[mmap-bad-fd]"]
    {
        assert!(shown.contains(words), "{words}: {shown}");
    }
}

#[test]
fn what_is_at_an_address_is_told() {
    let Some(library) = library() else { return };
    let running = Running::start(KNOWN, Some(&library));
    let [kept, _, gone, _, _, rest] = running.words.as_slice() else { panic!("{:?}", running.words) };
    let inside = format!("{:#x}", u64::from_str_radix(&kept[2..], 16).unwrap() + 5000);
    let told = running.json(&[&inside, gone, "0x10"]);
    let at = &told["addresses"];
    assert_eq!((at[0]["offset"].as_u64(), line(&at[0]["mapping"]["site"])), (Some(5000), 7));
    assert_eq!(line(&at[1]["released"][0]["site"]), 11);
    assert!(at[2]["mapping"].is_null() && at[2]["kernel"].is_null());

    let strange = ["0", "0x10", "0xffffffff81000000", "0x4000000000000000"];
    let shown = text(&running.inspect(&strange).stdout);
    for words in ["it is NULL\n", "a little above NULL", "an address of the kernel's", "damaged"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    // A mapping of which the middle is gone.
    let rest = u64::from_str_radix(&rest[2..], 16).unwrap();
    let shown = text(&running.inspect(&[&format!("{:#x}", rest + 5), &format!("{:#x}", rest - 5)]).stdout);
    assert!(
        shown.contains("is 5 bytes into what is left here of a mapping that was longer; 8197 bytes into"),
        "{shown}"
    );
    assert!(shown.contains("is not mapped\nit was,") && shown.contains(" s ago at "), "{shown}");

    let shown = text(&running.inspect(&[&inside]).stdout);
    assert!(shown.contains("is 5000 bytes into") && !shown.contains("segment"), "{shown}");
}

/// 10,000 mappings that stay, with holes between them in which a thread maps and releases all the time.
const STORM: &str = r#"#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#define PAGE 4096ul
#define HOLES 100
#define BETWEEN 101 /* from hole to hole */
static char *room;
static unsigned long turns;
static void map(unsigned long page, int prot) {
    mmap(room + PAGE * page, PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}
static void *storm(void *unused) {
    for (;; turns++) {
        map(BETWEEN * (turns * 7 % HOLES), PROT_READ);
        munmap(room + PAGE * BETWEEN * (turns * 11 % HOLES), PAGE);
    }
    return unused;
}
int main(int argc, char **argv) {
    room = mmap(NULL, PAGE * HOLES * BETWEEN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (unsigned long page = 0; page < HOLES * BETWEEN; page++)
        map(page, PROT_NONE);
    pthread_t thread;
    pthread_create(&thread, NULL, storm, NULL);
    printf("%p\n", (void *)room);
    fflush(stdout);
    if (argc > 1) {
        sleep(atoi(argv[1]));
        printf("%lu turns\n", turns);
    } else
        getchar();
    _exit(0);
}
"#;

#[test]
fn what_stays_is_told_right_while_others_come_and_go() {
    let Some(library) = library() else { return };
    let running = Running::start(STORM, Some(&library));
    let room = u64::from_str_radix(&running.words[0][2..], 16).unwrap();
    let staying: Vec<String> =
        (0..10_100_u64).filter(|page| page % 101 != 0).map(|page| format!("{:#x}", room + 4096 * page)).collect();
    let mut unsettled = 0;
    for attempt in 0..100 {
        // A thousand of them, others each time.
        let some: Vec<&str> = staying.iter().skip(attempt).step_by(10).map(String::as_str).collect();
        let output = running.inspect(&[&["--json"][..], &some].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        unsettled += u32::from(told["is_settled"] == false);
        for (address, told) in some.iter().zip(told["addresses"].as_array().unwrap()) {
            let mapping = &told["mapping"];
            assert_eq!(mapping["start"], *address, "in attempt {attempt}: {told}");
            assert_eq!(
                (mapping["bytes"].as_u64(), &mapping["protection"], line(&mapping["site"])),
                (Some(4096), &"---".into(), 12)
            );
        }
    }
    assert!(unsettled > 0, "nothing ever changed while it was read: the test shows nothing");
}
