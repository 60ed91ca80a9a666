//! From a call that makes a lock to what is known of locks in shared memory.
//!
//! Nearly all locks lie on the heap, on stacks or in data. So shared memory is noted in two coarse filters when it is
//! mapped, and a lock elsewhere costs a look at them.

use super::tracked;
use crate::call::LockInit;
use crate::facts::lock::LockAttributes;
use crate::past::locks::{self, KnownLock};
use crate::plain::Range;
use crate::sys::process;
use crate::track::{By, TrackedRange};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Which pieces of the address space have, or had, shared memory: each piece has one of 4096 bits, by its number. `SHIFT` are
/// the bits of an address within a piece.
struct Filter<const SHIFT: u32> {
    bits: [AtomicU64; 64],
}

/// Of what spans few pieces of 2 MiB, and of what spans more.
static SMALL: Filter<PIECE> = Filter { bits: [const { AtomicU64::new(0) }; 64] };
static LARGE: Filter<30> = Filter { bits: [const { AtomicU64::new(0) }; 64] };

/// The bits of an address within 2 MiB.
const PIECE: u32 = 21;

/// Pieces from which on the coarser filter is taken.
const MANY: usize = 64;

impl<const SHIFT: u32> Filter<SHIFT> {
    fn note(&self, range: Range) {
        let last = range.end.wrapping_sub(1) >> SHIFT;
        let mut piece = range.start >> SHIFT;
        let most = piece.saturating_add(4095);
        while piece <= last.min(most) {
            if let Some(word) = self.bits.get(piece >> 6 & 63)
                && word.load(Relaxed) >> (piece & 63) & 1 == 0
            {
                word.fetch_or(1 << (piece & 63), Relaxed);
            }
            piece = piece.wrapping_add(1);
        }
    }

    #[inline]
    fn holds(&self, address: usize) -> bool {
        let piece = address >> SHIFT;
        self.bits.get(piece >> 6 & 63).is_some_and(|word| word.load(Relaxed) >> (piece & 63) & 1 != 0)
    }
}

/// Shared memory has been mapped.
#[inline(never)]
pub(super) fn note_shared(range: Range) {
    if range.length() == 0 {
        return;
    }
    if range.length() >> PIECE < MANY {
        SMALL.note(range);
    } else {
        LARGE.note(range);
    }
}

/// Whether there may be shared memory at an address.
#[inline]
pub(crate) fn may_be_shared(address: usize) -> bool {
    SMALL.holds(address) || LARGE.holds(address)
}

/// The shared memory at an address, as far as it is tracked.
#[cold]
pub(crate) fn shared_memory_at(address: usize) -> Option<TrackedRange> {
    tracked::at(address).filter(|memory| memory.origin.by == By::Shmat || memory.origin.flags & libc::MAP_SHARED != 0)
}

/// A lock has been made in shared memory.
#[cold]
pub(crate) fn lock_made(call: &LockInit, memory: &TrackedRange, attributes: LockAttributes, return_address: usize) {
    let LockAttributes { is_shared, is_robust } = attributes;
    locks::made(&KnownLock {
        call: *call,
        site: return_address,
        mapping: memory.origin.serial,
        maker: process::pid(),
        is_shared,
        is_robust,
        is_told: false,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_memory_is_found_and_the_rest_is_passed_over() {
        let small = 0x7f12_3456_7000;
        note_shared(Range::new(small, 0x1000));
        assert!(may_be_shared(small) && may_be_shared(small + 0xfff));
        assert!(!may_be_shared(small + (1 << 22)));
        let large = 0x7f80_0000_0000;
        note_shared(Range::new(large, 1 << 32));
        assert!(may_be_shared(large + (3 << 30)));
    }
}
