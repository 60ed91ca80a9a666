//! What became of a run in which a call failed, compared with the plain ones.

use crate::findings::records::{Finding, Injected, Kind, Point, Record};
use crate::sweep::plain::{Plain, findings_of, used_in};
use crate::sweep::planned::Planned;
use crate::sweep::pool::Made;
use crate::system::deaths::{Death, How};
use mapsan_model::Rule;

/// What became of a run: the first of these that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Died,
    Used,
    Hang,
    Silent,
    Lock,
    Leak,
    /// It ended otherwise than plainly, and said so.
    Clean,
    Same,
    /// The call was not made.
    Unreached,
}

impl Outcome {
    pub(crate) const ALL: [Outcome; 9] = [
        Outcome::Died,
        Outcome::Used,
        Outcome::Hang,
        Outcome::Silent,
        Outcome::Lock,
        Outcome::Leak,
        Outcome::Clean,
        Outcome::Same,
        Outcome::Unreached,
    ];

    /// As records have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Outcome::Died => "died",
            Outcome::Used => "used",
            Outcome::Hang => "hang",
            Outcome::Silent => "silent",
            Outcome::Lock => "lock",
            Outcome::Leak => "leak",
            Outcome::Clean => "clean",
            Outcome::Same => "same",
            Outcome::Unreached => "unreached",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Outcome> {
        Outcome::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

/// A run that was judged, and what the judgement is due to.
pub(crate) struct Judged<'a> {
    pub(crate) outcome: Outcome,
    /// The calls that failed, in their order, with the processes that made them.
    pub(crate) injected: Vec<(&'a Record, &'a Injected)>,
    pub(crate) death: Option<&'a Death>,
    pub(crate) used: Option<&'a Point>,
    /// How the output differs, or what the check says.
    pub(crate) silent: Option<String>,
    /// Locks that are left, and objects.
    pub(crate) locks: Vec<(&'a Record, &'a Finding)>,
    pub(crate) leaks: Vec<&'a Finding>,
    /// What other rules have found that they don't find plainly.
    pub(crate) others: Vec<&'a Finding>,
}

/// The rules of objects that outlive a run.
const LEAKS: [Rule; 4] = [Rule::LeakSegment, Rule::LeakSemaphore, Rule::LeakQueue, Rule::LeakShmObject];

/// Judges a run.
pub(crate) fn judge<'a>(planned: &Planned, made: &'a Made, plain: &Plain) -> Judged<'a> {
    let report = &made.report;
    let injected: Vec<(&Record, &Injected)> = made.records.iter().filter_map(injected_of).collect();
    let findings = || made.records.iter().filter_map(|record| Some((record, findings_of(record)?)));
    let new = || findings().filter(|(_, finding)| !plain.knows_finding(finding));
    let is_of = |finding: &Finding, rules: &[Rule]| rules.iter().any(|rule| rule.name() == finding.rule);
    // Who has a handler for the memory is prepared for it.
    let is_meant = |death: &&Death| !planned.is_of_memory() || !matches!(death.how, How::Handler(_));
    let death = report.seen.deaths.iter().filter(is_meant).find(|death| !plain.knows_death(death));
    let used = made.records.iter().filter_map(used_in).find(|point| !plain.knows_use(point));
    let difference = match report.check {
        Some(0) => None,
        Some(status) => Some(format!("--check says that the run was not right (status {status})")),
        None => plain.output.difference(&report.output),
    };
    let says = plain.new_words(&report.errors);
    let succeeds = report.status == 0;
    let is_other = difference.is_some() || says.is_some() || report.status != plain.status;
    let silent = difference.filter(|_| succeeds && says.is_none() && planned.what != "EEXIST");
    let locks: Vec<_> = new().filter(|(_, finding)| is_of(finding, &[Rule::LockOwnerDied])).collect();
    let leaks = new().map(|(_, finding)| finding).filter(|finding| is_of(finding, &LEAKS) && !planned.removes());
    let leaks: Vec<_> = leaks.collect();
    let others = new().map(|(_, finding)| finding).filter(|finding| !is_of(finding, &LEAKS)).collect();
    let outcome = match () {
        () if injected.is_empty() => Outcome::Unreached,
        () if death.is_some() => Outcome::Died,
        () if used.is_some() => Outcome::Used,
        () if report.is_out_of_time => Outcome::Hang,
        () if silent.is_some() => Outcome::Silent,
        () if !locks.is_empty() => Outcome::Lock,
        () if !leaks.is_empty() => Outcome::Leak,
        () if is_other => Outcome::Clean,
        () => Outcome::Same,
    };
    Judged { outcome, injected, death, used, silent, locks, leaks, others }
}

fn injected_of(record: &Record) -> Option<(&Record, &Injected)> {
    if let Kind::Injected(injected) = &record.kind { Some((record, injected)) } else { None }
}
