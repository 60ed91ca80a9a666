//! The hooks of the program break. libc's own calls, malloc's among them, don't come through here.

use super::injected::{injected, or_injected};
use crate::call::Argument;
use crate::enabled::{self, INJECT};
use crate::next;
use crate::past::program_break;
use core::ffi::{c_int, c_void};

/// brk(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn brk(end: *mut c_void, return_address: usize) -> c_int {
    or_injected!("brk", return_address, [end]);
    program_break::note_move();
    // SAFETY: the program's own call.
    unsafe { next::brk(end) }
}

/// sbrk(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn sbrk(increment: isize, return_address: usize) -> *mut c_void {
    if enabled::bits() & INJECT != 0 && injected("sbrk", &[Argument::from(increment)], return_address).is_some() {
        return core::ptr::without_provenance_mut(usize::MAX);
    }
    if increment != 0 {
        program_break::note_move();
    }
    // SAFETY: the program's own call.
    unsafe { next::sbrk(increment) }
}
