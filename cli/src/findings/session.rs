//! What a run, or some files of records, have told: each finding once, the processes, and what was not covered.

use crate::findings::aside::Aside;
use crate::findings::baseline::{Baseline, Standing};
pub(crate) use crate::findings::ended::{HowEnded, Unended};
use crate::findings::fingerprint::Fingerprint;
use crate::findings::found::Found;
use crate::findings::ranks::Ranks;
use crate::findings::records::{
    Coverage, End, Exec, Finding, IpcObject, Kind, Object, Record, Segment, SegmentUse, SharedLock,
};
use crate::findings::severities::Severities;
use crate::findings::suppress::Suppressions;
use crate::findings::symbols::Symbols;
use mapsan_model::advice::BY_HAND;
use mapsan_model::{Counted, Rule, Severity, Summary};
use std::collections::{BTreeMap, HashSet};

/// A process of the run.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) exe: String,
    /// Whether it said that it ends.
    pub(crate) ended: bool,
    /// Whether it said by which signal it ends.
    pub(crate) died: bool,
}

/// Something that was not checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) program: String,
    /// Why, and what to do.
    pub(crate) reason: String,
    /// A process of it; 0 if none was seen.
    pub(crate) pid: u32,
}

/// How often a rule was broken.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    pub(crate) findings: u64,
    pub(crate) repeated: u64,
}

/// What a process has told of something that may outlive it.
#[derive(Clone, Debug)]
pub(crate) struct Attributed<T> {
    pub(crate) pid: u32,
    pub(crate) exe: String,
    pub(crate) what: T,
}

impl<T> Attributed<T> {
    pub(crate) fn of(record: &Record, what: T) -> Attributed<T> {
        Attributed { pid: record.pid, exe: record.exe.clone(), what }
    }
}

/// The process in which a program was started. Its own number may be that of others in other PID namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Started {
    pub(crate) pid: u32,
    /// Its number in the command's PID namespace; 0 if that is not known.
    sender: u32,
}

impl Started {
    /// Whether a record with this number in it, from this sender, may be this process's. Where all descriptors are in use, a
    /// process writes by a child, whose number is another.
    fn may_be(self, record: &Record) -> bool {
        self.pid == record.pid
            && (self.sender == record.sender
                || self.sender == self.pid
                || self.sender == 0
                || record.sender == record.pid
                || record.sender == 0)
    }
}

/// What a record is to those who show the run.
pub(crate) enum Ingested {
    /// A finding that is new.
    New(Box<Found>),
    /// A finding that waits for the end: whether what it is about is still there then.
    Later,
    /// Nothing to show.
    Silent,
}

/// All that is known.
#[derive(Default)]
pub(crate) struct Session {
    pub(crate) symbols: Symbols,
    /// Which severities the user has chosen.
    pub(crate) chosen_severities: Severities,
    pub(crate) suppressions: Suppressions,
    /// What is known, if new findings alone count.
    pub(crate) baseline: Option<Baseline>,
    /// What a baseline is to hold that is written at the end.
    pub(crate) fingerprints: Option<Vec<Fingerprint>>,
    /// The program's own process.
    pub(crate) main: Option<u32>,
    pub(crate) processes: BTreeMap<u32, Process>,
    /// Whether the IPC namespace goes with the run.
    pub(crate) private: bool,
    /// Whether its /dev/shm does.
    pub(crate) private_objects: bool,
    /// By rule, and by executable.
    pub(crate) rules: BTreeMap<String, Count>,
    pub(crate) programs: BTreeMap<String, u64>,
    severities: [u64; 3],
    /// The highest severity with which each rule was broken.
    pub(crate) highest: BTreeMap<String, Severity>,
    pub(crate) repeated: u64,
    pub(crate) suppressed: u64,
    /// Calls that were made to fail.
    pub(crate) injected: u64,
    told_injections: HashSet<String>,
    pub(crate) gaps: Vec<Gap>,
    /// What was made, and what became of segments, in the order in which it was told.
    pub(crate) segments: Vec<Attributed<Segment>>,
    pub(crate) uses: Vec<Attributed<SegmentUse>>,
    pub(crate) ipc_objects: Vec<Attributed<IpcObject>>,
    pub(crate) objects: Vec<Attributed<Object>>,
    pub(crate) locks: Vec<Attributed<SharedLock>>,
    /// Processes that have ended without a word, and how that can have come.
    pub(crate) unended: Vec<Unended>,
    /// Mappings that processes have made and released, of those that have told.
    pub(crate) changes: u64,
    /// How often a program was started, with the library.
    pub(crate) starts: u64,
    /// Programs that were started, by their process, and from which nothing has come since; and those of which nobody knows
    /// the process, which are without the library in any case.
    pub(crate) silent: BTreeMap<Started, Attributed<Exec>>,
    pub(crate) lost_shells: Vec<Attributed<Exec>>,
    /// How much was watched for races, if that was done.
    pub(crate) coverage: Option<Coverage>,
    /// Findings of processes about what they have left.
    pub(crate) left_findings: Vec<Found>,
    seen: HashSet<(String, String)>,
    /// Notes that are told by their number.
    pub(crate) aside: Aside,
    pub(crate) ranks: Ranks,
}

