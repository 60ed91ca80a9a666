//! `shm_open(3)`.

use super::{Call, Octal};
use crate::plain::escape::Escaped;
use core::ffi::c_int;
use core::fmt;

/// `shm_open(3)` that made an object.
pub(crate) struct ShmOpen<'a> {
    /// Without its leading slashes.
    pub(crate) name: &'a [u8],
    pub(crate) flags: c_int,
    pub(crate) mode: u32,
}

impl Call for ShmOpen<'_> {
    fn function(&self) -> &'static str {
        "shm_open"
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        let has = |bit: c_int, name: &'static str| if self.flags & bit == 0 { "" } else { name };
        let access = if self.flags & libc::O_ACCMODE == libc::O_RDWR { "O_RDWR" } else { "O_RDONLY" };
        let (exclusive, truncated) = (has(libc::O_EXCL, "|O_EXCL"), has(libc::O_TRUNC, "|O_TRUNC"));
        each(format_args!("\"/{}\"", Escaped(self.name)));
        each(format_args!("{access}|O_CREAT{exclusive}{truncated}"));
        each(format_args!("{}", Octal(self.mode.cast_signed())));
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{value}")
    }
}
