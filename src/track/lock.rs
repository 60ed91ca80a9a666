//! The tracker's lock: held for some hundred instructions at a time, by a thread that may be interrupted by a signal
//! whose handler maps memory.
//!
//! The word names the holder, so that a handler sees at once that its own thread holds the lock: it leaves its event
//! in the queue, which the holder empties before anybody else gets in. Who finds it taken tries for a moment, and then
//! sleeps on the word until the holder, who sees by its lowest bit that somebody does, wakes one. Nobody waits without
//! bound: a holder that does not run (its processor is taken, a handler holds it up) or is gone (killed, or in a process
//! that a raw clone copied) wears patience out, which the turns of others renew. What counts is the time in which the one
//! who waits could have run itself, sleep by sleep: when the whole process stands still, nobody is late.

use crate::plain::sync::{AtomicU32, AtomicUsize, Ordering};
use core::mem::offset_of;

/// The lock.
pub(crate) struct Lock {
    /// 0, or what tells its holder, with [`WAITED`].
    holder: AtomicUsize,
    /// How often it has been given back.
    turns: AtomicU32,
    /// The complement of `turns` when somebody's patience was worn out: until the next turn others do not wait as long.
    stuck: AtomicU32,
}

/// Somebody may sleep.
const WAITED: usize = 1;

/// Tries before the first sleep: some microseconds.
#[cfg(not(model_checked))]
const SPINS: u32 = 100;
#[cfg(model_checked)]
const SPINS: u32 = 1;

/// Why the lock could not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockError {
    /// This thread holds it.
    OwnThread,
    /// Its holder did not give it back in time.
    TimedOut,
}

/// How long somebody waits while the lock does not change hands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Long enough for a holder that has lost its processor to get it back, mostly; and not at all where that has not been
    /// enough for somebody else.
    Short,
    /// Long enough for one that real-time threads keep from running.
    Long,
}

impl Patience {
    /// In milliseconds.
    fn length(self) -> u32 {
        match self {
            Patience::Short => 100,
            Patience::Long => 3000,
        }
    }
}

/// How threads are told apart, and sleep on a word; the tests' model checker has a way of its own.
pub(crate) trait Threads {
    /// The longest that one sleep takes, in milliseconds.
    const NAP_MS: u32 = 50;

    /// What tells this thread from others, by more than its lowest bit; not 0.
    fn me(&self) -> usize;

    /// Sleeps until woken, unless the word is not `value`; whether it has slept the whole time instead.
    fn sleep(&self, word: &AtomicUsize, value: usize) -> bool;

    /// Wakes one who sleeps.
    fn wake(&self, word: &AtomicUsize);

    /// The time in milliseconds, if there is a clock.
    fn now(&self) -> u32;
}

/// How somebody has waited in one turn.
struct Waiting {
    turns: u32,
    /// In milliseconds.
    waited: u32,
    /// When it was last looked at the clock.
    looked: u32,
}

impl Waiting {
    /// Sleeps until woken, unless the word is not `value`, and counts it.
    fn sleep<T: Threads>(&mut self, word: &AtomicUsize, value: usize, threads: &T) {
        let is_whole = threads.sleep(word, value);
        let now = threads.now();
        // Without a clock whole sleeps tell, and with signals that end them the clock. A sleep that lasted longer was one of the
        // whole process (a stop signal, a frozen group or machine), or this thread's own want of a processor.
        let passed = if is_whole { T::NAP_MS } else { now.wrapping_sub(self.looked).min(T::NAP_MS) };
        self.waited = self.waited.saturating_add(passed);
        self.looked = now;
    }
}

impl Lock {
    pub(super) const HOLDER: usize = offset_of!(Lock, holder);
    pub(super) const TURNS: usize = offset_of!(Lock, turns);

    #[cfg(not(model_checked))]
    pub(crate) const fn new() -> Lock {
        Lock { holder: AtomicUsize::new(0), turns: AtomicU32::new(0), stuck: AtomicU32::new(0) }
    }

    #[cfg(model_checked)]
    pub(crate) fn new() -> Lock {
        Lock { holder: AtomicUsize::new(0), turns: AtomicU32::new(0), stuck: AtomicU32::new(0) }
    }

