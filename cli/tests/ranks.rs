//! Parallel jobs: which rank a finding is of, what several logs come to, and what is of the system's libraries.

mod place;

use place::{Place, text};
use serde_json::Value;
use std::process::{Command, Output};

/// What each rank does wrong, and what rank 1 does besides.
const PROGRAM: &str = "#include <stdlib.h>\n#include <sys/mman.h>\nint main(void)\n{\n    \
                       if (atoi(getenv(\"PMI_RANK\")) == 1)\n        munmap((void *)1, 1);\n    \
                       return mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == NULL;\n}\n";

fn as_rank(place: &Place, rank: u32, arguments: &[&str]) -> Output {
    place.command(arguments).env("PMI_RANK", rank.to_string()).output().unwrap()
}

#[test]
fn a_finding_says_of_which_rank_it_is_and_a_report_of_which_ranks() {
    let Some(place) = Place::new() else { return };
    place.write("prog.c", PROGRAM);
    place.compile("prog");
    for rank in 0..3 {
        let run = as_rank(
            &place,
            rank,
            &["run", "--format", "text", "--format", "json", "-o", "rank-%q{PMI_RANK}.json", "./prog"],
        );
        assert!(text(&run.stderr).contains(&format!("\n    in rank {rank}\n")), "{run:?}");
        for line in place.read(&format!("rank-{rank}.json")).lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            assert_eq!(record["rank"], rank, "{line}");
        }
    }
    let files = ["rank-0.json", "rank-1.json", "rank-2.json"];
    let merged = place.mapsan(&[&["report"], &files[..]].concat());
    let shown = text(&merged.stdout);
    assert_eq!(shown.matches("\n    in 3 of 3 ranks (0 to 2)\n").count(), 1, "{shown}");
    assert_eq!(shown.matches("\n    in 1 of 3 ranks (1)\n").count(), 1, "{shown}");
    assert!(
        shown.contains("mapsan: summary: 2 errors, 0 warnings, 0 notes; 2 more of the same not shown\n"),
        "{shown}"
    );
    for form in ["junit", "sarif", "gcc", "github", "codeclimate", "valgrind-xml"] {
        let merged = place.mapsan(&[&["report", "--format", form], &files[..]].concat());
        assert!(text(&merged.stdout).contains("in 1 of 3 ranks (1)"), "{form}: {merged:?}");
    }
}

/// Starts two ranks, one after the other.
const LAUNCHER: &str = r#"mkfifo go
for rank in 1 0; do
    PMI_RANK=$rank ./prog < go &
    exec 3> go
    until grep '"kind":"start"' all.json | grep -q "\"pid\":$!,"; do sleep 0.05; done
    echo >&3
    wait
done
"#;

#[test]
fn processes_that_a_launcher_starts_have_ranks_of_their_own() {
    let Some(place) = Place::new() else { return };
    place.write(
        "prog.c",
        &PROGRAM.replace("    if", "    getchar();\n    if").replace("stdlib", "stdio.h>\n#include <stdlib"),
    );
    place.compile("prog");
    // Each waits until the command has heard of it, while its environment can be read.
    place.write("launcher", LAUNCHER);
    let launcher = ". ./launcher";
    let run = place.mapsan(&["run", "--format", "text", "--format", "json", "-o", "all.json", "sh", "-c", launcher]);
    let shown = text(&run.stderr);
    assert!(shown.contains(", in rank 1\n"), "{shown}");
    let merged = text(&place.mapsan(&["report", "all.json"]).stdout);
    assert!(merged.contains("in 2 of 2 ranks (0 and 1)") && merged.contains("in 1 of 2 ranks (1)"), "{merged}");
}

/// A record of a note that a library of the system has made, at this offset.
fn note_of_library(exe: &str, offset: u32) -> String {
    format!(
        r#"{{"schema":"mapsan/1","kind":"finding","time":"2026-01-01T00:00:00.000000Z","pid":7,"tid":7,"exe":"{exe}","rule":"msync-failed","severity":"note","call":{{"function":"msync","args":["0x1000","4096","4"],"result":"-1","errno":"ENOMEM"}},"message":"m","notes":[],"help":[],"stack":[{{"address":"0x5000","module":"/usr/lib/x86_64-linux-gnu/libno-such.so.12","offset":"{offset:#x}","build_id":"00ff"}},{{"address":"0x6000","module":"{exe}","offset":"0x1","build_id":null,"symbol":"main+0x1"}}],"related":[],"repeated":0}}"#
    )
}

#[test]
fn notes_of_the_system_s_libraries_are_a_line_each() {
    let Some(place) = Place::new() else { return };
    let records: Vec<String> = (1..=5).map(|offset| note_of_library("/no/such/prog", offset)).collect();
    place.write("records.json", &records.join("\n"));
    let report = |arguments: &[&str]| place.mapsan(&[&["report", "records.json"], arguments].concat());
    let own = report(&["--fail", "note", "--error-exitcode", "9"]);
    let expected = "mapsan: notes of the system's libraries, which --notes all shows in full:\n    \
                    5 msync-failed (ENOMEM) in libno-such.so.12, from main (/no/such/prog)\n";
    assert!(text(&own.stdout).contains(expected) && !text(&own.stdout).contains("note["), "{own:?}");
    assert_eq!(own.status.code(), Some(0), "{own:?}");
    let all = report(&["--notes", "all", "--fail", "note", "--error-exitcode", "9"]);
    assert_eq!(text(&all.stdout).matches("mapsan: note[msync-failed]").count(), 5, "{all:?}");
    assert_eq!(all.status.code(), Some(9), "{all:?}");
    let none = report(&["--notes", "none"]);
    assert!(!text(&none.stdout).contains("msync-failed"), "{none:?}");
    place.write(".mapsan.toml", "notes = \"all\"\n");
    assert_eq!(text(&report(&[]).stdout).matches("mapsan: note[msync-failed]").count(), 5);
    place.write(".mapsan.toml", "notes = \"some\"\n");
    assert!(text(&report(&[]).stderr).contains("notes: it takes all, own, none"));
}

