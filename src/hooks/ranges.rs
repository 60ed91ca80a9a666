//! Calls on ranges of memory that change nothing of what is mapped, and are not followed. Hardened mode alone is concerned:
//! its guards must neither be seen by them nor count against the limits that they meet. Otherwise their doors lead
//! straight to the next definition.

use crate::enabled::{self, HARDENED};
use crate::plain::page::whole_pages;
use crate::plain::{Range, errno};
use crate::{harden, next};
use core::ffi::{c_int, c_uchar, c_uint, c_void};

/// Declares hooks: `$way` is the one of hardened mode.
macro_rules! ranges {
    ($($(#[$doc:meta])* $name:ident ($address:ident: $pointer:ty, $length:ident $(, $argument:ident: $type:ty)*) by $way:path;)+) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// As the call.
        pub(crate) unsafe extern "C" fn $name($address: $pointer, $length: usize $(, $argument: $type)*) -> c_int {
            // SAFETY: the program's own call.
            let call = || unsafe { next::$name($address, $length $(, $argument)*) };
            if enabled::bits() & HARDENED == 0 {
                return call();
            }
            $way(Range::new($address as usize, whole_pages($length)), call)
        }
    )+};
}

ranges! {
    /// madvise(2).
    madvise(address: *mut c_void, length, advice: c_int) by harden::visit;
    /// `posix_madvise(3)`.
    posix_madvise(address: *mut c_void, length, advice: c_int) by visit_for_errno;
    /// mincore(2).
    mincore(address: *mut c_void, length, pages: *mut c_uchar) by harden::visit;
    /// mlock(2).
    mlock(address: *const c_void, length) by harden::lock;
    /// mlock2(2).
    mlock2(address: *const c_void, length, flags: c_uint) by harden::lock;
    /// munlock(2).
    munlock(address: *const c_void, length) by harden::visit;
    /// `pkey_mprotect(2)`.
    pkey_mprotect(address: *mut c_void, length, prot: c_int, key: c_int) by harden::visit;
}

/// The way of a call that returns its errno.
fn visit_for_errno(range: Range, call: impl Fn() -> c_int) -> c_int {
    let before = errno::get();
    let status = harden::visit(range, || match call() {
        0 => 0,
        failure => {
            errno::set(failure);
            -1
        }
    });
    let failure = if status == 0 { 0 } else { errno::get() };
    errno::set(before);
    failure
}
