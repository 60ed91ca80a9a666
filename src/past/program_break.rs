//! Whether the program itself has moved the break: part of what lies below it may be its own.

use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

static MOVED: AtomicBool = AtomicBool::new(false);

/// The program moves the break.
pub(crate) fn note_move() {
    MOVED.store(true, Relaxed);
}

/// Whether the program itself has moved the break.
pub(crate) fn has_moved() -> bool {
    MOVED.load(Relaxed)
}
