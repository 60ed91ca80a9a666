//! `mapsan run --inject`: places as a person names them, counts over all processes, and what is said.

mod place;

use place::{Place, text};

const PROGRAM: &str = r#"#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
static inline __attribute__((always_inline)) int inlined(void)
{
    return mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}
static __attribute__((noinline)) int own(void)
{
    return mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}
int main(int count, char **words)
{
    int first = inlined();
    int second = own();
    printf("%d%d", first, second);
    fflush(stdout);
    if (count == 1) {
        pid_t child = fork();
        if (child == 0)
            execl(words[0], words[0], "again", NULL);
        waitpid(child, NULL, 0);
    }
    return 0;
}
"#;

fn place() -> Option<Place> {
    let place = Place::new()?;
    place.write("prog.c", PROGRAM);
    place.compile("prog");
    Some(place)
}

#[test]
fn places_are_lines_and_functions_and_counts_are_the_run_s() {
    let Some(place) = place() else { return };
    let printed = |orders: &[&str]| {
        let inject: Vec<&str> = orders.iter().flat_map(|order| ["--inject", order]).collect();
        text(&place.mapsan(&[&["run"], &inject[..], &["./prog"]].concat()).stdout)
    };
    assert_eq!(printed(&["mmap:ENOMEM"]), "1111");
    assert_eq!(printed(&["mmap:ENOMEM:4"]), "0001");
    assert_eq!(printed(&["mmap:ENOMEM:1", "mmap:ENOMEM:3"]), "1010");
    assert_eq!(printed(&["mmap@prog.c:7:ENOMEM"]), "1010");
    assert_eq!(printed(&["mmap@prog.c:11:ENOMEM:2"]), "0001");
    assert_eq!(printed(&["mmap@inlined:ENOMEM:2"]), "0010");
    assert_eq!(printed(&["mmap@own:ENOMEM"]), "0101");
    assert_eq!(printed(&["mmap@main:ENOMEM:1"]), "1000");
    assert_eq!(printed(&["mmap@elsewhere:ENOMEM"]), "0000");
}

#[test]
fn what_was_made_to_fail_is_told_with_its_place_and_is_no_finding() {
    let Some(place) = place() else { return };
    let run = place.mapsan(&[
        "run",
        "--error-exitcode",
        "9",
        "--fail",
        "note",
        "--leaks",
        "0",
        "--inject",
        "mmap@own:ENOMEM",
        "./prog",
    ]);
    let said = text(&run.stderr);
    assert_eq!(run.status.code(), Some(0), "{said}");
    assert!(
        said.contains(
            "mapsan: injected: mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = MAP_FAILED (ENOMEM)"
        ),
        "{said}"
    );
    assert!(said.contains("prog.c:11"), "{said}");
    let order =
        said.split("--inject '").nth(1).and_then(|rest| rest.split('\'').next()).unwrap_or_else(|| panic!("{said}"));
    assert!(order.starts_with("mmap@prog+0x"), "{order}");
    let again = place.mapsan(&["run", "--leaks", "0", "--inject", &format!("{order}:1"), "./prog"]);
    assert_eq!(text(&again.stdout), "0100", "{order}");
    let nothing = text(&place.mapsan(&["run", "--inject", "shmget:ENOSPC", "./prog"]).stderr);
    assert!(nothing.contains("mapsan: nothing was made to fail"), "{nothing}");
}

#[test]
fn a_wrong_order_is_named_with_what_is_allowed() {
    let Some(place) = place() else { return };
    for (order, why) in [
        ("mmap", "'mmap' is not CALL[@SITE]:WHAT[:WHEN]"),
        ("mmpa:ENOMEM", "'mmpa' is no call that can be made to fail; it takes any, mmap"),
        ("mmap:ENOSPC", "ENOSPC is not an errno of mmap(2), which gives EPERM"),
        ("shmdt:sigbus", "sigbus is for calls that give memory"),
        ("mmap:x3", "'x3' is neither an errno"),
        ("mmap:ENOMEM:3-5", "'3-5' is not which of the calls"),
        ("mmap@prog.c:3:ENOMEM", "'prog.c:3' is no line with code"),
    ] {
        let run = place.mapsan(&["run", "--inject", order, "./prog"]);
        let said = text(&run.stderr);
        assert_eq!(run.status.code(), Some(2), "{order}: {said}");
        assert!(said.contains(why), "{order}: {said}");
    }
}

#[test]
fn records_are_as_the_schema_describes_them() {
    let Some(place) = place() else { return };
    let schema = serde_json::from_str(mapsan_model::record::JSON_SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut kinds = std::collections::BTreeSet::new();
    for options in ["points=1", "inject=mmap:ENOMEM:1,mmap:sigbus:1"] {
        let run =
            place.command(&["run", "--format", "json", "./prog"]).env("MAPSAN_OPTIONS", options).output().unwrap();
        for line in text(&run.stderr).lines().filter(|line| line.starts_with('{')) {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            let errors: Vec<String> = validator.iter_errors(&record).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?} {line}");
            kinds.insert(record["kind"].as_str().unwrap().to_owned());
        }
    }
    assert!(kinds.contains("point") && kinds.contains("injected"), "{kinds:?}");
}
