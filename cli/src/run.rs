//! `mapsan run`: one run of a program, from its arguments to its exit status.

use crate::arguments;
use crate::child;
use crate::compile;
use crate::failure::Failure;
use crate::library;
use crate::program;
use crate::records::{Kind, Record, Tail};
use crate::render::Renderer;
use crate::suppress::Suppressions;
use crate::symbols::Symbols;
use clap::ArgMatches;
use mapsan_model::options::{Piece, is_separator, pieces};
use mapsan_model::{Key, Severity};
use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::sync::mpsc;
use std::time::Duration;

/// How often the records are looked at.
const INTERVAL: Duration = Duration::from_millis(30);

/// Runs a program and ends as it ended.
pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let words: Vec<OsString> = matches.get_many("program").into_iter().flatten().cloned().collect();
    if let Some(option) = words.first().and_then(|word| word.to_str()).filter(|word| word.starts_with('-')) {
        return Err(Failure::usage(format!(
            "there is no option '{option}'; 'mapsan run --help' lists them, and a program of that name is ./{option}"
        )));
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
    let program = program::find(&name)?;
    let options = Options::gather(matches);
    let mut report = Report::new(matches, &options)?;

    let records = folder.path().join("records");
    std::fs::create_dir(&records).map_err(|error| Failure::own(format!("'{}': {error}", records.display())))?;
    // The program may give up its rights before it finds something.
    let _ = std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711));
    let _ = std::fs::set_permissions(&records, std::os::unix::fs::PermissionsExt::from_mode(0o1733));
    let mut command = Command::new(&program.path);
    command.arg0(&name).args(rest).env("LD_PRELOAD", library::preload(&library, folder.path())?);
    command.env("MAPSAN_OPTIONS", options.for_library(&records));
    if program.has_asan {
        let mut asan =
            env::var_os("ASAN_OPTIONS").map(|given| given.into_string().unwrap_or_default()).unwrap_or_default();
        asan.push_str(":verify_asan_link_order=0");
        command.env("ASAN_OPTIONS", asan.trim_start_matches(':'));
    }
    let child = child::start(command)
        .map_err(|error| Failure::not_executable(format!("'{}' can't be executed: {error}", program.path.display())))?;
    let pid = child.id();
    report.main = Some(pid);
    let status = follow(child, &mut Tail::new(&records), &mut report)?;
    report.close(&options);
    if !report.living.is_empty() && still_running(&report) {
        let kept = folder.keep();
        report.say(&format!("mapsan: processes still run; what they find will be in {}\n", kept.display()));
    } else {
        drop(folder);
    }
    match matches.get_one::<u8>("error-exitcode") {
        Some(code) if report.has_failed(options.fail) => Ok(ExitCode::from(*code)),
        _ => Ok(child::end_as(status)),
    }
}

/// Shows what is found while the program runs.
fn follow(mut child: Child, tail: &mut Tail, report: &mut Report) -> Result<ExitStatus, Failure> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let _ = sender.send(child.wait());
    });
    loop {
        let ended = receiver.recv_timeout(INTERVAL);
        for line in tail.new_lines() {
            report.line(&line);
        }
        match ended {
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Ok(Ok(status)) => return Ok(status),
            Ok(Err(error)) => return Err(Failure::own(format!("the program can't be waited for: {error}"))),
            Err(error) => return Err(Failure::own(format!("the program can't be waited for: {error}"))),
        }
    }
}

