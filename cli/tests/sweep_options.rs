//! `mapsan sweep`: its options, its forms, and what it is given.
//!
//! Runs need the library, as in `command.rs`.

mod place;
mod sweeping;

use place::{Place, text};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;
use sweeping::{UNCHECKED, programs, read, records, sweep};

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

/// The plain runs tell of them; those that are compared with these don't ask.
#[test]
fn programs_that_the_library_is_not_in_are_told() {
    let Some(place) = Place::new() else { return };
    place.write("prog.c", UNCHECKED);
    place.compile("prog");
    let output = place.mapsan(&["sweep", "--", "sh", "-c", "./prog; env -i ./prog"]);
    let said = text(&output.stderr);
    assert_eq!(said.matches("/prog': the library is not in it").count(), 1, "{said}");
    assert!(said.contains("sweep-unchecked-return"), "{said}");
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

/// Of a plan in parts, with lasting failures and databases, the whole comes out as of one sweep.
#[test]
fn parts_with_lasting_failures_make_the_whole_of_one_sweep() {
    let Some(place) = Place::new() else { return };
    fs::copy(programs().join("many.c"), place.path().join("prog.c")).unwrap();
    place.compile("prog");
    let outcomes = |of: &[Value]| {
        let outcome = |point: &&Value| format!("{} {} {}", point["what"], point["when"], point["outcome"]);
        let mut all: Vec<String> = records(of, "point").iter().map(outcome).collect();
        all.sort();
        all
    };
    let options = ["--persistent", "--each=5"];
    let (whole, stderr, _) = sweep(&place, &options, &["./prog"]);
    // Each place is met twice: there is no third call that could fail.
    let whole = outcomes(&whole);
    assert_eq!(whole.iter().filter(|run| run.contains("\"2\"")).count(), 2, "{stderr}\n{whole:?}");
    assert!(
        whole.iter().any(|run| run.contains("\"1++\""))
            && !whole.iter().any(|run| run.contains("\"3\"") || run.contains("unreached"))
    );
    let mut merged = String::new();
    for part in 1..=3 {
        let (part, database) = (format!("--partition={part}/3"), format!("--database=part{part}.json"));
        sweep(&place, &[&options[..], &[&part, &database]].concat(), &["./prog"]);
        merged += &place.read(database.strip_prefix("--database=").unwrap());
    }
    place.write("whole.json", &merged);
    assert_eq!(outcomes(&read(&merged)), whole);
    let (again, stderr, _) = sweep(&place, &[&options[..], &["--database=whole.json"]].concat(), &["./prog"]);
    assert_eq!((outcomes(&again), place.read("whole.json")), (whole, merged), "no run was made: {stderr}");
}

#[test]
fn a_script_runs_in_a_copy_of_its_folder() {
    let Some(place) = Place::new() else { return };
    place.write("prog.c", UNCHECKED);
    place.compile("prog");
    place.write("data/count", "0\n");
    place.write("test.sh", "read -r count < data/count\necho $((count + 1)) > data/count\n./prog && cat data/count\n");
    let (all, stderr, status) = sweep(&place, &["--isolate=cwd"], &["sh", "./test.sh"]);
    assert_eq!((status, place.read("data/count").as_str()), (Some(0), "0\n"), "{stderr}");
    let findings = records(&all, "finding");
    assert_eq!(findings.len(), 1, "{stderr}");
    // Where the copy was is gone: what is shown is what lies here.
    let shown = findings[0]["stack"][0]["module"].as_str().unwrap();
    assert_eq!(Path::new(shown), place.path().canonicalize().unwrap().join("prog"));
    assert!(stderr.is_empty(), "{stderr}");
}

/// What is typed at a terminal is read once, and each run gets it.
#[test]
fn what_is_typed_is_given_to_each_run() {
    let Some(place) = Place::new() else { return };
    if !Command::new("script").arg("--version").output().is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: there is no script(1), which makes a terminal: apt-get install bsdutils");
        return;
    }
    fs::copy(programs().join("input.c"), place.path().join("prog.c")).unwrap();
    place.compile("prog");
    let command = format!("'{}' sweep --format json -o out.json ./prog", env!("CARGO_BIN_EXE_mapsan"));
    let mut script = Command::new("script");
    script.args(["-qec", &command, "/dev/null"]).current_dir(place.path()).env_remove("MAPSAN_OPTIONS");
    script.env("MAPSAN_RUNTIME", &place.library).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = script.spawn().unwrap();
    // The last byte is what Ctrl-D gives.
    let mut typed = child.stdin.take().unwrap();
    typed.write_all(b"one\ntwo\nthree\n\x04").unwrap();
    let output = child.wait_with_output().unwrap();
    drop(typed);
    let all = read(&place.read("out.json"));
    let points = records(&all, "point");
    assert!(output.status.success() && !points.is_empty(), "{}", text(&output.stdout));
    assert!(records(&all, "finding").is_empty(), "{all:?}");
}

