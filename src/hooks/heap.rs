//! The hooks of the program break. libc's own calls, malloc's among them, don't come through here.

use crate::next;
use crate::past::program_break;
use core::ffi::{c_int, c_void};

/// brk(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn brk(end: *mut c_void, _return_address: usize) -> c_int {
    program_break::note_move();
    // SAFETY: the program's own call.
    unsafe { next::brk(end) }
}

/// sbrk(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn sbrk(increment: isize, _return_address: usize) -> *mut c_void {
    if increment != 0 {
        program_break::note_move();
    }
    // SAFETY: the program's own call.
    unsafe { next::sbrk(increment) }
}
