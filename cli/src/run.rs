//! `mapsan run`: one run of a program, from its arguments to its exit status.

use crate::arguments;
use crate::channel::Channel;
use crate::child;
use crate::compile;
use crate::coverage;
use crate::explain::nearest;
use crate::failure::{Failure, reason};
use crate::folder::Folder;
use crate::follow::{self, Follower};
use crate::form::Run;
use crate::left::End;
use crate::library;
use crate::namespace;
use crate::outputs::Outputs;
use crate::program::{self, Program};
use crate::say::say;
use crate::session::Session;
use crate::suppress::Suppressions;
use clap::ArgMatches;
use mapsan_model::options::{Piece, is_separator, pieces};
use mapsan_model::{Key, Rule, Severity};
use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitCode, ExitStatus};

/// Runs a program and ends as it ended.
pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let words: Vec<OsString> = matches.get_many("program").into_iter().flatten().cloned().collect();
    if let Some(option) = words.first().and_then(|word| word.to_str()).filter(|word| word.starts_with('-')) {
        return Err(unknown_option(option));
    }
    let library = library::find()?;
    let mut folder = Folder::default();
    let sources = compile::sources(&words);
    let (name, rest) = match words.split_at(sources) {
        ([], [name, rest @ ..]) => (name.clone(), rest),
        (sources, rest) => (compile::compile(sources, folder.path()?)?.into_os_string(), rest),
    };
    let options = Options::gather(matches);
    // Before anything can fail: what an earlier run has written must not be taken for this one's.
    let outputs =
        Outputs::open(matches, options.value(Key::Color).as_deref(), matches.get_flag("gen-suppressions"), false)?;
    let program = program::find(&name)?;
    hint_at_misplaced(&words);
    let channel = Channel::open().map_err(|error| {
        Failure::own(format!("no local socket can be made for the library's records: {}", reason(&error)))
    })?;
    let mut follower = Follower::new(Session::default(), outputs, channel, &library);
    follower.session.suppressions = options.suppressions();
    let private = matches.get_one::<String>("ipc").is_some_and(|ipc| ipc == "private");
    if private {
        namespace::enter()?;
        follower.session.private = true;
    }
    let log = follower.channel.log_path();
    let child = child::start(command(&program, &name, rest, &options, &library::preload(&library, &mut folder)?, &log))
        .map_err(|error| {
            Failure::not_executable(format!("'{}' can't be executed: {}", program.path.display(), reason(&error)))
        })?;
    let pid = child.id();
    follower.session.main = Some(pid);
    if let Err(why) = &program.cover {
        let shown = program.path.display().to_string();
        say!("'{shown}' is not covered, and runs unchecked; --require-coverage makes that a failure");
        follower.session.add_gap(&shown, &why.reason, pid);
    }
    let status = follower.follow(child)?;
    let living = follower.wait_a_moment();
    let mut session = follower.session;
    let mut outputs = follower.outputs;
    follower.coverage.tell(&mut session);
    let chosen = options.value(Key::Only).or_else(|| options.value(Key::Skip)).is_some();
    if program.cover.is_ok() && !session.processes.contains_key(&pid) && !chosen {
        session.add_gap(&program.path.display().to_string(), &coverage::silence(status), pid);
    }
    let leaks = options.value(Key::Leaks).is_none_or(|leaks| leaks != "0");
    let tells = |rule, severity| (leaks || private) && options.tells(rule, severity);
    let left =
        End { session: &session, living: &living, private, killed_by: status.signal(), tells: &tells }.findings();
    for line in &left {
        if let Some(found) = session.take_at_end(line) {
            outputs.finding(&found, &mut session);
        }
        outputs.record(line);
    }
    let run = Run {
        words: words.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
        fail: options.fail,
        requires_coverage: matches.get_flag("require-coverage"),
        working_directory: env::current_dir().unwrap_or_default(),
        verbose: options.value(Key::Verbosity).is_some_and(|verbosity| verbosity == "1"),
    };
    outputs.close(&mut session, &run)?;
    if !living.is_empty() {
        say!("{}", follow::still_running(&living));
    }
    // Now: the command may be about to end by the program's signal.
    drop(folder);
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
        say!("'{option}' stands behind the program and goes to it; if it is meant for mapsan, put it before");
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
        say!("{rule} was expected, and did not happen");
    }
    for rule in &others {
        say!("{rule} was not expected");
    }
    let faults = expected.iter().any(|rule| rule.starts_with("fault-"));
    match (missing.is_empty() && others.is_empty(), status.signal()) {
        (false, _) => ExitCode::FAILURE,
        (true, Some(_)) if faults => ExitCode::SUCCESS,
        _ => child::end_as(status),
    }
}

