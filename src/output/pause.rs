//! The pause of reports while a seccomp filter is installed: one that is put on all threads may come between the blocking
//! of signals and the call that lets them in again.

use crate::machine::this_thread;
use crate::plain::placement::written_by_fork;
use crate::sys;
use core::sync::atomic::{
    AtomicU32, AtomicUsize,
    Ordering::{Relaxed, SeqCst},
};

struct Reports {
    /// The threads that are about to block signals, have them blocked, or are letting them in again.
    open: AtomicU32,
    /// The thread that installs a seccomp filter, for which the others wait; 0 for none.
    installing: AtomicUsize,
}

written_by_fork! {
    REPORTS: Reports = Reports { open: AtomicU32::new(0), installing: AtomicUsize::new(0) };
}

/// How long, in milliseconds, a report waits for a filter to be installed, which takes microseconds; then the call does not
/// return.
const INSTALLATION_MS: u32 = 50;
/// How long an installation waits for reports: a little longer than one waits for its reader.
const REPORTS_MS: u32 = 600;

/// Counts this thread as open, when no filter is being installed.
pub(super) fn open() {
    let mut naps = INSTALLATION_MS;
    loop {
        REPORTS.open.fetch_add(1, SeqCst);
        let installing = REPORTS.installing.load(SeqCst);
        if installing == 0 || installing == this_thread() {
            return;
        }
        shut();
        if naps == 0 {
            let _ = REPORTS.installing.compare_exchange(installing, 0, SeqCst, Relaxed);
        }
        naps = naps.saturating_sub(1);
        sys::sleep_a_moment();
    }
}

/// Takes this thread out again.
pub(super) fn shut() {
    let _ = REPORTS.open.fetch_update(SeqCst, Relaxed, |threads| threads.checked_sub(1));
}

/// This is a forked child, whose only thread has the report lock.
pub(super) fn forked() {
    REPORTS.open.store(1, Relaxed);
    REPORTS.installing.store(0, Relaxed);
}

/// As long as it lives, no report begins.
pub(crate) struct Pause;

/// Waits until no report is under way, and keeps others from beginning.
pub(crate) fn pause() -> Pause {
    let me = this_thread();
    for _ in 0..INSTALLATION_MS {
        match REPORTS.installing.compare_exchange(0, me, SeqCst, Relaxed) {
            // Its own: a handler has interrupted the call.
            Err(other) if other != me => sys::sleep_a_moment(),
            _ => break,
        }
    }
    REPORTS.installing.store(me, SeqCst);
    for _ in 0..REPORTS_MS {
        if REPORTS.open.load(SeqCst) == 0 {
            return Pause;
        }
        sys::sleep_a_moment();
    }
    // Threads that are no more, or those of the process of which a raw clone has copied this.
    REPORTS.open.store(0, SeqCst);
    Pause
}

impl Drop for Pause {
    fn drop(&mut self) {
        let _ = REPORTS.installing.compare_exchange(this_thread(), 0, SeqCst, Relaxed);
    }
}
