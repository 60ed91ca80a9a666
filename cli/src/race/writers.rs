//! Who writes a word of memory that running processes have: they are traced for a while, and let go of as they were.

use crate::race::codes::Codes;
use crate::race::instruction::{Extent, Stopped};
use crate::race::threads::{process_of, signal_for};
use crate::system::tracer::{self, Change, What};
use crate::system::unwind::Place;
use crate::system::watchpoint::{Hits, Watchpoint};
use crate::system::{child, pages, threads};
use nix::unistd::Pid;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::ops::Range;
use std::time::{Duration, Instant};

/// How long a thread is not watched after it was, so that one that writes all the time is hardly held up.
const REST: Duration = Duration::from_millis(2);
/// How often it is looked what is to be done.
const TICK: Duration = Duration::from_millis(1);

/// What is watched: bytes in each of these processes, 8 at most, in one aligned word.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    pub(crate) places: BTreeMap<i32, Range<u64>>,
}

/// One who wrote: an instruction, as it was reached by some calls.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    pub(crate) pid: i32,
    pub(crate) threads: BTreeSet<i32>,
    pub(crate) times: u64,
    /// Where, and how many bytes, the last time.
    pub(crate) address: u64,
    pub(crate) length: u64,
    /// What the watched word was after that.
    pub(crate) value: Vec<u8>,
    pub(crate) stack: Vec<Place>,
}

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) writers: Vec<Writer>,
    /// Writes of which it can't be known by which instruction.
    pub(crate) unplaced: u64,
    /// Processes that were watched.
    pub(crate) watched: BTreeSet<i32>,
    /// Why others were not.
    pub(crate) refused: BTreeMap<i32, io::Error>,
}

/// A thread that is traced.
#[derive(Debug)]
struct Traced {
    pid: i32,
    watchpoint: Option<Watchpoint>,
    signal: i32,
    /// From when on it is watched again.
    rests_until: Option<Instant>,
}

/// The thread of the command that watches.
struct Watch {
    target: Target,
    threads: BTreeMap<i32, Traced>,
    codes: Codes,
    seen: Seen,
}

/// Watches for some time, or until the command is interrupted; in a thread of its own, with whose end all is let go of.
pub(crate) fn watch(target: Target, time: Duration) -> Seen {
    tracer::prepare_thread();
    let pids: Vec<i32> = target.places.keys().copied().collect();
    let mut watch = Watch { target, threads: BTreeMap::new(), codes: Codes::default(), seen: Seen::default() };
    for pid in pids {
        watch.attach(pid);
    }
    let end = Instant::now() + time;
    while Instant::now() < end && !child::is_interrupted() && !watch.threads.is_empty() {
        watch.take_all();
        watch.set_again();
        tracer::wait(TICK);
    }
    watch.let_go();
    watch.seen
}

impl Watch {
    /// Begins to trace all threads of a process; those that it makes meanwhile are traced by themselves.
    fn attach(&mut self, pid: i32) {
        let mut refusal = None;
        // Threads that are started while others are traced already are found the next time.
        for _ in 0..3 {
            for thread in threads_of(pid) {
                if self.threads.contains_key(&thread) {
                    continue;
                }
                match tracer::seize(thread) {
                    Ok(()) => self.add(thread, pid),
                    Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
                    Err(error) => refusal = Some(error),
                }
            }
        }
        if self.threads.values().any(|traced| traced.pid == pid) {
            self.seen.watched.insert(pid);
        } else if let Some(error) = refusal {
            self.seen.refused.insert(pid, error);
        }
    }

    fn add(&mut self, thread: i32, pid: i32) {
        let traced = Traced { pid, watchpoint: None, signal: libc::SIGURG, rests_until: None };
        self.threads.insert(thread, traced);
        self.set(thread);
    }

    /// Watches a thread.
    fn set(&mut self, thread: i32) {
        let Some(traced) = self.threads.get_mut(&thread) else { return };
        let Some(bytes) = self.target.places.get(&traced.pid) else { return };
        traced.rests_until = None;
        if let Some(watchpoint) = &mut traced.watchpoint
            && watchpoint.move_to(bytes, Hits::Writes).is_ok()
        {
            return;
        }
        // One that has all of them blocked is looked at again later.
        let Some(signal) = signal_for(thread) else {
            traced.rests_until = Some(Instant::now() + REST);
            return;
        };
        traced.signal = signal;
        match Watchpoint::set(thread, bytes, Hits::Writes, signal) {
            Ok(set) => traced.watchpoint = Some(set),
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
            Err(error) => {
                self.seen.refused.entry(traced.pid).or_insert(error);
            }
        }
    }

