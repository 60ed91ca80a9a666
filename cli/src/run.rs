//! `mapsan run`: one run of a program, from its arguments to its exit status.

use crate::arguments;
use crate::child;
use crate::compile;
use crate::coverage::Coverage;
use crate::explain::nearest;
use crate::failure::Failure;
use crate::form::Run;
use crate::library;
use crate::namespace;
use crate::outputs::Outputs;
use crate::program::{self, Program};
use crate::records::Tail;
use crate::segments;
use crate::session::{Session, Told};
use crate::suppress::Suppressions;
use clap::ArgMatches;
use mapsan_model::options::{Piece, is_separator, pieces};
use mapsan_model::{Key, Severity};
use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::sync::mpsc;
use std::time::Duration;

/// How often the records are looked at: soon at first, so that a short program is not held up, then now and then.
const FIRST_INTERVAL: Duration = Duration::from_millis(2);
const INTERVAL: Duration = Duration::from_millis(10);

/// Runs a program and ends as it ended.
pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let words: Vec<OsString> = matches.get_many("program").into_iter().flatten().cloned().collect();
    if let Some(option) = words.first().and_then(|word| word.to_str()).filter(|word| word.starts_with('-')) {
        return Err(unknown_option(option));
    }
    let library = library::find()?;
    let folder = tempfile::Builder::new()
        .prefix("mapsan-")
        .tempdir()
        .map_err(|error| Failure::own(format!("no temporary folder can be made: {error}; see TMPDIR")))?;
    let sources = compile::sources(&words);
    let (name, rest) = match words.split_at(sources) {
        ([], [name, rest @ ..]) => (name.clone(), rest),
        (sources, rest) => (compile::compile(sources, folder.path())?.into_os_string(), rest),
    };
    let options = Options::gather(matches);
    // Before anything can fail: what an earlier run has written must not be taken for this one's.
    let outputs =
        Outputs::open(matches, options.value(Key::Color).as_deref(), matches.get_flag("gen-suppressions"), false)?;
    let program = program::find(&name)?;
    hint_at_misplaced(&words);
    let mut follower = Follower { session: Session::default(), outputs, coverage: Coverage::default() };
    follower.session.suppressions = options.suppressions();
    let private = matches.get_one::<String>("ipc").is_some_and(|ipc| ipc == "private");
    if private {
        namespace::enter()?;
    }
    let records = make_folder(folder.path())?;
    let child = child::start(command(&program, &name, rest, &options, &library, &records)?)
        .map_err(|error| Failure::not_executable(format!("'{}' can't be executed: {error}", program.path.display())))?;
    let pid = child.id();
    follower.session.main = Some(pid);
    if let Err(why) = &program.cover {
        let shown = program.path.display().to_string();
        eprintln!("mapsan: '{shown}' is not covered, and runs unchecked; --require-coverage makes that a failure");
        follower.session.add_gap(&shown, &why.reason, pid);
    }
    let status = follower.follow(child, &mut Tail::new(&records))?;
    let mut session = follower.session;
    let mut outputs = follower.outputs;
    follower.coverage.tell(&mut session);
    let chosen = options.value(Key::Only).or_else(|| options.value(Key::Skip)).is_some();
    if program.cover.is_ok() && !session.processes.contains_key(&pid) && !chosen {
        let reason = "it did not load the library: it may clear LD_PRELOAD, or run with other rights";
        session.add_gap(&program.path.display().to_string(), reason, pid);
    }
    for found in segments::left(&mut session, private) {
        outputs.finding(&found, &mut session);
    }
    let run = Run {
        words: words.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
        fail: options.fail,
        requires_coverage: matches.get_flag("require-coverage"),
        working_directory: env::current_dir().unwrap_or_default(),
        verbose: options.value(Key::Verbosity).is_some_and(|verbosity| verbosity == "1"),
    };
    outputs.close(&mut session, &run)?;
    if still_running(&session) {
        let kept = folder.keep();
        eprintln!("mapsan: processes still run; what they find will be in {}", kept.display());
    } else {
        // Now: the command may be about to end by the program's signal.
        drop(folder);
    }
    if let Some(expected) = matches.get_one::<String>("expect") {
        return Ok(as_expected(expected, &session, options.fail, status));
    }
    match matches.get_one::<u8>("error-exitcode") {
        Some(code) if session.has(options.fail) => Ok(ExitCode::from(*code)),
        _ if run.requires_coverage && !session.gaps.is_empty() => {
            Err(Failure::own("not everything was covered, and --require-coverage was given"))
        }
        _ => Ok(child::end_as(status)),
    }
}

