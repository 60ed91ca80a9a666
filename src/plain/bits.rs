//! Bit sets and modes as C writes them.

use crate::plain::texts::Texts;
use core::ffi::c_int;
use core::fmt;

/// Shows a bit set by the names of its bits (a bit that is 0 does not exist on this machine), unknown ones in hex, and `empty` when none is set.
pub(crate) struct Bits {
    pub(crate) set: c_int,
    pub(crate) names: Texts,
    pub(crate) empty: &'static str,
}

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.set;
        let mut separator = "";
        for (bit, name) in self.names.iter() {
            if bit != 0 && rest & bit == bit {
                write!(f, "{separator}{name}")?;
                separator = "|";
                rest &= !bit;
            }
        }
        if rest != 0 {
            return write!(f, "{separator}{rest:#x}");
        }
        if separator.is_empty() { f.write_str(self.empty) } else { Ok(()) }
    }
}

/// Mode bits as C writes them: a leading zero, no `0o`; 0 alone for none.
pub(crate) struct Octal(pub(crate) c_int);

impl fmt::Display for Octal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { f.write_str("0") } else { write!(f, "0{:03o}", self.0) }
    }
}
