//! `mapsan race`: its records, and what it says where nothing can be watched.

mod place;

use place::{Place, text};
use serde_json::Value;
use std::collections::BTreeMap;

/// Two processes count in one word for some seconds, in turns of a tenth.
const PROGRAM: &str = r"#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
int main(void)
{
    volatile int *counts = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = fork();
    time_t end = time(0) + 3;
    while (time(0) < end)
        for (int i = 0; i < 1000000; i++)
            counts[7]++;
    if (child == 0)
        _exit(0);
    wait(0);
    return 0;
}
";

#[test]
fn records_are_as_the_schema_describes_them() {
    let Some(place) = Place::new() else { return };
    place.write("prog.c", PROGRAM);
    place.compile("prog");
    let schema = serde_json::from_str(mapsan_model::record::JSON_SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    // It is found in the first run, unless the machine is very busy.
    for _ in 0..20 {
        let run = place.mapsan(&["race", "--budget", "100", "--format", "json", "--", "./prog"]);
        let said = text(&run.stderr);
        if said.contains("no watchpoint can be set") || said.contains("can't be traced") {
            eprintln!("SKIPPED: {said}; by hand: mapsan race --format json -- ./prog");
            return;
        }
        assert!(run.status.success(), "{said}");
        let mut kinds: BTreeMap<String, Value> = BTreeMap::new();
        for line in said.lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            let errors: Vec<String> = validator.iter_errors(&record).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?} {line}");
            kinds.insert(record["kind"].as_str().unwrap().to_owned(), record);
        }
        let coverage = &kinds["coverage"];
        assert_eq!(coverage["names"], serde_json::json!(["anonymous shared memory"]), "{said}");
        assert!(coverage["windows"].as_u64() > Some(0), "{said}");
        let Some(finding) = kinds.get("finding") else { continue };
        assert_eq!(finding["rule"], "race-shared-memory", "{finding:#}");
        let other = &finding["related"][0];
        assert_eq!(other["label"], "other access");
        assert!(finding["pid"] != other["pid"], "{finding:#}");
        assert_eq!(finding["object"], serde_json::json!({ "name": "anonymous shared memory", "offset": 28 }));
        for side in [finding, other] {
            assert!(["read", "write", "update"].contains(&side["access"].as_str().unwrap()), "{finding:#}");
            assert!(side["start"].as_str().unwrap().ends_with("01c") && side["length"] == 4, "{finding:#}");
            assert!(side["before"].is_string() && side["after"].is_string(), "{finding:#}");
            assert!(side["stack"].as_array().is_some_and(|stack| !stack.is_empty()), "{finding:#}");
        }
        return;
    }
    panic!("not found in 20 runs");
}

#[test]
fn what_may_be_an_atomic_is_said_to_be_so_where_no_line_tells() {
    let Some(place) = Place::new() else { return };
    let program = PROGRAM.replace("counts[7]++", "counts[7] = i");
    place.write("lines.c", &program);
    place.compile("lines");
    std::fs::copy(place.path().join("lines"), place.path().join("none")).unwrap();
    assert!(std::process::Command::new("strip").arg(place.path().join("none")).status().unwrap().success());
    for (name, is_said) in [("./lines", false), ("./none", true)] {
        // It is found in the first run, unless the machine is very busy.
        let found = (0..20).find_map(|_| {
            let run = place.mapsan(&["race", "--budget", "100", "--", name]);
            let said = text(&run.stderr);
            (said.contains("no watchpoint can be set")
                || said.contains("can't be traced")
                || said.contains("race-shared-memory"))
            .then_some(said)
        });
        let said = found.expect("it is found in one of 20 runs");
        if !said.contains("race-shared-memory") {
            eprintln!("SKIPPED: {said}; by hand: mapsan race -- ./lines");
            return;
        }
        assert_eq!(said.contains("whether these are accesses to an atomic"), is_said, "{name}: {said}");
    }
}
