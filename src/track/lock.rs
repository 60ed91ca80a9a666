//! The tracker's lock: held for some hundred instructions at a time, by a thread that may be interrupted by a signal
//! whose handler maps memory.
//!
//! The word names the holder, so that a handler sees at once that its own thread holds the lock: it leaves its event
//! in the queue, which the holder empties before anybody else gets in. Who finds it taken tries for a moment, and then
//! sleeps on the word until the holder, who sees by its lowest bit that somebody does, wakes one. Nobody waits without
//! bound: a holder that does not run (its processor is taken, a handler holds it up) or is gone (killed, or in a process
//! that a raw clone copied) wears patience out, which the turns of others renew.

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

/// What is left of somebody's patience.
struct Waiting {
    turns: u32,
    since: u32,
    naps: u32,
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
        let mut waiting = Waiting { turns: self.turns.load(Ordering::Relaxed), since: threads.now(), naps: 0 };
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
            waiting.naps = waiting.naps.wrapping_add(u32::from(threads.sleep(&self.holder, there | WAITED)));
            if self.is_over(&mut waiting, patience, threads) {
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
    fn is_over<T: Threads>(&self, waiting: &mut Waiting, patience: Patience, threads: &T) -> bool {
        // Without a clock the naps tell, and with signals that end them the clock.
        let now = threads.now();
        let waited = now.wrapping_sub(waiting.since).max(waiting.naps.wrapping_mul(T::NAP_MS));
        if waited < patience.length() {
            return false;
        }
        let turns = self.turns.load(Ordering::Relaxed);
        if turns != waiting.turns {
            *waiting = Waiting { turns, since: now, naps: 0 };
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
