//! The last calls of mprotect: who made memory what it is.

use crate::plain::Range;
use crate::plain::hidden::{Addresses, Hidden};

/// Calls that are remembered.
const KEPT: usize = 1024;

/// A call of mprotect that succeeded.
#[derive(Clone, Copy)]
pub(crate) struct Protection {
    pub(crate) range: Range,
    /// The return address of the call.
    pub(crate) site: usize,
    /// The protection that it gave.
    pub(crate) prot: u8,
    /// The number of the last call that mapped or released before it.
    pub(crate) after: u32,
}

impl Addresses for Protection {
    fn complemented(self) -> Protection {
        Protection { range: self.range.complemented(), site: !self.site, ..self }
    }
}

impl Protection {
    const NONE: Protection = Protection { range: Range { start: 0, end: 0 }, site: 0, prot: 0, after: 0 };
}

/// The calls, in a ring.
pub(crate) struct Protections {
    ring: [Hidden<Protection>; KEPT],
    /// How many have ever been entered.
    entered: usize,
}

impl Protections {
    #[allow(clippy::large_stack_arrays, reason = "the value of a static")]
    pub(super) const fn new() -> Protections {
        Protections { ring: [Hidden::unused(Protection::NONE); KEPT], entered: 0 }
    }

    /// Enters a call.
    pub(super) fn enter(&mut self, protection: Protection) {
        if let Some(place) = self.ring.get_mut(self.entered % KEPT) {
            *place = Hidden::of(protection);
            self.entered = self.entered.wrapping_add(1);
        }
    }

    /// The last call whose range holds an address, if it gave this protection and is still remembered.
    pub(super) fn last(&self, address: usize, prot: u8) -> Option<Protection> {
        let filled = self.entered.min(KEPT);
        (1..=filled)
            .filter_map(|age| self.ring.get(self.entered.wrapping_sub(age) % KEPT).map(|call| call.get()))
            .find(|call| call.range.start <= address && address < call.range.end)
            .filter(|call| call.prot == prot)
    }
}
