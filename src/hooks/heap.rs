//! The hooks of the program break. libc's own calls, malloc's among them, don't come through here.

use crate::next;
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Whether the program itself has moved the break: part of what lies below it may be its own.
static MOVES_BREAK: AtomicBool = AtomicBool::new(false);

/// Whether the program itself has moved the break.
pub(crate) fn moves_break() -> bool {
    MOVES_BREAK.load(Relaxed)
}

/// brk(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn brk(end: *mut c_void, _caller: usize) -> c_int {
    MOVES_BREAK.store(true, Relaxed);
    // SAFETY: the program's own call.
    unsafe { next::brk(end) }
}

/// sbrk(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn sbrk(increment: isize, _caller: usize) -> *mut c_void {
    if increment != 0 {
        MOVES_BREAK.store(true, Relaxed);
    }
    // SAFETY: the program's own call.
    unsafe { next::sbrk(increment) }
}
