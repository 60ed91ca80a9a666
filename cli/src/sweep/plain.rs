//! What becomes of the program when no call is made to fail: with that all other runs are compared.

use crate::findings::records::{Finding, Kind, Point, Record};
use crate::sweep::expected::{Expected, without_numbers};
use crate::sweep::plan::place_of;
use crate::sweep::pool::Made;
use crate::system::deaths::Death;
use crate::system::unwind::Place;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// By how much longer than plainly a run may take, and how long it may take in any case.
const LONGER: f64 = 10.0;
const SHORTEST: Duration = Duration::from_secs(3);

/// What two plain runs have shown.
pub(crate) struct Plain {
    pub(crate) output: Expected,
    pub(crate) status: i32,
    said: BTreeSet<String>,
    deaths: BTreeSet<String>,
    findings: BTreeSet<String>,
    /// Where failed results were given to calls.
    used: BTreeSet<String>,
    /// How long it took.
    pub(crate) time: Duration,
    /// Whether it leaves processes that don't end.
    pub(crate) leaves_processes: bool,
}

impl Plain {
    pub(crate) fn of(first: &Made, second: &Made) -> Plain {
        let both = [first, second];
        let records = || both.into_iter().flat_map(|made| &made.records);
        let seconds = first.report.seconds.max(second.report.seconds);
        Plain {
            output: Expected::of(&first.report.output, &second.report.output),
            status: first.report.status,
            said: both.into_iter().flat_map(|made| without_numbers(&made.report.errors)).collect(),
            deaths: both.into_iter().flat_map(|made| &made.report.seen.deaths).map(death_in_words).collect(),
            findings: records().filter_map(findings_of).map(identity).collect(),
            used: records().filter_map(used_in).map(use_of).collect(),
            time: Duration::try_from_secs_f64(seconds).unwrap_or_default(),
            leaves_processes: first.report.leaves_processes || second.report.leaves_processes,
        }
    }

    /// How long another run may take.
    pub(crate) fn limit(&self) -> Duration {
        self.time.mul_f64(LONGER).max(SHORTEST)
    }

    /// What a run says on standard error that no plain one does.
    pub(crate) fn new_words(&self, errors: &str) -> Option<String> {
        without_numbers(errors).into_iter().find(|line| !self.said.contains(line))
    }

    pub(crate) fn knows_death(&self, death: &Death) -> bool {
        self.deaths.contains(&death_in_words(death))
    }

    pub(crate) fn knows_finding(&self, finding: &Finding) -> bool {
        self.findings.contains(&identity(finding))
    }

    pub(crate) fn knows_use(&self, point: &Point) -> bool {
        self.used.contains(&use_of(point))
    }
}

/// The finding of a record.
pub(crate) fn findings_of(record: &Record) -> Option<&Finding> {
    if let Kind::Finding(finding) = &record.kind { Some(finding) } else { None }
}

/// The point of a record, if a failed result was used there.
pub(crate) fn used_in(record: &Record) -> Option<&Point> {
    match &record.kind {
        Kind::Point(point) if point.failed_result.is_some() => Some(point),
        _ => None,
    }
}

fn use_of(point: &Point) -> String {
    format!("{} {}", point.call.function, point.site)
}

fn identity(finding: &Finding) -> String {
    format!("{} {}", finding.rule, finding.stack.first().map(place_of).unwrap_or_default())
}

/// The program, the signal, and where: the same in all runs.
fn death_in_words(death: &Death) -> String {
    let place = death.stack.iter().find_map(|place: &Place| place.module.as_ref());
    let name = |path: &str| Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned());
    let place = place.map(|(module, offset)| format!("{}+{offset:#x}", name(module).unwrap_or_default()));
    format!("{} {} {}", death.exe, death.signal, place.unwrap_or_default())
}
