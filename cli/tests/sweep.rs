//! `mapsan sweep`: what it finds in the programs of c-tests/sweep, and that nothing of it is left.
//!
//! Runs need the library, as in `command.rs`.

mod place;
mod sweeping;

use place::{Place, text};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use sweeping::{UNCHECKED, programs, records, sweep};

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

/// The rules and lines that a source says.
fn said(source: &str) -> Lines {
    let word = |line: &str| {
        let word = line.strip_suffix(" */")?.rsplit_once("/* ")?.1.to_owned();
        WORDS.iter().find(|(known, _)| *known == word).map(|(_, rule)| (*rule).to_owned())
    };
    source.lines().zip(1..).filter_map(|(line, number)| Some((word(line)?, number))).collect()
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

/// Sweeps each program that lies there; the library is linked with these, or preloaded.
fn sweep_all(flags: impl Fn(&Place) -> Vec<String>) {
    let Some(place) = Place::new() else { return };
    let schema = serde_json::from_str(mapsan_model::record::JSON_SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for path in fs::read_dir(programs()).unwrap().map(|entry| entry.unwrap().path()) {
        let compiler = match path.extension().and_then(|ending| ending.to_str()) {
            Some("c") => "cc",
            Some("cpp") => "c++",
            _ => continue,
        };
        let source = fs::read_to_string(&path).unwrap();
        let first = source.lines().next().unwrap();
        let options = first.strip_prefix("/* sweep: ").and_then(|rest| rest.strip_suffix(" */")).unwrap_or_default();
        let options: Vec<&str> = options.split_whitespace().collect();
        let mut compiler = Command::new(compiler);
        compiler.args(["-g", "-O0", "-w", "-pthread", "-o", "prog"]).arg(&path).args(flags(&place));
        assert!(compiler.current_dir(place.path()).status().unwrap().success());
        let (all, stderr, status) = sweep(&place, &options, &["./prog"]);
        let name = path.display();
        assert_eq!(status, Some(0), "{name}: {stderr}");
        let findings = records(&all, "finding");
        assert_eq!(found(&findings), said(&source), "{name}: {stderr}\n{findings:#?}");
        let points = records(&all, "point");
        assert!(!points.is_empty() && points.iter().all(|point| point["outcome"] != "unreached"), "{name}: {stderr}");
        for record in &all {
            let errors: Vec<String> = validator.iter_errors(record).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{name}: {errors:?}: {record}");
        }
    }
}

#[test]
fn each_failure_that_is_not_survived_is_found_and_nothing_else() {
    sweep_all(|_| Vec::new());
}

#[test]
fn the_same_is_found_where_the_library_is_linked() {
    sweep_all(|place| {
        let folder = place.library.parent().unwrap().canonicalize().unwrap();
        let folder = folder.display();
        let flags = format!("-Wl,--no-as-needed -L{folder} -lmapsan -Wl,-rpath,{folder}");
        flags.split(' ').map(str::to_owned).collect()
    });
}

/// A rule, and the call whose failure it tells of.
type Told = (&'static str, &'static str);

/// What a sweep of the documents' programs tells, by program, rule and call: `buf < 0` of a pointer is no check, and a reader that
/// gives up leaves the segment that it is to remove.
const DOCUMENTS: [(&str, &str, &[Told]); 5] = [
    ("anonymous_fork", "./anonymous_fork", &[]),
    ("mmap_writer", "timeout 1 ./mmap_writer", &[]),
    ("mmap_reader", "timeout 1 ./mmap_reader", &[]),
    ("shm_writer", "./shm_writer", &[("sweep-unchecked-return", "shmat")]),
    (
        "shm_reader",
        "./shm_writer > /dev/null; ./shm_reader",
        &[("sweep-leak", "ftok"), ("sweep-leak", "shmget"), ("sweep-unchecked-return", "shmat")],
    ),
];

#[test]
fn the_programs_of_the_documents_are_swept() {
    let Some(place) = Place::new() else { return };
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/documents");
    let folder = std::env::var_os("MAPSAN_DOCUMENTS").map_or(beside, PathBuf::from);
    if !folder.exists() {
        eprintln!("SKIPPED: the documents are not there: set MAPSAN_DOCUMENTS to their folder");
        return;
    }
    place.write("test", &"b".repeat(2048));
    place.write("keytest", "");
    for (name, command, expected) in DOCUMENTS {
        let source = fs::read_to_string(folder.join(format!("{name}.c"))).unwrap();
        place.write(&format!("{name}.c"), &source.replace("i + + ;", "i++;"));
        place.compile(name);
        let (all, stderr, status) = sweep(&place, &[&format!("--only={name}")], &["sh", "-c", command]);
        assert_eq!(status, Some(0), "{name}: {stderr}");
        let of_sweep = |finding: &&Value| finding["rule"].as_str().unwrap().starts_with("sweep-");
        let findings = records(&all, "finding").into_iter().filter(of_sweep);
        let told =
            findings.map(|finding| (finding["rule"].as_str().unwrap(), finding["call"]["function"].as_str().unwrap()));
        let told: BTreeSet<_> = told.collect();
        assert_eq!(told, expected.iter().copied().collect(), "{name}: {stderr}");
        assert!(!records(&all, "point").is_empty(), "{name}: {stderr}");
    }
}

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
fn what_an_interpreter_calls_by_ctypes_is_swept() {
    let Some(place) = Place::new() else { return };
    if !Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: there is no python3");
        return;
    }
    let told = |name: &str| {
        let program = programs().join(name);
        let options = ["--only", "libffi*", "--only", "_ctypes*"];
        let (all, stderr, status) = sweep(&place, &options, &["python3", program.to_str().unwrap()]);
        assert_eq!(status, Some(0), "{name}: {stderr}");
        let points = records(&all, "point");
        assert!(points.iter().any(|point| point["outcome"] != "unreached"), "{name}: {stderr}");
        let findings = records(&all, "finding");
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let told = findings.iter().map(|finding| (word(&finding["rule"]), word(&finding["call"]["function"])));
        told.filter(|(rule, _)| rule.starts_with("sweep-")).collect::<Vec<_>>()
    };
    assert_eq!(told("ctypes-unchecked.py"), [("sweep-unchecked-return".to_owned(), "mmap".to_owned())]);
    assert_eq!(told("ctypes-checked.py"), []);
}

/// By a script that stands beside the programs: points are the same in all plain runs, and results are repeated.
#[test]
fn points_and_results_are_the_same_each_time() {
    let Some(place) = Place::new() else { return };
    if !Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: there is no python3");
        return;
    }
    for name in ["null", "server", "threads"] {
        fs::copy(programs().join(format!("{name}.c")), place.path().join(format!("{name}.c"))).unwrap();
        place.compile(name);
        let mut repeat = Command::new("python3");
        repeat.arg(programs().join("repeat.py")).args(["--times", "3", "--most", "3", "--", &format!("./{name}")]);
        repeat.env("MAPSAN", env!("CARGO_BIN_EXE_mapsan")).env("MAPSAN_RUNTIME", &place.library);
        let output = repeat.current_dir(place.path()).env_remove("MAPSAN_OPTIONS").output().unwrap();
        assert!(output.status.success(), "{name}: {}{}", text(&output.stdout), text(&output.stderr));
    }
}
