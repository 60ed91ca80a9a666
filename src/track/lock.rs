//! The tracker's lock: held for some hundred instructions at a time, by a thread that may be interrupted by a signal
//! whose handler maps memory.
//!
//! The word names the holder, so that a handler sees at once that its own thread holds the lock: it leaves its event
//! in the queue, which the holder empties before anybody else gets in. Nobody waits without bound: a holder that is
//! gone (killed, or in a process that a raw clone copied) costs one long wait, and then there is no tracking.

use crate::sync::{AtomicUsize, Ordering};

/// The lock: 0, or what tells its holder.
pub(crate) struct Lock {
    holder: AtomicUsize,
}

/// Why the lock was not had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// This thread holds it.
    Mine,
    /// Its holder did not give it back in time.
    TimedOut,
}

impl Lock {
    #[cfg(not(model_checked))]
    pub(crate) const fn new() -> Lock {
        Lock { holder: AtomicUsize::new(0) }
    }

    #[cfg(model_checked)]
    pub(crate) fn new() -> Lock {
        Lock { holder: AtomicUsize::new(0) }
    }

    /// Takes the lock for `me`, which is not 0 and differs from thread to thread. `nap` is called between tries and
    /// says whether to go on.
    #[inline]
    pub(crate) fn take(&self, me: usize, nap: impl FnMut(u32) -> bool) -> Result<(), Refusal> {
        match self.holder.compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => Ok(()),
            Err(holder) if holder == me => Err(Refusal::Mine),
            Err(_) => self.wait(me, nap),
        }
    }

    #[cold]
    fn wait(&self, me: usize, mut nap: impl FnMut(u32) -> bool) -> Result<(), Refusal> {
        let mut tries = 0_u32;
        while nap(tries) {
            tries = tries.wrapping_add(1);
            if self.holder.load(Ordering::Relaxed) == 0
                && self.holder.compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                return Ok(());
            }
        }
        Err(Refusal::TimedOut)
    }

    /// Gives the lock back.
    #[inline]
    pub(crate) fn give_back(&self) {
        self.holder.store(0, Ordering::Release);
    }
}
