//! Asking, the end of a process and of a shared object, and syscall(2), where no next definition is known.

use super::raw::returned;
use crate::clib::weak;
use crate::sys;
use core::ffi::{c_int, c_long, c_void};

/// Ends the process.
pub(super) unsafe fn raw_exit(status: c_int) -> ! {
    sys::exit_group(status)
}

/// As libc's dlclose. A static program has it under another name if anything else of it needs that; without it the object
/// stays loaded, as dlclose(3) allows.
pub(super) unsafe fn raw_dlclose(handle: *mut c_void) -> c_int {
    // SAFETY: the caller upholds the contract.
    weak::static_dlclose().map_or(0, |close| unsafe { close(handle) })
}

/// As libc's syscall.
pub(super) unsafe fn raw_syscall(
    number: c_long,
    first: usize,
    second: usize,
    third: usize,
    fourth: usize,
    fifth: usize,
    sixth: usize,
) -> c_long {
    // SAFETY: the caller upholds the contract.
    unsafe { returned(number, &[first, second, third, fourth, fifth, sixth]) }
}
