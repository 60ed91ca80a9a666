//! Calls on what is mapped that leave it there: protection, writing back, and locks on memory.

use super::finish;
use crate::call::{Mprotect, Msync};
use crate::enabled::{self, CHECK, HARDENED, TRACK};
use crate::past::mlockall;
use crate::plain::Range;
use crate::plain::page::whole_pages;
use crate::{harden, next, observe, start};
use core::ffi::{c_int, c_void};

/// mprotect(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn mprotect(
    address: *mut c_void,
    length: usize,
    prot: c_int,
    return_address: usize,
) -> c_int {
    let enabled = start::enabled_when_ready();
    let status = if enabled & HARDENED == 0 {
        // SAFETY: the program's own call.
        unsafe { next::mprotect(address, length, prot) }
    } else {
        // SAFETY: the program's own call.
        unsafe { harden::protect(address, length, prot) }
    };
    if enabled & TRACK != 0 {
        if status == 0 {
            observe::protected(address as usize, length, prot, return_address);
        } else {
            observe::not_protected(address as usize, length, return_address);
        }
    }
    if status != 0 && enabled & CHECK != 0 {
        finish(&Mprotect { address: address as usize, length, prot }, status as isize, return_address);
    }
    status
}

/// msync(2). A thread may be cancelled inside it: nothing is held here that would need to be given back.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn msync(
    address: *mut c_void,
    length: usize,
    flags: c_int,
    return_address: usize,
) -> c_int {
    if start::enabled_when_ready() & HARDENED != 0 {
        harden::release_reserved(Range::new(address as usize, whole_pages(length)));
    }
    // SAFETY: the program's own call.
    let status = unsafe { next::msync(address, length, flags) };
    if status != 0 && enabled::bits() & CHECK != 0 {
        finish(&Msync { address: address as usize, length, flags }, status as isize, return_address);
    }
    status
}

/// mlockall(2), followed because it decides about mappings to come.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn mlockall(flags: c_int, return_address: usize) -> c_int {
    // SAFETY: the program's own call.
    let status = unsafe { next::mlockall(flags) };
    if status == 0 {
        mlockall::succeeded(flags & libc::MCL_FUTURE != 0, return_address);
    }
    status
}

/// munlockall(2), which ends it.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn munlockall(_caller: usize) -> c_int {
    // SAFETY: the program's own call.
    let status = unsafe { next::munlockall() };
    if status == 0 {
        mlockall::ended();
    }
    status
}
