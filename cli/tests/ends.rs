//! How processes end, and what is said of those that end without a word.

mod covering;

use covering::{Compiled, covering, ended, text};
use std::fs;
use std::process::Command;

const FOUND: &str = "error[munmap-zero-length]";

#[test]
fn who_ends_without_a_word_is_named() {
    let code = "#include <signal.h>\n#include <stdlib.h>\n#include <sys/mman.h>\n#include <sys/syscall.h>\n#include <unistd.h>\n\
        int main(int argc, char **argv)\n{\n    mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);\n    \
        if (argc > 1) kill(getpid(), atoi(argv[1]));\n    syscall(SYS_exit_group, 3);\n}\n";
    let raw = Compiled::new(code, &[]);
    let program = raw.program.to_str().unwrap();
    let by_itself = "mapsan: ended by exit_group(2) itself, past exit(3) and _exit(2), or could send nothing more: '";
    for (arguments, status, words) in [
        (&[program][..], Some(3), Some((by_itself, "): what it left mapped was not looked at"))),
        (
            &["sh", "-c", "\"$0\"; exit 4", program],
            Some(4),
            Some((
                "mapsan: ended by a signal, or by exit_group(2) itself, or could send nothing more: '",
                "): what it left mapped was",
            )),
        ),
        (
            &["sh", "-c", "\"$0\" 15; \"$0\"; exit 4", program],
            Some(4),
            Some((
                "mapsan: ended by signals, or by exit_group(2) itself, or could send nothing more: '",
                "): what they left mapped was",
            )),
        ),
        // Whoever ended the program by a signal knows.
        (&[program, "15"], None, None),
        (&["sh", "-c", "(exit 3); exec \"$0\" 15", program], None, None),
    ] {
        let Some(mut command) = covering() else { return };
        let sarif = raw.path("sarif");
        command
            .args(["run", "--disable", "leak", "--format", "text", "--format", "sarif", "-o"])
            .arg(&sarif)
            .args(arguments);
        let (said, ended) = ended(&command.output().unwrap());
        assert_eq!(ended, status, "{arguments:?}: {said}");
        let sarif = fs::read_to_string(sarif).unwrap();
        match words {
            None => assert_eq!(said, "", "{arguments:?}"),
            Some((start, end)) => {
                let is_it =
                    said.lines().any(|line| line.starts_with(start) && line.contains(program) && line.contains(end));
                assert!(is_it && sarif.contains(&start[8..start.len() - 2]), "{arguments:?}: {said}{sarif}");
            }
        }
    }
}

/// Saved records, and logs of text, of programs that make a finding and then end in some way.
#[test]
fn a_report_tells_of_processes_whose_end_is_not_told() {
    let code = "#include <signal.h>\n#include <stdlib.h>\n#include <string.h>\n#include <sys/mman.h>\n\
        #include <sys/syscall.h>\n#include <unistd.h>\n\
        int main(int argc, char **argv)\n{\n    munmap((void *)4096, 0);\n    \
        if (!strcmp(argv[1], \"kill\")) raise(SIGKILL);\n    if (!strcmp(argv[1], \"exit_group\")) syscall(SYS_exit_group, 0);\n    \
        if (!strcmp(argv[1], \"_exit\")) _exit(0);\n    if (!strcmp(argv[1], \"exec\")) execl(argv[0], argv[0], \"exit\", NULL);\n    \
        if (!strcmp(argv[1], \"fault\")) {\n        char *p = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);\n        \
        munmap(p, 4096);\n        return *p;\n    }\n    return 0;\n}\n";
    let prog = Compiled::new(code, &[]);
    for (way, is_untold) in
        [("exit", false), ("_exit", false), ("exec", false), ("fault", false), ("kill", true), ("exit_group", true)]
    {
        for options in ["log_format=json", "log_format=text"] {
            let Some(mut command) = covering() else { return };
            let library = command.get_envs().find(|(name, _)| *name == "MAPSAN_RUNTIME").unwrap().1.unwrap().to_owned();
            let log = prog.path(&format!("{way}.{options}"));
            let mut run = Command::new(&prog.program);
            run.arg(way).env("LD_PRELOAD", library);
            run.env("MAPSAN_OPTIONS", format!("{options}:log_path={}", log.display())).status().unwrap();
            let output = command.arg("report").arg(&log).output().unwrap();
            let (told, status) = (text(&output.stdout), output.status.code());
            assert_eq!((told.contains(FOUND), status), (true, Some(0)), "{way} {options}: {told}");
            let untold = format!("mapsan: no end is told of '{}'", prog.program.display());
            assert_eq!(told.contains(&untold), is_untold, "{way} {options}: {told}");
        }
    }
}

/// The library's own logs, with no command that looks on.
#[test]
fn a_report_tells_what_its_records_tell_nothing_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let Some(command) = covering() else { return };
    let library = command.get_envs().find(|(name, _)| *name == "MAPSAN_RUNTIME").unwrap().1.unwrap().to_owned();
    let log = |options: &str, script: &str| {
        let mut shell = Command::new("bash");
        shell.args(["-c", script]).current_dir(folder.path()).env("LD_PRELOAD", &library);
        shell.env("MAPSAN_OPTIONS", options).status().unwrap();
    };
    let report = |names: &[&str]| {
        let mut command = covering().unwrap();
        let output = command.args(["report", "--require-coverage"]).args(names.iter().map(|name| path(name))).output();
        let output = output.unwrap();
        (text(&output.stdout) + &text(&output.stderr), output.status.code())
    };
    // One file for all, and one for each program of each process, which are read in the order of their names.
    log("log_format=json:log_path=one", "env -i /bin/true; /bin/true; env nosuch 2>/dev/null; (exec env true); exit 0");
    let (told, status) = report(&["one"]);
    assert_eq!((told.matches("NOT COVERED").count(), status), (1, Some(125)), "{told}");
    assert!(told.contains("'/bin/true': the library is not in it: env (process "), "{told}");
    log("log_format=json:log_path=each.%e.json", "(exec env true); env nosuch 2>/dev/null; exit 0");
    assert_eq!(report(&["each.bash.json", "each.env.json", "each.true.json"]), (String::new(), Some(0)));
    assert_eq!(report(&["each.true.json", "each.env.json", "each.bash.json"]), (String::new(), Some(0)));
    let (told, status) = report(&["each.bash.json", "each.env.json"]);
    assert!(told.contains("'true': nothing is told of it: env (process ") && status == Some(125), "{told}");
    // Text tells of a process without findings with verbosity=1 alone.
    for (options, script, words, ends) in [
        ("log_path=text", "exit 0", "text' is empty: that is the log of a process without findings, and", 125),
        ("log_path=text", "kill -KILL $$", "text' is empty: that is the log of a process without findings, and", 125),
        ("verbosity=1:log_path=text", "exit 0", "", 0),
        ("verbosity=1:log_path=text", "kill -KILL $$", "no end is told of 'bash': ", 0),
        ("verbosity=1:log_path=text", "exec /bin/true", "", 0),
    ] {
        let _ = fs::remove_file(path("text"));
        log(options, script);
        let (told, status) = report(&["text"]);
        assert!(status == Some(ends) && told.contains(words), "{options} {script}: {status:?} {told}");
        assert_eq!(words.is_empty(), told.is_empty(), "{options} {script}: {told}");
    }
}
