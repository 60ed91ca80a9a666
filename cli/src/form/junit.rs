//! `JUnit`: a suite for each executable, a test case for each finding.

use super::contract::{Form, RunFacts, details};
use crate::findings::found::Found;
use crate::findings::session::Session;
use crate::path::display_path;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::collections::BTreeMap;

/// Collects the findings until all are known.
#[derive(Default)]
pub(crate) struct Junit {
    findings: Vec<Found>,
}

fn case(found: &Found, run: &RunFacts) -> TestCase {
    let mut status = if found.severity >= run.fail {
        TestCaseStatus::non_success(NonSuccessKind::Failure)
    } else {
        TestCaseStatus::success()
    };
    if found.severity >= run.fail {
        status.set_type(found.rule.as_str()).set_message(found.message.as_str()).set_description(details(found));
    }
    let place = match found.site() {
        Some(place) => {
            let file = place.file.as_deref().map(display_path).unwrap_or_default();
            format!(" at {file}:{}", place.line.unwrap_or(0))
        }
        None => String::new(),
    };
    let mut case = TestCase::new(format!("{}{place}", found.rule), status);
    case.set_classname(format!("mapsan.{}", found.call.function));
    if found.severity < run.fail {
        case.set_system_out(details(found));
    }
    case
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
        for found in &self.findings {
            let suite = suites.entry(&found.exe).or_insert_with(|| TestSuite::new(found.exe.as_str()));
            suite.add_test_case(case(found, run));
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
        for mut suite in suites.into_values() {
            if suite.test_cases.is_empty() {
                suite.add_test_case(TestCase::new("no findings", TestCaseStatus::success()));
            }
            report.add_test_suite(suite);
        }
        // The count of skipped cases over all suites is newer than the schema that most readers have.
        report.to_string().unwrap_or_default().replacen(&format!(" skipped=\"{}\"", skipped(&report)), "", 1)
    }
}
