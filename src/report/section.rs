//! The one lock of the runtime: held while a finding is made and written, with all signals blocked.
//!
//! It is never waited for without bound: a child made by a raw clone may have inherited it from a thread that does not
//! exist there. Who can't have it in time goes without a finding.

use crate::interpose::thread_pointer;
use crate::sys::{self, SignalSet};
use core::sync::atomic::{
    AtomicI32, AtomicU32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

/// 0: free; 1: held; 2: held, and somebody may wait.
static STATE: AtomicU32 = AtomicU32::new(0);
/// The thread pointer, process and thread of the holder.
static HOLDER: AtomicUsize = AtomicUsize::new(0);
static HOLDER_PID: AtomicI32 = AtomicI32::new(0);
static HOLDER_TID: AtomicI32 = AtomicI32::new(0);
/// The process in which the lock has been given up as held by nobody.
static ABANDONED_IN: AtomicI32 = AtomicI32::new(0);

/// The longest wait for the lock: above the longest time that a report may wait for its reader.
const PATIENCE_MS: i64 = 3000;
const NAP_MS: i64 = 50;

/// Proof that this thread holds the lock and takes no signals.
pub(crate) struct Section {
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
    HOLDER.load(Relaxed) == thread_pointer() && STATE.load(Relaxed) != 0
}

/// Takes the lock.
pub(crate) fn enter() -> Result<Section, Refusal> {
    if is_inside() {
        return Err(Refusal::Reentered);
    }
    let mask = sys::set_signal_mask(SignalSet::MAX);
    let pid = sys::getpid();
    if take(pid) {
        hold(pid);
        return Ok(Section { mask });
    }
    let first = ABANDONED_IN.swap(pid, Relaxed) != pid;
    restore(mask);
    Err(Refusal::TimedOut { first })
}

fn take(pid: i32) -> bool {
    if STATE.compare_exchange(0, 1, Acquire, Relaxed).is_ok() {
        return true;
    }
    if ABANDONED_IN.load(Relaxed) == pid {
        return false;
    }
    // Only a lock that nobody gives back wears patience out, not one that others are faster to take.
    let mut naps = PATIENCE_MS.wrapping_div(NAP_MS);
    while naps > 0 {
        if STATE.swap(2, Acquire) == 0 {
            return true;
        }
        if sys::futex_wait(&STATE, 2, NAP_MS) {
            naps = naps.wrapping_sub(1);
        }
        // A thread that was killed inside a report: its lock is taken over. A holder of another process is either
        // the parent (memory shared by vfork) or its ghost (memory copied by a raw clone); nobody can say which.
        let holder = HOLDER_TID.load(Relaxed);
        if HOLDER_PID.load(Relaxed) == pid && holder != 0 && !sys::thread_exists(pid, holder) {
            return true;
        }
    }
    false
}

/// The lock, held so that nobody else reports meanwhile.
pub(crate) struct Pause;

/// Takes the lock without a look at signals: for a call after which they may not be let in again. `None` where it is not to
/// be had.
pub(crate) fn pause() -> Option<Pause> {
    if is_inside() {
        return None;
    }
    let pid = sys::getpid();
    take(pid).then(|| {
        hold(pid);
        Pause
    })
}

impl Pause {
    /// Gives the lock back.
    #[expect(clippy::unused_self, reason = "it is the proof")]
    pub(crate) fn end(self) {
        release();
    }
}

/// Lets signals in again.
fn restore(mask: Option<SignalSet>) {
    if let Some(mask) = mask {
        sys::restore_signal_mask(mask);
    }
}

/// Notes who holds the lock.
fn hold(pid: i32) {
    HOLDER_PID.store(pid, Relaxed);
    HOLDER_TID.store(sys::gettid(), Relaxed);
    HOLDER.store(thread_pointer(), Relaxed);
}

fn release() {
    HOLDER_TID.store(0, Relaxed);
    HOLDER.store(0, Relaxed);
    if STATE.swap(0, Release) == 2 {
        sys::futex_wake(&STATE);
    }
}

impl Section {
    /// Gives the lock back and lets signals in again.
    pub(crate) fn leave(self) {
        release();
        restore(self.mask);
    }

    /// Gives up the proof and keeps the lock, over fork(2); the mask is for [`Section::after_fork`].
    pub(crate) fn over_fork(self) -> Option<SignalSet> {
        self.mask
    }

    /// The proof again, on either side of fork(2).
    pub(crate) fn after_fork(mask: Option<SignalSet>) -> Section {
        Section { mask }
    }
}
