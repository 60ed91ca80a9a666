//! The hook of the calls that open files, reached only when one has failed, or when a thread has seen one fail: the way
//! of a success is all in the door. Where calls are made to fail, each goes through a hook of its own.

use crate::call::{Argument, IntArgument, OtherCall};
use crate::enabled::{self, CHECK, INJECT};
use crate::next::{self, SLOTS};
use crate::past::openings::{self, OPENINGS, Opener};
use crate::plain::errno;
use crate::{inject, output};
use core::ffi::{c_char, c_int, c_void};
use core::ptr::with_exposed_provenance;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

/// A call that opens has given `fd`, which this gives back.
///
/// # Safety
/// `name` must be what the call was given.
pub(crate) unsafe extern "C" fn opened(name: *const c_char, return_address: usize, fd: c_int, opener: Opener) -> c_int {
    // SAFETY: the caller upholds the contract.
    unsafe { note_opening(name, return_address, fd, opener, false) }
    fd
}

/// Remembers what came of a call that opens.
///
/// # Safety
/// As [`opened`].
pub(super) unsafe fn note_opening(
    name: *const c_char,
    return_address: usize,
    fd: c_int,
    opener: Opener,
    is_injected: bool,
) {
    if enabled::bits() & CHECK == 0 {
        return;
    }
    if fd >= 0 {
        openings::succeeded();
    } else if !output::is_inside() {
        // SAFETY: libc or the kernel has just read the string, unless the errno is EFAULT, or nobody has.
        unsafe { openings::failed(opener, name, return_address, errno::get(), is_injected) };
    }
}

/// A call that opens: what it does where it is made, and what its arguments are.
struct Opening {
    opener: Opener,
    slot: &'static AtomicPtr<c_void>,
    /// What is called where there is no next definition.
    raw: *const c_void,
    /// Whether a folder comes first.
    in_folder: bool,
}

/// Makes a call that opens, unless it is made to fail.
///
/// # Safety
/// As the call; `arguments` are its own, as registers hold them.
#[cold]
#[inline(never)]
unsafe fn open_unless_injected(opening: &Opening, arguments: [usize; 4], return_address: usize) -> c_int {
    /// As the next definitions are called, of which each takes as many as it has.
    type Function = unsafe extern "C" fn(usize, usize, usize, usize) -> c_int;
    let [first, second, third, fourth] = arguments;
    let (path, flags, mode) = if opening.in_folder { (second, third, fourth) } else { (first, second, third) };
    let (flags, mode) = (IntArgument(flags).get(), IntArgument(mode).get().cast_unsigned());
    let folder = Argument::Number(IntArgument(first).get().into());
    let shown = [folder, Argument::Name(path), Argument::OpenFlags(flags), Argument::Mode(mode)];
    let shown = match opening.opener {
        Opener::Creat => [folder, Argument::Name(path), Argument::Mode(flags.cast_unsigned()), folder],
        Opener::MemfdCreate => [folder, Argument::Name(path), Argument::Number(flags.into()), folder],
        _ => shown,
    };
    let end =
        if matches!(opening.opener, Opener::Creat | Opener::MemfdCreate) || flags & libc::O_CREAT == 0 { 3 } else { 4 };
    let shown = shown.get(usize::from(!opening.in_folder)..end).unwrap_or_default();
    let call = OtherCall { function: opening.opener.function(), arguments: shown };
    let ordered = if enabled::bits() & INJECT == 0 { None } else { inject::failure(&call, return_address) };
    let fd = if let Some(failure) = ordered {
        errno::set(failure);
        -1
    } else {
        let next = opening.slot.load(Relaxed);
        let next = if next.is_null() { opening.raw } else { next };
        // SAFETY: a function that takes integers and pointers alone, at most four, in the registers of these.
        let next = unsafe { core::mem::transmute::<*const c_void, Function>(next) };
        // SAFETY: the caller upholds the contract.
        unsafe { next(first, second, third, fourth) }
    };
    if fd == -1 || OPENINGS.noted.load(Relaxed) != 0 {
        let name = with_exposed_provenance(path);
        // SAFETY: the name that the call was given.
        unsafe { note_opening(name, return_address, fd, opening.opener, ordered.is_some()) };
    }
    fd
}

/// The hooks of calls that open, of so many arguments.
macro_rules! opening {
    ($($(#[$doc:meta])* $name:ident $opener:ident $raw:ident $in_folder:literal
        [$($argument:ident)+] [$($none:literal)*];)+) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// As the call.
        pub(crate) unsafe extern "C" fn $name($($argument: usize,)+ return_address: usize) -> c_int {
            let opening = Opening {
                opener: Opener::$opener,
                slot: &SLOTS.$name,
                raw: next::$raw as *const c_void,
                in_folder: $in_folder,
            };
            // SAFETY: the program's own call.
            unsafe { open_unless_injected(&opening, [$($argument,)+ $($none),*], return_address) }
        }
    )+};
}

opening! {
    /// open(2).
    open Open raw_open false [a b c] [0];
    /// open(2) for large files.
    open64 Open raw_open false [a b c] [0];
    /// open(2) without a mode.
    __open_2 Open raw_open_2 false [a b] [0 0];
    /// open(2) without a mode, for large files.
    __open64_2 Open raw_open_2 false [a b] [0 0];
    /// openat(2).
    openat Openat raw_openat true [a b c d] [];
    /// openat(2) for large files.
    openat64 Openat raw_openat true [a b c d] [];
    /// openat(2) without a mode.
    __openat_2 Openat raw_openat_2 true [a b c] [0];
    /// openat(2) without a mode, for large files.
    __openat64_2 Openat raw_openat_2 true [a b c] [0];
    /// creat(2).
    creat Creat raw_creat false [a b] [0 0];
    /// creat(2) for large files.
    creat64 Creat raw_creat false [a b] [0 0];
    /// `memfd_create(2)`.
    memfd_create MemfdCreate raw_memfd_create false [a b] [0 0];
}
