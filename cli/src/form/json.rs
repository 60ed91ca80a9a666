//! The records as they come; a program that is not covered has a start record that says so.

use super::{Form, Run};
use crate::found::Found;
use crate::session::Session;
use mapsan_model::record::SCHEMA_NAME;

/// Hands the records on.
pub(crate) struct Json;

impl Form for Json {
    fn record(&mut self, line: &str) -> String {
        format!("{line}\n")
    }

    fn finding(&mut self, _found: &Found, _session: &mut Session) -> String {
        String::new()
    }

    fn close(&mut self, session: &mut Session, _run: &Run) -> String {
        let gap = |gap: &crate::session::Gap| {
            let time = humantime::format_rfc3339_micros(std::time::SystemTime::now()).to_string();
            serde_json::json!({
                "schema": SCHEMA_NAME, "kind": "start", "time": time, "pid": gap.pid, "tid": gap.pid, "exe": gap.program,
                "version": env!("CARGO_PKG_VERSION"), "ppid": 0, "covered": false, "reason": gap.reason,
            })
        };
        session.gaps.iter().map(|found| format!("{}\n", gap(found))).collect::<Vec<_>>().concat()
    }
}
