//! The hook of the calls that open files, reached only when one has failed, or when a thread has seen one fail: the way
//! of a success is all in the door. Where calls are made to fail, each goes through a hook of its own.

use crate::call::{Argument, OtherCall};
use crate::enabled::{self, CHECK, INJECT};
use crate::past::openings::{self, OPENINGS, Opener};
use crate::plain::errno;
use crate::{inject, next, output};
use core::ffi::{c_char, c_int, c_uint};
use core::sync::atomic::Ordering::Relaxed;
use libc::mode_t;

/// A call that opens has given `fd`, which this gives back.
///
/// # Safety
/// `name` must be what the call was given.
pub(crate) unsafe extern "C" fn opened(name: *const c_char, return_address: usize, fd: c_int, opener: Opener) -> c_int {
    if enabled::bits() & CHECK == 0 {
        return fd;
    }
    if fd >= 0 {
        openings::succeeded();
    } else if !output::is_inside() {
        // SAFETY: libc or the kernel has just read the string, unless the errno is EFAULT.
        unsafe { openings::failed(opener, name, return_address, errno::get()) };
    }
    fd
}

/// Makes a call that opens, unless it is made to fail.
///
/// # Safety
/// As [`opened`].
unsafe fn open_unless_injected(
    opener: Opener,
    name: *const c_char,
    arguments: &[Argument],
    return_address: usize,
    make: impl Fn() -> c_int,
) -> c_int {
    let call = OtherCall { function: opener.function(), arguments };
    let ordered = if enabled::bits() & INJECT == 0 { None } else { inject::failure(&call, return_address) };
    let fd = match ordered {
        Some(failure) => {
            errno::set(failure);
            -1
        }
        None => make(),
    };
    if fd == -1 || OPENINGS.noted.load(Relaxed) != 0 {
        // SAFETY: the caller upholds the contract.
        return unsafe { opened(name, return_address, fd, opener) };
    }
    fd
}

/// The hooks of single calls: the opener, the name, and what is shown of the others.
macro_rules! opening {
    ($($(#[$doc:meta])* $name:ident $opener:ident $path:ident ($($argument:ident: $type:ty = $shown:expr),+);)+) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// As the call.
        pub(crate) unsafe extern "C" fn $name($($argument: $type,)+ return_address: usize) -> c_int {
            let arguments = [$($shown),+];
            // SAFETY: the program's own call.
            let make = || unsafe { next::$name($($argument),+) };
            // SAFETY: the name that the call was given.
            unsafe { open_unless_injected(Opener::$opener, $path, &arguments, return_address, make) }
        }
    )+};
}

opening! {
    /// open(2).
    open Open path (path: *const c_char = Argument::name(path), flags: c_int = Argument::OpenFlags(flags), mode: mode_t = Argument::Mode(mode));
    /// open(2) for large files.
    open64 Open path (path: *const c_char = Argument::name(path), flags: c_int = Argument::OpenFlags(flags), mode: mode_t = Argument::Mode(mode));
    /// open(2) without a mode.
    __open_2 Open path (path: *const c_char = Argument::name(path), flags: c_int = Argument::OpenFlags(flags));
    /// open(2) without a mode, for large files.
    __open64_2 Open path (path: *const c_char = Argument::name(path), flags: c_int = Argument::OpenFlags(flags));
    /// openat(2).
    openat Openat path (folder: c_int = Argument::from(folder), path: *const c_char = Argument::name(path), flags: c_int = Argument::OpenFlags(flags), mode: mode_t = Argument::Mode(mode));
    /// openat(2) for large files.
    openat64 Openat path (folder: c_int = Argument::from(folder), path: *const c_char = Argument::name(path), flags: c_int = Argument::OpenFlags(flags), mode: mode_t = Argument::Mode(mode));
    /// openat(2) without a mode.
    __openat_2 Openat path (folder: c_int = Argument::from(folder), path: *const c_char = Argument::name(path), flags: c_int = Argument::OpenFlags(flags));
    /// openat(2) without a mode, for large files.
    __openat64_2 Openat path (folder: c_int = Argument::from(folder), path: *const c_char = Argument::name(path), flags: c_int = Argument::OpenFlags(flags));
    /// creat(2).
    creat Creat path (path: *const c_char = Argument::name(path), mode: mode_t = Argument::Mode(mode));
    /// creat(2) for large files.
    creat64 Creat path (path: *const c_char = Argument::name(path), mode: mode_t = Argument::Mode(mode));
    /// `memfd_create(2)`.
    memfd_create MemfdCreate name (name: *const c_char = Argument::name(name), flags: c_uint = Argument::from(flags));
}