    /// Watches those again that have rested.
    fn set_again(&mut self) {
        let now = Instant::now();
        let rested = |traced: &Traced| traced.rests_until.is_some_and(|until| until <= now);
        let threads: Vec<i32> =
            self.threads.iter().filter(|(_, each)| rested(each)).map(|(thread, _)| *thread).collect();
        for thread in threads {
            self.set(thread);
        }
    }

    fn take_all(&mut self) {
        while let Ok(Some(change)) = tracer::next() {
            self.take(change);
        }
    }

    fn take(&mut self, Change { thread, what }: Change) {
        match what {
            What::Ended(_) => drop(self.threads.remove(&thread)),
            What::Halted => tracer::listen(thread),
            What::Stopped | What::Born(_) => {
                self.meet(thread);
                tracer::go_on(thread, 0);
            }
            What::Executed => {
                // What it has mapped now is its own.
                self.codes.forget(thread);
                self.target.places.remove(&thread);
                self.threads.retain(|other, traced| *other == thread || traced.pid != thread);
                if let Some(traced) = self.threads.get_mut(&thread) {
                    traced.watchpoint = None;
                }
                tracer::go_on(thread, 0);
            }
            What::Signal(told) => {
                let is_own = self.threads.get(&thread).is_some_and(|traced| {
                    let descriptor = traced.watchpoint.as_ref().map(Watchpoint::descriptor);
                    told.signal == traced.signal && told.descriptor.is_some() && told.descriptor == descriptor
                });
                if is_own {
                    self.hit(thread);
                }
                let does_nothing = || is_own || threads::ignores(thread, told.signal);
                threads::restart_interrupted(Pid::from_raw(thread), does_nothing);
                tracer::go_on(thread, if is_own { 0 } else { told.signal });
            }
        }
    }

    /// A thread that may be new: one of a process that is watched, or of a child, which has the same memory.
    fn meet(&mut self, thread: i32) {
        if self.threads.contains_key(&thread) {
            return;
        }
        let Some(pid) = process_of(thread) else { return };
        if pid == thread
            && let Some(parent) = parent_of(pid)
            && let Some(bytes) = self.target.places.get(&parent).cloned()
        {
            self.target.places.entry(pid).or_insert(bytes);
            self.seen.watched.insert(pid);
        }
        self.add(thread, pid);
    }

    /// A thread has written, and stopped for that.
    fn hit(&mut self, thread: i32) {
        let Some(traced) = self.threads.get_mut(&thread) else { return };
        let Some(watchpoint) = &mut traced.watchpoint else { return };
        if !watchpoint.is_hit() {
            return;
        }
        let hit = watchpoint.take();
        watchpoint.unset();
        traced.rests_until = Some(Instant::now() + REST);
        let pid = traced.pid;
        let registers = tracer::registers(thread).ok();
        let registers = registers.filter(|registers| hit.is_some_and(|hit| hit.is_at(registers)));
        if registers.is_none_or(|registers| self.note(thread, pid, &registers).is_none()) {
            self.seen.unplaced += 1;
        }
    }

    /// Notes who it was; `None` if that can't be known.
    fn note(&mut self, thread: i32, pid: i32, registers: &tracer::Registers) -> Option<()> {
        let watched = self.target.places.get(&pid)?.clone();
        let stopped = Stopped { registers, watched: watched.clone() };
        let (access, _) = self.codes.access(pid, &stopped).ok()?;
        let mut value = vec![0; usize::try_from(watched.end - watched.start).ok()?];
        pages::read(pid, watched.start, &mut value).then_some(())?;
        // The processor tells of a write, also of one that leaves what was there.
        if !access.effect.writes() || access.extent == Extent::Somewhere {
            return None;
        }
        let stack = self.codes.stack(pid, registers, access.at);
        let (address, length) = (access.bytes.start, access.bytes.end - access.bytes.start);
        let is_same = |writer: &&mut Writer| writer.pid == pid && writer.stack == stack;
        let Some(writer) = self.seen.writers.iter_mut().find(is_same) else {
            let threads = BTreeSet::from([thread]);
            self.seen.writers.push(Writer { pid, threads, times: 1, address, length, value, stack });
            return Some(());
        };
        writer.times += 1;
        writer.threads.insert(thread);
        (writer.address, writer.length) = (address, length);
        writer.value = value;
        Some(())
    }

    /// Takes all watchpoints away, and lets those go on that have stopped for one; the rest is the end of this thread.
    fn let_go(&mut self) {
        for traced in self.threads.values_mut() {
            if let Some(watchpoint) = &mut traced.watchpoint {
                watchpoint.unset();
            }
            traced.rests_until = None;
        }
        for _ in 0..4 {
            self.take_all();
            tracer::wait(Duration::from_micros(500));
        }
    }
}

fn threads_of(pid: i32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    threads.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn parent_of(pid: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}