/// What to say of an option that there is not.
fn unknown_option(option: &str) -> Failure {
    let command = arguments::command();
    let options = command.find_subcommand("run").into_iter().flat_map(clap::Command::get_arguments);
    let known: Vec<String> = options.filter_map(|known| Some(format!("--{}", known.get_long()?))).collect();
    let near = nearest(option, known.iter().map(String::as_str));
    Failure::usage(format!("there is no option '{option}'{near}; 'mapsan run --help' lists them"))
}

/// Options that nobody else has: behind the program they are its own, and meant otherwise.
fn hint_at_misplaced(words: &[OsString]) {
    const OWN: [&str; 4] = ["--error-exitcode", "--require-coverage", "--gen-suppressions", "--expect"];
    let given = words.iter().skip(1).filter_map(|word| word.to_str());
    for option in given.filter(|word| OWN.iter().any(|own| word.split('=').next() == Some(*own))) {
        eprintln!("mapsan: '{option}' stands behind the program and goes to it; for mapsan put it before");
    }
}

/// Success if exactly the expected rules were broken; of others, those below the severity that counts don't matter.
fn as_expected(expected: &str, session: &Session, fail: Severity, status: ExitStatus) -> ExitCode {
    let expected: Vec<&str> = expected.split(',').map(str::trim).filter(|rule| !rule.is_empty()).collect();
    let broken = |rule: &str| session.rules.get(rule).is_some_and(|count| count.findings > 0);
    let counts = |rule: &str| session.highest.get(rule).is_some_and(|severity| *severity >= fail);
    let missing: Vec<&str> = expected.iter().copied().filter(|rule| !broken(rule)).collect();
    let others: Vec<&str> =
        session.rules.keys().map(String::as_str).filter(|rule| counts(rule) && !expected.contains(rule)).collect();
    for rule in &missing {
        eprintln!("mapsan: {rule} was expected, and did not happen");
    }
    for rule in &others {
        eprintln!("mapsan: {rule} was not expected");
    }
    let faults = expected.iter().any(|rule| rule.starts_with("fault-"));
    match (missing.is_empty() && others.is_empty(), status.signal()) {
        (false, _) => ExitCode::FAILURE,
        (true, Some(_)) if faults => ExitCode::SUCCESS,
        _ => child::end_as(status),
    }
}

/// Makes the folder into which each process writes its records.
fn make_folder(folder: &Path) -> Result<PathBuf, Failure> {
    let records = folder.join("records");
    std::fs::create_dir(&records).map_err(|error| Failure::own(format!("'{}': {error}", records.display())))?;
    // The program may give up its rights before it finds something.
    let _ = std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o711));
    let _ = std::fs::set_permissions(&records, std::os::unix::fs::PermissionsExt::from_mode(0o1733));
    Ok(records)
}

/// The program as it is started.
fn command(
    program: &Program,
    name: &OsStr,
    arguments: &[OsString],
    options: &Options,
    library: &Path,
    records: &Path,
) -> Result<Command, Failure> {
    let mut command = Command::new(&program.path);
    command.arg0(name).args(arguments).env("MAPSAN_OPTIONS", options.for_library(records));
    if program.cover.as_ref().map_or_else(|why| why.bears_preload, |_| true) {
        let folder = records.parent().unwrap_or(records);
        command.env("LD_PRELOAD", library::preload(library, folder)?);
    }
    if program.cover.as_ref().is_ok_and(|cover| cover.has_asan) {
        let mut asan =
            env::var_os("ASAN_OPTIONS").map(|given| given.into_string().unwrap_or_default()).unwrap_or_default();
        asan.push_str(":verify_asan_link_order=0");
        command.env("ASAN_OPTIONS", asan.trim_start_matches(':'));
    }
    Ok(command)
}

/// What takes in the records while the program runs.
struct Follower {
    session: Session,
    outputs: Outputs,
    coverage: Coverage,
}