#[test]
fn other_forms_fit_their_schemas() {
    let Some(place) = Place::new() else { return };
    place.write("prog.c", UNCHECKED);
    place.compile("prog");
    let output =
        place.mapsan(&["sweep", "--format", "sarif", "-o", "sarif", "--format", "junit", "-o", "junit", "./prog"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas");
    // One of its patterns has a bracket too many.
    let schema = fs::read_to_string(schemas.join("sarif-2.1.0.json")).unwrap().replace("{2}]?$\"", "{2}$\"");
    let schema = serde_json::from_str(&schema).unwrap();
    let sarif: Value = serde_json::from_str(&place.read("sarif")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&sarif).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let result = &sarif["runs"][0]["results"][0];
    let line = |location: &Value| location["physicalLocation"]["region"]["startLine"].as_u64();
    assert_eq!(result["ruleId"], "sweep-unchecked-return");
    assert_eq!((line(&result["locations"][0]), line(&result["relatedLocations"][0])), (Some(5), Some(7)));
    assert!(result["message"]["text"].as_str().unwrap().contains("replay: mapsan run --inject mmap@prog.c:5:ENOMEM:1"));
    let junit = place.read("junit");
    assert!(junit.contains("<testsuites name=\"mapsan\" tests=\"2\" failures=\"1\" errors=\"0\">"), "{junit}");
    match Command::new("xmllint")
        .args(["--noout", "--schema"])
        .arg(schemas.join("junit.xsd"))
        .arg(place.path().join("junit"))
        .output()
    {
        Ok(checked) => assert!(checked.status.success(), "{}", text(&checked.stderr)),
        Err(_) => eprintln!("SKIPPED: there is no xmllint: apt-get install libxml2-utils"),
    }
}

/// A sweep that is interrupted says so in each form.
#[test]
fn who_is_interrupted_has_not_succeeded() {
    let Some(place) = Place::new() else { return };
    place.write(
        "prog.c",
        "#include <sys/mman.h>\n#include <unistd.h>\nint main(void) {\n  \
         return mmap(0, 4096, 3, 34, -1, 0) == MAP_FAILED ? sleep(60) : 0;\n}\n",
    );
    place.compile("prog");
    let arguments =
        ["sweep", "--timeout=60", "--format", "sarif", "-o", "sarif", "--format", "junit", "-o", "junit", "./prog"];
    let mut child = place.command(&arguments).spawn().unwrap();
    thread::sleep(Duration::from_secs(6));
    assert!(Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let sarif: Value = serde_json::from_str(&place.read("sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["invocations"][0]["executionSuccessful"], false);
    let junit = place.read("junit");
    assert!(junit.contains("errors=\"1\"") && junit.contains("interrupted: 1 run of the plan not made"), "{junit}");
}

/// What stands in the way of reading, in the environment, is named.
#[test]
fn a_wrong_order_of_the_environment_is_told_with_what_is_allowed() {
    let Some(place) = Place::new() else { return };
    let mut run = place.command(&["run", "true"]);
    let output = run.env("MAPSAN_OPTIONS", "inject='mmap:EFOO,shmat:ENOSPC'").output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.success());
    assert!(said.contains("inject: 'EFOO' is neither an errno, nor sigbus or truncate"), "{said}");
    assert!(said.contains("inject: ENOSPC is not an errno of shmat(2), which gives ENOMEM, EACCES"), "{said}");
}
