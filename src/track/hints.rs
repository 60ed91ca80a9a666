//! Addresses that mappings were asked for at and did not get: the last of them, each with its mapping.

use crate::plain::hidden::Hidden;

/// Hints that are remembered.
const HINTS: usize = 256;

/// A hint that the kernel did not follow.
#[derive(Clone, Copy)]
struct Hint {
    /// The address that was passed.
    asked: Hidden,
    /// The address that was given.
    base: Hidden,
    /// The number of the mapping's origin.
    serial: u32,
}

/// Hints, in a ring.
pub(super) struct Hints {
    ring: [Hint; HINTS],
    /// How many have ever been entered.
    entered: usize,
}

impl Hints {
    pub(super) const fn new() -> Hints {
        const NONE: Hint = Hint { asked: Hidden::new(usize::MAX), base: Hidden::new(usize::MAX), serial: 0 };
        Hints { ring: [NONE; HINTS], entered: 0 }
    }

    /// Enters the hint of a mapping; its place, which is never 0.
    pub(super) fn enter(&mut self, asked: usize, base: usize, serial: u32) -> u16 {
        let at = self.entered % HINTS;
        self.entered = self.entered.wrapping_add(1);
        if let Some(place) = self.ring.get_mut(at) {
            *place = Hint { asked: Hidden::new(asked), base: Hidden::new(base), serial };
        }
        u16::try_from(at.wrapping_add(1)).unwrap_or(0)
    }

    /// The hint at a place, if it is still that of this mapping.
    pub(super) fn at(&self, place: u16, serial: u32) -> Option<usize> {
        let hint = self.ring.get(usize::from(place).checked_sub(1)?)?;
        (hint.serial == serial).then_some(hint.asked.get())
    }

    /// The mappings that were asked for at or below an address, the newest first: the asked and the given address, and the
    /// number of the origin.
    pub(super) fn below(&self, address: usize) -> impl Iterator<Item = (usize, usize, u32)> {
        let entered = self.entered;
        (1..=entered.min(HINTS))
            .filter_map(move |age| self.ring.get(entered.wrapping_sub(age) % HINTS))
            .map(|hint| (hint.asked.get(), hint.base.get(), hint.serial))
            .filter(move |(asked, ..)| *asked <= address)
    }
}
