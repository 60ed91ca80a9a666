//! The hooks: one for each call, reached through its door.
//!
//! The way of a call that succeeds and breaks no rule is short on purpose: one load of what is watched, the next
//! definition, one comparison. Everything else is behind `#[cold]` functions, so that it costs neither registers nor
//! stack here. `errno` is the program's: it is put back after anything that may have touched it.

use crate::call::{Ftok, MAP_TYPE, Mmap, Mprotect, Mremap, Msync, Munmap, Outcome, Shmat, Shmctl, Shmdt, Shmget};
use crate::check::Check;
use crate::facts::segment;
use crate::memory::{keys, released};
use crate::report::{self, Report};
use crate::start::{self, CHECK, ENFORCE, OPT_IN};
use crate::{errno, next};
use core::ffi::{CStr, c_char, c_int, c_void};

/// Checks a call that has been made.
#[cold]
#[inline(never)]
fn finish(call: &dyn Check, value: isize, caller: usize) {
    let outcome = Outcome::of(value);
    // A call made from inside a report is the report's own business.
    if report::is_inside() {
        return;
    }
    let before = errno::get();
    let report = Report { call: call.as_call(), outcome, caller, refusing: false };
    if let Some(failure) = outcome.errno {
        call.failed(failure, &report);
    } else {
        if start::watch() & ENFORCE == 0 {
            call.offends(&report);
        }
        call.passed(&report);
    }
    errno::set(before);
}

/// Checks a call before it is made; true if `mode=enforce` refuses it, with `errno` set.
#[cold]
#[inline(never)]
fn refuses(call: &dyn Check, caller: usize) -> bool {
    if report::is_inside() {
        return false;
    }
    let before = errno::get();
    let report = Report { call: call.as_call(), outcome: Outcome::refused(0), caller, refusing: true };
    let refusal = call.offends(&report);
    errno::set(refusal.unwrap_or(before));
    refusal.is_some()
}

/// An address as a value that `finish` takes.
#[inline]
fn value(address: *mut c_void) -> isize {
    (address as usize).cast_signed()
}

/// The way of mmap and mmap64.
macro_rules! map {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// As the call.
        pub(crate) unsafe extern "C" fn $name(
            address: *mut c_void,
            length: usize,
            prot: c_int,
            flags: c_int,
            fd: c_int,
            offset: i64,
            caller: usize,
        ) -> *mut c_void {
            let watch = start::watch();
            let call =
                || Mmap { function: stringify!($name), address: address as usize, length, prot, flags, fd, offset };
            if watch & ENFORCE != 0 && refuses(&call(), caller) {
                return libc::MAP_FAILED;
            }
            // SAFETY: the program's own call.
            let mapped = unsafe { next::$name(address, length, prot, flags, fd, offset) };
            let doubtful =
                mapped == libc::MAP_FAILED || flags & MAP_TYPE == libc::MAP_SHARED_VALIDATE || watch & OPT_IN != 0;
            if doubtful && watch & CHECK != 0 {
                finish(&call(), value(mapped), caller);
            }
            mapped
        }
    };
}

map! {
    /// mmap(2).
    mmap
}
map! {
    /// mmap64(3).
    mmap64
}

/// munmap(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn munmap(address: *mut c_void, length: usize, caller: usize) -> c_int {
    // SAFETY: the program's own call.
    let status = unsafe { next::munmap(address, length) };
    if status != 0 && start::watch() & CHECK != 0 {
        finish(&Munmap { address: address as usize, length }, status as isize, caller);
    }
    status
}

/// mremap(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn mremap(
    old_address: *mut c_void,
    old_size: usize,
    new_size: usize,
    flags: c_int,
    new_address: *mut c_void,
    caller: usize,
) -> *mut c_void {
    // SAFETY: the program's own call.
    let moved = unsafe { next::mremap(old_address, old_size, new_size, flags, new_address) };
    if moved == libc::MAP_FAILED && start::watch() & CHECK != 0 {
        let (old_address, new_address) = (old_address as usize, new_address as usize);
        finish(&Mremap { old_address, old_size, new_size, flags, new_address }, value(moved), caller);
    }
    moved
}

