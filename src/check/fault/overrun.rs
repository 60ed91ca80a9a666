//! Accesses that run out of a mapping, into nothing or into a guard.

use super::{Accessed, NEAR, What};
use crate::call::Fault;
use crate::check::Count;
use crate::check::IfSome;
use crate::check::known::{tell_mapped, whole};
use crate::check::memory::{Shown, mapping_at};
use crate::facts::{page_size, page_start};
use crate::harden::Kind;
use crate::report::Draft;
use crate::track::{self, Known};
use core::fmt;

/// The lowest address that a program without privileges may map (`vm.mmap_min_addr` as it is shipped): below it lies what
/// null pointers with an offset point to.
const LOWEST: usize = 64 * 1024;

/// Which side of a mapping.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    Behind,
}

/// An access outside a mapping, by so much that it is likely to belong to it.
pub(crate) struct Overrun {
    /// The piece of the mapping that the access ran out of.
    known: Known,
    side: Side,
    guard: Guard,
}

/// What the access ran into.
enum Guard {
    /// Nothing is mapped there.
    Nothing,
    /// Pages with this protection, which allows nothing; of the same mapping or of another.
    Pages { same: bool, prot: u8 },
    /// A page of `harden=guard`.
    Ours,
}

impl Overrun {
    /// The mapping that an address where nothing is mapped lies closest to.
    pub(super) fn of_neighbour(address: usize) -> Option<Overrun> {
        let (below, above) = track::neighbours(address);
        let lives = |known: &Known, at: usize| {
            mapping_at(at).is_some_and(|there| there.contains(known.entry.start) || there.contains(at))
        };
        let below = below
            .map(|known| (address.saturating_sub(known.entry.end), known))
            .filter(|(distance, known)| *distance < NEAR && lives(known, known.entry.end.wrapping_sub(1)));
        let above = above
            .map(|known| (known.entry.start.saturating_sub(address), known))
            .filter(|(distance, known)| *distance <= NEAR && address >= LOWEST && lives(known, known.entry.start));
        let behind = |known| Overrun { known, side: Side::Behind, guard: Guard::Nothing };
        let before = |known| Overrun { known, side: Side::Before, guard: Guard::Nothing };
        match (below, above) {
            (Some((past, _)), Some((short, known))) if short < past => Some(before(known)),
            (Some((_, known)), _) => Some(behind(known)),
            (None, Some((_, known))) => Some(before(known)),
            (None, None) => None,
        }
    }

    /// The accessible memory of the same mapping or reservation that a page without any right, at `address`, borders.
    pub(super) fn into_guard(address: usize) -> Option<Overrun> {
        let guard = track::at(address)?;
        let below = border(&guard, address, Side::Behind).map(|known| (address.wrapping_sub(known.entry.end), known));
        let above = border(&guard, address, Side::Before).map(|known| (known.entry.start.wrapping_sub(address), known));
        let (side, known) = match (below, above) {
            (Some((past, _)), Some((short, known))) if short < past => (Side::Before, known),
            (Some((_, known)), _) => (Side::Behind, known),
            (None, Some((_, known))) => (Side::Before, known),
            (None, None) => return None,
        };
        let same = guard.origin.serial == known.origin.serial;
        Some(Overrun { known, side, guard: Guard::Pages { same, prot: guard.entry.prot } })
    }

    /// The mapping on whose side a guard of `harden=guard` is.
    pub(super) fn into_own_guard(address: usize, kind: Kind) -> Option<Overrun> {
        let (side, at) = match kind {
            Kind::Below => (Side::Before, page_start(address).checked_add(page_size())?),
            Kind::Above => (Side::Behind, page_start(address).checked_sub(1)?),
            Kind::Quarantined => return None,
        };
        track::at(at).map(|known| Overrun { known, side, guard: Guard::Ours })
    }

    /// How many bytes outside what was asked for the access lies; 1 is the byte next to it.
    fn distance(&self, address: usize) -> usize {
        match self.side {
            Side::Before => self.known.entry.start.wrapping_sub(address),
            Side::Behind => address.wrapping_sub(self.asked_end()).wrapping_add(1),
        }
    }

    /// One past the last byte that was asked for, where the piece holds that; else one past the piece.
    fn asked_end(&self) -> usize {
        let end = self.known.entry.end;
        let asked = self.known.origin.base.wrapping_add(self.known.origin.length);
        if end.wrapping_sub(asked) < page_size() { asked } else { end }
    }

    /// Says what happened.
    pub(super) fn tell(&self, fault: &Fault, draft: &mut Draft) {
        let bytes = Count(self.distance(fault.address) as u64);
        let side = match self.side {
            Side::Before => "before the start",
            Side::Behind => "past the end",
        };
        let piece = self.known.entry;
        let (length, all) = (piece.end.wrapping_sub(piece.start), whole(&self.known).length());
        let accessible = IfSome((length < all).then_some(Accessible(length)));
        draft.message(format_args!("{}: {bytes} {side} of {accessible}{}", Accessed(fault), What(&self.known)));
        if self.side == Side::Behind {
            let unused = self.known.entry.end.wrapping_sub(self.asked_end());
            if unused > 0 {
                draft.note(format_args!(
                    "the {} between its end and the end of its page can be accessed, but are nobody's",
                    Count(unused as u64)
                ));
            }
        }
        if let Some(there) = mapping_at(self.known.entry.start) {
            draft.mapping(&there);
            draft.note(format_args!("the mapping: {}", Shown(&there)));
        }
        tell_mapped(&self.known, draft);
        match self.guard {
            Guard::Pages { same: false, .. } => {
                draft.note(format_args!("the access ran into a guard: pages without any right that border it"));
            }
            Guard::Pages { prot, .. } => {
                draft.note(format_args!("the access ran into a guard: pages of it that were given no right"));
                if let Some(given) = track::protection(fault.address, prot) {
                    draft.place(given.site, format_args!("protected here"));
                }
            }
            Guard::Ours => draft.note(format_args!("the access ran into a guard of harden=guard")),
            Guard::Nothing => draft.note(format_args!("nothing is mapped at the address")),
        }
        draft.help(format_args!("check the index against the length that was mapped"));
    }
}

/// Accessible memory on one side of the run of pages without rights around `address`, if it belongs to the same mapping or
/// reservation and is near.
fn border(guard: &Known, address: usize, side: Side) -> Option<Known> {
    let mut edge = guard.entry;
    loop {
        let next = match side {
            Side::Behind => edge.start.checked_sub(1)?,
            Side::Before => edge.end,
        };
        let (far, limit) = match side {
            Side::Behind => (address.wrapping_sub(next), NEAR),
            Side::Before => (next.wrapping_sub(address), NEAR),
        };
        if far > limit {
            return None;
        }
        let known = track::at(next)?;
        if known.entry.prot != 0 {
            let holds = |known: &Known, at: usize| whole(known).start <= at && at < whole(known).end;
            let same = known.origin.serial == guard.origin.serial || holds(guard, next) || holds(&known, address);
            return same.then_some(known);
        }
        edge = known.entry;
    }
}

/// Shows which part of a mapping was run out of.
struct Accessible(usize);

impl fmt::Display for Accessible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} that can be accessed of ", Count(self.0 as u64))
    }
}
