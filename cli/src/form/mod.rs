//! The forms in which findings are told: one file each. Those for people are written while the program runs, those for
//! machines when all is known.

mod ctest;
mod gcc;
mod json;
mod junit;
mod sarif;
mod text;
mod valgrind;

use crate::found::Found;
use crate::session::Session;
use mapsan_model::Severity;
use std::path::{Path, PathBuf};

/// A form.
pub(crate) trait Form {
    /// A record has come in, as this line: what is to be written.
    fn record(&mut self, _line: &str) -> String {
        String::new()
    }

    /// A finding has been made: what is to be written.
    fn finding(&mut self, found: &Found, session: &mut Session) -> String;

    /// All is known: what is to be written.
    fn close(&mut self, session: &mut Session, run: &Run) -> String;
}

/// What is known of a run besides its findings.
pub(crate) struct Run {
    /// The program and its arguments, or the files that were read.
    pub(crate) words: Vec<String>,
    /// The lowest severity that counts as a failure.
    pub(crate) fail: Severity,
    /// Whether something that is not covered counts as one.
    pub(crate) requires_coverage: bool,
    pub(crate) working_directory: PathBuf,
    /// Whether it says more.
    pub(crate) verbose: bool,
}

/// How a text is dressed.
#[derive(Clone, Copy)]
pub(crate) struct Dress {
    pub(crate) colour: bool,
    /// Whether each finding comes with the line that would silence it.
    pub(crate) suppressions: bool,
}

/// The names of the forms, in the order in which `--help` lists them.
pub(crate) const NAMES: [&str; 6] = ["text", "json", "sarif", "junit", "valgrind-xml", "gcc"];

/// The form of this name; text for one that is none.
pub(crate) fn named(name: &str, dress: Dress) -> Box<dyn Form> {
    match name {
        "json" => Box::new(json::Json),
        "sarif" => Box::<sarif::Sarif>::default(),
        "junit" => Box::<junit::Junit>::default(),
        "valgrind-xml" => Box::<valgrind::Valgrind>::default(),
        "gcc" => Box::new(gcc::Gcc),
        "ctest" => Box::new(ctest::CTest),
        _ => Box::new(text::Text::new(dress)),
    }
}

/// A path as it is shown: relative to the working directory where it lies below that.
pub(crate) fn shown(path: &Path) -> String {
    let below = std::env::current_dir().ok().and_then(|here| Some(path.strip_prefix(here).ok()?.to_owned()));
    below.unwrap_or_else(|| path.to_owned()).display().to_string()
}

/// A finding's message with its notes and helps, a line each.
fn details(found: &Found) -> String {
    let notes = found.notes.iter().map(|note| format!("\nnote: {note}"));
    let helps = found.help.iter().map(|help| format!("\nhelp: {help}"));
    format!("{}\n{}{}{}", found.message, found.call, notes.collect::<String>(), helps.collect::<String>())
}
