//! `mapsan report`: saved records in any form.

use crate::failure::{Failure, reason};
use crate::form::Run;
use crate::outputs::Outputs;
use crate::say::say;
use crate::session::{Session, Told};
use crate::suppress::Suppressions;
use clap::ArgMatches;
use mapsan_model::Severity;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::ExitCode;

/// The most lines of a file that are named because they can't be read.
const MOST_COMPLAINTS: usize = 5;

/// Renders files of records. What is no record is named, and all that is one is shown.
pub(crate) fn report(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let files: Vec<PathBuf> = matches.get_many("file").into_iter().flatten().cloned().collect();
    let mut outputs = Outputs::open(matches, None, false, true)?;
    let mut session = Session::default();
    if let Some(path) = matches.get_one::<String>("suppressions") {
        session.suppressions = Suppressions::new(std::fs::read(path).unwrap_or_default());
    }
    let mut failed = false;
    for path in &files {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) => {
                say!("'{}' can't be read: {}", path.display(), reason(&error));
                failed = true;
                continue;
            }
        };
        let mut bad = 0_usize;
        for (number, line) in (1_u64..).zip(BufReader::new(file).split(b'\n')) {
            let line = match line {
                Ok(line) => String::from_utf8_lossy(&line).into_owned(),
                Err(error) => {
                    say!("'{}' can't be read on from line {number}: {}", path.display(), reason(&error));
                    failed = true;
                    break;
                }
            };
            if line.trim().is_empty() {
                continue;
            }
            match session.take(&line) {
                Err(why) => {
                    failed = true;
                    bad += 1;
                    if number == 1 {
                        say!("'{}' is no file of records: line 1: {why}", path.display());
                        break;
                    }
                    if bad <= MOST_COMPLAINTS {
                        say!("'{}', line {number}, is skipped: {why}", path.display());
                    }
                    continue;
                }
                Ok(Told::Finding(found)) => outputs.finding(&found, &mut session),
                Ok(Told::Later | Told::Nothing) => {}
            }
            outputs.record(&line);
        }
        if bad > MOST_COMPLAINTS {
            say!("'{}': {} more lines are skipped", path.display(), bad - MOST_COMPLAINTS);
        }
    }
    // Whether it is still there can't be asked any more.
    for found in std::mem::take(&mut session.left) {
        if let Some(found) = session.enter(found) {
            outputs.finding(&found, &mut session);
        }
    }
    let run = Run {
        words: std::env::args().collect(),
        fail: Severity::Warning,
        requires_coverage: false,
        working_directory: std::env::current_dir().unwrap_or_default(),
        verbose: false,
    };
    outputs.close(&mut session, &run)?;
    match matches.get_one::<u8>("error-exitcode") {
        _ if failed => Ok(ExitCode::from(125)),
        Some(code) if session.has(Severity::Warning) => Ok(ExitCode::from(*code)),
        _ => Ok(ExitCode::SUCCESS),
    }
}
