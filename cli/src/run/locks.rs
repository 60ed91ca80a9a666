//! Locks in shared memory whose owner has died: looked at while the run lasts, since the memory may go with its last process,
//! and asked again when it is over.
//!
//! The library tells where locks are that processes share and that are not robust. Who holds one is read in it, as glibc
//! lays it out; the library tells of none where that is not known.

use crate::findings::records::{Finding, Frame, Kind, Record, SharedLock};
use crate::findings::session::{Attributed, Session};
use crate::findings::time;
use crate::say::say;
use crate::system::memory::{KernelMapping, Memory};
use crate::system::process::Process;
use crate::system::regular;
use crate::system::segments;
use crate::system::signal;
use crate::system::threads;
use crate::system::tree::{self, Living};
use mapsan_model::{Rule, Severity};
use std::collections::{BTreeMap, HashSet};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::{Duration, Instant};

/// How often the locks are looked at.
const INTERVAL: Duration = Duration::from_millis(200);
/// The most locks that are.
const LOCKS: usize = 256;
/// The most processes that are named.
const NAMED: usize = 6;
/// The bytes of the larger kind.
const LENGTH: usize = 56;

/// What is in common to all records of one lock: the memory that it lies in, and where.
type Place = (String, u64, u64);

/// What was read of a lock.
struct Reading {
    /// Who holds it; 0 for nobody.
    owner: u32,
    /// Whose thread that was, if it was not gone yet.
    holder: Option<u32>,
    /// Whether its owner was gone then, so that nobody unlocks it any more.
    is_left: bool,
    /// Whether it was so at the look before, too, or is so when the run is over: who waits for a process may put in order what
    /// that has left, and is soon at it.
    is_lasting: bool,
    /// Who had the memory then.
    others: Vec<u32>,
    /// When, as in records.
    time: String,
}

impl Reading {
    /// What a lock holds now, which is read once more where its owner may just have unlocked it and ended.
    fn now(owner: u32, again: impl FnOnce() -> Option<u32>) -> Reading {
        let holder = i32::try_from(owner).ok().filter(|owner| *owner != 0).and_then(threads::process_of);
        let is_left = is_gone(owner) && again() == Some(owner);
        Reading { owner, holder, is_left, is_lasting: false, others: Vec::new(), time: time::now() }
    }

    /// Whether it was unlocked, or made anew, after a process has told that it ends and holds it: who tells is not gone yet.
    fn mends(&self, told: &Record) -> bool {
        let teller = if told.sender == 0 { told.pid } else { told.sender };
        self.time > told.time && !self.is_left && self.holder != Some(teller)
    }

    /// The same, where this was read at the look before.
    fn after(self, before: Option<&Reading>) -> Reading {
        let is_the_same = before.is_some_and(|before| before.is_left && before.owner == self.owner);
        Reading { is_lasting: self.is_left && is_the_same, ..self }
    }
}

/// What is known of the run's locks while it lasts.
#[derive(Default)]
pub(crate) struct Locks {
    looked: Option<Instant>,
    /// The last reading of each.
    readings: BTreeMap<Place, Reading>,
    /// What processes have told at their ends.
    told: Vec<Record>,
}

/// How the run's processes have ended.
pub(crate) struct Ends<'a> {
    pub(crate) session: &'a Session,
    pub(crate) living: &'a [Living],
    /// The signal that ended the program's own process.
    pub(crate) killed_by: Option<i32>,
}

impl Locks {
    /// Keeps what a process has told of a lock that it holds at its end.
    pub(crate) fn keep(&mut self, record: Record) {
        if matches!(&record.kind, Kind::Finding(finding) if finding.rule == Rule::LockOwnerDied.name()) {
            self.told.push(record);
        }
    }

    /// Looks at the locks, now and then.
    pub(crate) fn look(&mut self, session: &Session, living: impl FnOnce() -> Vec<Living>) {
        if session.locks.is_empty() || self.looked.is_some_and(|looked| looked.elapsed() < INTERVAL) {
            return;
        }
        self.read_all(session, &living());
        self.looked = Some(Instant::now());
    }

