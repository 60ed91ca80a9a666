//! The last calls of madvise(2) that decide what forked children get of memory, and where guards are.

use crate::plain::Range;
use crate::plain::advice::{GUARD_INSTALL, GUARD_REMOVE};
use crate::plain::hidden::{Addresses, Hidden};
use crate::plain::page::whole_pages;
use core::ffi::c_int;

/// Calls that are remembered.
const KEPT: usize = 96;

/// What a call of madvise has done, and which other advice undoes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Advised {
    /// Forked children do not get the memory.
    KeptBack,
    Given,
    /// Forked children get it with zeroes in place of its contents.
    Wiped,
    Kept,
    /// Any access to it faults.
    Guarded,
    Opened,
}

impl Advised {
    /// What an advice does; `None` for one that is not remembered.
    pub(crate) fn of(advice: c_int) -> Option<Advised> {
        Some(match advice {
            libc::MADV_DONTFORK => Advised::KeptBack,
            libc::MADV_DOFORK => Advised::Given,
            libc::MADV_WIPEONFORK => Advised::Wiped,
            libc::MADV_KEEPONFORK => Advised::Kept,
            GUARD_INSTALL => Advised::Guarded,
            GUARD_REMOVE => Advised::Opened,
            _ => return None,
        })
    }

    /// Whether both are about the same property of memory.
    fn concerns(self, other: Advised) -> bool {
        self as u8 / 2 == other as u8 / 2
    }
}

/// A call of madvise.
#[derive(Clone, Copy)]
pub(crate) struct Advice {
    /// As the call was given it: its end may lie inside a page.
    pub(crate) range: Range,
    /// The return address of the call.
    pub(crate) site: usize,
    pub(crate) done: Advised,
    /// In which process of a line of forks it was made.
    pub(crate) generation: u8,
    /// The number of the last call that mapped or released before it.
    pub(crate) after: u32,
}

impl Addresses for Advice {
    fn complemented(self) -> Advice {
        Advice { range: self.range.complemented(), site: !self.site, ..self }
    }
}

impl Advice {
    const NONE: Advice =
        Advice { range: Range { start: 0, end: 0 }, site: 0, done: Advised::KeptBack, generation: 0, after: 0 };
}

/// The calls, in a ring.
pub(super) struct Advices {
    ring: [Hidden<Advice>; KEPT],
    /// How many have ever been entered.
    entered: usize,
}

impl Advices {
    pub(super) const fn new() -> Advices {
        Advices { ring: [Hidden::unused(Advice::NONE); KEPT], entered: 0 }
    }

    /// Enters a call. One that goes on where the last has ended, at the same place of the program, is one with it: memory is
    /// advised piece by piece.
    pub(super) fn enter(&mut self, advice: Advice) {
        let last = self.entered.wrapping_sub(1) % KEPT;
        if let Some(place) = self.ring.get_mut(last).filter(|_| self.entered > 0) {
            let before = place.get();
            let is_next = (before.site, before.done, before.generation, before.range.end)
                == (advice.site, advice.done, advice.generation, advice.range.start);
            if is_next && before.after == advice.after {
                *place = Hidden::of(Advice { range: Range { start: before.range.start, ..advice.range }, ..advice });
                return;
            }
        }
        if let Some(place) = self.ring.get_mut(self.entered % KEPT) {
            *place = Hidden::of(advice);
            self.entered = self.entered.wrapping_add(1);
        }
    }

    /// The last call that has changed this at an address, if it has done this and is still remembered.
    pub(super) fn last(&self, address: usize, done: Advised) -> Option<Advice> {
        let filled = self.entered.min(KEPT);
        (1..=filled)
            .filter_map(|age| self.ring.get(self.entered.wrapping_sub(age) % KEPT).map(|advice| advice.get()))
            .find(|advice| {
                let end = advice.range.start.wrapping_add(whole_pages(advice.range.length()));
                advice.done.concerns(done) && advice.range.start <= address && address < end
            })
            .filter(|advice| advice.done == done)
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may overflow, and fails then")]
mod tests {
    use super::*;

    fn advice(start: usize, length: usize, done: Advised, site: usize) -> Advice {
        Advice { range: Range::new(start, length), site, done, generation: 0, after: 0 }
    }

    #[test]
    fn the_last_call_about_a_property_decides() {
        let mut advices = Advices::new();
        advices.enter(advice(0x10000, 100, Advised::KeptBack, 1));
        advices.enter(advice(0x10000, 0x1000, Advised::Guarded, 2));
        let site = |advices: &Advices, address, done| advices.last(address, done).map(|advice| advice.site);
        // The whole page, and no more.
        assert_eq!(site(&advices, 0x10fff, Advised::KeptBack), Some(1));
        assert_eq!(site(&advices, 0x11000, Advised::KeptBack), None);
        assert_eq!(site(&advices, 0x10fff, Advised::Guarded), Some(2));
        advices.enter(advice(0x10000, 0x1000, Advised::Given, 3));
        assert_eq!(site(&advices, 0x10fff, Advised::KeptBack), None);
        assert_eq!(site(&advices, 0x10fff, Advised::Guarded), Some(2));
    }

    #[test]
    fn calls_that_go_on_are_one() {
        let mut advices = Advices::new();
        for number in 0..KEPT + 5 {
            advices.enter(advice(number << 12, 0x1000, Advised::KeptBack, 7));
        }
        assert_eq!(advices.entered, 1);
        let all = advices.last(0x5000, Advised::KeptBack).unwrap().range;
        assert_eq!((all.start, all.end), (0, (KEPT + 5) << 12));
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut advices = Advices::new();
        for number in 0..KEPT + 5 {
            advices.enter(advice(number << 12, 1, Advised::Wiped, number));
        }
        let known = |number: usize| advices.last(number << 12, Advised::Wiped).map(|advice| advice.site);
        assert_eq!((known(4), known(5), known(KEPT + 4)), (None, Some(5), Some(KEPT + 4)));
    }
}
