//! Each form, read by a reader that is not ours: the SARIF schema, the `JUnit` schema and xmllint, the problem matcher's
//! expression, the schema of records.

use regex::Regex;
use serde_json::Value;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A program with an error, a warning, a note, a leak, and a child; names that XML and JSON must escape.
const PROGRAM: &str = r"#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page, 4096);
    munmap(page, 4096);
    shmget(0x1234, 1, 0600);
    shmget(IPC_PRIVATE, 4096, IPC_CREAT);
    mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fork() == 0)
        exit(munmap((void *)1, 1) == 0);
    wait(NULL);
    return 0;
}
";

fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas")
}

fn mapsan(place: &Path) -> Option<Command> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/libmapsan.so");
    let library = env::var_os("MAPSAN_RUNTIME").map_or(built, PathBuf::from);
    if !library.exists() {
        eprintln!("SKIPPED: {} is missing: cargo build --release", library.display());
        return None;
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_mapsan"));
    command.current_dir(place).env_remove("MAPSAN_OPTIONS").env_remove("LD_PRELOAD").env("MAPSAN_RUNTIME", library);
    command.stdin(Stdio::null());
    Some(command)
}

/// Runs the program with every form, and reads saved records into every form; the folder with the files.
fn files() -> Option<tempfile::TempDir> {
    let place = tempfile::Builder::new().prefix("a<&'\"é").tempdir().unwrap();
    fs::write(place.path().join("prog.c"), PROGRAM).unwrap();
    let compile = ["-g", "-w", "-o", "prog", "prog.c"];
    assert!(Command::new("cc").current_dir(place.path()).args(compile).status().unwrap().success());
    let forms = ["sarif", "junit", "valgrind-xml", "gcc", "json"];
    let mut run = mapsan(place.path())?;
    run.args(["run", "--ipc", "private", "--format", "text"]);
    for form in forms {
        run.args(["--format", form, "--output", form]);
    }
    let output = run.arg("./prog").output().unwrap();
    if text(&output.stderr).contains("no IPC namespace can be made") {
        eprintln!("SKIPPED: {}", text(&output.stderr));
        return None;
    }
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let shown = text(&output.stderr);
    for rule in ["munmap-double", "shmget-missing", "shmget-no-permissions", "leak-segment", "munmap-unaligned-address"]
    {
        assert!(shown.contains(&format!("[{rule}]")), "{rule} in\n{shown}");
    }
    let mut report = mapsan(place.path())?;
    report.args(["report", "json"]);
    for form in forms {
        report.args(["--format", form, "--output", &format!("{form}-again")]);
    }
    assert!(report.status().unwrap().success());
    Some(place)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn read(place: &Path, name: &str) -> String {
    fs::read_to_string(place.join(name)).unwrap()
}

fn valid(schema: &str, value: &Value, name: &str) {
    let schema: Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{name}: {errors:?}\n{value:#}");
}

/// xmllint with these arguments; `None`, said loudly, where there is none.
fn xmllint(place: &Path, arguments: &[&str]) -> Option<Output> {
    match Command::new("xmllint").current_dir(place).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("SKIPPED: xmllint can't be run ({error}): apt-get install libxml2-utils");
            None
        }
    }
}

