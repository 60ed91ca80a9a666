//! `mapsan sweep`: what becomes of a program in which one call after the other fails.

use crate::arguments;
use crate::failure::{Failure, reason};
use crate::findings::session::Session;
use crate::form::contract::RunFacts;
use crate::outputs::{Outputs, Stream, StyleChoice};
use crate::path::SourceRoot;
use crate::run::comparison::{self, Comparison};
use crate::run::options::Options;
use crate::run::prepare::{CommandLine, Prepared};
use crate::run::project::Project;
use crate::say;
use crate::sweep::campaign::{Campaign, Done, Terms};
use crate::sweep::database::Database;
use crate::sweep::input::Input;
use crate::sweep::planned::Planned;
use crate::sweep::remains;
use crate::sweep::runner::Setting;
use crate::system::child;
use crate::system::folder::Folder;
use clap::ArgMatches;
use mapsan_model::Key;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Sweeps a program.
pub(crate) fn sweep(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let words: Vec<OsString> = matches.get_many("program").into_iter().flatten().cloned().collect();
    arguments::refuse_unknown_option("sweep", &words)?;
    let command_line = CommandLine::new(&words)?;
    let project = arguments::project(matches)?;
    let options = Options::new(project.options.clone(), arguments::given(matches));
    let source_root = arguments::root_of_sources(matches, &project);
    let outputs = open_outputs(matches, &options, &source_root)?;
    let mut comparison = arguments::comparison(matches, &project)?;
    let database = matches.get_one::<PathBuf>("database").map(|path| Database::open(path)).transpose()?;
    let prepared = command_line.prepare()?;
    refuse_uncovered(&prepared)?;
    remains::clear_up();
    let mut folder = Folder::of_sweep();
    let setting = setting(matches, prepared, &project, folder.path()?)?;
    let mut session = Session::default();
    session.suppressions = options.suppressions();
    session.chosen_severities = options.severities();
    comparison.begin(&mut session);
    child::note_interruptions();
    let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let choice = arguments::choice(matches);
    let told_severity = |rule, severity| options.told_severity(rule, severity);
    let terms = Terms {
        choice: &choice,
        jobs: arguments::jobs(matches),
        timeout: matches.get_one("timeout").copied(),
        told_severity: &told_severity,
        words: &words,
    };
    let mut campaign = Campaign::new(terms, &setting, session, outputs, database);
    let plain = match campaign.plain() {
        Err(_) if child::interruption().is_some() => return Ok(interrupted()),
        plain => plain?,
    };
    if matches.get_flag("plan") {
        let planned = campaign.plan(&plain)?.1;
        return print_plan(&campaign.unknown(planned)).map(|()| ExitCode::SUCCESS);
    }
    let done = campaign.sweep(&plain)?;
    let code = matches.get_one("error-exitcode").copied().or(project.error_exitcode);
    finish(done, comparison, &options, source_root, (words, code))
}

/// Tells what the sweep has come to; the exit status.
fn finish(
    done: Done,
    comparison: Comparison,
    options: &Options,
    source_root: SourceRoot,
    (words, code): (Vec<String>, Option<u8>),
) -> Result<ExitCode, Failure> {
    let Done { mut session, mut outputs, swept, ended } = done;
    let is_cut_short = swept.cut_short.is_some();
    comparison::settle(&mut session, &mut outputs);
    let facts = RunFacts {
        words,
        fail: options.fail,
        requires_coverage: false,
        ended: Some(ended),
        fault_is_expected: false,
        source_root,
        verbose: options.are_verbose(),
        sweep: Some(swept),
    };
    outputs.close(&mut session, &facts)?;
    comparison.end(&mut session)?;
    Ok(match code {
        _ if is_cut_short => interrupted(),
        Some(code) if session.has(options.fail) => ExitCode::from(code),
        _ => ExitCode::SUCCESS,
    })
}

/// The places that findings go to; none where only the plan is asked for.
fn open_outputs(matches: &ArgMatches, options: &Options, root: &SourceRoot) -> Result<Outputs, Failure> {
    let destinations = arguments::destinations(matches)?;
    if matches.get_flag("plan") {
        return Ok(Outputs::default());
    }
    let color = options.value(Key::Color);
    let style = StyleChoice {
        color: color.as_deref(),
        suppressions: matches.get_flag("gen-suppressions"),
        frames: arguments::shown_frames(matches),
    };
    Outputs::open(&destinations, Stream::StandardError, style, root)
}

/// What all runs have in common; their folders are made in this one.
fn setting(matches: &ArgMatches, prepared: Prepared, project: &Project, folder: &Path) -> Result<Setting, Failure> {
    let folder = fs::canonicalize(folder)
        .map_err(|error| Failure::own(format!("'{}': {}", folder.display(), reason(&error))))?;
    let input = Input::of_command(&folder);
    Ok(Setting {
        prepared: absolute(prepared),
        project: project.options.clone(),
        given: arguments::given(matches),
        input,
        folder,
        copies: matches.contains_id("isolate"),
        check: matches.get_one("check").cloned(),
    })
}

/// The exit status after a signal, as a shell tells it.
fn interrupted() -> ExitCode {
    let signal = child::interruption().and_then(|signal| u8::try_from(signal).ok());
    ExitCode::from(signal.unwrap_or(2).saturating_add(128))
}

/// A program without the library has no call that could be made to fail.
fn refuse_uncovered(prepared: &Prepared) -> Result<(), Failure> {
    match &prepared.program.cover {
        Ok(_) => Ok(()),
        Err(why) => {
            let path = prepared.program.path.display();
            Err(Failure::own(format!("'{path}' can't be swept: {}", why.reason)))
        }
    }
}

/// The program by a path that is the same in every working directory.
fn absolute(mut prepared: Prepared) -> Prepared {
    if let Ok(path) = std::path::absolute(&prepared.program.path) {
        prepared.program.path = path;
    }
    prepared
}

/// Prints the runs to come.
fn print_plan(planned: &[Planned]) -> Result<(), Failure> {
    let lines: String = planned.iter().map(|planned| planned.record(0, None, Vec::new()).line() + "\n").collect();
    say::print(&lines)
}