    /// Takes the lock.
    #[inline]
    pub(crate) fn take(&self, patience: Patience, threads: &impl Threads) -> Result<(), LockError> {
        let me = threads.me() & !WAITED;
        match self.holder.compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => Ok(()),
            Err(holder) if holder & !WAITED == me => Err(LockError::OwnThread),
            Err(_) => self.wait(me, patience, threads),
        }
    }

    #[cold]
    #[inline(never)]
    fn wait(&self, me: usize, patience: Patience, threads: &impl Threads) -> Result<(), LockError> {
        for _ in 0..SPINS {
            core::hint::spin_loop();
            if self.holder.load(Ordering::Relaxed) == 0 && self.change(0, me) {
                return Ok(());
            }
        }
        let mut waiting = Waiting { turns: self.turns.load(Ordering::Relaxed), waited: 0, looked: threads.now() };
        loop {
            // Others may sleep, who were not the ones to be woken.
            let take = self.holder.compare_exchange(0, me | WAITED, Ordering::Acquire, Ordering::Relaxed);
            let Err(there) = take else { return Ok(()) };
            if there & WAITED == 0 && !self.change(there, there | WAITED) {
                continue;
            }
            if patience == Patience::Short && self.is_stuck(waiting.turns) {
                return Err(LockError::TimedOut);
            }
            waiting.sleep(&self.holder, there | WAITED, threads);
            if self.is_over(&mut waiting, patience) {
                return Err(LockError::TimedOut);
            }
        }
    }

    /// Whether somebody's patience was worn out in this turn.
    fn is_stuck(&self, turns: u32) -> bool {
        let stuck = self.stuck.load(Ordering::Relaxed);
        stuck != 0 && stuck == !turns
    }

    /// Whether patience is worn out.
    fn is_over(&self, waiting: &mut Waiting, patience: Patience) -> bool {
        if waiting.waited < patience.length() {
            return false;
        }
        let turns = self.turns.load(Ordering::Relaxed);
        if turns != waiting.turns {
            (waiting.turns, waiting.waited) = (turns, 0);
            return false;
        }
        self.stuck.store(!turns, Ordering::Relaxed);
        true
    }

    fn change(&self, from: usize, to: usize) -> bool {
        self.holder.compare_exchange(from, to, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Gives the lock back.
    #[inline]
    pub(crate) fn give_back(&self, threads: &impl Threads) {
        self.turns.store(self.turns.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        if self.holder.swap(0, Ordering::Release) & WAITED != 0 {
            threads.wake(&self.holder);
        }
    }
}

#[cfg(all(test, not(model_checked)))]
#[allow(clippy::arithmetic_side_effects, reason = "a test may overflow, and fails then")]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// A thread whose every sleep takes so many milliseconds of the clock.
    struct Sleeper {
        lasts: u32,
        now: Cell<u32>,
        sleeps: Cell<u32>,
    }

    impl Threads for Sleeper {
        fn me(&self) -> usize {
            2
        }

        fn sleep(&self, _word: &AtomicUsize, _value: usize) -> bool {
            self.now.set(self.now.get().wrapping_add(self.lasts));
            self.sleeps.set(self.sleeps.get() + 1);
            self.lasts >= Self::NAP_MS
        }

        fn wake(&self, _word: &AtomicUsize) {}

        fn now(&self) -> u32 {
            self.now.get()
        }
    }

    /// How often somebody whose sleeps last so long sleeps before patience is worn out.
    fn sleeps(patience: Patience, lasts: u32) -> u32 {
        let lock = Lock::new();
        lock.holder.store(4, Ordering::Relaxed);
        let sleeper = Sleeper { lasts, now: Cell::new(u32::MAX - 10), sleeps: Cell::new(0) };
        assert_eq!(lock.take(patience, &sleeper), Err(LockError::TimedOut));
        sleeper.sleeps.get()
    }

    #[test]
    fn patience_lasts_as_long_as_it_says() {
        assert_eq!((sleeps(Patience::Short, 50), sleeps(Patience::Long, 50)), (2, 60));
        // Signals end them.
        assert_eq!((sleeps(Patience::Short, 1), sleeps(Patience::Long, 1)), (100, 3000));
    }

    /// A process that was stopped for a minute has not waited for the lock's holder, which was stopped, too.
    #[test]
    fn a_process_that_stands_still_wears_out_no_patience() {
        assert_eq!((sleeps(Patience::Short, 60_000), sleeps(Patience::Long, 60_000)), (2, 60));
    }
}