impl Session {
    /// Takes a record in.
    pub(crate) fn ingest(&mut self, record: &Record) -> Ingested {
        // Whatever it is, the process has the library.
        self.silent.retain(|started, _| !started.may_be(record));
        match &record.kind {
            Kind::Start(start) if start.covered == Some(false) => {
                self.add_gap(&record.exe, start.reason.as_deref().unwrap_or("no reason is given"), record.pid);
            }
            Kind::Start(start) => {
                self.add_degraded(record, start.degraded.as_deref());
                self.ranks.hear(start.rank);
                self.starts += 1;
                self.processes.insert(record.pid, Process { exe: record.exe.clone(), ended: false, died: false });
            }
            Kind::End(end) => self.ingest_end(record, end),
            Kind::Segment(segment) => self.segments.push(Attributed::of(record, segment.clone())),
            Kind::SegmentUse(used) => self.uses.push(Attributed::of(record, used.clone())),
            Kind::IpcObject(made) => self.ipc_objects.push(Attributed::of(record, made.clone())),
            Kind::Object(object) => self.objects.push(Attributed::of(record, object.clone())),
            // Of another PID namespace the numbers in locks are others.
            Kind::Lock(_) if ![0, record.pid].contains(&record.sender) => {}
            Kind::Lock(lock) => self.locks.push(Attributed::of(record, lock.clone())),
            Kind::Finding(finding) => {
                if let Some(process) = self.processes.get_mut(&record.pid) {
                    process.died |= finding.call.is_signal();
                }
                let found = self.locate(record, finding);
                if is_judged_at_the_end(&found) {
                    self.left_findings.push(found);
                    return Ingested::Later;
                }
                return self.record(found).map_or(Ingested::Silent, |found| Ingested::New(Box::new(found)));
            }
            Kind::Exec(exec) => self.ingest_exec(record, exec),
            Kind::Degraded(degraded) => {
                let reason = format!("process {} was checked in part: {}", record.pid, degraded.reason);
                self.add_gap(&record.exe, &reason, record.pid);
            }
            Kind::Injected(_) => self.injected += 1,
            Kind::Coverage(coverage) => self.coverage = Some(coverage.clone()),
            Kind::Point(_) | Kind::ExecFailed | Kind::Other => {}
        }
        Ingested::Silent
    }

    /// A call that was made to fail, as it is shown: the first one of each place and stack.
    pub(crate) fn ingest_injected(&mut self, record: &Record) -> Option<(Found, String)> {
        let Kind::Injected(injected) = &record.kind else { return None };
        let order = injected.order();
        if !self.told_injections.insert(order.clone()) {
            return None;
        }
        let call = Finding {
            rule: String::new(),
            severity: Severity::Note.name().to_owned(),
            call: injected.call.clone(),
            message: String::new(),
            notes: Vec::new(),
            help: Vec::new(),
            stack: injected.stack.clone(),
            related: Vec::new(),
            ..Finding::default()
        };
        Some((self.locate(record, &call), order))
    }

