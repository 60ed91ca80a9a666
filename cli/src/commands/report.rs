//! `mapsan report`: saved records in any form.

use crate::arguments;
use crate::failure::{Failure, reason};
use crate::findings::found::Found;
use crate::findings::records::{Exec, Kind, Record};
use crate::findings::session::{Attributed, Ingested, Session};
use crate::findings::text_log::TextLog;
use crate::form::contract::RunFacts;
use crate::outputs::{Outputs, Stream, StyleChoice};
use crate::run::comparison;
use crate::run::options::Options;
use crate::run::verdict;
use crate::say::say;
use clap::ArgMatches;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
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
    let style = StyleChoice { frames: arguments::shown_frames(matches), ..StyleChoice::default() };
    let outputs = Outputs::open(&destinations, Stream::StandardOutput, style, &source_root)?;
    let mut reader = Reader {
        session: Session::default(),
        outputs,
        failed: false,
        empty: Vec::new(),
        starts: HashMap::new(),
        execs: Vec::new(),
        of_ranks: Vec::new(),
    };
    reader.session.suppressions = options.suppressions();
    reader.session.chosen_severities = options.severities();
    reader.session.aside = arguments::aside(matches, &project, &source_root);
    comparison.begin(&mut reader.session);
    for path in &files {
        reader.read(path);
    }
    let requires_coverage = matches.get_flag("require-coverage") || project.requires_coverage;
    reader.tell_empty(requires_coverage);
    reader.show_findings_of_ranks();
    reader.record_what_was_left();
    reader.session.note_untold_ends();
    reader.note_unheard();
    let Reader { mut session, mut outputs, failed, .. } = reader;
    comparison::settle(&mut session, &mut outputs);
    let facts = RunFacts {
        words: std::env::args().collect(),
        fail: options.fail,
        requires_coverage,
        ended: None,
        fault_is_expected: false,
        source_root,
        verbose: false,
        sweep: None,
    };
    outputs.close(&mut session, &facts)?;
    comparison.end(&mut session)?;
    match matches.get_one::<u8>("error-exitcode").copied().or(project.error_exitcode) {
        _ if failed => Ok(ExitCode::from(125)),
        Some(code) if session.has(options.fail) => Ok(ExitCode::from(code)),
        _ if facts.requires_coverage && !session.gaps.is_empty() => Err(verdict::not_covered()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// What was read of one file.
struct Lines {
    log: TextLog,
    records: usize,
    texts: usize,
    /// Lines that are neither, and why not; of a great many the number alone.
    skipped: Vec<(u64, String)>,
    more_skipped: usize,
}

/// What has been read, and shown.
struct Reader {
    session: Session,
    outputs: Outputs,
    /// Whether something could not be read.
    failed: bool,
    /// The files that hold nothing at all.
    empty: Vec<String>,
    /// When processes have begun to tell, or have told that a program could not be started in their place. Those of different
    /// ranks may be of different machines.
    starts: HashMap<(Option<u32>, u32), Vec<String>>,
    /// Programs that were started, and when.
    execs: Vec<(String, Attributed<Exec>)>,
    /// Findings of parallel jobs, which are shown when it is known in which ranks they were made.
    of_ranks: Vec<Found>,
}

impl Reader {
    /// Reads a file, or standard input, as far as it holds records or text that the library has written.
    fn read(&mut self, path: &Path) {
        let is_input = path == Path::new("-");
        let name = if is_input { "standard input".to_owned() } else { format!("'{}'", path.display()) };
        let input: io::Result<Box<dyn BufRead>> = if is_input {
            Ok(Box::new(io::stdin().lock()))
        } else {
            File::open(path).map(|file| Box::new(BufReader::new(file)) as Box<dyn BufRead>)
        };
        let input = match input {
            Ok(input) => input,
            Err(error) => return self.fail(format_args!("{name} can't be read: {}", reason(&error))),
        };
        let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok().filter(|_| !is_input);
        let time = modified.map(crate::findings::time::text).unwrap_or_default();
        let mut lines = Lines { log: TextLog::new(time), records: 0, texts: 0, skipped: Vec::new(), more_skipped: 0 };
        for (number, line) in (1_u64..).zip(input.split(b'\n')) {
            match line {
                Ok(line) => self.read_line(&mut lines, number, &String::from_utf8_lossy(&line)),
                Err(error) => {
                    self.fail(format_args!("{name} can't be read on from line {number}: {}", reason(&error)));
                    break;
                }
            }
        }
        if let Some(record) = lines.log.end() {
            self.show(&record, &record.line());
        }
        self.session.unended.extend(lines.log.unended());
        self.tell_skipped(&name, &lines);
    }

    /// Takes one line, of whichever kind.
    fn read_line(&mut self, lines: &mut Lines, number: u64, line: &str) {
        // What the program has written before it may have no end of line.
        let line = line.find(r#"{"schema":"#).map_or(line, |start| &line[start..]);
        let is_object = line.trim_start().starts_with('{');
        let (is_of_log, complete) = if is_object { (false, lines.log.end()) } else { lines.log.take(line) };
        if let Some(record) = complete {
            self.show(&record, &record.line());
        }
        if is_of_log {
            lines.texts += 1;
        } else if !line.trim().is_empty() {
            match Record::read(line) {
                Ok(record) => {
                    lines.records += 1;
                    self.show(&record, line);
                }
                Err(why) if lines.skipped.len() < MOST_NAMED => lines.skipped.push((number, why)),
                Err(_) => lines.more_skipped += 1,
            }
        }
    }

    /// Names the lines that were skipped. In a log of text they are the program's own.
    fn tell_skipped(&mut self, name: &str, lines: &Lines) {
        match &lines.skipped[..] {
            _ if lines.records == 0 && lines.texts > 0 => {}
            [] if lines.records == 0 => self.empty.push(name.to_owned()),
            [(number, why), ..] if lines.records == 0 => {
                self.fail(format_args!("{name} holds neither records nor text of mapsan's: line {number}: {why}"));
            }
            skipped => {
                for (number, why) in skipped {
                    self.fail(format_args!("{name}, line {number}, is skipped: {why}"));
                }
                if lines.more_skipped > 0 {
                    say!("{name}: {} more lines are skipped", lines.more_skipped);
                }
            }
        }
    }

    /// Tells of the files that hold nothing: that says nothing of what they are the logs of.
    fn tell_empty(&mut self, requires_coverage: bool) {
        let (are, named) = match &self.empty[..] {
            [] => return,
            [one] => ("is", one.clone()),
            all if all.len() <= MOST_NAMED => ("are", all.join(", ")),
            all => ("are", format!("{} and {} more", all[..MOST_NAMED].join(", "), all.len() - MOST_NAMED)),
        };
        if !self.starts.is_empty() && !requires_coverage {
            // A process that was forked tells no start, and its log is opened before it gives up its rights.
            say!("{named} {are} empty: beside records, that is the log of a forked process that had nothing to tell");
            return;
        }
        self.fail(format_args!(
            "{named} {are} empty: that is the log of a process without findings, and of one that was killed, or not \
             checked; log_format=json, or verbosity=1, tells them apart"
        ));
    }

    /// Notes the programs that were started, and of which nothing is told: in the order of time, since each process may have a
    /// file of its own.
    fn note_unheard(&mut self) {
        for (time, exec) in std::mem::take(&mut self.execs) {
            let pid = exec.what.child.unwrap_or(exec.pid);
            // A child may be faster than its parent.
            let is_heard = |start: &String| exec.what.child.is_some() || *start > time;
            let starts = [(exec.what.rank, pid), (None, pid)];
            if !starts.iter().filter_map(|start| self.starts.get(start)).flatten().any(is_heard) {
                let exe = exec.what.path.clone();
                self.session.add_gap(&exe, &why_unheard(&exec), pid);
            }
        }
    }

    /// Shows a record, which is this line.
    fn show(&mut self, record: &Record, line: &str) {
        match &record.kind {
            Kind::Start(start) => self.note_start(record, start.rank),
            Kind::ExecFailed => self.note_start(record, None),
            Kind::Exec(exec) => self.execs.push((record.time.clone(), Attributed::of(record, exec.clone()))),
            _ => {}
        }
        if let Ingested::New(found) = self.session.ingest(record) {
            match found.rank {
                Some(_) => self.of_ranks.push(*found),
                None => self.outputs.write_finding(&found, &mut self.session),
            }
        }
        self.outputs.write_record(line);
    }

    /// Notes that a process tells something.
    fn note_start(&mut self, record: &Record, rank: Option<u32>) {
        // A process of another rank may have the same number, on another machine.
        let is_other = rank.is_some() && self.starts.keys().any(|(other, pid)| *pid == record.pid && *other != rank);
        if is_other && !self.starts.contains_key(&(rank, record.pid)) {
            self.session.forget_process(record.pid);
        }
        self.starts.entry((rank, record.pid)).or_default().push(record.time.clone());
    }

    /// Shows the findings of parallel jobs, each with the ranks in which it was made.
    fn show_findings_of_ranks(&mut self) {
        for mut found in std::mem::take(&mut self.of_ranks) {
            self.session.ranks.spread(&mut found);
            self.outputs.write_finding(&found, &mut self.session);
        }
    }

    /// Tells what processes have left, as they saw it: whether it is still there can't be asked any more.
    fn record_what_was_left(&mut self) {
        let left = std::mem::take(&mut self.session.left_findings);
        let new: Vec<Found> = left.into_iter().filter_map(|found| self.session.record(found)).collect();
        for mut found in new {
            self.session.ranks.spread(&mut found);
            self.outputs.write_finding(&found, &mut self.session);
        }
    }

    fn fail(&mut self, why: std::fmt::Arguments<'_>) {
        say!("{why}");
        self.failed = true;
    }
}

/// Why nothing is told of a program that a process has started.
fn why_unheard(exec: &Attributed<Exec>) -> String {
    let starter = Path::new(&exec.exe).file_name().unwrap_or_default().to_string_lossy();
    let by = format!("{starter} (process {}) started it", exec.pid);
    match &exec.what {
        Exec { preload: false, .. } => {
            format!("the library is not in it: {by} without the library in LD_PRELOAD (as env -i, sudo and su do)")
        }
        Exec { options: false, .. } => format!(
            "what is found in it goes elsewhere: {by} without MAPSAN_OPTIONS in its environment, or with another log_path"
        ),
        _ => format!(
            "nothing is told of it: {by}, and it can't have the library, was left out by only= or skip=, died before main, or \
             its records are not among these"
        ),
    }
}
