//! What `mapsan run` prints, for two dozen programs: those of some rules, and some of C++, threads and forks.
//!
//! What varies is replaced by numbered names. `MAPSAN_UPDATE=1` writes the files anew.

use regex::{Captures, Regex};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Programs of the rules; the rest is in `golden/`.
const RULES: [&str; 12] = [
    "mmap-unaligned-offset",
    "mmap-bad-fd",
    "mmap-fixed-clobber",
    "munmap-double",
    "munmap-overrun",
    "mprotect-not-mapped",
    "ftok-collision",
    "shmget-size-mismatch",
    "shmdt-not-a-segment",
    "fault-past-eof",
    "fault-after-detach",
    "fault-map-failed",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Compiles a program beside its source, so that paths are short, and runs it.
fn run(source: &Path, library: &Path) -> Option<String> {
    let place = tempfile::tempdir().unwrap();
    let name = source.file_name().unwrap();
    fs::copy(source, place.path().join(name)).unwrap();
    let compiler = if source.extension().is_some_and(|extension| extension == "cpp") { "c++" } else { "cc" };
    let compile = Command::new(compiler)
        .current_dir(place.path())
        .args(["-g", "-O0", "-pthread", "-w", "-o", "program"])
        .arg(name)
        .status();
    let Ok(status) = compile else {
        eprintln!("SKIPPED: {} takes {compiler}: apt-get install g++", source.display());
        return None;
    };
    assert!(status.success(), "{}", source.display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_mapsan"));
    command.current_dir(place.path()).env_remove("MAPSAN_OPTIONS").env_remove("LD_PRELOAD");
    command.env("MAPSAN_RUNTIME", library).stdin(Stdio::null()).stdout(Stdio::null());
    let findings = place.path().join("findings");
    command
        .args(["run", "--ipc", "private", "--disable", "leak-mapping,leak-attach", "-o"])
        .arg(&findings)
        .arg("./program");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("no IPC namespace can be made") {
        eprintln!("SKIPPED: {}", said.trim());
        return None;
    }
    Some(normalise(&fs::read_to_string(findings).unwrap(), place.path()))
}

fn normalise(text: &str, place: &Path) -> String {
    // Frames of libc differ between machines; where they stand, main is not far.
    let system = Regex::new(r"(?m)^ *at 0x[0-9a-f]+ .*\(/(?:usr/)?lib.*\n").unwrap();
    let mut text = system.replace_all(&text.replace(place.to_str().unwrap(), "<PLACE>"), "").into_owned();
    for (regex, name) in [
        (r"(?m)^( *)at 0x[0-9a-f]+ ", "${1}at "),
        (r"\(\d+ bytes, ([rwxps-]{4})\), '\[heap\]'", "(<SIZE>, $1), '[heap]'"),
        (r"/shop-\w+/", "/<DIRECTORY>/"),
        (r"\((\d+) bytes, ([rwxps-]{4})\), anonymous memory", "(<SIZE>, $2), anonymous memory"),
        (r"\b(segment(?: with id)?|ipcrm -m|of id) \d+", "$1 <ID>"),
        (r"(?m)(    shmget\(.*\)) = \d+$", "$1 = <ID>"),
        (r"\b(shmat|shmctl)\(\d+,", "$1(<ID>,"),
        (r"\bpid \d+", "pid <PID>"),
        (r"process \d+", "process <PID>"),
        (r"in thread \d+", "in thread <THREAD>"),
        (r"[ug]id \d+", "<OWNER>"),
        (r"#\d+ \(deleted\)", "<FILE>"),
        (r"next mapping above is .*", "next mapping above is <MAPPING>"),
    ] {
        text = Regex::new(regex).unwrap().replace_all(&text, name).into_owned();
    }
    let mut seen: Vec<String> = Vec::new();
    let number = |captures: &Captures<'_>| {
        let found = captures[0].to_owned();
        let index = seen.iter().position(|earlier| *earlier == found).unwrap_or_else(|| {
            seen.push(found);
            seen.len() - 1
        });
        format!("<ADDR{}>", index + 1)
    };
    Regex::new(r"\b0x[0-9a-f]{8,}\b").unwrap().replace_all(&text, number).into_owned()
}

#[test]
fn each_program_has_its_findings() {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/libmapsan.so");
    let library = env::var_os("MAPSAN_RUNTIME").map_or(built, PathBuf::from);
    if !library.exists() {
        eprintln!("SKIPPED: {} is missing: cargo build --release", library.display());
        return;
    }
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../c-tests/rules");
    let mut programs: Vec<(String, PathBuf)> =
        RULES.iter().map(|rule| ((*rule).to_owned(), rules.join(rule).join("bad.c"))).collect();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "c" || extension == "cpp") {
            programs.push((path.file_name().unwrap().to_str().unwrap().to_owned(), path));
        }
    }
    assert_eq!(programs.len(), 22);
    let mut failures = Vec::new();
    for (name, source) in programs {
        let Some(found) = run(&source, &library) else { continue };
        let file = folder().join(format!("{name}.expected"));
        if env::var_os("MAPSAN_UPDATE").is_some_and(|value| value == "1") {
            fs::write(&file, &found).unwrap();
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        if expected != found {
            failures.push(format!("{name}: expected\n{expected}\nfound\n{found}"));
        }
    }
    assert!(failures.is_empty(), "MAPSAN_UPDATE=1 writes them anew\n{}", failures.join("\n"));
}