    /// Takes in a finding about what is left at the end.
    pub(crate) fn ingest_at_the_end(&mut self, record: &Record) -> Option<Found> {
        let Kind::Finding(finding) = &record.kind else { return None };
        let found = self.locate(record, finding);
        self.record(found)
    }

    fn ingest_exec(&mut self, record: &Record, exec: &Exec) {
        let started = Attributed::of(record, exec.clone());
        match exec.child {
            Some(0) => self.lost_shells.push(started),
            // It may have been faster than its parent.
            Some(child) if self.processes.contains_key(&child) => {}
            Some(child) => {
                let sender = if record.sender == record.pid { child } else { 0 };
                self.silent.insert(Started { pid: child, sender }, started);
            }
            None => drop(self.silent.insert(Started { pid: record.pid, sender: record.sender }, started)),
        }
    }

    fn ingest_end(&mut self, record: &Record, end: &End) {
        self.repeated += end.repeated;
        self.changes += end.changes.unwrap_or(0);
        self.add_degraded(record, end.degraded.as_deref());
        if end.lost > 0 {
            let findings = Counted(end.lost, "finding");
            let reason = format!("{findings} of process {} could not be written, and are lost", record.pid);
            self.add_gap(&record.exe, &reason, record.pid);
        }
        if let Some(process) = self.processes.get_mut(&record.pid) {
            process.ended = true;
        }
    }

    /// Notes that a process was checked in part alone.
    fn add_degraded(&mut self, record: &Record, errno: Option<&str>) {
        if let Some(errno) = errno {
            let reason = format!(
                "it was checked in part: /proc/self/maps could not be read there ({errno}), and what that alone tells, as of \
                 munmap-foreign and mmap-fixed-clobber, was not; mount /proc where it runs, or let its sandbox read it"
            );
            self.add_gap(&record.exe, &reason, record.pid);
        }
    }

    /// The finding with its frames looked up.
    fn locate(&mut self, record: &Record, finding: &Finding) -> Found {
        let mut found = Found::of(record, finding, &mut self.symbols);
        found.is_of_other_process = self.main.is_some_and(|main| main != record.pid);
        found.severity = self.chosen_severities.of(&found.rule, found.severity);
        if self.private {
            found.help.iter_mut().for_each(leave_out_removal_by_hand);
        }
        found
    }

    /// Counts a finding; `None` if it is suppressed, a repetition, or waits for `settle`.
    pub(crate) fn record(&mut self, mut found: Found) -> Option<Found> {
        if self.suppressions.silence(&found) {
            self.suppressed += 1;
            return None;
        }
        if self.aside.takes(&found) {
            return None;
        }
        self.ranks.note(&found);
        if !self.seen.insert(found.identity()) {
            self.rules.entry(found.rule.clone()).or_default().repeated += 1;
            self.repeated += 1;
            return None;
        }
        if let Some(fingerprints) = &mut self.fingerprints {
            fingerprints.push(Fingerprint::of(&found));
        }
        match self.baseline.as_mut().map_or(Standing::New, |baseline| baseline.judge(&found)) {
            Standing::Undecided => return None,
            Standing::Known => found.is_known = true,
            Standing::New => self.count(&found),
        }
        Some(found)
    }

    /// All findings are there: those of which it was not sure whether the baseline has them.
    pub(crate) fn settle(&mut self) -> Vec<Found> {
        let settled = self.baseline.as_mut().map(Baseline::settle).unwrap_or_default();
        let settle = |(found, is_known): (Found, bool)| {
            if !is_known {
                self.count(&found);
            }
            let mut found = Found { is_known, ..found };
            self.ranks.spread(&mut found);
            found
        };
        settled.into_iter().map(settle).collect()
    }

