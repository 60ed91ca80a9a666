//! What a run, or some files of records, have told: each finding once, the processes, and what was not covered.

use crate::found::Found;
use crate::left::Made;
use crate::records::{Finding, Kind, Object, Record, Segment, SegmentUse};
use crate::suppress::Suppressions;
use crate::symbols::Symbols;
use mapsan_model::record::SCHEMA_NAME;
use mapsan_model::{Counted, Rule, Severity, Summary};
use std::collections::{BTreeMap, HashSet};

/// A process of the run.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) exe: String,
    /// Whether it said that it ends.
    pub(crate) ended: bool,
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

/// What a record is to the readers of the run.
pub(crate) enum Told {
    /// A finding that is new.
    Finding(Box<Found>),
    /// A finding that waits for the end: whether what it is about is still there then.
    Later,
    /// Nothing to show.
    Nothing,
}

/// All that is known.
#[derive(Default)]
pub(crate) struct Session {
    pub(crate) symbols: Symbols,
    pub(crate) suppressions: Suppressions,
    /// The program's own process.
    pub(crate) main: Option<u32>,
    pub(crate) processes: BTreeMap<u32, Process>,
    /// Whether the IPC namespace goes with the run.
    pub(crate) private: bool,
    /// By rule, and by executable.
    pub(crate) rules: BTreeMap<String, Count>,
    pub(crate) programs: BTreeMap<String, u64>,
    severities: [u64; 3],
    /// The highest severity with which each rule was broken.
    pub(crate) highest: BTreeMap<String, Severity>,
    pub(crate) repeated: u64,
    pub(crate) suppressed: u64,
    pub(crate) gaps: Vec<Gap>,
    /// What was made, and what became of segments, in the order in which it was told.
    pub(crate) segments: Vec<Made<Segment>>,
    pub(crate) uses: Vec<Made<SegmentUse>>,
    pub(crate) objects: Vec<Made<Object>>,
    /// Findings of processes about what they have left.
    pub(crate) left: Vec<Found>,
    seen: HashSet<(String, String)>,
}

impl Session {
    /// Takes one line of records; an error says why it is none.
    pub(crate) fn take(&mut self, line: &str) -> Result<Told, String> {
        let record: Record = serde_json::from_str(line).map_err(|error| unreadable(line, &error))?;
        if record.schema != SCHEMA_NAME {
            return Err(format!(
                "it has schema '{}', and this mapsan reads '{SCHEMA_NAME}': read it with the mapsan that wrote it",
                record.schema
            ));
        }
        match &record.kind {
            Kind::Start {} => {
                self.processes.insert(record.pid, Process { exe: record.exe.clone(), ended: false });
            }
            Kind::End { repeated, lost } => {
                self.repeated += repeated;
                if *lost > 0 {
                    let findings = Counted(*lost, "finding");
                    let reason = format!("{findings} of process {} could not be written, and are lost", record.pid);
                    self.add_gap(&record.exe, &reason, record.pid);
                }
                if let Some(process) = self.processes.get_mut(&record.pid) {
                    process.ended = true;
                }
            }
            Kind::Segment(segment) => self.segments.push(made(&record, segment)),
            Kind::SegmentUse(used) => self.uses.push(made(&record, used)),
            Kind::Object(object) => self.objects.push(made(&record, object)),
            Kind::Finding(finding) => {
                let found = self.found(&record, finding);
                if is_of_the_end(&found.rule) {
                    self.left.push(found);
                    return Ok(Told::Later);
                }
                return Ok(self.enter(found).map_or(Told::Nothing, |found| Told::Finding(Box::new(found))));
            }
            Kind::Other => {}
        }
        Ok(Told::Nothing)
    }

    /// Takes a finding about what is left at the end.
    pub(crate) fn take_at_end(&mut self, line: &str) -> Option<Found> {
        let record: Record = serde_json::from_str(line).ok()?;
        let Kind::Finding(finding) = &record.kind else { return None };
        let found = self.found(&record, finding);
        self.enter(found)
    }

    fn found(&mut self, record: &Record, finding: &Finding) -> Found {
        let mut found = Found::of(record, finding, &mut self.symbols);
        found.other = self.main.is_some_and(|main| main != record.pid);
        if self.private {
            found.help.iter_mut().for_each(without_hands);
        }
        found
    }

    /// Counts a finding; `None` if it is suppressed, or a repetition.
    pub(crate) fn enter(&mut self, found: Found) -> Option<Found> {
        if self.suppressions.silence(&found) {
            self.suppressed += 1;
            return None;
        }
        let count = self.rules.entry(found.rule.clone()).or_default();
        if !self.seen.insert(found.identity()) {
            count.repeated += 1;
            self.repeated += 1;
            return None;
        }
        count.findings += 1;
        let highest = self.highest.entry(found.rule.clone()).or_insert(found.severity);
        *highest = found.severity.max(*highest);
        self.severities[found.severity as usize] += 1;
        *self.programs.entry(found.exe.clone()).or_default() += 1;
        Some(found)
    }

    /// How many findings have this severity.
    pub(crate) fn count(&self, severity: Severity) -> u64 {
        self.severities[severity as usize]
    }

    /// What was found, in numbers.
    pub(crate) fn summary(&self) -> Summary {
        let [notes, warnings, errors] = self.severities;
        Summary { errors, warnings, notes, repeated: self.repeated }
    }

