//! What every form does, and what it may know.

use crate::findings::found::Found;
use crate::findings::session::{Gap, Session};
use mapsan_model::Severity;
use std::path::PathBuf;

/// A form. Each function gives what is to be written then.
pub(crate) trait Form {
    /// A record has come in, as this line.
    fn render_record(&mut self, _line: &str) -> String {
        String::new()
    }

    /// A finding has been made.
    fn render_finding(&mut self, found: &Found, session: &mut Session) -> String;

    /// All is known.
    fn render_end(&mut self, session: &mut Session, run: &RunFacts) -> String;
}

/// What is known of a run besides its findings.
pub(crate) struct RunFacts {
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

/// How a text looks.
#[derive(Clone, Copy)]
pub(crate) struct TextStyle {
    pub(crate) colour: bool,
    /// Whether somebody looks on.
    pub(crate) terminal: bool,
    /// Whether each finding comes with the line that would silence it.
    pub(crate) suppressions: bool,
}

/// A finding's message with its call, notes and helps, a line each.
pub(super) fn details(found: &Found) -> String {
    let notes = found.notes.iter().map(|note| format!("\nnote: {note}"));
    let helps = found.help.iter().map(|help| format!("\nhelp: {help}"));
    format!("{}\n{}{}{}", found.message, found.call, notes.collect::<String>(), helps.collect::<String>())
}

/// A line for each program that is not covered.
pub(super) fn each_gap(session: &Session, line: impl Fn(&Gap) -> String) -> String {
    session.gaps.iter().map(line).collect()
}
