//! Which of the processes that are started are watched from their birth: as many as the budget pays for. That each of them stops
//! when it is born, and so does who has started it, takes longer than many of them live. The others are watched when they have
//! lived for a while.

use crate::race::engine::Engine;
use crate::race::suspicion::Event;
use crate::system::tree::{self, Living};
use crate::system::{privileges, threads, tracer};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// What a process costs by the clock that is watched from its birth.
const BIRTH: Duration = Duration::from_micros(400);
/// What is paid for in any case: a server starts all its workers at once.
const CREDIT: Duration = Duration::from_millis(10);
/// The part of the budget that births may take.
const PART: u32 = 4;
/// How many are to be paid for when they are followed again.
const AGAIN: u32 = 10;
/// How often it is looked who has lived for so long.
pub(super) const CHILDHOOD: Duration = Duration::from_millis(10);

#[derive(Debug)]
pub(super) struct Births {
    /// What those have cost that were followed.
    spent: Duration,
    /// Threads of which it is not told whom they start.
    unfollowed: BTreeSet<i32>,
    /// Whether there may be processes that are not watched.
    may_have_missed: bool,
    /// Those that were there when it was last looked.
    young: BTreeSet<i32>,
    /// Those that can't be, or are not to be, with all that they start.
    left_alone: BTreeSet<i32>,
    next_look: Instant,
    /// Since when there is such a thread, and for how long there was one before.
    since: Option<Instant>,
    before: Duration,
    /// Whether /proc tells whom a process has started (`CONFIG_PROC_CHILDREN`).
    can_be_found: bool,
}

impl Births {
    /// For a run whose first process is this one; the command may have other children.
    pub(super) fn new(main: i32, now: Instant) -> Births {
        let own = std::process::id();
        let others = tree::children(own).into_iter().map(u32::cast_signed).filter(|pid| *pid != main);
        Births {
            spent: Duration::ZERO,
            unfollowed: BTreeSet::new(),
            may_have_missed: false,
            young: BTreeSet::new(),
            left_alone: others.collect(),
            next_look: now,
            since: None,
            before: Duration::ZERO,
            can_be_found: Path::new(&format!("/proc/{own}/task/{own}/children")).exists(),
        }
    }

    /// A process is not to be watched, nor what it starts.
    pub(super) fn leave_alone(&mut self, pid: i32) {
        self.left_alone.insert(pid);
    }

    /// Whether so many more are paid for.
    fn are_paid_for(&self, more: u32, earned: Duration) -> bool {
        self.spent + BIRTH * more <= earned / PART + CREDIT
    }

    /// A thread has ended.
    pub(super) fn forget(&mut self, thread: i32) {
        self.unfollowed.remove(&thread);
        self.left_alone.remove(&thread);
        self.end_if_none();
    }

    fn end_if_none(&mut self) {
        if self.unfollowed.is_empty() {
            self.before += self.since.take().map_or(Duration::ZERO, |since| since.elapsed());
        }
    }

    /// For how long not all were watched from their birth.
    pub(super) fn time_unfollowed(&self) -> Duration {
        self.before + self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Those that have lived for a while among processes that are not watched.
    fn grown_up(&mut self, unwatched: BTreeSet<i32>) -> Vec<i32> {
        let grown_up = unwatched.intersection(&self.young).copied().collect();
        self.young = unwatched;
        grown_up
    }
}

impl Engine {
    /// A stopped thread has started a process: whether it is told of the next one, too.
    pub(super) fn note_birth(&mut self, parent: i32) {
        let earned = self.earned(Instant::now());
        let births = &mut self.births;
        births.spent += BIRTH;
        self.spent += BIRTH;
        if births.can_be_found && !births.are_paid_for(1, earned) && tracer::follow_processes(parent, false).is_ok() {
            births.unfollowed.insert(parent);
            births.may_have_missed = true;
            births.since.get_or_insert_with(Instant::now);
        }
    }

    /// A stopped thread executes a new program, and its process has no other any more: it is told of what that starts.
    pub(super) fn note_execution(&mut self, thread: i32) {
        for other in self.threads.of(thread) {
            self.births.forget(other);
        }
        // It may be another thread's that was not told of any.
        drop(tracer::follow_processes(thread, true));
    }

