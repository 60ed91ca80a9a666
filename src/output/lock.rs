//! The one lock of the runtime: held while a finding is made and written, with all signals blocked.
//!
//! It is never waited for without bound: a child made by a raw clone may have inherited it from a thread that does not
//! exist there. Who can't have it in time goes without a finding.

use super::pause::{self, open, shut};
use crate::machine::this_thread;
use crate::plain::guarded::Proof;
use crate::plain::placement::written_by_fork;
use crate::sys::{self, SignalSet};
use core::sync::atomic::{
    AtomicI32, AtomicU32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

struct Lock {
    /// 0: free; 1: held; 2: held, and somebody may wait.
    state: AtomicU32,
    /// What tells the holder apart (`this_thread`), its process and thread.
    holder: AtomicUsize,
    holder_pid: AtomicI32,
    holder_tid: AtomicI32,
    /// The process in which the lock has been given up as held by nobody.
    abandoned_in: AtomicI32,
}

written_by_fork! {
    LOCK: Lock = Lock {
        state: AtomicU32::new(0),
        holder: AtomicUsize::new(0),
        holder_pid: AtomicI32::new(0),
        holder_tid: AtomicI32::new(0),
        abandoned_in: AtomicI32::new(0),
    };
}

/// The longest wait for the lock: above the longest time that a report may wait for its reader.
const PATIENCE_MS: i64 = 3000;
const NAP_MS: i64 = 50;

/// Proof that this thread holds the lock and takes no signals.
pub(crate) struct ReportLock {
    /// The signals that were blocked before; `None` where they could not be.
    mask: Option<SignalSet>,
}

// SAFETY: made by the thread that has taken the lock, and gone when it is given back, which publishes what was written.
unsafe impl Proof for ReportLock {}

/// Why the lock was not had.
pub(crate) enum Refusal {
    /// This thread holds it: the call was made from inside a report.
    Reentered,
    /// Nobody gave it back in time. True the first time in this process.
    TimedOut { first: bool },
}

/// Whether this thread is inside a report.
pub(crate) fn is_inside() -> bool {
    LOCK.holder.load(Relaxed) == this_thread() && LOCK.state.load(Relaxed) != 0
}

/// Takes the lock. Nobody sleeps with signals blocked.
pub(crate) fn enter() -> Result<ReportLock, Refusal> {
    if is_inside() {
        return Err(Refusal::Reentered);
    }
    let pid = sys::getpid();
    let mut naps = PATIENCE_MS.wrapping_div(NAP_MS);
    let mut waited = false;
    loop {
        open();
        let mask = sys::set_signal_mask(SignalSet::MAX);
        if try_take(waited) || waited && holder_is_gone(pid) {
            LOCK.holder_pid.store(pid, Relaxed);
            LOCK.holder_tid.store(sys::gettid(), Relaxed);
            LOCK.holder.store(this_thread(), Relaxed);
            sys::memory::remember_pages();
            return Ok(ReportLock { mask });
        }
        restore(mask);
        shut();
        if naps == 0 || LOCK.abandoned_in.load(Relaxed) == pid {
            return Err(Refusal::TimedOut { first: LOCK.abandoned_in.swap(pid, Relaxed) != pid });
        }
        // Only a lock that nobody gives back wears patience out, not one that others are faster to take.
        if sys::futex_wait(&LOCK.state, 2, NAP_MS) {
            naps = naps.wrapping_sub(1);
        }
        waited = true;
    }
}

/// Takes the lock if it is free; marks it, if this thread waits for it, as one that somebody waits for.
fn try_take(waits: bool) -> bool {
    if waits { LOCK.state.swap(2, Acquire) == 0 } else { LOCK.state.compare_exchange(0, 1, Acquire, Relaxed).is_ok() }
}

/// Whether the holder is a thread that was killed inside a report: its lock is taken over. A holder of another process is
/// either the parent (memory shared by vfork) or its ghost (memory copied by a raw clone); nobody can say which.
fn holder_is_gone(pid: i32) -> bool {
    let holder = LOCK.holder_tid.load(Relaxed);
    LOCK.holder_pid.load(Relaxed) == pid && holder != 0 && !sys::thread_exists(pid, holder)
}

/// Frees the lock of a process that is dead, in whose memory this is.
pub(crate) fn free_of_the_dead() {
    LOCK.holder.store(0, Relaxed);
    LOCK.abandoned_in.store(0, Relaxed);
    LOCK.state.store(0, Relaxed);
}

/// Lets signals in again.
fn restore(mask: Option<SignalSet>) {
    if let Some(mask) = mask {
        sys::restore_signal_mask(mask);
    }
}

impl ReportLock {
    /// Gives the lock back and lets signals in again.
    pub(crate) fn leave(self) {
        LOCK.holder_tid.store(0, Relaxed);
        LOCK.holder.store(0, Relaxed);
        sys::memory::forget_pages();
        if LOCK.state.swap(0, Release) == 2 {
            sys::futex_wake(&LOCK.state);
        }
        restore(self.mask);
        shut();
    }

    /// Gives up the proof and keeps the lock, over fork(2); the mask is for [`ReportLock::after_fork`].
    pub(crate) fn over_fork(self) -> Option<SignalSet> {
        self.mask
    }

    /// The proof again, on either side of fork(2).
    pub(crate) fn after_fork(mask: Option<SignalSet>, in_child: bool) -> ReportLock {
        if in_child {
            pause::forked();
        }
        ReportLock { mask }
    }
}
