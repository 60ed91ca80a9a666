//! The one lock of the runtime: held while a finding is made and written, with all signals blocked.
//!
//! It is never waited for without bound: a child made by a raw clone may have inherited it from a thread that does not
//! exist there. Who can't have it in time goes without a finding.

use super::pause::{self, open, shut};
use crate::machine::this_thread;
use crate::plain::placement::written_by_fork;
use crate::sys::{self, SignalSet};
use core::sync::atomic::{
    AtomicI32, AtomicU32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

written_by_fork! {
    /// 0: free; 1: held; 2: held, and somebody may wait.
    STATE: AtomicU32 = AtomicU32::new(0);
    /// What tells the holder apart (`this_thread`), its process and thread.
    HOLDER: AtomicUsize = AtomicUsize::new(0);
    HOLDER_PID: AtomicI32 = AtomicI32::new(0);
    HOLDER_TID: AtomicI32 = AtomicI32::new(0);
    /// The process in which the lock has been given up as held by nobody.
    ABANDONED_IN: AtomicI32 = AtomicI32::new(0);
}

/// The longest wait for the lock: above the longest time that a report may wait for its reader.
const PATIENCE_MS: i64 = 3000;
const NAP_MS: i64 = 50;

/// Proof that this thread holds the lock and takes no signals.
pub(crate) struct ReportLock {
    /// The signals that were blocked before; `None` where they could not be.
    mask: Option<SignalSet>,
}

/// Why the lock was not had.
pub(crate) enum Refusal {
    /// This thread holds it: the call was made from inside a report.
    Reentered,
    /// Nobody gave it back in time. True the first time in this process.
    TimedOut { first: bool },
}

/// Whether this thread is inside a report.
pub(crate) fn is_inside() -> bool {
    HOLDER.load(Relaxed) == this_thread() && STATE.load(Relaxed) != 0
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
            HOLDER_PID.store(pid, Relaxed);
            HOLDER_TID.store(sys::gettid(), Relaxed);
            HOLDER.store(this_thread(), Relaxed);
            sys::memory::remember_pages();
            return Ok(ReportLock { mask });
        }
        restore(mask);
        shut();
        if naps == 0 || ABANDONED_IN.load(Relaxed) == pid {
            return Err(Refusal::TimedOut { first: ABANDONED_IN.swap(pid, Relaxed) != pid });
        }
        // Only a lock that nobody gives back wears patience out, not one that others are faster to take.
        if sys::futex_wait(&STATE, 2, NAP_MS) {
            naps = naps.wrapping_sub(1);
        }
        waited = true;
    }
}

/// Takes the lock if it is free; marks it, if this thread waits for it, as one that somebody waits for.
fn try_take(waits: bool) -> bool {
    if waits { STATE.swap(2, Acquire) == 0 } else { STATE.compare_exchange(0, 1, Acquire, Relaxed).is_ok() }
}

/// Whether the holder is a thread that was killed inside a report: its lock is taken over. A holder of another process is
/// either the parent (memory shared by vfork) or its ghost (memory copied by a raw clone); nobody can say which.
fn holder_is_gone(pid: i32) -> bool {
    let holder = HOLDER_TID.load(Relaxed);
    HOLDER_PID.load(Relaxed) == pid && holder != 0 && !sys::thread_exists(pid, holder)
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
        HOLDER_TID.store(0, Relaxed);
        HOLDER.store(0, Relaxed);
        sys::memory::forget_pages();
        if STATE.swap(0, Release) == 2 {
            sys::futex_wake(&STATE);
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