    /// A thread has started another, which is told of as little as the first.
    pub(super) fn note_thread(&mut self, creator: i32, thread: i32) {
        if self.births.unfollowed.contains(&creator) {
            self.births.unfollowed.insert(thread);
        }
    }

    /// A thread has stopped, as it does when one of those has ended that it has started: it is told of them again, if that is paid for. It
    /// is not made to stop for that: calls that wait, as `epoll_wait(2)`, would give EINTR.
    pub(super) fn follow_again(&mut self, thread: i32) {
        if self.births.unfollowed.contains(&thread)
            && self.births.are_paid_for(AGAIN, self.earned(Instant::now()))
            && tracer::follow_processes(thread, true).is_ok()
        {
            self.births.unfollowed.remove(&thread);
            self.births.end_if_none();
        }
    }

    /// Watches what has lived for a while though it was not told of.
    pub(super) fn catch_up(&mut self, now: Instant) {
        /// How much of its time the command may look for them.
        const SHARE: u32 = 60;
        if !self.births.may_have_missed || now < self.births.next_look {
            return;
        }
        let begin = tracer::own_time();
        let unwatched = self.unwatched();
        self.births.may_have_missed = !unwatched.is_empty() || !self.births.unfollowed.is_empty();
        for pid in self.births.grown_up(unwatched) {
            // What a tracer has started is its own; the others' turn comes the next time.
            if !self.watch_late(pid) {
                break;
            }
        }
        self.births.next_look = now + CHILDHOOD.max(tracer::own_time().saturating_sub(begin) * SHARE);
    }

    /// Processes of the run that nobody has told of.
    fn unwatched(&self) -> BTreeSet<i32> {
        let mut unwatched = BTreeSet::new();
        let mut parents = vec![std::process::id()];
        while let Some(parent) = parents.pop() {
            for child in tree::children(parent) {
                let pid = child.cast_signed();
                if !self.births.left_alone.contains(&pid) {
                    parents.push(child);
                    if self.threads.get(pid).is_none() {
                        unwatched.insert(pid);
                    }
                }
            }
        }
        unwatched
    }

    /// Watches a process that runs already; whether what it starts is to be watched, too.
    fn watch_late(&mut self, pid: i32) -> bool {
        // One that has ended is nobody's any more, and can't be traced.
        let Some(Living { exe, .. }) = tree::running(pid.cast_unsigned()) else { return true };
        let refusal = if privileges::traces_others(pid) {
            Event::Tracer(pid, exe)
        } else if let Err(error) = self.seize_all(pid) {
            if privileges::are_anothers(pid) { Event::LetGo(pid, exe) } else { Event::Untraceable(pid, exe, error) }
        } else {
            self.tell(Event::Executed(pid, exe));
            return true;
        };
        self.births.leave_alone(pid);
        self.tell(refusal);
        false
    }

    /// Traces the threads of a process, those that it starts meanwhile among them.
    fn seize_all(&mut self, pid: i32) -> io::Result<()> {
        loop {
            let new: Vec<i32> = threads::of(pid.cast_unsigned())
                .into_iter()
                .filter(|thread| self.threads.get(*thread).is_none() && !threads::has_ended(*thread))
                .collect();
            if new.is_empty() {
                return Ok(());
            }
            for thread in new {
                match tracer::seize(thread) {
                    Ok(()) => self.add(thread),
                    Err(_) if threads::has_ended(thread) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_paid_for_and_no_stream() {
        let mut births = Births::new(0, Instant::now());
        births.spent = BIRTH * 20;
        assert!(births.are_paid_for(1, Duration::ZERO));
        births.spent = BIRTH * 1000;
        assert!(!births.are_paid_for(1, Duration::from_millis(75)));
        assert!(births.are_paid_for(1, Duration::from_secs(2)));
    }

    #[test]
    fn who_is_seen_twice_has_lived_for_a_while() {
        let mut births = Births::new(0, Instant::now());
        assert!(births.grown_up([1, 2, 3].into()).is_empty());
        assert_eq!(births.grown_up([2, 4].into()), [2]);
        assert_eq!(births.grown_up([4].into()), [4]);
    }
}
