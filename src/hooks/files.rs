//! The hook of the calls that open files, reached only when one has failed, or when a thread has seen one fail: the way
//! of a success is all in the door.

use crate::enabled::{self, CHECK};
use crate::output;
use crate::past::openings::{self, Opener};
use crate::plain::errno;
use core::ffi::{c_char, c_int};

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
