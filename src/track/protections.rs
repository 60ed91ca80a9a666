//! The last calls of mprotect and `pkey_mprotect`: who made memory what it is.

use super::pool::{Item, Memory, Pool};
use crate::plain::Range;
use crate::plain::hidden::{Addresses, Hidden};
use crate::plain::page::{page_start, whole_pages};

/// Calls that the library itself has room for. Most programs make fewer.
const FIRST: usize = 192;
/// Calls that are remembered: those, and what lies in three pieces of memory of their own.
const KEPT: u32 = 15 * 192;

/// Which call it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Protector {
    Mprotect,
    PkeyMprotect,
}

impl Protector {
    /// The function's name.
    pub(crate) fn function(self) -> &'static str {
        match self {
            Protector::Mprotect => "mprotect",
            Protector::PkeyMprotect => "pkey_mprotect",
        }
    }
}

/// A call that has given memory a protection.
#[derive(Clone, Copy)]
pub(crate) struct Protection {
    /// What it was given; all of the last page has the protection, too.
    pub(crate) range: Range,
    /// The return address of the call.
    pub(crate) site: usize,
    /// The protection that it gave.
    pub(crate) prot: u8,
    pub(crate) by: Protector,
    /// Whether it has failed, half-way.
    pub(crate) has_failed: bool,
    /// The number of the last call that mapped or released before it.
    pub(crate) after: u32,
}

impl Protection {
    /// The pages that have it.
    pub(crate) fn pages(&self) -> Range {
        Range::new(self.range.start, whole_pages(self.range.length()))
    }
}

impl Addresses for Protection {
    fn complemented(self) -> Protection {
        Protection { range: self.range.complemented(), site: !self.site, ..self }
    }
}

impl Item for Hidden<Protection> {
    const EMPTY: Hidden<Protection> = Hidden::unused(Protection {
        range: Range { start: 0, end: 0 },
        site: 0,
        prot: 0,
        by: Protector::Mprotect,
        has_failed: false,
        after: 0,
    });

    fn link(&mut self) -> &mut u32 {
        &mut self.kept_mut().after
    }
}

/// The calls, in a ring.
pub(crate) struct Protections<M> {
    ring: Pool<M, Hidden<Protection>, FIRST>,
    /// How many there are, and the number of the last one.
    filled: u32,
    last: u32,
}

impl<M: Memory> Protections<M> {
    pub(super) const fn new() -> Protections<M> {
        Protections { ring: Pool::new(), filled: 0, last: 0 }
    }

    /// Enters a call. Apart from its caller, whose frame is on the way of calls with small stacks.
    #[inline(never)]
    pub(super) fn enter(&mut self, protection: Protection) {
        let kept = Hidden::of(protection);
        // Records are never given back, so their numbers are those of the calls until the ring is closed.
        if self.last == self.filled && self.filled < KEPT && self.ring.take(kept).is_some() {
            self.filled = self.filled.wrapping_add(1);
            self.last = self.filled;
            return;
        }
        self.last = if self.last < self.filled { self.last.wrapping_add(1) } else { 1 };
        if let Some(place) = self.ring.get_mut(self.last) {
            *place = kept;
        }
    }

    /// The last call that has changed the page of an address, if it gave this protection and is still remembered.
    pub(super) fn last(&self, address: usize, prot: u8) -> Option<Protection> {
        // What was given starts with a page.
        let page = page_start(address);
        let mut number = self.last;
        for _ in 0..self.filled {
            let call = self.ring.get(number)?.get();
            if call.range.start <= page && page < call.range.end {
                return (call.prot == prot).then_some(call);
            }
            number = if number == 1 { self.filled } else { number.wrapping_sub(1) };
        }
        None
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may overflow, and fails then")]
mod tests {
    use super::*;
    use crate::track::pool::Heap;

    #[test]
    fn the_last_call_counts_also_when_the_ring_is_full() {
        let mut protections = Protections::<Heap>::new();
        let calls = KEPT as usize * 2 + 5;
        for call in 0..calls {
            let (start, site) = (call % (KEPT as usize + 100) * 4096, call);
            let range = Range { start, end: start + 1 + call % 4096 };
            protections.enter(Protection {
                range,
                site,
                prot: 1,
                by: Protector::Mprotect,
                has_failed: false,
                after: 0,
            });
            assert_eq!(protections.last(start, 1).map(|last| last.site), Some(call));
        }
        let remembered = (0..calls).filter(|call| {
            let start = call % (KEPT as usize + 100) * 4096;
            protections.last(start + 4095, 1).is_some_and(|last| last.site == *call)
        });
        assert_eq!(remembered.count(), KEPT as usize);
        assert!(protections.last(0, 2).is_none());
    }

    /// No memory but the library's own.
    struct None;

    impl Memory for None {
        fn zeroed(_bytes: usize) -> Option<*mut u8> {
            Option::None
        }
    }

    #[test]
    fn without_memory_fewer_are_remembered() {
        let mut protections = Protections::<None>::new();
        for call in 0..FIRST * 3 {
            let range = Range { start: call * 4096, end: call * 4096 + 16 };
            protections.enter(Protection {
                range,
                site: call,
                prot: 0,
                by: Protector::PkeyMprotect,
                has_failed: false,
                after: 0,
            });
        }
        let held = (0..FIRST * 3).filter(|call| protections.last(call * 4096, 0).is_some());
        assert_eq!(held.collect::<Vec<_>>(), (FIRST * 2..FIRST * 3).collect::<Vec<_>>());
    }
}
