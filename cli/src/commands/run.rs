//! `mapsan run`: one run of a program, from its arguments to its exit status.

use crate::arguments;
use crate::failure::Failure;
use crate::findings::aside::Aside;
use crate::findings::session::Session;
use crate::form::contract::RunFacts;
use crate::outputs::{Destination, Outputs, Stream, StyleChoice};
use crate::path::SourceRoot;
use crate::pattern;
use crate::run::comparison;
use crate::run::follow::{self, Ended, Follower};
use crate::run::injection::Injection;
use crate::run::launch::launch;
use crate::run::options::Options;
use crate::run::prepare::{CommandLine, Prepared};
use crate::run::project::Project;
use crate::run::verdict::Demands;
use crate::say::say;
use crate::system::{channel, namespace};
use clap::ArgMatches;
use mapsan_model::Key;
use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;

/// Runs a program and ends as it ended.
pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let words: Vec<OsString> = matches.get_many("program").into_iter().flatten().cloned().collect();
    arguments::refuse_unknown_option("run", &words)?;
    let command_line = CommandLine::new(&words)?;
    let project = arguments::project(matches)?;
    let mut options = Options::new(project.options.clone(), arguments::given(matches));
    if let Some(path) = project.path.as_deref().filter(|_| options.are_verbose()) {
        say!("options of the project: '{}'", path.display());
    }
    let mut destinations = arguments::destinations(matches)?;
    destinations.extend(log_of_environment(&options, words.first())?);
    let source_root = arguments::root_of_sources(matches, &project);
    let outputs = open_outputs(matches, &destinations, &options, &source_root)?;
    let mut comparison = arguments::comparison(matches, &project)?;
    let prepared = command_line.prepare()?;
    let injection = Injection::prepare(&mut options, &prepared)?;
    hint_at_misplaced(&words);
    let mut follower = Follower::new(outputs)?;
    begin(&mut follower.session, &options, arguments::aside(matches, &project, &source_root));
    comparison.begin(&mut follower.session);
    if matches.get_one::<String>("ipc").is_some_and(|ipc| ipc == "private") {
        follower.session.private_objects = enter_own_namespaces(&prepared, &destinations)?;
        follower.session.private = true;
    }
    let pid = launch(&prepared, &options, &follower.log_path(), |_| {})?;
    if prepared.program.cover.is_err() {
        let path = prepared.program.path.display();
        say!("'{path}' is not covered, and runs unchecked; --require-coverage makes that a failure");
    }
    let demands = demands(matches, &options, &project);
    let depends = demands.are_made() || destinations.iter().any(Destination::is_read_later);
    let wait = arguments::wait(matches, depends);
    let Ended { status, living, mut session, mut outputs, .. } = follower.follow(pid, &prepared, &options, wait)?;
    if depends {
        for living in &living {
            session.add_gap(&living.exe, &follow::left_alone(living), living.pid);
        }
    }
    injection.say_if_in_vain(&session);
    comparison::settle(&mut session, &mut outputs);
    let facts = RunFacts {
        words: words.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
        fail: demands.fail,
        requires_coverage: demands.coverage,
        ended: Some(status),
        fault_is_expected: demands.expect_fault(),
        source_root,
        verbose: options.are_verbose(),
        sweep: None,
    };
    outputs.close(&mut session, &facts)?;
    comparison.end(&mut session)?;
    if !living.is_empty() && !depends {
        say!("{}", follow::still_running(&living));
    }
    // Now: the command may be about to end by the program's signal.
    drop((prepared, injection));
    demands.judge(&session, status)
}

/// Before the first record: what is silenced, changed, and told in a line.
fn begin(session: &mut Session, options: &Options, aside: Aside) {
    session.suppressions = options.suppressions();
    session.chosen_severities = options.severities();
    session.aside = aside;
}

/// `--ipc private`, and says what can't be the run's own; whether /dev/shm is.
fn enter_own_namespaces(prepared: &Prepared, destinations: &[Destination]) -> Result<bool, Failure> {
    namespace::enter()?;
    let (directory, temporary) = (env::current_dir().unwrap_or_default(), env::temp_dir());
    let needed = [&prepared.program.path, &prepared.library, &directory, &temporary];
    let written = destinations.iter().filter_map(|destination| destination.file.as_ref());
    let hidden = namespace::hide_objects(needed.into_iter().chain(written).map(PathBuf::as_path));
    if let Err(why) = &hidden {
        say!("--ipc private: /dev/shm is still shared with others: {why}");
    }
    Ok(hidden.is_ok())
}

/// The log that `MAPSAN_OPTIONS` asks for, beside what the command was told: the library has one way, which leads to the
/// command.
fn log_of_environment(options: &Options, program: Option<&OsString>) -> Result<Option<Destination>, Failure> {
    let of_other_command = |path: &str| path.strip_prefix('@').is_some_and(|name| name.starts_with(channel::PREFIX));
    let path = options.value(Key::LogPath).filter(|path| !path.is_empty() && path != "stderr");
    // A command that runs this one has it so for its own.
    let Some(path) = path.filter(|path| !of_other_command(path)) else { return Ok(None) };
    let refused = |why: &str| Failure::usage(format!("MAPSAN_OPTIONS: log_path={path}: {why}"));
    if path.starts_with('@') {
        return Err(refused("under 'mapsan run' it takes a file, not a socket"));
    }
    let program = program.and_then(|program| Some(Path::new(program).file_name()?.to_string_lossy().into_owned()));
    let file = pattern::expand(Path::new(&path), program.as_deref()).map_err(|why| refused(&why))?;
    let form = options.value(Key::LogFormat).unwrap_or_else(|| "text".to_owned());
    Ok(Some(Destination { form, file: Some(file) }))
}

/// Opens the places that findings go to. Before anything can fail: what an earlier run has written must not be taken for
/// this one's.
fn open_outputs(
    matches: &ArgMatches,
    destinations: &[Destination],
    options: &Options,
    root: &SourceRoot,
) -> Result<Outputs, Failure> {
    let color = options.value(Key::Color);
    let style = StyleChoice {
        color: color.as_deref(),
        suppressions: matches.get_flag("gen-suppressions"),
        frames: arguments::shown_frames(matches),
    };
    Outputs::open(destinations, Stream::StandardError, style, root)
}

fn demands(matches: &ArgMatches, options: &Options, project: &Project) -> Demands {
    Demands {
        expected: matches.get_one("expect").cloned(),
        error_exitcode: matches.get_one("error-exitcode").copied().or(project.error_exitcode),
        coverage: matches.get_flag("require-coverage") || project.requires_coverage,
        fail: options.fail,
    }
}

/// Options that nobody else has: behind the program they are its own, and meant otherwise.
fn hint_at_misplaced(words: &[OsString]) {
    const OWN: [&str; 4] = ["--error-exitcode", "--require-coverage", "--gen-suppressions", "--expect"];
    let given = words.iter().skip(1).filter_map(|word| word.to_str());
    for option in given.filter(|word| OWN.iter().any(|own| word.split('=').next() == Some(*own))) {
        say!("'{option}' stands behind the program and goes to it; if it is meant for mapsan, put it before");
    }
}
