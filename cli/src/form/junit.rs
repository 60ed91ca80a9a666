//! `JUnit`: a suite for each executable, a test case for each finding.

use super::contract::{Form, RunFacts, details};
use crate::findings::fingerprint::numbered;
use crate::findings::found::Found;
use crate::findings::session::Session;
use crate::path::display_path;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;

/// Collects the findings until all are known.
#[derive(Default)]
pub(crate) struct Junit {
    findings: Vec<Found>,
}

/// The case of a finding: its name is the same as long as the finding is, so that readers can tell its history.
fn case(found: &Found, name: String, run: &RunFacts) -> TestCase {
    let fails = found.severity >= run.fail && !found.is_known;
    let mut status = match (found.is_known, fails) {
        (true, _) => TestCaseStatus::skipped(),
        (false, true) => TestCaseStatus::non_success(NonSuccessKind::Failure),
        (false, false) => TestCaseStatus::success(),
    };
    let place = found.site().and_then(|place| Some((place.file.as_deref().map(display_path)?, place.line?)));
    let at = place.map_or_else(String::new, |(file, line)| format!("\nat {file}:{line}"));
    let text = format!("{}{at}", details(found));
    if found.is_known {
        status.set_message("known: it is in the baseline");
    }
    if fails {
        status.set_type(found.rule.as_str()).set_message(found.message.as_str()).set_description(text.as_str());
    }
    let mut case = TestCase::new(name, status);
    case.set_classname(format!("mapsan.{}", found.call.function));
    if !fails {
        case.set_system_out(text);
    }
    case
}

/// The case of how the program ended, if that is known.
fn end(run: &RunFacts) -> Option<TestCase> {
    let ended = run.ended?;
    let is_cut_short = run.sweep.as_ref().is_some_and(|swept| swept.cut_short.is_some());
    let status = match run.failure() {
        Some(why) if is_cut_short => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_type("interrupted").set_message(why);
            status
        }
        None => TestCaseStatus::success(),
        Some(failure) => {
            let kind = if ended.signal().is_some() { NonSuccessKind::Error } else { NonSuccessKind::Failure };
            let mut status = TestCaseStatus::non_success(kind);
            status.set_type(if ended.signal().is_some() { "signal" } else { "status" }).set_message(failure);
            status
        }
    };
    Some(TestCase::new("the program's end", status))
}

/// How many cases are skipped in all.
fn skipped(report: &Report) -> usize {
    report.test_suites.iter().map(|suite| suite.skipped).sum()
}

impl Form for Junit {
    fn render_finding(&mut self, found: &Found, _session: &mut Session) -> String {
        self.findings.push(found.clone());
        String::new()
    }

    fn render_end(&mut self, session: &mut Session, run: &RunFacts) -> String {
        let mut suites: BTreeMap<&str, TestSuite> = BTreeMap::new();
        for process in session.processes.values() {
            suites.entry(&process.exe).or_insert_with(|| TestSuite::new(process.exe.as_str()));
        }
        let main = session.main.and_then(|main| session.processes.get(&main)).map(|main| main.exe.as_str());
        let program = main.or_else(|| run.words.first().map(String::as_str)).unwrap_or("the program");
        if run.ended.is_some() {
            suites.entry(program).or_insert_with(|| TestSuite::new(program));
        }
        for (found, numbered) in self.findings.iter().zip(numbered(&self.findings)) {
            let suite = suites.entry(&found.exe).or_insert_with(|| TestSuite::new(found.exe.as_str()));
            suite.add_test_case(case(found, numbered.name(), run));
        }
        for gap in &session.gaps {
            let mut status = if run.requires_coverage {
                TestCaseStatus::non_success(NonSuccessKind::Failure)
            } else {
                TestCaseStatus::skipped()
            };
            status.set_message(gap.reason.as_str());
            let suite = suites.entry(&gap.program).or_insert_with(|| TestSuite::new(gap.program.as_str()));
            suite.add_test_case(TestCase::new("covered", status));
        }
        let mut report = Report::new("mapsan");
        for (name, mut suite) in suites {
            if suite.test_cases.is_empty() {
                suite.add_test_case(TestCase::new("no findings", TestCaseStatus::success()));
            }
            if let Some(case) = end(run).filter(|_| name == program) {
                suite.add_test_case(case);
            }
            report.add_test_suite(suite);
        }
        // The count of skipped cases over all suites is newer than the schema that most readers have.
        report.to_string().unwrap_or_default().replacen(&format!(" skipped=\"{}\"", skipped(&report)), "", 1)
    }

    fn shows_known(&self) -> bool {
        true
    }
}