    /// Reads the locks that the living have; of the others what was known stays known.
    fn read_all(&mut self, session: &Session, living: &[Living]) {
        let locks = each_once(session);
        let mut read: BTreeMap<Place, Reading> = BTreeMap::new();
        for pid in living.iter().map(|living| living.pid) {
            let Ok(process) = Process::open(pid) else { continue };
            let mappings = process.mappings().unwrap_or_default();
            for lock in locks.iter().take(LOCKS).map(|lock| &lock.what) {
                let Some(owner) = owner_in(&process, &mappings, lock) else { continue };
                let again = || owner_in(&process, &mappings, lock);
                let others = &mut read.entry(place(lock)).or_insert_with(|| Reading::now(owner, again)).others;
                if !others.contains(&pid) {
                    others.push(pid);
                }
            }
        }
        for (place, reading) in read {
            let reading = reading.after(self.readings.get(&place));
            self.readings.insert(place, reading);
        }
    }

    /// The findings, when the run is over.
    pub(crate) fn findings(mut self, ends: &Ends<'_>) -> Vec<Record> {
        let session = ends.session;
        self.read_all(session, ends.living);
        let mut findings = Vec::new();
        let locks = each_once(session);
        if locks.len() > LOCKS {
            say!("of {} locks in shared memory the first {LOCKS} were looked at: lock-owner-died", locks.len());
        }
        for lock in locks.into_iter().take(LOCKS) {
            let place = place(&lock.what);
            let told = self.told.iter().position(|told| is_about(told, &lock.what));
            let told = told.map(|told| self.told.remove(told));
            let mut last = self.readings.remove(&place);
            // Who lives had it a moment ago; else it may be there by its name or key.
            if let Some(owner) = left_owner(&lock.what) {
                let before = last.filter(|last| last.owner == owner && last.is_left);
                let now = before.unwrap_or_else(|| Reading::now(owner, || left_owner(&lock.what)));
                last = Some(Reading { is_lasting: true, ..now });
            }
            let is_mended = |told: &Record| last.as_ref().is_some_and(|last| last.mends(told));
            match (told, &last) {
                (Some(told), _) if is_mended(&told) => {}
                (Some(told), _) => findings.push(told),
                (None, Some(last)) if last.is_left && last.is_lasting => findings.push(finding(lock, last, ends)),
                (None, _) => {}
            }
        }
        // What nobody can look at any more.
        findings.append(&mut self.told);
        findings
    }
}

/// The locks, each as it was told of first: one may be made by several processes, and again and again.
fn each_once(session: &Session) -> Vec<&Attributed<SharedLock>> {
    let mut seen = HashSet::new();
    session.locks.iter().filter(|lock| seen.insert(place(&lock.what))).collect()
}

fn place(lock: &SharedLock) -> Place {
    (lock.path.clone(), lock.inode, lock.offset)
}

/// Whether a finding of a process is about a lock: made by the same call, at the same address.
fn is_about(record: &Record, lock: &SharedLock) -> bool {
    let Kind::Finding(finding) = &record.kind else { return false };
    let site = |stack: &[Frame]| stack.first().map(Frame::place);
    site(&finding.stack) == site(&lock.stack) && finding.call.args.first() == Some(&lock.address)
}

/// Whether no thread has this number any more, or only one that has ended.
fn is_gone(thread: u32) -> bool {
    thread != 0 && tree::running(thread).is_none()
}

/// The thread that holds a lock which a process has: 0 for none; `None` if it does not have it.
fn owner_in(process: &Process, mappings: &[KernelMapping], lock: &SharedLock) -> Option<u32> {
    let mapping = mappings.iter().find(|mapping| {
        let end = mapping.offset + (mapping.end - mapping.start);
        mapping.inode == lock.inode && mapping.name == lock.path && (mapping.offset..end).contains(&lock.offset)
    })?;
    let bytes = process.bytes(mapping.start + (lock.offset - mapping.offset), length(lock))?;
    Some(owner(lock, &bytes))
}

/// The thread that holds a lock in a file or segment that is still there, likewise.
fn left_owner(lock: &SharedLock) -> Option<u32> {
    let mut bytes = vec![0; length(lock)];
    if lock.path.starts_with("/SYSV") {
        let id = i32::try_from(lock.inode).ok()?;
        segments::list().iter().find(|listed| listed.id == id)?;
        segments::copy(id, usize::try_from(lock.offset).ok()?, &mut bytes)?;
    } else {
        let file = regular::open(Path::new(&lock.path)).ok()?;
        if file.metadata().ok()?.ino() != lock.inode {
            return None;
        }
        file.read_exact_at(&mut bytes, lock.offset).ok()?;
    }
    Some(owner(lock, &bytes))
}

