//! The hooks of POSIX semaphores: those that have a name, and those that lie in the program's memory.

use super::locks::making;
use super::objects::name;
use super::path::{Follow, follow};
use super::{pointer, status};
use crate::call::{Outcome, SemInit, SemOpen, SemUnlink};
use crate::enabled::{CHECK, TRACK};
use crate::observe::MadeObject;
use crate::past::failures::{self, Failed};
use crate::past::semaphores;
use crate::plain::lock::LockKind;
use crate::plain::shm::Named;
use crate::{next, observe, sys};
use core::ffi::{c_char, c_int, c_uint, c_void};
use core::ptr;
use libc::sem_t;

impl Follow for SemOpen {
    /// Whether the call makes the semaphore if it succeeds, as far as is known.
    type Taken = bool;

    fn take(&self, enabled: u32, _return_address: usize) -> bool {
        if enabled & TRACK == 0 || self.flags & libc::O_CREAT == 0 {
            return false;
        }
        // SAFETY: the program passes a string; libc reads it before anything else.
        self.flags & libc::O_EXCL != 0 || !observe::has_object(Named::Semaphore, unsafe { name(self.name) })
    }

    #[inline]
    fn settle(&mut self, creates: &bool, outcome: Outcome, enabled: u32, return_address: usize) -> bool {
        let address = match outcome {
            Outcome::Succeeded(address) => address,
            Outcome::Failed(errno) => {
                failures::note(Failed::SemOpen, return_address, errno);
                return false;
            }
            _ => return false,
        };
        if enabled & TRACK == 0 {
            return false;
        }
        // SAFETY: a string, by which libc has just opened a semaphore.
        let name = unsafe { name(self.name) };
        self.made = *creates;
        let is_first = semaphores::opened(name);
        if self.made {
            let SemOpen { flags, mode, initial, .. } = *self;
            let made = MadeObject { named: Named::Semaphore, flags, mode, initial, result: address };
            observe::object_made(name, &made, return_address);
            return self.decimal_mode().is_some();
        }
        if enabled & CHECK != 0 && is_first && self.flags & libc::O_CREAT != 0 {
            // Its file may be empty, and an access raise SIGBUS.
            let value = sys::memory::value::<u32>(address.cast_unsigned());
            self.leftover = value.filter(|value| *value != self.initial);
        }
        self.leftover.is_some()
    }
}

/// `sem_open(3)`.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn sem_open(
    name: *const c_char,
    flags: c_int,
    mode: libc::mode_t,
    initial: c_uint,
    return_address: usize,
) -> *mut sem_t {
    let call = SemOpen { name: name as usize, flags, mode, initial, made: false, leftover: None };
    let value = follow(call, return_address, |call, _| {
        let name = ptr::with_exposed_provenance(call.name);
        // SAFETY: the program's own call.
        match unsafe { next::sem_open(name, call.flags, call.mode, call.initial) } {
            libc::SEM_FAILED => -1,
            semaphore => super::value(semaphore.cast()),
        }
    });
    if value == -1 { libc::SEM_FAILED } else { pointer(value).cast() }
}

impl Follow for SemUnlink {
    type Taken = ();

    fn take(&self, _enabled: u32, _return_address: usize) {}

    #[inline]
    fn settle(&mut self, (): &(), outcome: Outcome, enabled: u32, _return_address: usize) -> bool {
        if outcome.is_success() && enabled & TRACK != 0 {
            // SAFETY: a string, as sem_unlink has just found a semaphore by it.
            observe::object_unlinked(Named::Semaphore, unsafe { name(self.name) });
        }
        false
    }
}

/// `sem_unlink(3)`.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn sem_unlink(name: *const c_char, return_address: usize) -> c_int {
    let call = SemUnlink { name: name as usize };
    status(follow(call, return_address, |call, _| {
        // SAFETY: the program's own call.
        (unsafe { next::sem_unlink(ptr::with_exposed_provenance(call.name)) }) as isize
    }))
}

impl Follow for SemInit {
    type Taken = ();

    fn take(&self, _enabled: u32, _return_address: usize) {}

    #[inline]
    fn settle(&mut self, (): &(), _outcome: Outcome, _enabled: u32, _return_address: usize) -> bool {
        false
    }
}

/// `sem_init(3)`.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn sem_init(
    semaphore: *mut c_void,
    shared: c_int,
    initial: c_uint,
    return_address: usize,
) -> c_int {
    let flag = usize::try_from(shared).unwrap_or(usize::MAX);
    making(LockKind::Semaphore, semaphore as usize, flag, initial, return_address, || {
        let call = SemInit { semaphore: semaphore as usize, shared, initial };
        status(follow(call, return_address, |call, _| {
            let semaphore = ptr::with_exposed_provenance_mut(call.semaphore);
            // SAFETY: the program's own call.
            (unsafe { next::sem_init(semaphore, call.shared, call.initial) }) as isize
        }))
    })
}
