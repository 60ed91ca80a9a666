//! The hooks of what has a name in /dev/shm: POSIX shared memory objects.

use super::path::{Follow, follow, way};
use super::status;
use crate::call::{Outcome, ShmOpen, ShmUnlink};
use crate::enabled::{INJECT, OPT_IN, TRACK};
use crate::observe::MadeObject;
use crate::past::openings::{self, Opener};
use crate::plain::errno;
use crate::plain::shm::Named;
use crate::{begin, inject, next, observe};
use core::ffi::{CStr, c_char, c_int};
use core::ptr;
use core::sync::atomic::Ordering::Relaxed;

/// The name that a call was given.
///
/// # Safety
/// A string must be at the address.
pub(super) unsafe fn name<'a>(address: usize) -> &'a CStr {
    // SAFETY: the caller upholds the contract.
    unsafe { CStr::from_ptr(ptr::with_exposed_provenance(address)) }
}

impl ShmOpen {
    fn as_made(&self, fd: isize) -> MadeObject {
        MadeObject { named: Named::Object, flags: self.flags, mode: self.mode, initial: 0, result: fd }
    }
}

impl Follow for ShmOpen {
    /// Whether the call makes the object if it succeeds, as far as is known.
    type Taken = bool;

    fn take(&self, enabled: u32, _return_address: usize) -> bool {
        if enabled & TRACK == 0 || self.flags & libc::O_CREAT == 0 {
            return false;
        }
        // SAFETY: the program passes a string; libc reads it before anything else.
        self.flags & libc::O_EXCL != 0 || !observe::has_object(Named::Object, unsafe { name(self.name) })
    }

    #[inline]
    fn settle(&mut self, creates: &bool, outcome: Outcome, enabled: u32, return_address: usize) -> bool {
        let Outcome::Succeeded(fd) = outcome else { return false };
        self.made = *creates;
        if self.made {
            // SAFETY: a string, by which libc has just opened an object.
            observe::object_made(unsafe { name(self.name) }, &self.as_made(fd), return_address);
        }
        enabled & OPT_IN != 0 || self.made && self.decimal_mode().is_some()
    }
}

/// `shm_open(3)`.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn shm_open(
    name: *const c_char,
    flags: c_int,
    mode: libc::mode_t,
    return_address: usize,
) -> c_int {
    let call = ShmOpen { name: name as usize, flags, mode, made: false };
    let enabled = begin::enabled_when_ready();
    if enabled & INJECT != 0
        && let Some(failure) = inject::failure(&call, return_address)
    {
        errno::set(failure);
        // SAFETY: the string that the call was given.
        unsafe { super::files::note_opening(name, return_address, -1, Opener::ShmOpen, true) };
        return -1;
    }
    let fd = status(way::<_, false>(call, enabled & !INJECT, return_address, |call| {
        // SAFETY: the program's own call.
        (unsafe { next::shm_open(ptr::with_exposed_provenance(call.name), call.flags, call.mode) }) as isize
    }));
    if fd == -1 || openings::OPENINGS.noted.load(Relaxed) != 0 {
        // SAFETY: the string that the call was given.
        return unsafe { super::opened(name, return_address, fd, Opener::ShmOpen) };
    }
    fd
}

impl Follow for ShmUnlink {
    type Taken = ();

    fn take(&self, _enabled: u32, _return_address: usize) {}

    #[inline]
    fn settle(&mut self, (): &(), outcome: Outcome, enabled: u32, _return_address: usize) -> bool {
        if outcome.is_success() && enabled & TRACK != 0 {
            // SAFETY: a string, as shm_unlink has just found an object by it.
            self.maker = observe::object_unlinked(Named::Object, unsafe { name(self.name) });
        }
        self.maker.is_some()
    }
}

/// `shm_unlink(3)`.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn shm_unlink(name: *const c_char, return_address: usize) -> c_int {
    let call = ShmUnlink { name: name as usize, maker: None };
    status(follow(call, return_address, |call, _| {
        // SAFETY: the program's own call.
        (unsafe { next::shm_unlink(ptr::with_exposed_provenance(call.name)) }) as isize
    }))
}