/// Whether a covered process that has not said that it ends is still there.
fn still_running(report: &Report) -> bool {
    report.living.keys().any(|pid| std::fs::read_link(format!("/proc/{pid}/exe")).is_ok())
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

    /// What the library gets: the environment, the flags, and where its records go, in this order.
    fn for_library(&self, records: &Path) -> String {
        let mut text = self.environment.clone();
        let log = records.join("%p.json").display().to_string();
        let own = [(Key::LogFormat, "json".to_owned()), (Key::LogPath, log)];
        for (key, value) in self.given.iter().chain(&own) {
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

/// Where the findings go, and how many there were.
struct Report {
    output: Option<File>,
    json: bool,
    renderer: Renderer,
    suppressions: Suppressions,
    /// The program's own process.
    main: Option<u32>,
    /// Processes that have started and not ended.
    living: BTreeMap<u32, String>,
    started: Vec<u32>,
    counts: [u64; 3],
    repeated: u64,
}

impl Report {
    fn new(matches: &ArgMatches, options: &Options) -> Result<Report, Failure> {
        let output = matches.get_one::<std::path::PathBuf>("output").map(|path| {
            File::create(path).map_err(|error| Failure::own(format!("'{}' can't be written: {error}", path.display())))
        });
        let output = output.transpose()?;
        let terminal = output.is_none() && std::io::stderr().is_terminal();
        let colour = match options.value(Key::Color).as_deref() {
            Some("always") => true,
            Some("never") => false,
            _ => terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        let suppressions = options
            .value(Key::Suppressions)
            .and_then(|path| std::fs::read(path).ok())
            .map(Suppressions::new)
            .unwrap_or_default();
        Ok(Report {
            output,
            json: matches.get_one::<String>("format").is_some_and(|format| format == "json"),
            renderer: Renderer { colour, symbols: Symbols::default() },
            suppressions,
            main: None,
            living: BTreeMap::new(),
            started: Vec::new(),
            counts: [0; 3],
            repeated: 0,
        })
    }

    /// Takes one record.
    fn line(&mut self, line: &str) {
        let record: Record = match serde_json::from_str(line) {
            Ok(record) => record,
            Err(error) => {
                self.say(&format!("mapsan: a record of the library can't be read ({error}): {line}\n"));
                return;
            }
        };
        match &record.kind {
            Kind::Start {} => {
                self.started.push(record.pid);
                self.living.insert(record.pid, record.exe.clone());
            }
            Kind::End { repeated } => {
                self.repeated += repeated;
                self.living.remove(&record.pid);
            }
            Kind::Finding(finding) => {
                let places = self.renderer.places(finding);
                if self.suppressions.silence(finding, &places) {
                    return;
                }
                if let Some(severity) = Severity::from_name(&finding.severity) {
                    self.counts[severity as usize] += 1;
                }
                if !self.json {
                    let other = self.main != Some(record.pid);
                    let text = self.renderer.finding(&record, finding, other);
                    self.say(&text);
                }
            }
            Kind::Other => {}
        }
        if self.json {
            self.say(&format!("{line}\n"));
        }
    }

    /// Writes text as one piece to where findings go; a reader who is gone does not stop the program.
    fn say(&mut self, text: &str) {
        let _ = match &mut self.output {
            Some(file) => file.write_all(text.as_bytes()),
            None => std::io::stderr().write_all(text.as_bytes()),
        };
    }

    /// Says what is to be said at the end.
    fn close(&mut self, options: &Options) {
        let chosen = options.value(Key::Only).or_else(|| options.value(Key::Skip)).is_some();
        if !self.main.is_some_and(|pid| self.started.contains(&pid)) && !chosen {
            self.say(
                "mapsan: the program was not covered: it did not load the library (it may clear LD_PRELOAD, run with \
                 other rights, or be static); what it did was not checked\n",
            );
        }
        let [notes, warnings, errors] = self.counts;
        if !self.json && notes + warnings + errors > 0 {
            let repeated = self.repeated;
            self.say(&format!(
                "mapsan: summary: {errors} errors, {warnings} warnings, {notes} notes ({repeated} repeated)\n"
            ));
        }
    }

    fn has_failed(&self, fail: Severity) -> bool {
        Severity::ALL.into_iter().any(|severity| severity >= fail && self.counts[severity as usize] > 0)
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
