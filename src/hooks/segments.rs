//! The hooks of System V and POSIX shared memory.

use super::losses::told;
use super::{finish, inspect_contents, refuses, value};
use crate::call::{Ftok, Outcome, Shmat, Shmctl, Shmdt, Shmget};
use crate::enabled::{self, CHECK, CONTENTS, ENFORCE, HARDENED, OPT_IN, TRACK};
use crate::facts::segment;
use crate::finding::Report;
use crate::observe::PendingRelease;
use crate::past::openings::{self, Opener};
use crate::past::{keys, listed_ids};
use crate::plain::page::page_size;
use crate::plain::{Range, errno};
use crate::{harden, next, observe, output, start};
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr;
use core::sync::atomic::Ordering::Relaxed;

/// ftok(3). It changes nothing, so `mode=enforce` looks at its key afterwards.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn ftok(path: *const c_char, id: c_int, return_address: usize) -> c_int {
    // SAFETY: the program's own call.
    let key = unsafe { next::ftok(path, id) };
    let enabled = start::enabled_when_ready();
    if enabled & CHECK == 0 {
        return key;
    }
    let call = Ftok { path: path as usize, id };
    if key == -1 {
        finish(&call, -1, return_address);
        return key;
    }
    // SAFETY: ftok has just found a file by this string.
    let known = keys::was_given(unsafe { CStr::from_ptr(path) }, id, key);
    if !known || key < 0 || !(1..=255).contains(&id) {
        return finish_ftok(&call, key, known, enabled & ENFORCE != 0, return_address);
    }
    key
}

/// Checks a key that ftok gave; -1 in its place if `mode=enforce` refuses it.
#[cold]
#[inline(never)]
fn finish_ftok(call: &Ftok, key: c_int, known: bool, enforce: bool, return_address: usize) -> c_int {
    if output::is_inside() {
        return key;
    }
    let before = errno::get();
    let outcome = Outcome { value: key as isize, errno: None };
    let report = Report { call, outcome, return_address, refusing: enforce, earlier: None };
    let refusal = call.key_offends(key, known, &report);
    if refusal.is_none() || !enforce {
        Ftok::key_is_negative(key, &Report { refusing: false, ..report });
    }
    match refusal {
        Some(errno) if enforce => {
            errno::set(errno);
            -1
        }
        _ => {
            errno::set(before);
            key
        }
    }
}

/// shmget(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn shmget(key: c_int, size: usize, flags: c_int, return_address: usize) -> c_int {
    let enabled = start::enabled_when_ready();
    let mut call = Shmget { key, size, flags, made: false };
    if enabled & ENFORCE != 0 && refuses(&call, return_address) {
        return -1;
    }
    // SAFETY: the program's own call.
    let id = unsafe { next::shmget(key, size, flags) };
    if enabled & CHECK == 0 {
        return id;
    }
    let first = id >= 0 && call.may_be_stale(id);
    if id >= 0 && enabled & TRACK != 0 && (first || call.surely_creates()) {
        call.made = observe::shmget_succeeded(&call, id, return_address);
    }
    if id < 0 || call.is_doubtful(enabled & OPT_IN != 0) || first {
        finish(&call, id as isize, return_address);
    }
    id
}

/// shmat(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn shmat(
    id: c_int,
    address: *const c_void,
    flags: c_int,
    return_address: usize,
) -> *mut c_void {
    let enabled = start::enabled_when_ready();
    let call = Shmat { id, address: address as usize, flags };
    if enabled & ENFORCE != 0 && refuses(&call, return_address) {
        return libc::MAP_FAILED;
    }
    let tracks = enabled & TRACK != 0;
    let pending = if tracks && flags & libc::SHM_REMAP != 0 && !address.is_null() {
        observe::attaches_over(id, address as usize, return_address)
    } else {
        PendingRelease::Untracked
    };
    let make = || {
        if enabled & HARDENED == 0 {
            // SAFETY: the program's own call.
            unsafe { next::shmat(id, address, flags) }
        } else {
            // SAFETY: the program's own call.
            unsafe { harden::attach(&call, observe::segment_size(id)) }
        }
    };
    let attached = if matches!(pending, PendingRelease::Untracked) {
        make()
    } else {
        match told(&call, &pending, return_address, &mut || value(make())) {
            Some(attached) => ptr::with_exposed_provenance_mut(attached.cast_unsigned()),
            None => return libc::MAP_FAILED,
        }
    };
    if attached == libc::MAP_FAILED {
        pending.rollback();
    } else if tracks {
        observe::attached(id, attached as usize, flags, !address.is_null(), return_address);
    }
    if enabled & CHECK != 0 && (attached == libc::MAP_FAILED || enabled & OPT_IN != 0) {
        finish(&call, value(attached), return_address);
    }
    attached
}