#[test]
fn every_form_is_what_its_readers_take() {
    let Some(folder) = files() else { return };
    let place = folder.path();
    for name in ["sarif", "sarif-again"] {
        let sarif: Value = serde_json::from_str(&read(place, name)).unwrap();
        // One of the published schema's patterns, for languages, has a bracket too many and is no regular expression.
        let schema = fs::read_to_string(schemas().join("sarif-2.1.0.json")).unwrap().replace("{2}]?$\"", "{2}$\"");
        valid(&schema, &sarif, name);
        let results = sarif["runs"][0]["results"].as_array().unwrap();
        let double = results.iter().find(|result| result["ruleId"] == "munmap-double").unwrap();
        let location = &double["locations"][0]["physicalLocation"];
        assert_eq!(location["artifactLocation"]["uri"], "prog.c", "{double:#}");
        assert_eq!(location["region"]["startLine"], 12);
        assert_eq!(double["relatedLocations"][0]["message"]["text"], "unmapped here");
        let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
        let index = usize::try_from(double["ruleIndex"].as_u64().unwrap()).unwrap();
        assert!(rules[index]["id"] == "munmap-double" && rules[index]["help"]["markdown"].is_string());
    }
    let matcher = Regex::new(r"^(.*):(\d+):(\d+):\s+(?:fatal\s+)?(warning|error|note):\s+(.*)$").unwrap();
    for name in ["gcc", "gcc-again"] {
        let lines = read(place, name);
        assert!(lines.lines().all(|line| matcher.is_match(line)), "{lines}");
        assert!(lines.lines().any(|line| line.starts_with("prog.c:12:5: error: ")), "{lines}");
    }
    for line in read(place, "json").lines() {
        valid(mapsan_model::record::JSON_SCHEMA, &serde_json::from_str(line).unwrap(), "json");
    }
    assert_eq!(read(place, "json"), read(place, "json-again"));
    let schema = schemas().join("junit.xsd");
    for name in ["junit", "junit-again"] {
        let Some(output) = xmllint(place, &["--noout", "--schema", schema.to_str().unwrap(), name]) else { return };
        assert!(output.status.success(), "{}\n{}", text(&output.stderr), read(place, name));
    }
    for name in ["valgrind-xml", "valgrind-xml-again"] {
        let count = |path: &str| {
            let output = xmllint(place, &["--xpath", &format!("count({path})"), name]).unwrap();
            assert!(output.status.success(), "{}\n{}", text(&output.stderr), read(place, name));
            text(&output.stdout).trim().parse::<u32>().unwrap()
        };
        assert_eq!(count("/valgrindoutput/error[kind='InvalidFree']/stack[1]/frame[line='12']"), 1);
        assert!(count("/valgrindoutput/error[xwhat/leakedbytes and xwhat/leakedblocks]") >= 1);
        assert_eq!(count("/valgrindoutput/status"), 2);
    }
}

#[test]
fn bad_input_is_met_with_one_line_and_nothing_is_lost() {
    let place = tempfile::tempdir().unwrap();
    let record = r#"{"schema":"mapsan/1","kind":"finding","time":"2026-01-01T00:00:00.000000Z","pid":7,"tid":7,"exe":"/bin/x","rule":"mmap-bad-fd","severity":"error","call":{"function":"mmap","args":[],"result":"-1","errno":"EBADF"},"message":"m","notes":[],"help":[],"stack":[],"related":[],"repeated":0}"#;
    let newer = record.replace("mapsan/1", "mapsan/9");
    fs::write(place.path().join("records"), format!("{record}\nnonsense\n{newer}\n{}", &record[..50])).unwrap();
    let Some(mut command) = mapsan(place.path()) else { return };
    let output = command.args(["report", "records", "missing", "--format", "gcc"]).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert_eq!(text(&output.stdout), "/bin/x:1:1: error: m [mmap-bad-fd]\n");
    let errors = text(&output.stderr);
    let starts = [
        "mapsan: 'records', line 2, is skipped: it is no record of mapsan",
        "mapsan: 'records', line 3, is skipped: it has schema 'mapsan/9'",
        "mapsan: 'records', line 4, is skipped: it ends in the middle",
        "mapsan: 'missing' can't be read",
    ];
    assert_eq!(errors.lines().count(), starts.len(), "{errors}");
    assert!(errors.lines().zip(starts).all(|(line, start)| line.starts_with(start)), "{errors}");

    let Some(mut command) = mapsan(place.path()) else { return };
    let output = command.args(["run", "-o", "/no/such/folder/out", "true"]).output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr).lines().count()), (Some(125), 1), "{output:?}");
    let Some(mut command) = mapsan(place.path()) else { return };
    let output = command.args(["report", "records", "--format", "sarif", "-o", "/dev/full"]).output().unwrap();
    assert!(text(&output.stderr).contains("'/dev/full' can't be written"), "{output:?}");
    assert_eq!(output.status.code(), Some(125));
    let Some(mut command) = mapsan(place.path()) else { return };
    let output = command.args(["run", "--format", "text", "--format", "gcc", "true"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    // A program that closes all descriptors, with a finding before and after.
    fs::write(
        place.path().join("closes.c"),
        "#include <sys/mman.h>\n#include <unistd.h>\nint main(void)\n{\n munmap(0, 0);\n \
         for (int fd = 0; fd < 2000; fd++)\n  close(fd);\n munmap((void *)1, 1);\n return 0;\n}\n",
    )
    .unwrap();
    let Some(mut command) = mapsan(place.path()) else { return };
    let output = command.args(["run", "closes.c"]).output().unwrap();
    assert!(text(&output.stderr).contains("summary: 2 errors"), "{}", text(&output.stderr));
}
