//! The form of compilers, which editors and the problem matchers of CI read:
//! `^(.*):(\d+):(\d+):\s+(?:fatal\s+)?(warning|error):\s+(.*)$`.

use super::contract::{Form, RunFacts, each_gap};
use crate::findings::found::{Found, site_of};
use crate::findings::session::Session;
use crate::findings::symbols::SourceLocation;
use crate::path::display_path;
use std::fmt::Write;

/// One line a finding, and one for each note and place.
pub(crate) struct Gcc;

/// `file:line:column`, always with a column; the program's name where there is no line.
fn at(place: Option<&SourceLocation>, exe: &str) -> String {
    match place {
        Some(SourceLocation { file: Some(file), line: Some(line), column, .. }) => {
            format!("{}:{line}:{}", display_path(file), column.unwrap_or(1))
        }
        _ => format!("{exe}:1:1"),
    }
}

impl Form for Gcc {
    fn render_finding(&mut self, found: &Found, _session: &mut Session) -> String {
        let place = at(found.site(), &found.exe);
        let mut text = format!("{place}: {}: {} [{}]\n", found.severity.name(), found.message, found.rule);
        for related in &found.related {
            let _ = writeln!(text, "{}: note: {}", at(site_of(&related.stack), &found.exe), related.label);
        }
        if let Some(ranks) = found.ranks() {
            let _ = writeln!(text, "{place}: note: {ranks}");
        }
        for note in found.notes.iter().chain(&found.help) {
            let _ = writeln!(text, "{place}: note: {note}");
        }
        if let Some(replay) = &found.replay {
            let _ = writeln!(text, "{place}: note: replay: {replay}");
        }
        text
    }

    fn render_end(&mut self, session: &mut Session, run: &RunFacts) -> String {
        let kind = if run.requires_coverage { "error" } else { "warning" };
        each_gap(session, |gap| format!("{}:1:1: {kind}: not covered: {}\n", gap.program, gap.reason))
    }
}