    fn count(&mut self, found: &Found) {
        self.rules.entry(found.rule.clone()).or_default().findings += 1;
        let highest = self.highest.entry(found.rule.clone()).or_insert(found.severity);
        *highest = found.severity.max(*highest);
        self.severities[found.severity as usize] += 1;
        *self.programs.entry(found.exe.clone()).or_default() += 1;
    }

    /// Notes which processes have ended without a word, those that have ended by now: `runs` says of which that is not so, and
    /// `exited` is one that no signal has ended.
    pub(crate) fn note_unended(&mut self, runs: impl Fn(u32) -> bool, exited: Option<u32>) {
        let how = |pid| if exited == Some(pid) { HowEnded::Exited } else { HowEnded::Somehow };
        self.unended = self.without_end(runs, how);
    }

    /// Notes the processes of saved records that have no end there.
    pub(crate) fn note_untold_ends(&mut self) {
        let untold = self.without_end(|_| false, |_| HowEnded::Untold);
        self.unended.extend(untold);
    }

    /// Another process has the number of this one: what is known of that one is noted.
    pub(crate) fn forget_process(&mut self, pid: u32) {
        let untold = self.without_end(|other| other != pid, |_| HowEnded::Untold);
        self.unended.extend(untold);
        self.processes.remove(&pid);
    }

    fn without_end(&self, runs: impl Fn(u32) -> bool, how: impl Fn(u32) -> HowEnded) -> Vec<Unended> {
        // One that became another program is told of by that one, or it is told that nothing came from it.
        let has_become_another = |pid| self.silent.keys().any(|started| started.pid == pid);
        let unended = self.processes.iter().filter(|(_, process)| !process.ended && !process.died);
        let unended = unended.filter(|(pid, _)| !runs(**pid) && !has_become_another(**pid));
        unended.map(|(pid, process)| Unended { pid: *pid, exe: process.exe.clone(), how: how(*pid) }).collect()
    }

    /// What was found, in numbers.
    pub(crate) fn summary(&self) -> Summary {
        let [notes, warnings, errors] = self.severities;
        Summary { errors, warnings, notes, repeated: self.repeated }
    }

    /// Whether there are findings of at least this severity.
    pub(crate) fn has(&self, lowest: Severity) -> bool {
        self.summary().has(lowest)
    }

    /// Notes that something is not covered, once.
    pub(crate) fn add_gap(&mut self, program: &str, reason: &str, pid: u32) {
        if !self.gaps.iter().any(|gap| gap.program == program) {
            self.gaps.push(Gap { program: program.to_owned(), reason: reason.to_owned(), pid });
        }
    }
}

/// Cuts the advice to remove something by hand off a help: its id means nothing, or another's segment, where the user
/// would use it.
fn leave_out_removal_by_hand(help: &mut String) {
    if let Some((before, _)) = help.split_once(BY_HAND) {
        help.truncate(before.len());
    }
}