    /// Whether there are findings of at least this severity.
    pub(crate) fn has(&self, lowest: Severity) -> bool {
        Severity::ALL.into_iter().any(|severity| severity >= lowest && self.count(severity) > 0)
    }

    /// Notes that something is not covered, once.
    pub(crate) fn add_gap(&mut self, program: &str, reason: &str, pid: u32) {
        if !self.gaps.iter().any(|gap| gap.program == program) {
            self.gaps.push(Gap { program: program.to_owned(), reason: reason.to_owned(), pid });
        }
    }
}

/// Takes the advice to remove something by hand out of a help: its id means nothing, or another's segment, where the user
/// would use it.
fn without_hands(help: &mut String) {
    // The last is in brackets, and something else follows it.
    for (start, end) in [("; by hand: ipcrm", ""), (": ipcrm", ""), (" (ipcs", ")")] {
        if let Some((before, after)) = help.split_once(start).filter(|_| help.contains("ipcrm")) {
            let rest = if end.is_empty() { "" } else { after.split_once(end).map_or("", |(_, rest)| rest) };
            *help = format!("{before}{rest}");
        }
    }
}

/// Whether a rule can be judged only when the last process has gone.
pub(crate) fn is_of_the_end(rule: &str) -> bool {
    [Rule::LeakSegment, Rule::LeakShmObject].iter().any(|of_end| of_end.name() == rule)
}

fn made<T: Clone>(record: &Record, what: &T) -> Made<T> {
    Made { pid: record.pid, exe: record.exe.clone(), what: what.clone() }
}

/// Says why a line is no record, without showing all of it.
fn unreadable(line: &str, error: &serde_json::Error) -> String {
    if error.is_eof() {
        "it ends in the middle".to_owned()
    } else {
        let start: String = line.chars().take(40).collect();
        format!("it is no record of mapsan ({error}): '{}'", start.escape_debug())
    }
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

    #[test]
    fn the_same_finding_of_another_process_is_a_repetition() {
        let mut session = Session::default();
        assert!(matches!(session.take(&finding(1, "mmap-bad-fd", "0x1")), Ok(Told::Finding(_))));
        assert!(matches!(session.take(&finding(2, "mmap-bad-fd", "0x1")), Ok(Told::Nothing)));
        assert!(matches!(session.take(&finding(2, "mmap-bad-fd", "0x2")), Ok(Told::Finding(_))));
        assert_eq!((session.count(Severity::Error), session.repeated), (2, 1));
        assert_eq!((session.rules["mmap-bad-fd"].findings, session.programs["/bin/x"]), (2, 2));
        assert!(session.has(Severity::Warning));
    }

    #[test]
    fn what_is_no_record_is_named() {
        let mut session = Session::default();
        let why = |session: &mut Session, line: &str| session.take(line).err().unwrap();
        assert_eq!(why(&mut session, r#"{"schema":"mapsan/1","ki"#), "it ends in the middle");
        assert!(why(&mut session, "hello\u{1b}[31m").contains("no record of mapsan"));
        assert!(!why(&mut session, "hello\u{1b}[31m").contains('\u{1b}'));
        let newer = r#"{"schema":"mapsan/2","kind":"start","pid":1,"tid":1,"exe":"x","time":""}"#;
        assert!(why(&mut session, newer).contains("'mapsan/2'"));
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
            if let Err(why) = session.take(&String::from_utf8_lossy(&bytes)) {
                assert!(!why.is_empty() && why.lines().count() == 1);
            }
            assert!(session.take(&whole).is_ok());
        }

        /// Suppressions of any bytes are read to their end.
        #[test]
        fn suppressions_of_any_bytes(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let mut suppressions = Suppressions::new(bytes);
            let mut session = Session::default();
            if let Ok(Told::Finding(found)) = session.take(&finding(1, "mmap-bad-fd", "0x1")) {
                suppressions.silence(&found);
            }
            suppressions.malformed();
            suppressions.unused();
        }
    }

    #[test]
    fn nothing_is_advised_by_hand_where_the_ids_are_another_namespace_s() {
        for (help, expected) in [
            ("remove it (shmctl IPC_RMID); by hand: ipcrm -m 7", "remove it (shmctl IPC_RMID)"),
            ("if it is left over, remove it: ipcrm -m 7", "if it is left over, remove it"),
            (
                "remove those that are left (ipcs -m -p, ipcrm -m ID), or raise it",
                "remove those that are left, or raise it",
            ),
            ("nothing of this", "nothing of this"),
        ] {
            let mut help = help.to_owned();
            without_hands(&mut help);
            assert_eq!(help, expected);
        }
    }

    #[test]
    fn findings_that_are_lost_are_not_covered() {
        let mut session = Session::default();
        let end = r#"{"schema":"mapsan/1","kind":"end","time":"","pid":3,"tid":3,"exe":"/x","errors":1,"warnings":0,"notes":0,"repeated":0,"lost":2}"#;
        assert!(session.take(end).is_ok());
        assert!(session.gaps[0].reason.starts_with("2 findings of process 3 could not be written"));
    }

    #[test]
    fn gaps_are_told_once() {
        let mut session = Session::default();
        session.add_gap("/bin/x", "it is static", 7);
        session.add_gap("/bin/x", "it is static", 7);
        assert_eq!(session.gaps.len(), 1);
    }
}
