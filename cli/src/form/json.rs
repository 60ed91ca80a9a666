//! The records as they come; a program that is not covered has a start record that says so.

use super::contract::{Form, RunFacts, each_gap};
use crate::findings::found::Found;
use crate::findings::records::{Kind, Record, Start};
use crate::findings::session::{Gap, Session};

/// Hands the records on.
pub(crate) struct Json;

impl Form for Json {
    fn render_record(&mut self, line: &str) -> String {
        format!("{line}\n")
    }

    fn render_finding(&mut self, _found: &Found, _session: &mut Session) -> String {
        String::new()
    }

    fn render_end(&mut self, session: &mut Session, _run: &RunFacts) -> String {
        each_gap(session, |gap| format!("{}\n", start(gap).line()))
    }
}

/// The start record of a program that is not covered.
fn start(gap: &Gap) -> Record {
    let start = Start {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ppid: 0,
        covered: Some(false),
        reason: Some(gap.reason.clone()),
        degraded: None,
        rank: None,
    };
    Record::now(gap.pid, &gap.program, Kind::Start(start))
}
