//! `mapsan report`: saved records in any form.

use crate::arguments;
use crate::failure::{Failure, reason};
use crate::findings::records::Record;
use crate::findings::session::{Ingested, Session};
use crate::form::contract::RunFacts;
use crate::outputs::{Outputs, Stream, StyleChoice};
use crate::run::comparison;
use crate::run::options::Options;
use crate::say::say;
use clap::ArgMatches;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The most lines of a file that are named because they can't be read.
const MOST_NAMED: usize = 5;

/// Renders files of records. What is no record is named, and all that is one is shown.
pub(crate) fn report(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let files: Vec<PathBuf> = matches.get_many("file").into_iter().flatten().cloned().collect();
    let destinations = arguments::destinations(matches)?;
    let project = arguments::project(matches)?;
    let options = Options::new(project.options.clone(), arguments::given(matches));
    let mut comparison = arguments::comparison(matches, &project)?;
    let source_root = arguments::root_of_sources(matches, &project);
    let outputs = Outputs::open(&destinations, Stream::StandardOutput, StyleChoice::default(), &source_root)?;
    let mut reader = Reader { session: Session::default(), outputs, failed: false };
    reader.session.suppressions = options.suppressions();
    reader.session.chosen_severities = options.severities();
    comparison.begin(&mut reader.session);
    for path in &files {
        reader.read(path);
    }
    reader.record_what_was_left();
    let Reader { mut session, mut outputs, failed } = reader;
    comparison::settle(&mut session, &mut outputs);
    let facts = RunFacts {
        words: std::env::args().collect(),
        fail: options.fail,
        requires_coverage: false,
        ended: None,
        fault_is_expected: false,
        source_root,
        verbose: false,
    };
    outputs.close(&mut session, &facts)?;
    comparison.end(&mut session)?;
    match matches.get_one::<u8>("error-exitcode").copied().or(project.error_exitcode) {
        _ if failed => Ok(ExitCode::from(125)),
        Some(code) if session.has(options.fail) => Ok(ExitCode::from(code)),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// What has been read, and shown.
struct Reader {
    session: Session,
    outputs: Outputs,
    /// Whether something could not be read.
    failed: bool,
}

impl Reader {
    /// Reads a file, as far as it holds records.
    fn read(&mut self, path: &Path) {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) => return self.fail(format_args!("'{}' can't be read: {}", path.display(), reason(&error))),
        };
        let (mut bad, mut records) = (0_usize, 0_usize);
        for (number, line) in (1_u64..).zip(BufReader::new(file).split(b'\n')) {
            let line = match line {
                Ok(line) => String::from_utf8_lossy(&line).into_owned(),
                Err(error) => {
                    let path = path.display();
                    self.fail(format_args!("'{path}' can't be read on from line {number}: {}", reason(&error)));
                    break;
                }
            };
            if line.trim().is_empty() {
                continue;
            }
            let Err(why) = self.show(&line) else {
                records += 1;
                continue;
            };
            self.failed = true;
            bad += 1;
            if number == 1 {
                say!("'{}' is no file of records: line 1: {why}", path.display());
                break;
            }
            if bad <= MOST_NAMED {
                say!("'{}', line {number}, is skipped: {why}", path.display());
            }
        }
        if bad == 0 && records == 0 {
            self.fail(format_args!("'{}' has no records", path.display()));
        }
        if bad > MOST_NAMED {
            say!("'{}': {} more lines are skipped", path.display(), bad - MOST_NAMED);
        }
    }

    /// Shows a line, if it is a record.
    fn show(&mut self, line: &str) -> Result<(), String> {
        if let Ingested::New(found) = self.session.ingest(&Record::read(line)?) {
            self.outputs.write_finding(&found, &mut self.session);
        }
        self.outputs.write_record(line);
        Ok(())
    }

    /// Tells what processes have left, as they saw it: whether it is still there can't be asked any more.
    fn record_what_was_left(&mut self) {
        for found in std::mem::take(&mut self.session.left_findings) {
            if let Some(found) = self.session.record(found) {
                self.outputs.write_finding(&found, &mut self.session);
            }
        }
    }

    fn fail(&mut self, why: std::fmt::Arguments<'_>) {
        say!("{why}");
        self.failed = true;
    }
}