fn length(lock: &SharedLock) -> usize {
    if lock.lock == "mutex" { 40 } else { LENGTH }
}

/// Who holds a lock, by its words; 0 for nobody.
fn owner(lock: &SharedLock, bytes: &[u8]) -> u32 {
    let words: Vec<u32> =
        bytes.chunks_exact(4).filter_map(|word| Some(u32::from_ne_bytes(word.try_into().ok()?))).collect();
    match (lock.lock.as_str(), &words[..]) {
        // Lock, count, owner, users, kind; see src/facts/lock.rs.
        ("mutex", [0, ..]) => 0,
        ("mutex", [_, _, owner, ..]) => *owner,
        // Readers, writers, four more, the writer: a phase of writing, and a writer in it.
        (_, [readers, _, _, _, _, _, writer, ..]) if readers & 3 == 3 => *writer,
        _ => 0,
    }
}

/// What there is to say of a lock.
fn finding(lock: &Attributed<SharedLock>, last: &Reading, ends: &Ends<'_>) -> Record {
    let Attributed { pid, exe, what } = lock;
    let kind = &what.lock;
    let mut notes = vec![
        "its owner was killed, became another program, or ended without unlocking it".to_owned(),
        format!("the lock lies at offset {} of {}", what.offset, memory(what)),
    ];
    notes.push("this is the call that made it; where it was locked is not known".to_owned());
    let others: Vec<String> = last.others.iter().take(NAMED).map(|pid| format!("pid {pid}")).collect();
    notes.push(match others.len() {
        0 => "who finds it gets it no more".to_owned(),
        1 => format!("{} had it mapped, too, and gets it no more", others.join("")),
        _ => format!("{} had it mapped, too, and get it no more", others.join(", ")),
    });
    let help = if kind == "mutex" {
        "unlock it on every way out, or make it robust (pthread_mutexattr_setrobust): the next to lock it gets \
         EOWNERDEAD, puts the data in order, and calls pthread_mutex_consistent"
    } else {
        "unlock it on every way out; a read-write lock can't be robust, as a mutex can (pthread_mutexattr_setrobust)"
    };
    let finding = Finding {
        rule: Rule::LockOwnerDied.name().to_owned(),
        severity: Severity::Warning.name().to_owned(),
        call: what.call.clone(),
        message: format!("{} this {kind}, which is not robust", how(last.owner, ends)),
        notes,
        help: vec![help.to_owned()],
        stack: what.stack.clone(),
        related: Vec::new(),
        ..Finding::default()
    };
    Record::now(*pid, exe, Kind::Finding(Box::new(finding)))
}

/// The memory of a lock, in words.
fn memory(lock: &SharedLock) -> String {
    match lock.path.as_str() {
        path if path.starts_with("/SYSV") => format!("segment {}", lock.inode),
        path if path.starts_with("/dev/zero") => "an anonymous shared mapping".to_owned(),
        path => format!("'{path}'"),
    }
}

/// How its owner has gone.
fn how(owner: u32, ends: &Ends<'_>) -> String {
    match ends.killed_by.filter(|_| ends.session.main == Some(owner)) {
        Some(signal) => format!("pid {owner} was ended by {} while it held", signal::name(signal)),
        None if ends.session.processes.contains_key(&owner) => format!("pid {owner} is gone, and still holds"),
        None => format!("thread {owner} is gone, and still holds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_owner_has_left_may_be_put_in_order_until_the_next_look() {
        let left = |owner| Reading { is_left: true, ..Reading::now(owner, || None) };
        assert!(!left(7).after(None).is_lasting);
        assert!(left(7).after(Some(&left(7))).is_lasting);
        assert!(!left(7).after(Some(&left(8))).is_lasting);
        assert!(!left(7).after(Some(&Reading::now(0, || None))).is_lasting);
        assert!(!Reading::now(0, || None).after(Some(&left(7))).is_lasting);
    }

    #[test]
    fn what_its_teller_still_holds_is_not_put_in_order() {
        let own = std::process::id();
        let told = |pid| {
            let mut record = Record::now(pid, "", Kind::ExecFailed);
            "2000".clone_into(&mut record.time);
            record
        };
        let reading = Reading::now(own, || Some(own));
        assert!(!reading.mends(&told(own)) && reading.mends(&told(1)));
        assert!(Reading::now(0, || None).mends(&told(own)));
    }
}
