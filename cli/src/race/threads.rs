//! The threads that are traced, and the watchpoints that each has.

use crate::race::objects::Objects;
use crate::race::words::Word;
use crate::system::processes::Identity;
use crate::system::samples::Seen;
use crate::system::watchpoint::{Hits, Watchpoint};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::ops::Range;
use std::time::{Duration, Instant};

/// How many words are watched at once: as many watchpoints has a processor for each thread.
pub(crate) const SLOTS: usize = 4;

/// Signals that are ignored unless a program wants them.
const IGNORED: [i32; 3] = [libc::SIGURG, libc::SIGWINCH, libc::SIGCHLD];

/// A thread.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) pid: i32,
    /// Whether it is held, or was until now and has yet to stop for that.
    pub(crate) is_held: bool,
    /// Whether it has stopped for being held.
    pub(crate) has_settled: bool,
    watchpoints: [Option<Watchpoint>; SLOTS],
    /// Watchpoints that were hit when others were not yet set that belong to them: of such a hit nothing follows.
    early: [bool; SLOTS],
    /// The signal that tells it of watchpoints.
    pub(crate) signal: i32,
    /// Since when it has had that signal blocked whenever it was looked at.
    blocked_since: Option<Instant>,
    /// For how long it has run, when that was last asked; and whether it has since it was asked before.
    run_time: u64,
    runs: bool,
}

impl Thread {
    fn new(pid: i32) -> Thread {
        let watchpoints = [const { None }; SLOTS];
        let (signal, early) = (libc::SIGURG, [false; SLOTS]);
        Thread {
            pid,
            is_held: false,
            has_settled: false,
            watchpoints,
            early,
            signal,
            blocked_since: None,
            run_time: 0,
            runs: true,
        }
    }

    /// Notes for how long it has run by now.
    pub(crate) fn note_run_time(&mut self, run_time: u64) {
        self.runs = self.run_time != run_time;
        self.run_time = run_time;
    }

    /// Whether it has watchpoints, set or not.
    fn is_watched(&self) -> bool {
        self.watchpoints.iter().any(Option::is_some)
    }

    fn is_hit(&self, slot: usize) -> bool {
        self.watchpoints.get(slot).and_then(Option::as_ref).is_some_and(Watchpoint::is_hit)
    }

    /// It has stopped since a watchpoint was hit.
    pub(crate) fn take_hit(&mut self, slot: usize) -> Taken {
        let Some(Some(watchpoint)) = self.watchpoints.get_mut(slot) else { return Taken::Nothing };
        if !watchpoint.is_hit() {
            return Taken::Nothing;
        }
        let seen = watchpoint.take();
        if self.early.get_mut(slot).is_some_and(std::mem::take) {
            return Taken::Nothing;
        }
        seen.map_or(Taken::Unclear, Taken::Hit)
    }
}

/// For what a thread has stopped.
#[derive(Debug)]
pub(crate) enum Taken {
    /// For one access.
    Hit(Seen),
    /// For several, or one of which it can't be known which.
    Unclear,
    /// For none to the word that is watched now, or one of which nothing follows.
    Nothing,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Threads {
    all: BTreeMap<i32, Thread>,
    /// Why a thread could not be watched, the first time.
    pub(crate) refusal: Option<io::Error>,
    /// Processes of which a thread has all signals blocked that could tell it.
    pub(crate) deaf: BTreeSet<i32>,
}

impl Threads {
    pub(crate) fn get(&self, thread: i32) -> Option<&Thread> {
        self.all.get(&thread)
    }

    pub(crate) fn get_mut(&mut self, thread: i32) -> Option<&mut Thread> {
        self.all.get_mut(&thread)
    }

    /// Notes a thread; its process, if it is one that was not known.
    pub(crate) fn add(&mut self, thread: i32) -> Option<i32> {
        if self.all.contains_key(&thread) {
            return None;
        }
        let pid = process_of(thread).unwrap_or(thread);
        let is_new = !self.all.values().any(|known| known.pid == pid);
        self.all.insert(thread, Thread::new(pid));
        is_new.then_some(pid)
    }

