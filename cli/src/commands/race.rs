//! `mapsan race`: a program is run, and what its processes do to the memory that they share is watched.

use crate::arguments;
use crate::failure::Failure;
use crate::findings::session::Session;
use crate::form::contract::RunFacts;
use crate::outputs::{Destination, Outputs, Stream, StyleChoice};
use crate::race::follow::{Ended, Follower};
use crate::run::comparison;
use crate::run::follow;
use crate::run::options::Options;
use crate::run::prepare::CommandLine;
use crate::run::verdict::Demands;
use crate::say::say;
use clap::ArgMatches;
use mapsan_model::Key;
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs a program, watches it, and ends as it ended.
pub(crate) fn race(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let words: Vec<OsString> = matches.get_many("program").into_iter().flatten().cloned().collect();
    arguments::refuse_unknown_option("race", &words)?;
    let command_line = CommandLine::new(&words)?;
    let project = arguments::project(matches)?;
    let options = Options::new(project.options.clone(), arguments::given(matches));
    let destinations = arguments::destinations(matches)?;
    let source_root = arguments::root_of_sources(matches, &project);
    let color = options.value(Key::Color);
    let style = StyleChoice {
        color: color.as_deref(),
        suppressions: matches.get_flag("gen-suppressions"),
        frames: arguments::shown_frames(matches),
    };
    let outputs = Outputs::open(&destinations, Stream::StandardError, style, &source_root)?;
    let mut comparison = arguments::comparison(matches, &project)?;
    let prepared = command_line.prepare()?;
    let mut session = Session::default();
    session.suppressions = options.suppressions();
    session.chosen_severities = options.severities();
    comparison.begin(&mut session);
    let error_exitcode = matches.get_one("error-exitcode").copied().or(project.error_exitcode);
    let demands = Demands { expected: None, error_exitcode, coverage: false, fail: options.fail };
    let depends = demands.are_made() || destinations.iter().any(Destination::is_read_later);
    let follower = Follower::new(session, outputs, &options);
    let Ended { status, living, mut session, mut outputs } =
        follower.follow(&prepared, arguments::demand(matches), arguments::wait(matches, depends))?;
    comparison::settle(&mut session, &mut outputs);
    let facts = RunFacts {
        words: words.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
        fail: demands.fail,
        requires_coverage: false,
        ended: Some(status),
        fault_is_expected: false,
        source_root,
        verbose: options.are_verbose(),
        sweep: None,
    };
    outputs.close(&mut session, &facts)?;
    comparison.end(&mut session)?;
    if !living.is_empty() {
        say!("{}", follow::still_running(&living));
    }
    drop(prepared);
    demands.judge(&session, status)
}