/// mprotect(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn mprotect(address: *mut c_void, length: usize, prot: c_int, caller: usize) -> c_int {
    // SAFETY: the program's own call.
    let status = unsafe { next::mprotect(address, length, prot) };
    if status != 0 && start::watch() & CHECK != 0 {
        finish(&Mprotect { address: address as usize, length, prot }, status as isize, caller);
    }
    status
}

/// msync(2). A thread may be cancelled inside it: nothing is held here that would need to be given back.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn msync(address: *mut c_void, length: usize, flags: c_int, caller: usize) -> c_int {
    // SAFETY: the program's own call.
    let status = unsafe { next::msync(address, length, flags) };
    if status != 0 && start::watch() & CHECK != 0 {
        finish(&Msync { address: address as usize, length, flags }, status as isize, caller);
    }
    status
}

/// ftok(3). It changes nothing, so `mode=enforce` looks at its key afterwards.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn ftok(path: *const c_char, id: c_int, caller: usize) -> c_int {
    // SAFETY: the program's own call.
    let key = unsafe { next::ftok(path, id) };
    let watch = start::watch();
    if watch & CHECK == 0 {
        return key;
    }
    let call = Ftok { path: path as usize, id };
    if key == -1 {
        finish(&call, -1, caller);
        return key;
    }
    // SAFETY: ftok has just found a file by this string.
    let known = keys::was_given(unsafe { CStr::from_ptr(path) }, id, key);
    if !known || key < 0 || !(1..=255).contains(&id) {
        return finish_ftok(&call, key, known, watch & ENFORCE != 0, caller);
    }
    key
}

/// Checks a key that ftok gave; -1 in its place if `mode=enforce` refuses it.
#[cold]
#[inline(never)]
fn finish_ftok(call: &Ftok, key: c_int, known: bool, enforce: bool, caller: usize) -> c_int {
    if report::is_inside() {
        return key;
    }
    let before = errno::get();
    let outcome = Outcome { value: key as isize, errno: None };
    let report = Report { call, outcome, caller, refusing: enforce };
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
pub(crate) unsafe extern "C" fn shmget(key: c_int, size: usize, flags: c_int, caller: usize) -> c_int {
    let watch = start::watch();
    let call = Shmget { key, size, flags };
    if watch & ENFORCE != 0 && refuses(&call, caller) {
        return -1;
    }
    // SAFETY: the program's own call.
    let id = unsafe { next::shmget(key, size, flags) };
    if watch & CHECK != 0 && (id < 0 || call.is_doubtful(watch & OPT_IN != 0) || call.may_be_stale(id)) {
        finish(&call, id as isize, caller);
    }
    id
}

/// shmat(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn shmat(id: c_int, address: *const c_void, flags: c_int, caller: usize) -> *mut c_void {
    let watch = start::watch();
    let call = Shmat { id, address: address as usize, flags };
    if watch & ENFORCE != 0 && refuses(&call, caller) {
        return libc::MAP_FAILED;
    }
    // SAFETY: the program's own call.
    let attached = unsafe { next::shmat(id, address, flags) };
    if watch & CHECK != 0 && (attached == libc::MAP_FAILED || watch & OPT_IN != 0) {
        finish(&call, value(attached), caller);
    }
    attached
}

/// shmdt(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn shmdt(address: *const c_void, caller: usize) -> c_int {
    // SAFETY: the program's own call.
    let status = unsafe { next::shmdt(address) };
    if start::watch() & CHECK != 0 {
        if status == 0 {
            released::DETACHED.note(address as usize, caller);
        } else {
            finish(&Shmdt { address: address as usize }, status as isize, caller);
        }
    }
    status
}

/// shmctl(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn shmctl(id: c_int, command: c_int, buffer: *mut c_void, caller: usize) -> c_int {
    // SAFETY: the program's own call.
    let value = unsafe { next::shmctl(id, command, buffer) };
    if start::watch() & CHECK != 0 {
        let removes = value >= 0 && command == libc::IPC_RMID;
        if removes {
            released::REMOVED.note(id.cast_unsigned() as usize, caller);
        }
        // A removed segment that is still there is attached by somebody.
        if value < 0 || removes && segment::exists(id) {
            finish(&Shmctl { id, command, buffer: buffer as usize }, value as isize, caller);
        }
    }
    value
}
