//! The call of mlockall(2) that locks what is mapped from then on (`MCL_FUTURE`), if one was seen.

use crate::plain::placement::written_by_fork;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

written_by_fork! {
    /// The complement of its return address, which no scan of memory takes for an address; 0 for none.
    SITE: AtomicUsize = AtomicUsize::new(0);
}

/// mlockall has succeeded; each call takes the place of the one before.
pub(crate) fn succeeded(future: bool, site: usize) {
    SITE.store(if future { !site } else { 0 }, Relaxed);
}

/// munlockall has succeeded, or this is a child of fork, which inherits no lock.
pub(crate) fn ended() {
    SITE.store(0, Relaxed);
}

/// The return address of the call that holds.
pub(crate) fn future_site() -> Option<usize> {
    Some(SITE.load(Relaxed)).filter(|site| *site != 0).map(|site| !site)
}
