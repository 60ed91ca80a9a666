//! GitLab's form of Code Climate, for its code quality reports: a list of issues, each at a line of a file of the repository.

use super::contract::{Form, RunFacts, details, machine_path};
use crate::findings::fingerprint::{Numbered, numbered};
use crate::findings::found::Found;
use crate::findings::session::Session;
use mapsan_model::Severity;
use serde_json::{Value, json};
use std::path::Path;

/// Collects the findings until all are known.
#[derive(Default)]
pub(crate) struct CodeClimate {
    findings: Vec<Found>,
}

/// How GitLab calls it; what ended the program stands above all.
fn severity(found: &Found) -> &'static str {
    match found.severity {
        Severity::Error if found.call.is_signal() => "blocker",
        Severity::Error => "critical",
        Severity::Warning => "major",
        Severity::Note => "info",
    }
}

fn issue(found: &Found, numbered: &Numbered, run: &RunFacts) -> Value {
    let site = found.site();
    let file = site.and_then(|place| place.file.as_deref()).unwrap_or(Path::new(&found.exe));
    let line = site.and_then(|place| place.line).unwrap_or(1);
    json!({
        "type": "issue",
        "check_name": found.rule,
        "description": found.message,
        "content": { "body": details(found) },
        "categories": ["Bug Risk"],
        "severity": severity(found),
        "fingerprint": numbered.hash(),
        "location": { "path": machine_path(file, &run.source_root), "lines": { "begin": line } },
    })
}

impl Form for CodeClimate {
    fn render_finding(&mut self, found: &Found, _session: &mut Session) -> String {
        self.findings.push(found.clone());
        String::new()
    }

    fn render_end(&mut self, _session: &mut Session, run: &RunFacts) -> String {
        let numbered = numbered(&self.findings);
        let issues: Vec<Value> =
            self.findings.iter().zip(&numbered).map(|(found, numbered)| issue(found, numbered, run)).collect();
        serde_json::to_string_pretty(&issues).map(|text| text + "\n").unwrap_or_default()
    }
}