/// The program's line is looked up, as that of a finding is, and the note stands below all findings.
#[test]
fn a_note_of_a_system_s_library_has_the_line_that_led_there_and_its_place() {
    let Some(place) = Place::new() else { return };
    place.write("prog.c", PROGRAM);
    place.compile("prog");
    as_rank(&place, 1, &["run", "--format", "json", "-o", "found.json", "./prog"]);
    let records = place.read("found.json");
    let (mut lines, mut notes) = (Vec::new(), Vec::new());
    for line in records.lines() {
        let mut record: Value = serde_json::from_str(line).unwrap();
        lines.push(line.to_owned());
        if record["rule"] == "mmap-zero-length" {
            let library = r#"{"address":"0x5000","module":"/usr/lib/libno-such.so.12","offset":"0x1","build_id":null}"#;
            record["stack"].as_array_mut().unwrap().insert(0, serde_json::from_str(library).unwrap());
            record["rule"] = "msync-failed".into();
            record["severity"] = "note".into();
            notes.push(record.to_string());
        }
    }
    assert_eq!(notes.len(), 1, "{records}");
    // Before the findings, where it is made first.
    place.write("records.json", &[notes, lines].concat().join("\n"));
    let shown = text(&place.mapsan(&["report", "records.json"]).stdout);
    let line = shown.find("\n    1 msync-failed (EINVAL) in libno-such.so.12, from main (prog.c:7)\n");
    let found = shown.rfind("mapsan: error[").max(shown.rfind("mapsan: note["));
    let summary = shown.find("\nmapsan: summary: ");
    assert!(shown.matches("prog.c:7").count() > 1, "{shown}");
    assert!(found.is_some() && found < line && line < summary, "{shown}");
}

#[test]
fn of_the_system_s_files_nobody_is_told_to_compile_them() {
    let Some(place) = Place::new() else { return };
    place.write("records.json", &note_of_library("/usr/lib/no-such/program", 1));
    let shown = place.mapsan(&["report", "records.json"]);
    let expected = "    note: /usr/lib/x86_64-linux-gnu/libno-such.so.12 came without its lines; they are in the distribution's \
                    package of debug symbols for it (-dbgsym, -debuginfo), or by: debuginfod-find debuginfo 00ff\n";
    assert!(text(&shown.stdout).contains(expected) && !text(&shown.stdout).contains("cc -g"), "{shown:?}");
    place.write("records.json", &note_of_library("/no/such/prog", 1).replace("\"note\"", "\"warning\""));
    let shown = place.mapsan(&["report", "records.json"]);
    assert!(
        text(&shown.stdout).contains("/no/such/prog has no lines for this; compile it with debug information (cc -g)")
    );
}

#[test]
fn debug_information_that_debuginfod_has_given_is_used() {
    let Some(place) = Place::new() else { return };
    place.write("prog.c", &PROGRAM.replace("getenv(\"PMI_RANK\")", "\"0\""));
    place.compile("prog");
    let shell = "id=$(readelf -n prog | sed -n 's/.*Build ID: //p'); mkdir -p cache/$id; \
                 objcopy --only-keep-debug prog cache/$id/debuginfo; strip prog; test -n \"$id\"";
    let stripped = Command::new("sh").current_dir(place.path()).args(["-c", shell]).status().unwrap();
    assert!(stripped.success());
    let run = |cache: &str| {
        text(&place.command(&["run", "./prog"]).env("DEBUGINFOD_CACHE_PATH", cache).output().unwrap().stderr)
    };
    assert!(run("cache").contains(" main (prog.c:7)"), "{}", run("cache"));
    assert!(run("no-cache").contains("compile it with debug information"), "{}", run("no-cache"));
}

#[test]
fn source_is_cut_to_the_width() {
    let Some(place) = Place::new() else { return };
    let call = "mmap(NULL, 0, 0, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)";
    let line = format!("{}return {call} == NULL; /* {} */", " ".repeat(90), "and so on ".repeat(9));
    place.write("prog.c", &format!("#include <stddef.h>\n#include <sys/mman.h>\nint main(void)\n{{\n{line}\n}}\n"));
    place.compile("prog");
    let shown = text(&place.mapsan(&["run", "./prog"]).stderr);
    let excerpt: Vec<&str> = shown.lines().filter(|line| line.contains(" | ")).collect();
    assert!(excerpt.iter().any(|line| line.contains(call)), "{shown}");
    assert!(excerpt.iter().all(|line| line.chars().count() <= 80), "{shown}");
}