/// Whether a finding can be judged only when the last process has gone.
fn is_judged_at_the_end(found: &Found) -> bool {
    use Rule::{LeakQueue, LeakSegment, LeakSemaphore, LeakShmObject, LockOwnerDied};
    let rules = [LeakSegment, LeakSemaphore, LeakQueue, LeakShmObject, LockOwnerDied];
    rules.iter().any(|rule| rule.name() == found.rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(pid: u32, rule: &str, offset: &str) -> String {
        format!(
            r#"{{"schema":"mapsan/1","kind":"finding","time":"2026-01-01T00:00:00.000000Z","pid":{pid},"tid":{pid},
            "exe":"/bin/x","rule":"{rule}","severity":"error","call":{{"function":"mmap","args":[],"result":"-1",
            "errno":"EINVAL"}},"message":"m","notes":[],"help":[],"stack":[{{"address":"0x1","module":"/no/such",
            "offset":"{offset}","build_id":null}}],"related":[],"repeated":0}}"#
        )
        .replace('\n', "")
    }

    /// Takes in a line of records, if it is one.
    fn ingest(session: &mut Session, line: &str) -> Result<Ingested, String> {
        Record::read(line).map(|record| session.ingest(&record))
    }

    #[test]
    fn the_same_finding_of_another_process_is_a_repetition() {
        let mut session = Session::default();
        assert!(matches!(ingest(&mut session, &finding(1, "mmap-bad-fd", "0x1")), Ok(Ingested::New(_))));
        assert!(matches!(ingest(&mut session, &finding(2, "mmap-bad-fd", "0x1")), Ok(Ingested::Silent)));
        assert!(matches!(ingest(&mut session, &finding(2, "mmap-bad-fd", "0x2")), Ok(Ingested::New(_))));
        assert_eq!((session.summary().errors, session.repeated), (2, 1));
        assert_eq!((session.rules["mmap-bad-fd"].findings, session.programs["/bin/x"]), (2, 2));
        assert!(session.has(Severity::Warning));
    }

    proptest::proptest! {
        /// A record that is cut, or has bytes changed, is taken or named, and the next one is read.
        #[test]
        fn damaged_records_do_no_harm(cut in 0_usize..600, at in 0_usize..600, byte: u8) {
            let whole = finding(1, "mmap-bad-fd", "0x1");
            let mut bytes = whole.clone().into_bytes();
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            bytes.truncate(cut.max(1));
            let mut session = Session::default();
            if let Err(why) = ingest(&mut session, &String::from_utf8_lossy(&bytes)) {
                assert!(!why.is_empty() && why.lines().count() == 1);
            }
            assert!(ingest(&mut session, &whole).is_ok());
        }

        /// Suppressions of any bytes are read to their end.
        #[test]
        fn suppressions_of_any_bytes(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let mut suppressions = Suppressions::new(bytes);
            let mut session = Session::default();
            if let Ok(Ingested::New(found)) = ingest(&mut session, &finding(1, "mmap-bad-fd", "0x1")) {
                suppressions.silence(&found);
            }
            suppressions.malformed();
            suppressions.unused();
        }
    }

    #[test]
    fn nothing_is_advised_by_hand_where_the_ids_are_another_namespace_s() {
        for (help, expected) in [
            ("if it is left over, remove it: ipcrm -m 7", "if it is left over, remove it"),
            ("nothing of this", "nothing of this"),
        ] {
            let mut help = help.to_owned();
            leave_out_removal_by_hand(&mut help);
            assert_eq!(help, expected);
        }
    }

    #[test]
    fn findings_that_are_lost_are_not_covered() {
        let mut session = Session::default();
        let end = r#"{"schema":"mapsan/1","kind":"end","pid":3,"exe":"/x","repeated":0,"lost":2}"#;
        assert!(ingest(&mut session, end).is_ok());
        assert!(session.gaps[0].reason.starts_with("2 findings of process 3 could not be written"));
    }

    #[test]
    fn processes_that_are_checked_in_part_are_not_covered() {
        for (record, words) in [
            (r#""kind":"degraded","reason":"tracking ends""#, "process 3 was checked in part: tracking ends"),
            (r#""kind":"start","version":"1","degraded":"ENOENT""#, "could not be read there (ENOENT)"),
            (r#""kind":"end","repeated":0,"degraded":"EMFILE""#, "could not be read there (EMFILE)"),
            (r#""kind":"start","version":"1","covered":false,"reason":"it is static""#, "it is static"),
        ] {
            let mut session = Session::default();
            let line = format!(r#"{{"schema":"mapsan/1","pid":3,"exe":"/x",{record}}}"#);
            assert!(ingest(&mut session, &line).is_ok());
            assert!(session.gaps[0].reason.contains(words), "{:?}", session.gaps);
        }
    }

    #[test]
    fn gaps_are_told_once() {
        let mut session = Session::default();
        session.add_gap("/bin/x", "it is static", 7);
        session.add_gap("/bin/x", "it is static", 7);
        assert_eq!(session.gaps.len(), 1);
    }
}
