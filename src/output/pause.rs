//! The pause of reports while a seccomp filter is installed: one that is put on all threads may come between the blocking
//! of signals and the call that lets them in again.

use crate::machine::this_thread;
use crate::plain::placement::written_by_fork;
use crate::sys;
use core::sync::atomic::{
    AtomicU32, AtomicUsize,
    Ordering::{Relaxed, SeqCst},
};

written_by_fork! {
    /// The threads that are about to block signals, have them blocked, or are letting them in again.
    OPEN: AtomicU32 = AtomicU32::new(0);
    /// The thread that installs a seccomp filter, for which the others wait; 0 for none.
    INSTALLING: AtomicUsize = AtomicUsize::new(0);
}

/// How long, in milliseconds, a report waits for a filter to be installed, which takes microseconds; then the call does not
/// return.
const INSTALLATION_MS: u32 = 50;
/// How long an installation waits for reports: a little longer than one waits for its reader.
const REPORTS_MS: u32 = 600;

/// Counts this thread in [`OPEN`], when no filter is being installed.
pub(super) fn open() {
    let mut naps = INSTALLATION_MS;
    loop {
        OPEN.fetch_add(1, SeqCst);
        let installing = INSTALLING.load(SeqCst);
        if installing == 0 || installing == this_thread() {
            return;
        }
        shut();
        if naps == 0 {
            let _ = INSTALLING.compare_exchange(installing, 0, SeqCst, Relaxed);
        }
        naps = naps.saturating_sub(1);
        sys::sleep_a_moment();
    }
}

/// Takes this thread out of [`OPEN`].
pub(super) fn shut() {
    let _ = OPEN.fetch_update(SeqCst, Relaxed, |threads| threads.checked_sub(1));
}

/// This is a forked child, whose only thread has the report lock.
pub(super) fn forked() {
    OPEN.store(1, Relaxed);
    INSTALLING.store(0, Relaxed);
}

/// As long as it lives, no report begins.
pub(crate) struct Pause;

/// Waits until no report is under way, and keeps others from beginning.
pub(crate) fn pause() -> Pause {
    let me = this_thread();
    for _ in 0..INSTALLATION_MS {
        match INSTALLING.compare_exchange(0, me, SeqCst, Relaxed) {
            // Its own: a handler has interrupted the call.
            Err(other) if other != me => sys::sleep_a_moment(),
            _ => break,
        }
    }
    INSTALLING.store(me, SeqCst);
    for _ in 0..REPORTS_MS {
        if OPEN.load(SeqCst) == 0 {
            return Pause;
        }
        sys::sleep_a_moment();
    }
    // Threads that are no more, or those of the process of which a raw clone has copied this.
    OPEN.store(0, SeqCst);
    Pause
}

impl Drop for Pause {
    fn drop(&mut self) {
        let _ = INSTALLING.compare_exchange(this_thread(), 0, SeqCst, Relaxed);
    }
}
