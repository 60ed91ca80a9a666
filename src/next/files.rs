//! The calls that open files where no next definition is known: before start, and in a static program.
//!
//! A static program's own definitions have another name in libc, by which they are called if the program has them, so
//! that they stay cancellation points.

use super::raw::returned;
use crate::clib::weak;
use crate::next;
use crate::sys::{self, int};
use core::ffi::{c_char, c_int, c_uint};

/// As open(2). The kernel looks at the mode only where the flags ask for a new file.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn raw_open(path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int {
    if next::is_relocated()
        && let Some(open) = weak::open()
    {
        // SAFETY: the program's own call.
        return unsafe { open(path, flags, mode) };
    }
    // SAFETY: the program's own call.
    unsafe { openat(libc::AT_FDCWD, path, flags, mode) }
}

/// As openat(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn raw_openat(
    folder: c_int,
    path: *const c_char,
    flags: c_int,
    mode: libc::mode_t,
) -> c_int {
    if next::is_relocated()
        && let Some(openat) = weak::openat()
    {
        // SAFETY: the program's own call.
        return unsafe { openat(folder, path, flags, mode) };
    }
    // SAFETY: the program's own call.
    unsafe { openat(folder, path, flags, mode) }
}

/// As creat(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn raw_creat(path: *const c_char, mode: libc::mode_t) -> c_int {
    // SAFETY: the program's own call.
    unsafe { raw_open(path, libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC, mode) }
}

/// As `__open_2`, open(2) without a mode, of programs that are compiled with `_FORTIFY_SOURCE`.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn raw_open_2(path: *const c_char, flags: c_int) -> c_int {
    refuse_missing_mode("open", flags);
    // SAFETY: the program's own call.
    unsafe { raw_open(path, flags, 0) }
}

/// As `__openat_2`.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn raw_openat_2(folder: c_int, path: *const c_char, flags: c_int) -> c_int {
    refuse_missing_mode("openat", flags);
    // SAFETY: the program's own call.
    unsafe { raw_openat(folder, path, flags, 0) }
}

/// As `memfd_create(2)`.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn raw_memfd_create(name: *const c_char, flags: c_uint) -> c_int {
    // SAFETY: the program's own call.
    unsafe { returned(libc::SYS_memfd_create, &[name as usize, flags as usize]) }
}

unsafe fn openat(folder: c_int, path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int {
    // SAFETY: the caller passes on the program's arguments.
    unsafe { returned(libc::SYS_openat, &[int(folder), path as usize, int(flags), mode as usize]) }
}

/// Ends the program as libc does, if a new file is asked for and no mode is given.
fn refuse_missing_mode(function: &str, flags: c_int) {
    if flags & libc::O_CREAT == 0 && flags & libc::O_TMPFILE != libc::O_TMPFILE {
        return;
    }
    for part in ["*** invalid ", function, " call: O_CREAT or O_TMPFILE without mode ***: terminated\n"] {
        let _ = sys::write(libc::STDERR_FILENO, part.as_bytes());
    }
    // SAFETY: takes nothing.
    unsafe { libc::abort() }
}
