//! `mapsan sweep`: what it finds in the programs of c-tests/sweep, and that nothing of it is left.
//!
//! Runs need the library, as in `command.rs`.

mod place;

use place::{Place, text};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What the words at the ends of lines stand for.
const WORDS: [(&str, &str); 6] = [
    ("unchecked", "sweep-unchecked-return"),
    ("hang", "sweep-hang"),
    ("silent", "sweep-silent"),
    ("leak", "sweep-leak"),
    ("fault", "sweep-fault"),
    ("lock", "lock-owner-died"),
];

type Lines = BTreeSet<(String, u64)>;

fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../c-tests/sweep").canonicalize().unwrap()
}

/// The rules and lines that a source says.
fn said(source: &str) -> Lines {
    let word = |line: &str| {
        let word = line.strip_suffix(" */")?.rsplit_once("/* ")?.1.to_owned();
        WORDS.iter().find(|(known, _)| *known == word).map(|(_, rule)| (*rule).to_owned())
    };
    source.lines().zip(1..).filter_map(|(line, number)| Some((word(line)?, number))).collect()
}

/// Records of a kind.
fn records<'a>(all: &'a [Value], kind: &str) -> Vec<&'a Value> {
    all.iter().filter(|record| record["kind"] == kind).collect()
}

fn read(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// The line of a frame.
fn line_of(frame: &Value) -> u64 {
    let (module, offset) = (frame["module"].as_str().unwrap(), frame["offset"].as_str().unwrap());
    let output = Command::new("addr2line").args(["-e", module, offset]).output().unwrap();
    let line = text(&output.stdout);
    let number = line.trim().rsplit(':').next().unwrap_or_default().split(' ').next().unwrap_or_default().to_owned();
    number.parse().unwrap_or_else(|_| panic!("{line}"))
}

/// The rules and lines that were found.
fn found(records: &[&Value]) -> Lines {
    let place = |finding: &Value| {
        let failed = finding["related"].as_array().unwrap().iter().find(|related| related["label"] == "failed call");
        line_of(failed.map_or(&finding["stack"][0], |failed| &failed["stack"][0]))
    };
    let of_sweep = |finding: &&&Value| WORDS.iter().any(|(_, rule)| finding["rule"] == *rule);
    let findings = records.iter().filter(of_sweep);
    findings.map(|finding| (finding["rule"].as_str().unwrap().to_owned(), place(finding))).collect()
}

/// Sweeps a program with some input; the records, and what is said beside them.
fn sweep(place: &Place, options: &[&str], program: &[&str]) -> (Vec<Value>, String, Option<i32>) {
    let arguments = [&["sweep", "--format", "json", "-o", "out.json"], options, &["--"], program].concat();
    let mut command = place.command(&arguments);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"one\ntwo\nthree\n").unwrap();
    let output = child.wait_with_output().unwrap();
    (
        read(&fs::read_to_string(place.path().join("out.json")).unwrap_or_default()),
        text(&output.stderr),
        output.status.code(),
    )
}

#[test]
fn each_failure_that_is_not_survived_is_found_and_nothing_else() {
    let Some(place) = Place::new() else { return };
    let schema = serde_json::from_str(mapsan_model::record::JSON_SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for entry in fs::read_dir(programs()).unwrap().flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|ending| ending != "c") {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let first = source.lines().next().unwrap();
        let options = first.strip_prefix("/* sweep: ").and_then(|rest| rest.strip_suffix(" */")).unwrap_or_default();
        let options: Vec<&str> = options.split_whitespace().collect();
        let mut compiler = Command::new("cc");
        compiler.args(["-g", "-O0", "-w", "-pthread", "-o", "prog"]).arg(&path).current_dir(place.path());
        assert!(compiler.status().unwrap().success());
        let (all, stderr, status) = sweep(&place, &options, &["./prog"]);
        let name = path.display();
        assert_eq!(status, Some(0), "{name}: {stderr}");
        let findings = records(&all, "finding");
        assert_eq!(found(&findings), said(&source), "{name}: {stderr}\n{findings:#?}");
        let points = records(&all, "point");
        assert!(
            !points.is_empty() && points.iter().all(|point| point["outcome"] != "unreached" || point["when"] != "1"),
            "{name}"
        );
        for record in &all {
            let errors: Vec<String> = validator.iter_errors(record).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{name}: {errors:?}: {record}");
        }
    }
}