    /// Notes the only thread of a process that was forked; whether it was not known.
    pub(crate) fn add_process(&mut self, pid: i32) -> bool {
        let is_new = !self.all.contains_key(&pid);
        self.all.entry(pid).or_insert_with(|| Thread::new(pid));
        is_new
    }

    /// A thread has ended; its process, if that had no other.
    pub(crate) fn remove(&mut self, thread: i32) -> Option<i32> {
        let pid = self.all.remove(&thread)?.pid;
        (!self.all.values().any(|other| other.pid == pid)).then_some(pid)
    }

    /// A thread executes a new program: its process has no other, and no watchpoints.
    pub(crate) fn execute(&mut self, thread: i32) {
        self.all.retain(|other, known| *other == thread || known.pid != thread);
        if let Some(known) = self.all.get_mut(&thread) {
            *known = Thread::new(known.pid);
        }
    }

    pub(crate) fn of(&self, pid: i32) -> Vec<i32> {
        self.all.iter().filter(|(_, known)| known.pid == pid).map(|(thread, _)| *thread).collect()
    }

    pub(crate) fn pids(&self) -> BTreeSet<i32> {
        self.all.values().map(|known| known.pid).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Threads that are held.
    pub(crate) fn held(&self) -> Vec<i32> {
        self.all.iter().filter(|(_, known)| known.is_held).map(|(thread, _)| *thread).collect()
    }

    /// Whether all watched threads are held but one, and those that wait for other things.
    pub(crate) fn is_last_free(&self) -> bool {
        let watched = self.all.values().filter(|known| known.is_watched());
        let (held, free): (Vec<_>, Vec<_>) = watched.partition(|known| known.is_held);
        !held.is_empty() && free.iter().filter(|known| known.runs).count() <= 1
    }

    /// Watches a word in all threads of all processes that have it; how many threads that are.
    pub(crate) fn watch(&mut self, slot: usize, word: &Word, objects: &Objects) -> usize {
        let mut watched = Vec::new();
        for (pid, bytes) in objects.places(word.of, &word.bytes) {
            for thread in self.of(pid) {
                if self.watch_thread(thread, slot, &bytes) {
                    watched.push(thread);
                }
            }
        }
        // Who came before all are watched may have let others come that were not.
        for thread in &watched {
            let Some(known) = self.all.get_mut(thread) else { continue };
            let is_early = known.is_hit(slot);
            if let Some(early) = known.early.get_mut(slot) {
                *early = is_early;
            }
        }
        watched.len()
    }

    /// Whether another thread has hit a watchpoint and is about to stop for it.
    pub(crate) fn is_another_coming(&self, thread: i32, slot: usize) -> bool {
        self.all.iter().any(|(other, known)| *other != thread && known.is_hit(slot))
    }

    /// Watches bytes in a thread that is new.
    pub(crate) fn join(&mut self, thread: i32, slot: usize, of: Identity, bytes: &Range<u64>, objects: &Objects) {
        let Some(pid) = self.all.get(&thread).map(|known| known.pid) else { return };
        let places = objects.places(of, bytes);
        if let Some((_, bytes)) = places.iter().find(|(there, _)| *there == pid) {
            self.watch_thread(thread, slot, bytes);
        }
    }

    fn watch_thread(&mut self, thread: i32, slot: usize, bytes: &Range<u64>) -> bool {
        /// A thread is born with all signals blocked, and one that makes others or ends has them so for a moment.
        const LONG: Duration = Duration::from_secs(1);
        let Some(known) = self.all.get_mut(&thread) else { return false };
        let Some(watchpoint) = known.watchpoints.get_mut(slot) else { return false };
        if let Some(watchpoint) = watchpoint
            && known.blocked_since.is_none_or(|since| since.elapsed() > LONG)
            && watchpoint.move_to(bytes, Hits::ReadsAndWrites).is_ok()
        {
            return true;
        }
        let signal = signal_for(thread);
        let since = *known.blocked_since.get_or_insert_with(Instant::now);
        if signal.is_some() {
            known.blocked_since = None;
        } else if since.elapsed() > LONG {
            self.deaf.insert(known.pid);
        }
        known.signal = signal.unwrap_or(libc::SIGURG);
        // The one that is there counts, too: a thread has no more than there are slots.
        *watchpoint = None;
        match Watchpoint::set(thread, bytes, Hits::ReadsAndWrites, known.signal) {
            Ok(set) => {
                *watchpoint = Some(set);
                true
            }
            Err(error) => {
                // A thread that has just ended is no refusal.
                if error.raw_os_error() != Some(libc::ESRCH) && self.refusal.is_none() {
                    self.refusal = Some(error);
                }
                false
            }
        }
    }

    /// What a stopped thread reads of a word does not matter any more: only if it writes it stops.
    pub(crate) fn let_read(&mut self, thread: i32, slot: usize) {
        let watchpoints = self.all.get_mut(&thread).map(|known| &mut known.watchpoints);
        if let Some(Some(watchpoint)) = watchpoints.and_then(|watchpoints| watchpoints.get_mut(slot)) {
            watchpoint.turn_to(Hits::Writes);
        }
    }

    /// What any thread reads of a word matters again.
    pub(crate) fn watch_reads(&mut self, slot: usize) {
        for known in self.all.values_mut() {
            if let Some(Some(watchpoint)) = known.watchpoints.get_mut(slot) {
                watchpoint.turn_to(Hits::ReadsAndWrites);
            }
        }
    }

    /// Takes a word's watchpoints away.
    pub(crate) fn unwatch(&mut self, slot: usize) {
        for known in self.all.values_mut() {
            if let Some(Some(watchpoint)) = known.watchpoints.get_mut(slot) {
                watchpoint.unset();
            }
        }
    }

    /// Threads that have watchpoints, set or not.
    pub(crate) fn watched(&mut self) -> impl Iterator<Item = (i32, &mut Thread)> {
        let all = self.all.iter_mut().map(|(thread, known)| (*thread, known));
        all.filter(|(_, known)| known.is_watched())
    }

    /// Ends all watchpoints, none of which is set.
    pub(crate) fn drop_watchpoints(&mut self) {
        for known in self.all.values_mut() {
            known.watchpoints = [const { None }; SLOTS];
        }
    }

    /// Which watchpoint of a thread a descriptor is.
    pub(crate) fn slot_of(&self, thread: i32, descriptor: i32) -> Option<usize> {
        let watchpoints = &self.all.get(&thread)?.watchpoints;
        watchpoints.iter().position(|each| each.as_ref().is_some_and(|each| each.descriptor() == descriptor))
    }
}

/// A signal that a thread has not blocked and its process does not want, or at least is not hurt by.
pub(crate) fn signal_for(thread: i32) -> Option<i32> {
    // Of one that has ended, or can't be asked, nothing is blocked that is known.
    let Ok(status) = fs::read_to_string(format!("/proc/{thread}/status")) else { return Some(libc::SIGURG) };
    let set = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| u64::from_str_radix(line.trim(), 16).ok()).unwrap_or(0)
    };
    let (blocked, caught) = (set("SigBlk:"), set("SigCgt:"));
    let is_in = |set: u64, signal: i32| set >> (signal - 1) & 1 != 0;
    let heard = || IGNORED.into_iter().filter(|signal| !is_in(blocked, *signal));
    heard().find(|signal| !is_in(caught, *signal)).or_else(|| heard().next())
}

/// The process of a thread.
pub(crate) fn process_of(thread: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Tgid:"))?.trim().parse().ok()
}