impl Follower {
    /// Shows what is found until the program ends.
    fn follow(&mut self, mut child: Child, tail: &mut Tail) -> Result<ExitStatus, Failure> {
        let pid = child.id();
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let _ = sender.send(child.wait());
        });
        let mut wait = FIRST_INTERVAL;
        loop {
            let ended = receiver.recv_timeout(wait);
            wait = (wait * 2).min(INTERVAL);
            if ended.is_err() {
                self.coverage.look(pid);
            }
            for line in tail.new_lines() {
                self.line(&line);
            }
            match ended {
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Ok(Ok(status)) => return Ok(status),
                Ok(Err(error)) => return Err(Failure::own(format!("the program can't be waited for: {error}"))),
                Err(error) => return Err(Failure::own(format!("the program can't be waited for: {error}"))),
            }
        }
    }

    /// Takes one record.
    fn line(&mut self, line: &str) {
        match self.session.take(line) {
            Err(why) => {
                eprintln!("mapsan: a record of the library is skipped: {why}");
                return;
            }
            Ok(Told::Finding(found)) => self.outputs.finding(&found, &mut self.session),
            Ok(Told::Segment | Told::Nothing) => {}
        }
        self.outputs.record(line);
    }
}

/// Whether a covered process that has not said that it ends is still there.
fn still_running(session: &Session) -> bool {
    session
        .processes
        .iter()
        .any(|(pid, process)| !process.ended && std::fs::read_link(format!("/proc/{pid}/exe")).is_ok())
}

/// The options that reach the library, and those that the command acts on itself.
struct Options {
    /// `MAPSAN_OPTIONS` as the user has it.
    environment: String,
    given: Vec<(Key, String)>,
    fail: Severity,
}

impl Options {
    fn gather(matches: &ArgMatches) -> Options {
        let environment = env::var("MAPSAN_OPTIONS").unwrap_or_default();
        let mut options = Options { environment, given: arguments::given(matches), fail: Severity::Warning };
        options.fail = options.value(Key::Fail).and_then(|name| Severity::from_name(&name)).unwrap_or(options.fail);
        options
    }

    /// The value of an option: the flag's, or the last one of the environment.
    fn value(&self, key: Key) -> Option<String> {
        let of_environment = || {
            let found = pieces(&self.environment).filter_map(|piece| match piece {
                Piece::Pair(name, value) if name == key.name() => Some(value.to_owned()),
                _ => None,
            });
            found.last()
        };
        self.given.iter().find(|(given, _)| *given == key).map(|(_, value)| value.clone()).or_else(of_environment)
    }

    /// The suppressions, whose bad lines are named.
    fn suppressions(&self) -> Suppressions {
        let Some(path) = self.value(Key::Suppressions) else { return Suppressions::default() };
        let suppressions = match std::fs::read(&path) {
            Ok(content) => Suppressions::new(content),
            Err(error) => {
                eprintln!("mapsan: suppressions={path} can't be read: {error}");
                Suppressions::default()
            }
        };
        for (line, why) in suppressions.malformed() {
            eprintln!("mapsan: suppressions={path}: line {line} is left out: {why}");
        }
        suppressions
    }

    /// What the library gets: the environment, the flags, and where its records go, in this order.
    fn for_library(&self, records: &Path) -> String {
        let mut text = self.environment.clone();
        let log = records.join("%p.json").display().to_string();
        let own = [(Key::LogFormat, "json".to_owned()), (Key::LogPath, log)];
        // What is suppressed is so here, by more than the library knows, where nothing hangs on it there.
        let observes =
            self.value(Key::Mode).is_none_or(|mode| mode == "observe") && self.value(Key::Exitcode).is_none();
        let passed_on = |(key, _): &&(Key, String)| *key != Key::Suppressions || !observes;
        for (key, value) in self.given.iter().filter(passed_on).chain(&own) {
            text.extend([":", key.name(), "=", &quoted(value)]);
        }
        text.trim_start_matches(':').to_owned()
    }
}

/// A value in quotes where it needs them.
fn quoted(value: &str) -> String {
    if value.contains(is_separator) || value.starts_with(['\'', '"']) {
        let quote = if value.contains('\'') { '"' } else { '\'' };
        format!("{quote}{value}{quote}")
    } else {
        value.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_gets_environment_flags_and_log_in_this_order() {
        let options = Options {
            environment: "level=note:mode=abort".into(),
            given: vec![(Key::Level, "error".into()), (Key::Suppressions, "/a b".into())],
            fail: Severity::Warning,
        };
        let text = options.for_library(Path::new("/tmp/it's"));
        assert_eq!(
            text,
            "level=note:mode=abort:level=error:suppressions='/a b':log_format=json:log_path=/tmp/it's/%p.json"
        );
        assert_eq!(options.value(Key::Level).unwrap(), "error");
        assert_eq!(options.value(Key::Mode).unwrap(), "abort");
        assert_eq!(options.value(Key::Skip), None);
        assert_eq!(quoted("it's here"), "\"it's here\"");
    }
}
