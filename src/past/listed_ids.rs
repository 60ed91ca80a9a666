//! Whether this process has asked for segments by index: the ids that `SHM_STAT` gives are not remembered.

use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

static LISTED: AtomicBool = AtomicBool::new(false);

/// A call has given an id that is not remembered.
pub(crate) fn note() {
    LISTED.store(true, Relaxed);
}

/// Whether a call has given ids that are not remembered.
pub(crate) fn are_there() -> bool {
    LISTED.load(Relaxed)
}
