//! Which findings count: severities that are chosen, groups, and what notes do.

mod place;

use place::{Place, text};
use std::process::Command;

/// A note (a segment that does not exist), and an error.
const NOTE_AND_ERROR: &str = "#include <sys/mman.h>\n#include <sys/shm.h>\nint main(void)\n{\n    shmget(0x1234567, 1, 0600);\n    \
                              return munmap((void *)1, 1) == 0;\n}\n";

#[test]
fn severities_are_chosen_and_notes_may_count() {
    let Some(place) = Place::new() else { return };
    place.write("prog.c", NOTE_AND_ERROR);
    place.compile("prog");
    let status = |arguments: &[&str]| place.mapsan(&[&["run"], arguments, &["./prog"]].concat()).status.code();
    let calm = ["--error-exitcode", "9", "--severity", "munmap-unaligned-address=note"];
    assert_eq!(status(&calm), Some(0));
    assert_eq!(status(&[&calm[..], &["--fail", "note"]].concat()), Some(9));
    assert_eq!(status(&[&calm[..], &["--severity", "shmget-missing=error", "--fail", "error"]].concat()), Some(9));
    let shown = text(&place.mapsan(&["run", "--severity", "shmget-missing=warning", "./prog"]).stderr);
    assert!(
        shown.contains("mapsan: warning[shmget-missing]: ") && shown.contains("1 error, 1 warning, 0 notes"),
        "{shown}"
    );
    // The library alone, and saved records.
    let alone = Command::new("./prog")
        .current_dir(place.path())
        .env("LD_PRELOAD", &place.library)
        .env("MAPSAN_OPTIONS", "severity=munmap-unaligned-address=note,shmget-missing=note:exitcode=7:fail=note")
        .output()
        .unwrap();
    assert_eq!(alone.status.code(), Some(7), "{alone:?}");
    assert!(text(&alone.stderr).contains("0 errors, 0 warnings, 2 notes"), "{alone:?}");
    place.mapsan(&["run", "--format", "json", "-o", "records", "./prog"]);
    let report = ["report", "records", "--error-exitcode", "5", "--severity", "all=note"];
    assert_eq!(place.mapsan(&report).status.code(), Some(0));
    assert_eq!(place.mapsan(&[&report[..], &["--fail", "note"]].concat()).status.code(), Some(5));
}

/// The group of faults, of a program that has one.
#[test]
fn faults_are_a_group() {
    let Some(place) = Place::new() else { return };
    let map = "    char *page = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);\n";
    let write = "    page[0] = 1;\n    return 0;\n}\n";
    place.write("prog.c", &format!("#include <sys/mman.h>\nint main(void)\n{{\n{map}{write}"));
    place.compile("prog");
    let run = |options: &[&str]| text(&place.mapsan(&[&["run"], options, &["./prog"]].concat()).stderr);
    assert!(run(&[]).contains("error[fault-protection]"));
    assert!(run(&["--severity", "fault=note"]).contains("note[fault-protection]"));
    assert!(!run(&["--disable", "fault"]).contains("[fault-"));
}

/// What is left is told by the command, with the severity that was chosen, in records, too.
#[test]
fn what_is_left_has_the_severity_that_was_chosen() {
    let Some(place) = Place::new() else { return };
    place.write(
        "prog.c",
        "#include <sys/shm.h>\nint main(void)\n{\n    return shmget(0x1234567, 4096, IPC_CREAT | 0600) == -1;\n}\n",
    );
    place.compile("prog");
    let run =
        ["run", "--ipc", "private", "--error-exitcode", "9", "--format", "text", "--format", "json", "-o", "records"];
    let plain = place.mapsan(&[&run[..], &["./prog"]].concat());
    if text(&plain.stderr).contains("no IPC namespace can be made") {
        eprintln!("SKIPPED: {}", text(&plain.stderr));
        return;
    }
    assert_eq!(plain.status.code(), Some(0), "{plain:?}");
    let chosen = place.mapsan(&[&run[..], &["--severity", "leak=warning", "./prog"]].concat());
    assert_eq!(chosen.status.code(), Some(9), "{chosen:?}");
    assert!(text(&chosen.stderr).contains("warning[leak-segment]"));
    assert!(
        place
            .read("records")
            .lines()
            .any(|line| line.contains(r#""rule":"leak-segment""#) && line.contains(r#""severity":"warning""#))
    );
    let none = place.mapsan(&[&run[..], &["--disable", "leak", "./prog"]].concat());
    assert!(!text(&none.stderr).contains("leak-segment"), "{none:?}");
}
