//! Advice of madvise(2) that is younger than libc's list.

use core::ffi::c_int;

/// Any access faults from now on, and the contents are gone (Linux 6.13).
pub(crate) const GUARD_INSTALL: c_int = 102;
/// Its opposite.
pub(crate) const GUARD_REMOVE: c_int = 103;