/// shmdt(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn shmdt(address: *const c_void, return_address: usize) -> c_int {
    let enabled = start::enabled_when_ready();
    if enabled & HARDENED != 0 {
        harden::release_reserved(Range::new(address as usize, page_size()));
    }
    let pending = if enabled & TRACK == 0 {
        PendingRelease::Untracked
    } else {
        observe::detaches(address as usize, return_address)
    };
    if enabled & CONTENTS != 0 {
        inspect_contents(&Shmdt { address: address as usize }, &pending, 0, return_address);
    }
    // SAFETY: the program's own call.
    let status = unsafe { next::shmdt(address) };
    if status == 0 && enabled & HARDENED != 0 {
        observe::released_by(&pending, harden::released);
    }
    if status != 0 {
        pending.rollback();
        if enabled & CHECK != 0 {
            finish(&Shmdt { address: address as usize }, status as isize, return_address);
        }
    } else if matches!(pending, PendingRelease::Deferred) {
        observe::detached_later(address as usize, return_address);
    }
    status
}

/// `SHM_STAT` and `SHM_STAT_ANY` of `<sys/shm.h>`, which give the id of the segment at an index.
const SHM_STAT: c_int = 13;
const SHM_STAT_ANY: c_int = 15;

/// shmctl(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn shmctl(id: c_int, command: c_int, buffer: *mut c_void, return_address: usize) -> c_int {
    // SAFETY: the program's own call.
    let value = unsafe { next::shmctl(id, command, buffer.cast()) };
    if enabled::bits() & CHECK != 0 {
        let removes = value >= 0 && command == libc::IPC_RMID;
        if command == libc::IPC_RMID {
            observe::removes(&Shmctl { id, command, buffer: buffer as usize }, value, return_address);
        }
        if value >= 0 && matches!(command, SHM_STAT | SHM_STAT_ANY) {
            listed_ids::note();
        }
        // A removed segment that is still there is attached by somebody.
        if value < 0 || removes && segment::exists(id) {
            finish(&Shmctl { id, command, buffer: buffer as usize }, value as isize, return_address);
        }
    }
    value
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
    let creates = start::enabled_when_ready() & TRACK != 0 && flags & libc::O_CREAT != 0;
    // SAFETY: the program passes a string; libc reads it before anything else.
    let was_there = creates && flags & libc::O_EXCL == 0 && observe::has_object(unsafe { CStr::from_ptr(name) });
    // SAFETY: the program's own call.
    let fd = unsafe { next::shm_open(name, flags, mode) };
    if fd >= 0 && creates && !was_there {
        // SAFETY: as above.
        observe::object_made(unsafe { CStr::from_ptr(name) }, flags, mode, fd, return_address);
    }
    if fd == -1 || openings::NOTED.load(Relaxed) != 0 {
        // SAFETY: the string that the call was given.
        return unsafe { super::opened(name, return_address, fd, Opener::ShmOpen) };
    }
    fd
}

/// `shm_unlink(3)`.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn shm_unlink(name: *const c_char, _caller: usize) -> c_int {
    // SAFETY: the program's own call.
    let status = unsafe { next::shm_unlink(name) };
    if status == 0 && enabled::bits() & TRACK != 0 {
        // SAFETY: a string, as shm_unlink has just found an object by it.
        observe::object_unlinked(unsafe { CStr::from_ptr(name) });
    }
    status
}
