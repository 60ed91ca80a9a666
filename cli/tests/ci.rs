//! What CI does with the command: which findings are new, and what machines read.

mod place;

use place::{Place, text};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// A program with two functions, each of which has these lines.
/// A note (a segment that does not exist), and an error.
const NOTE_AND_ERROR: &str = "#include <sys/mman.h>\n#include <sys/shm.h>\nint main(void)\n{\n    shmget(0x1234567, 1, 0600);\n    \
                              return munmap((void *)1, 1) == 0;\n}\n";
const HEAD: &str = "#include <stdlib.h>\n#include <sys/mman.h>\n#include <sys/wait.h>\n#include <unistd.h>\n";
const MAP: &str = "mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)";

fn program(above: &str, helper: &str, main: &str) -> String {
    format!(
        "{HEAD}{above}void helper(void)\n{{\n{helper}}}\nint main(void)\n{{\n    helper();\n{main}    return 0;\n}}\n"
    )
}

/// Lines that unmap a mapping twice.
fn double(name: &str) -> String {
    format!("    char *{name} = {MAP};\n    munmap({name}, 4096);\n    munmap({name}, 4096);\n")
}

#[test]
fn a_baseline_goes_through_a_history() {
    let Some(place) = Place::new() else { return };
    let commit = |source: String| {
        place.write("prog.c", &source);
        place.compile("prog");
    };
    let gate = ["run", "--error-exitcode", "9", "--baseline", "known.json", "./prog"];
    commit(program("", &double("page"), &double("page")));
    let made = place.mapsan(&["run", "--write-baseline", "known.json", "./prog"]);
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    let baseline = place.read("known.json");
    assert_eq!(baseline.matches(r#""rule": "munmap-double""#).count(), 2, "{baseline}");
    assert!(!baseline.contains("0x") && !baseline.contains(":2"), "{baseline}");
    let known = place.mapsan(&gate);
    assert_eq!(known.status.code(), Some(0), "{known:?}");
    assert!(text(&known.stderr).contains("mapsan: baseline 'known.json': 2 known findings not shown\n"), "{known:?}");
    assert!(!text(&known.stderr).contains("munmap-double"), "{known:?}");

    // A finding moves by ten lines.
    commit(program(&"/* more */\n".repeat(10), &double("page"), &double("page")));
    let moved = place.mapsan(&gate);
    assert_eq!(moved.status.code(), Some(0), "{moved:?}");
    assert!(text(&moved.stderr).contains("2 known findings not shown"), "{moved:?}");
    place.mapsan(&["run", "--write-baseline", "moved.json", "./prog"]);
    assert_eq!(place.read("moved.json"), baseline, "a moved line does not change it");

    // A line of it is written otherwise.
    let edited = double("page").replace("munmap(page, 4096);\n    munmap", "munmap(page, 4096);\n    (void)munmap");
    commit(program("", &edited, &double("page")));
    assert_eq!(place.mapsan(&gate).status.code(), Some(0));

    // A second one appears in the same function, before the known one, and it alone is shown.
    commit(program("", &double("page"), &(double("other") + &double("page"))));
    let second = place.mapsan(&gate);
    let shown = text(&second.stderr);
    assert_eq!(second.status.code(), Some(9), "{second:?}");
    assert!(shown.contains("munmap(other, 4096)") && shown.contains("summary: 1 error, "), "{shown}");
    assert_eq!(shown.matches("error[munmap-double]").count(), 1, "{shown}");

    // The same text once more: which of the two is new can't be known, and one of them is.
    let again = double("page").replace("char *", "");
    commit(program("", &double("page"), &(double("page") + &again)));
    assert_eq!(place.mapsan(&gate).status.code(), Some(9));

    // One is mended.
    commit(program("", "", &double("page")));
    let mended = place.mapsan(&gate);
    assert_eq!(mended.status.code(), Some(0), "{mended:?}");
    let gone = "1 known finding is gone, not found in this run: munmap-double in helper (prog.c)\n";
    assert!(text(&mended.stderr).contains(gone), "{mended:?}");
    let renewed = ["run", "--baseline", "known.json", "--write-baseline", "known.json", "./prog"];
    assert_eq!(place.mapsan(&renewed).status.code(), Some(0));
    assert!(!place.read("known.json").contains("helper") && place.read("known.json").contains("main"));

    // It comes back.
    commit(program("", &double("page"), &double("page")));
    assert_eq!(place.mapsan(&gate).status.code(), Some(9));
}

#[test]
fn a_baseline_is_the_same_whichever_thread_comes_first() {
    let Some(place) = Place::new() else { return };
    let functions = format!(
        "static void drop(char *page)\n{{\n    munmap(page, 4096);\n    munmap(page, 4096);\n}}\n\
         void *one(void *x)\n{{\n    drop({MAP});\n    return x;\n}}\n\
         void *two(void *x)\n{{\n    drop({MAP});\n    return x;\n}}\n"
    );
    let main = "int main(int argc, char **argv)\n{\n    pthread_t a, b;\n    argc > 1 ? two(0) : one(0);\n    \
                argc > 1 ? one(0) : two(0);\n    pthread_create(&a, 0, one, 0);\n    pthread_create(&b, 0, two, 0);\n    \
                pthread_join(a, 0);\n    pthread_join(b, 0);\n    return 0;\n}\n";
    place.write("prog.c", &format!("{HEAD}#include <pthread.h>\n{functions}{main}"));
    let compile = ["-g", "-w", "-pthread", "-o", "prog", "prog.c"];
    assert!(Command::new("cc").current_dir(place.path()).args(compile).status().unwrap().success());
    assert_eq!(place.mapsan(&["run", "--write-baseline", "known.json", "./prog"]).status.code(), Some(0));
    assert!(place.read("known.json").contains(r#""function": "drop""#), "{}", place.read("known.json"));
    for arguments in [&["./prog"][..], &["./prog", "x"]] {
        let gate = ["run", "--error-exitcode", "9", "--baseline", "known.json"];
        let output = place.mapsan(&[&gate[..], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}

#[test]
fn a_bad_baseline_is_met_with_one_line() {
    let Some(place) = Place::new() else { return };
    place.write("text", "mapsan: error[munmap-double]: x\n");
    place.write("newer", r#"{"schema":"mapsan-baseline/9","findings":[]}"#);
    place.write("other", r#"{"findings":3}"#);
    place.write("torn", r#"{"schema":"mapsan-baseline/1","findings":[{"rule":"#);
    for (file, words) in [
        ("missing", "the baseline 'missing' can't be read: No such file or directory (ENOENT)"),
        ("text", "'text' is no baseline of mapsan: "),
        ("newer", "its schema is 'mapsan-baseline/9', not 'mapsan-baseline/1'"),
        ("other", "'other' is no baseline"),
        ("torn", "'torn' is no baseline of mapsan: "),
    ] {
        for command in ["run", "report"] {
            let output = place.mapsan(&[command, "--baseline", file, "./text"]);
            let error = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{error}");
            assert!(error.starts_with("mapsan: ") && error.contains(words) && error.lines().count() == 1, "{error}");
        }
    }
    let output = place.mapsan(&["run", "--write-baseline", "no/such/known.json", "true"]);
    assert_eq!((output.status.code(), text(&output.stderr).lines().count()), (Some(2), 1), "{output:?}");
}

fn json(place: &Place, name: &str) -> serde_json::Value {
    serde_json::from_str(&place.read(name)).unwrap()
}

/// The run of a SARIF file, which is as its schema has it.
fn sarif(place: &Place) -> serde_json::Value {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas/sarif-2.1.0.json");
    // One of the published schema's patterns, for languages, has a bracket too many and is no regular expression.
    let schema = fs::read_to_string(schema).unwrap().replace("{2}]?$\"", "{2}$\"");
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let log = json(place, "sarif");
    let errors: Vec<String> = validator.iter_errors(&log).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}\n{log:#}");
    log["runs"][0].clone()
}

/// Runs a program with these forms, each into a file of its name.
fn run_with(place: &Place, options: &[&str], forms: &[&str], program: &[&str]) -> Output {
    let mut arguments = [&["run"], options].concat();
    for form in forms {
        arguments.extend(["--format", form, "-o", form]);
    }
    arguments.extend(program);
    place.mapsan(&arguments)
}

#[test]
fn what_a_program_ended_with_is_told_to_machines() {
    let Some(place) = Place::new() else { return };
    for (program, code, signal, junit) in [
        (
            &["sh", "-c", "kill -SEGV $$"][..],
            None,
            Some((11, "SIGSEGV")),
            "<error message=\"the program was ended by SIGSEGV\" type=\"signal\"",
        ),
        (&["false"], Some(1), None, "<failure message=\"the program ended with status 1\" type=\"status\""),
        (&["true"], Some(0), None, "<testcase name=\"the program&apos;s end\""),
    ] {
        let output = run_with(&place, &[], &["sarif", "junit", "github"], program);
        let invocation = &sarif(&place)["invocations"][0];
        assert_eq!(invocation["executionSuccessful"], code == Some(0), "{invocation:#} {output:?}");
        assert_eq!(invocation["exitCode"].as_i64(), code, "{invocation:#}");
        assert_eq!(invocation["exitSignalNumber"].as_i64(), signal.map(|(number, _)| number));
        assert_eq!(invocation["exitSignalName"].as_str(), signal.map(|(_, name)| name));
        let xml = place.read("junit");
        assert!(xml.contains(junit), "{xml}");
        assert_eq!(place.read("github").is_empty(), code == Some(0), "{}", place.read("github"));
    }
    // A fault that was to happen is none.
    place.write("prog.c", &format!("{HEAD}int main(void)\n{{\n    *(char *){MAP} = 1;\n    return 0;\n}}\n"));
    place.compile("prog");
    for program in [&["./prog"][..], &["sh", "-c", "./prog; exit $?"]] {
        let output = run_with(&place, &["--expect", "fault-protection"], &["junit", "sarif"], program);
        let (code, xml) = (output.status.code(), place.read("junit"));
        assert!(code == Some(0) && !xml.contains("<error") && !xml.contains("type=\"status\""), "{output:?} {xml}");
    }
}

#[test]
fn paths_are_those_of_the_repository() {
    let Some(place) = Place::new() else { return };
    fs::create_dir_all(place.path().join(".git")).unwrap();
    fs::create_dir_all(place.path().join("a b/build")).unwrap();
    place.write("a b/prog.c", &program("", "", &(double("page") + &double("other"))));
    let build = place.path().join("a b/build");
    let compile = ["-g", "-w", "-o", "prog", "../prog.c"];
    assert!(Command::new("cc").current_dir(&build).args(compile).status().unwrap().success());
    let run = |options: &[&str], form: &str| {
        let arguments = [&["run"], options, &["--format", form, "./prog"]].concat();
        text(&place.command(&arguments).current_dir(&build).output().unwrap().stderr)
    };
    let sarif: serde_json::Value = serde_json::from_str(&run(&[], "sarif")).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let location = &results[0]["locations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!((&location["uri"], &location["uriBaseId"]), (&"a%20b/prog.c".into(), &"SRCROOT".into()), "{location:#}");
    let root = format!("file://{}/", place.path().display());
    assert_eq!(sarif["runs"][0]["originalUriBaseIds"]["SRCROOT"]["uri"], root.as_str());
    let hash = |result: &serde_json::Value| result["partialFingerprints"]["primaryLocationLineHash"].clone();
    assert!(results.len() == 2 && hash(&results[0]) != hash(&results[1]), "{results:#?}");
    assert!(results.iter().all(|result| result["baselineState"].is_null()));

    let github = run(&[], "github");
    let start = "::error file=a b/prog.c,line=13,col=5,title=mapsan munmap-double::";
    assert!(github.starts_with(start) && github.lines().count() == 2, "{github}");
    assert!(github.lines().all(|line| line.contains("%0Ahelp: ")), "{github}");
    assert!(run(&["--source-root", ".."], "github").starts_with("::error file=prog.c,line=13,"));
    let sarif: serde_json::Value = serde_json::from_str(&run(&["--source-root", ".."], "sarif")).unwrap();
    let location = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(location["uri"], "prog.c", "{location:#}");
    assert_eq!(sarif["runs"][0]["originalUriBaseIds"]["SRCROOT"]["uri"], format!("{root}a%20b/"));

    let issues: serde_json::Value = serde_json::from_str(&run(&[], "codeclimate")).unwrap();
    let issues = issues.as_array().unwrap();
    assert_eq!(issues[0]["location"], serde_json::json!({"path": "a b/prog.c", "lines": {"begin": 13}}));
    assert_eq!((&issues[0]["check_name"], &issues[0]["severity"]), (&"munmap-double".into(), &"critical".into()));
    assert!(issues[0]["description"].as_str().unwrap().contains("already"), "{issues:#?}");
    assert_ne!(issues[0]["fingerprint"], issues[1]["fingerprint"]);
}

#[test]
fn forms_that_can_tell_known_findings_from_new_ones_do() {
    let Some(place) = Place::new() else { return };
    place.write("prog.c", &program("", &double("page"), &double("page")));
    place.compile("prog");
    place.mapsan(&["run", "--write-baseline", "known.json", "./prog"]);
    place.write("prog.c", &program("", "", &(double("page") + &double("other"))));
    place.compile("prog");
    let forms = ["sarif", "junit", "codeclimate", "gcc", "valgrind-xml"];
    run_with(&place, &["--baseline", "known.json"], &forms, &["./prog"]);
    let sarif = sarif(&place);
    let results = sarif["results"].as_array().unwrap().iter();
    let states: Vec<_> = results.map(|result| result["baselineState"].as_str().unwrap()).collect();
    assert_eq!(states, ["unchanged", "new"]);
    let notes = &sarif["invocations"][0]["toolExecutionNotifications"];
    assert_eq!(notes[0]["message"]["text"], "gone since the baseline: munmap-double in helper (prog.c)");
    let junit = place.read("junit");
    assert!(
        junit.contains("name=\"munmap-double in main (prog.c)\"")
            && junit.contains("name=\"munmap-double in main (prog.c) (2)\""),
        "{junit}"
    );
    assert!(
        junit.contains("<skipped message=\"known: it is in the baseline\"") && junit.matches("<failure").count() == 1,
        "{junit}"
    );
    assert_eq!(json(&place, "codeclimate").as_array().unwrap().len(), 1);
    assert_eq!(place.read("gcc").matches("error:").count(), 1);
    assert_eq!(place.read("valgrind-xml").matches("<error>").count(), 1);
}

#[test]
fn outputs_of_runs_that_are_made_at_once_have_names_of_their_own() {
    let Some(place) = Place::new() else { return };
    for _ in 0..2 {
        assert!(place.mapsan(&["run", "--format", "sarif", "-o", "x.%e.%p.txt", "true"]).status.success());
    }
    let names = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: Vec<String> = names.collect();
    assert!(
        names.len() == 2 && names.iter().all(|name| name.starts_with("x.true.") && !name.contains('%')),
        "{names:?}"
    );
    let bad = place.mapsan(&["run", "-o", "x.%n.txt", "true"]);
    assert_eq!((bad.status.code(), text(&bad.stderr).lines().count()), (Some(2), 1), "{bad:?}");
}

#[test]
fn a_project_has_options_of_its_own_below_those_that_are_given() {
    let Some(place) = Place::new() else { return };
    place.write("prog.c", NOTE_AND_ERROR);
    place.compile("prog");
    place.write("sub/folder/x", "");
    place.write("known.txt", "shmget-missing:main\n");
    let toml = "error-exitcode = 9\nsuppressions = \"known.txt\"\n[severity]\nmunmap-unaligned-address = \"warning\"\n";
    place.write(".mapsan.toml", toml);
    let run = |arguments: &[&str], options: &str| {
        let mut command = place.command(&[&["run"], arguments, &["../../prog"]].concat());
        command.current_dir(place.path().join("sub/folder")).env("MAPSAN_OPTIONS", options).output().unwrap()
    };
    let plain = run(&[], "");
    assert_eq!(plain.status.code(), Some(9), "{plain:?}");
    let shown = text(&plain.stderr);
    assert!(shown.contains("warning[munmap-unaligned-address]") && !shown.contains("shmget-missing"), "{shown}");
    assert!(!shown.contains(".mapsan.toml"), "{shown}");
    assert!(text(&run(&["--verbosity", "1"], "").stderr).contains("/.mapsan.toml'"));
    let severity = "severity=munmap-unaligned-address=note";
    assert_eq!(run(&[], severity).status.code(), Some(0), "the environment is above the project");
    let above = run(&["--severity", "munmap-unaligned-address=error", "--error-exitcode", "3"], severity);
    assert_eq!(above.status.code(), Some(3), "the command line is above both");
    assert_eq!(run(&["--no-project-file"], "").status.code(), Some(0));
    place.write(".mapsan.toml", "levle = \"note\"\n");
    for command in ["run", "report"] {
        let bad = place.mapsan(&[command, "./prog"]);
        let error = text(&bad.stderr);
        assert_eq!((bad.status.code(), error.lines().count()), (Some(2), 1), "{error}");
        assert!(error.contains("levle: there is no such key (did you mean 'level'?); there are baseline, "), "{error}");
    }
}

#[test]
fn text_that_the_library_has_written_gets_lines() {
    let Some(place) = Place::new() else { return };
    let main = double("page").replace(
        "    munmap(page, 4096);\n    munmap",
        "    write(1, \"hello\", 5);\n    munmap(page, 4096);\n    munmap",
    );
    place.write("prog.c", &program("", &double("page"), &main));
    place.compile("prog");
    let alone = |options: &str| {
        let mut command = Command::new("./prog");
        command.current_dir(place.path()).env("LD_PRELOAD", &place.library).env("MAPSAN_OPTIONS", options);
        let output = command.output().unwrap();
        [output.stdout, output.stderr].concat()
    };
    let records = alone("log_format=json");
    for log in [alone(""), alone("log_prefix=time"), alone("color=always"), [alone("disable=leak"), records].concat()] {
        fs::write(place.path().join("log"), &log).unwrap();
        for file in ["log", "-"] {
            let mut command = place.command(&["report", file, "--format", "text", "--error-exitcode", "9"]);
            command.stdin(fs::File::open(place.path().join("log")).unwrap());
            let output = command.output().unwrap();
            let shown = text(&output.stdout);
            assert!(shown.contains(" main (prog.c:14)\n") && shown.contains(" helper (prog.c:9)\n"), "{output:?}");
            assert!(shown.contains("munmap(page, 4096)") && shown.contains("summary: 2 errors, "), "{shown}");
            assert_eq!(output.status.code(), Some(9), "{output:?}");
            assert!(output.stderr.is_empty() || log.starts_with(b"hello{"), "{output:?}");
        }
    }
    // A program that was built anew since has other lines.
    fs::write(place.path().join("log"), alone("")).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    place.compile("prog");
    let output = place.mapsan(&["report", "log"]);
    assert!(text(&output.stdout).contains("has changed since it was loaded"), "{output:?}");
    place.write("log", "hello\n");
    let output = place.mapsan(&["report", "log"]);
    assert_eq!((output.status.code(), text(&output.stderr).lines().count()), (Some(125), 1), "{output:?}");
}

/// In records the build id tells whether it is the program that ran, whenever it was written.
#[test]
fn records_of_a_program_that_was_built_anew_get_no_lines() {
    let Some(place) = Place::new() else { return };
    let source = program("", &double("page"), "");
    place.write("prog.c", &source);
    place.compile("prog");
    let mut command = Command::new("./prog");
    command.current_dir(place.path()).env("LD_PRELOAD", &place.library).env("MAPSAN_OPTIONS", "log_format=json");
    place.write("log", &text(&command.output().unwrap().stderr));
    if place.read("log").contains("\"build_id\":null") {
        eprintln!("SKIPPED: cc gives no build id; have it give one: cc -Wl,--build-id");
        return;
    }
    // The same program, written later.
    std::thread::sleep(std::time::Duration::from_millis(20));
    place.compile("prog");
    let shown = text(&place.mapsan(&["report", "log"]).stdout);
    assert!(shown.contains(" helper (prog.c:9)\n") && !shown.contains("has changed"), "{shown}");
    // Another one.
    place.write("prog.c", &source.replacen("void helper", "\n\nvoid helper", 1));
    place.compile("prog");
    let shown = text(&place.mapsan(&["report", "log"]).stdout);
    assert!(shown.contains("has changed since it was loaded") && !shown.contains("(prog.c:"), "{shown}");
}

#[test]
fn frames_of_an_interpreter_are_one_line_in_text() {
    let Some(place) = Place::new() else { return };
    if !Command::new("python3").arg("-c").arg("import ctypes").status().is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: there is no python3 with ctypes");
        return;
    }
    place.write("x.py", "import ctypes\nctypes.CDLL(None).munmap(ctypes.c_void_p(1), ctypes.c_size_t(1))\n");
    let shown = |options: &[&str]| {
        text(&place.mapsan(&[&["run", "--disable", "leak"], options, &["python3", "x.py"]].concat()).stderr)
    };
    let folded = shown(&[]);
    assert!(folded.contains(" frames of ") && folded.contains("munmap-unaligned-address"), "{folded}");
    let each = shown(&["--all-frames"]);
    let count = |text: &str| text.matches("\n    at 0x").count();
    assert!(!each.contains(" frames of ") && count(&each) > count(&folded) + 1, "{each}");
}

/// A finding says in which thread and in which test of pytest it was made.
#[test]
fn the_thread_and_the_test_are_named() {
    let Some(place) = Place::new() else { return };
    let code = "#define _GNU_SOURCE\n#include <pthread.h>\n#include <stdlib.h>\n#include <sys/mman.h>\n\
        void *work(void *name)\n{\n    if (name) pthread_setname_np(pthread_self(), name);\n    munmap((void *)1, 1);\n    \
        return 0;\n}\nint main(void)\n{\n    pthread_t t;\n    setenv(\"PYTEST_CURRENT_TEST\", \"test_a.py::test_b (call)\", 1);\n    \
        pthread_create(&t, 0, work, \"resizer\");\n    pthread_join(t, 0);\n    unsetenv(\"PYTEST_CURRENT_TEST\");\n    \
        munmap((void *)1, 2);\n    return 0;\n}\n";
    place.write("prog.c", code);
    place.compile("prog");
    let shown = text(&place.mapsan(&["run", "./prog"]).stderr);
    assert!(shown.contains("in thread 2 ('resizer'), which was started here:"), "{shown}");
    assert_eq!(shown.matches("note: in test test_a.py::test_b (call)\n").count(), 1, "{shown}");
    place.write("prog.c", &code.replace("\"resizer\"", "0"));
    place.compile("prog");
    let shown = text(&place.mapsan(&["run", "./prog"]).stderr);
    assert!(shown.contains("in thread 2, which was started here:"), "{shown}");
}
