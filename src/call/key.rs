//! The key of a System V object.

use core::ffi::c_int;
use core::fmt;

/// A System V key, as ipcs(1) shows it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(pub(crate) c_int);

impl Key {
    /// The key in the low half of a register.
    #[expect(clippy::cast_possible_truncation, reason = "key_t has 32 bits")]
    pub(crate) fn from_register(value: isize) -> Key {
        Key(value as c_int)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            libc::IPC_PRIVATE => f.write_str("IPC_PRIVATE"),
            -1 => f.write_str("-1"),
            key => write!(f, "{key:#010x}"),
        }
    }
}