/// The program as it is started.
fn command(
    program: &Program,
    name: &OsStr,
    arguments: &[OsString],
    options: &Options,
    preload: &OsStr,
    log: &str,
) -> Command {
    let mut command = Command::new(&program.path);
    command.arg0(name).args(arguments).env("MAPSAN_OPTIONS", options.for_library(log));
    if program.cover.as_ref().map_or_else(|why| why.bears_preload, |_| true) {
        command.env("LD_PRELOAD", preload);
    }
    if program.cover.as_ref().is_ok_and(|cover| cover.has_asan) {
        let mut asan =
            env::var_os("ASAN_OPTIONS").map(|given| given.into_string().unwrap_or_default()).unwrap_or_default();
        asan.push_str(":verify_asan_link_order=0");
        command.env("ASAN_OPTIONS", asan.trim_start_matches(':'));
    }
    command
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

    /// Whether a finding of this rule and severity is wanted, as the library judges its own.
    fn tells(&self, rule: Rule, severity: Severity) -> bool {
        let level = self.value(Key::Level).and_then(|name| Severity::from_name(&name)).unwrap_or(Severity::Note);
        let is_meant = |word: &str| {
            let word = word.trim();
            word == "all" || word == rule.name() || rule.info().group.name() == word
        };
        let of_environment = pieces(&self.environment).filter_map(|piece| match piece {
            Piece::Pair(name, value) => Some((name, value)),
            Piece::NoValue(_) | Piece::OpenQuote(_) => None,
        });
        let given = self.given.iter().map(|(key, value)| (key.name(), value.as_str()));
        let switches = of_environment.chain(given).filter(|(_, value)| value.split(',').any(is_meant));
        let last = switches.filter_map(|(name, _)| match name {
            "enable" => Some(true),
            "disable" => Some(false),
            _ => None,
        });
        severity >= level && last.last().unwrap_or(true)
    }

    /// The suppressions, whose bad lines are named.
    fn suppressions(&self) -> Suppressions {
        let Some(path) = self.value(Key::Suppressions) else { return Suppressions::default() };
        let suppressions = match std::fs::read(&path) {
            Ok(content) => Suppressions::new(content),
            Err(error) => {
                say!("suppressions={path} can't be read: {}", reason(&error));
                Suppressions::default()
            }
        };
        for (line, why) in suppressions.malformed() {
            say!("suppressions={path}: line {line} is left out: {why}");
        }
        suppressions
    }

    /// What the library gets: the environment, the flags, and where its records go, in this order.
    fn for_library(&self, log: &str) -> String {
        let mut text = self.environment.clone();
        let own = [(Key::LogFormat, "json".to_owned()), (Key::LogPath, log.to_owned())];
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
        let text = options.for_library("@it's");
        assert_eq!(text, "level=note:mode=abort:level=error:suppressions='/a b':log_format=json:log_path=@it's");
        assert_eq!(options.value(Key::Level).unwrap(), "error");
        assert_eq!(options.value(Key::Mode).unwrap(), "abort");
        assert_eq!(options.value(Key::Skip), None);
        assert_eq!(quoted("it's here"), "\"it's here\"");
    }
}