const UNCHECKED: &str = "#include <stdio.h>\n#include <string.h>\n#include <sys/mman.h>\nint main(int n, char **v) {\n  \
                         char *p = mmap(0, 4096, 3, 34, -1, 0);\n  if (n > 9) munmap(p, 1);\n  strcpy(p, \"x\");\n  puts(p);\n  \
                         return munmap(p, 4096);\n}\n";

#[test]
fn what_is_shown_repeats_it() {
    let Some(place) = Place::new() else { return };
    place.write("prog.c", UNCHECKED);
    place.compile("prog");
    let output = place.mapsan(&["sweep", "--error-exitcode", "9", "./prog"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(9), "{said}");
    for words in [
        "dies of SIGSEGV when this mmap fails with ENOMEM",
        "died here:",
        "prog.c:7",
        "never reached: munmap at prog.c:6",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let replay = said.lines().find_map(|line| line.trim().strip_prefix("replay: mapsan ")).expect("it shows how");
    assert_eq!(replay, "run --inject mmap@prog.c:5:ENOMEM:1 -- ./prog");
    let words: Vec<&str> = replay.split(' ').collect();
    let again = place.mapsan(&words);
    assert!(text(&again.stderr).contains("fault-map-failed"), "{}", text(&again.stderr));
}

#[test]
fn what_is_known_is_told_and_not_run_again() {
    let Some(place) = Place::new() else { return };
    place.write("prog.c", UNCHECKED);
    place.compile("prog");
    let options = ["--database", "known.json"];
    let (first, _, _) = sweep(&place, &options, &["./prog"]);
    let database = place.read("known.json");
    let (second, _, _) = sweep(&place, &options, &["./prog"]);
    assert_eq!(place.read("known.json"), database, "no run was made");
    let rules =
        |all: &[Value]| records(all, "finding").iter().map(|finding| finding["rule"].clone()).collect::<Vec<_>>();
    assert_eq!(rules(&first), rules(&second));
    let outcomes = |all: &[Value]| {
        let all = records(all, "point");
        all.iter().map(|point| point["outcome"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    assert_eq!(outcomes(&first), outcomes(&second));
    assert!(records(&second, "injected").is_empty());
    let plan = place.mapsan(&["sweep", "--plan", "--database", "known.json", "./prog"]);
    assert_eq!((text(&plan.stdout), plan.status.code()), (String::new(), Some(0)));
}

#[test]
fn parts_of_a_plan_make_the_whole() {
    let Some(place) = Place::new() else { return };
    fs::copy(programs().join("checked.c"), place.path().join("prog.c")).unwrap();
    place.compile("prog");
    let plan = |options: &[&str]| {
        let output = place.mapsan(&[&["sweep", "--plan"], options, &["./prog"]].concat());
        let key = |record: &Value| format!("{} {} {}", record["site"], record["what"], record["when"]);
        let records = read(&text(&output.stdout));
        assert!(records.iter().all(|record| record["kind"] == "point" && record["outcome"].is_null()));
        records.iter().map(key).collect::<Vec<_>>()
    };
    let whole = plan(&[]);
    assert!(whole.len() > 10, "{whole:?}");
    let mut parts: Vec<String> = ["1/3", "2/3", "3/3"].iter().flat_map(|part| plan(&["--partition", part])).collect();
    parts.sort();
    let mut sorted = whole;
    sorted.sort();
    assert_eq!(parts, sorted);
    for wrong in ["0/3", "4/3", "x"] {
        assert_eq!(place.mapsan(&["sweep", "--partition", wrong, "./prog"]).status.code(), Some(2));
    }
}

#[test]
fn a_check_decides_in_place_of_the_output() {
    let Some(place) = Place::new() else { return };
    place.write(
        "prog.c",
        "#include <stdio.h>\n#include <sys/mman.h>\nint main(void) {\n  char *p = mmap(0, 4096, 3, 34, -1, 0);\n  \
         puts(p == MAP_FAILED ? \"slow\" : \"fast\");\n  return 0;\n}\n",
    );
    place.compile("prog");
    let rules = |check: &[&str]| {
        let (all, stderr, status) = sweep(&place, check, &["./prog"]);
        assert!(status == Some(0) || status == Some(125), "{stderr}");
        records(&all, "finding").iter().filter(|finding| finding["rule"] == "sweep-silent").count()
    };
    assert_eq!(rules(&[]), 1);
    assert_eq!(rules(&["--check", "grep -qE 'fast|slow' && test $MAPSAN_STATUS = 0"]), 0);
    assert_eq!(rules(&["--check", "grep -q fast"]), 1);
    let wrong = place.mapsan(&["sweep", "--check", "false", "./prog"]);
    assert!(wrong.status.code() == Some(125) && text(&wrong.stderr).contains("--check says of the plain run"));
}

#[test]
fn statuses_are_those_of_run() {
    let Some(place) = Place::new() else { return };
    place.write("prog.c", "int main(void) { return 3; }\n");
    place.compile("prog");
    let status = |arguments: &[&str]| place.mapsan(&[&["sweep"], arguments].concat()).status.code();
    assert_eq!(status(&["./prog"]), Some(0));
    assert_eq!(status(&["./missing"]), Some(127));
    assert_eq!(status(&["./prog.c/x"]), Some(127));
    assert_eq!(status(&["/etc/passwd"]), Some(126));
    assert_eq!(status(&["--timeout", "0", "./prog"]), Some(2));
    assert_eq!(status(&["--jobs", "0", "./prog"]), Some(2));
}

/// Processes that have this word among their arguments.
fn running(word: &str) -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let of = |entry: fs::DirEntry| fs::read(entry.path().join("cmdline")).unwrap_or_default();
    processes.map(of).filter(|line| line.windows(word.len()).any(|window| window == word.as_bytes())).count()
}

/// At whichever moment it is ended, nothing of it is left: no process, also of another session, and no folder.
#[test]
fn whatever_ends_it_nothing_is_left() {
    let Some(place) = Place::new() else { return };
    place.write(
        "prog.c",
        "#include <sys/mman.h>\n#include <sys/shm.h>\n#include <unistd.h>\nint main(int n, char **v) {\n  \
         shmget(0x5eed, 4096, 01600);\n  if (fork() == 0) {\n    setsid();\n    sleep(3);\n    _exit(0);\n  }\n  \
         char *p = mmap(0, 4096, 3, 34, -1, 0);\n  sleep(3);\n  return p == MAP_FAILED;\n}\n",
    );
    place.compile("prog");
    let word = format!("of-sweep-{}", std::process::id());
    fs::create_dir(place.path().join("tmp")).unwrap();
    for (signal, moment) in [("INT", 300), ("INT", 2600), ("TERM", 1500), ("KILL", 700), ("KILL", 3200)] {
        let mut command = place.command(&["sweep", "--", "./prog", &word]);
        let mut child = command.env("TMPDIR", place.path().join("tmp")).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(moment));
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
        let status = child.wait().unwrap();
        if signal == "INT" {
            assert_eq!(status.code(), Some(130));
        }
        // The kernel ends what was traced, and needs a moment for it.
        let until = Instant::now() + Duration::from_secs(20);
        while running(&word) > 0 {
            assert!(Instant::now() < until, "{signal} after {moment} ms leaves processes");
            thread::sleep(Duration::from_millis(10));
        }
        let left: Vec<_> =
            fs::read_dir(place.path().join("tmp")).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert!(signal == "KILL" || left.is_empty(), "{signal} leaves {left:?}");
    }
    let mut command = place.command(&["sweep", "--plan", "--", "./prog", &word]);
    assert!(command.env("TMPDIR", place.path().join("tmp")).output().unwrap().status.success());
    assert_eq!(fs::read_dir(place.path().join("tmp")).unwrap().count(), 0, "the next one clears up");
}

#[test]
fn a_program_of_another_language_is_swept() {
    let Some(place) = Place::new() else { return };
    if !Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: there is no python3");
        return;
    }
    let program = "import ctypes\nc = ctypes.CDLL(None, use_errno=True)\nc.mmap.restype = ctypes.c_void_p\n\
                   p = c.mmap(None, ctypes.c_size_t(4096), 3, 34, -1, 0)\nctypes.memset(p, 65, 10)\n\
                   print(ctypes.string_at(p, 3))\n";
    place.write("prog.py", program);
    let (all, stderr, status) = sweep(&place, &["--only", "libffi*"], &["python3", "prog.py"]);
    assert_eq!(status, Some(0), "{stderr}");
    let findings = records(&all, "finding");
    assert!(findings.iter().any(|finding| finding["rule"] == "sweep-unchecked-return"), "{stderr}\n{findings:#?}");
}
