//! The addresses that the library itself holds: guards on either side of mappings, and ranges that were released and are
//! kept from being used again. None of it can be accessed.
//!
//! Pure: it says what is to be unmapped, and knows nothing of the kernel.

use crate::plain::Range;
use crate::plain::hidden::Hidden;
use crate::plain::page::page_size;
use crate::track::pool::Memory;
use crate::track::tree::{Entry, Tree};

/// What a range is held for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(crate) enum Purpose {
    /// The page below a mapping.
    Below = 1,
    /// The page above a mapping.
    Above,
    /// Released, and not to be used again for a while.
    Quarantined,
}

impl Purpose {
    fn of(entry: &Entry) -> Purpose {
        match entry.origin {
            1 => Purpose::Below,
            2 => Purpose::Above,
            _ => Purpose::Quarantined,
        }
    }
}

/// A guard that a range reaches, and the mapping that it belongs to.
pub(crate) struct Reached {
    /// The mapping.
    pub(crate) mapping: Range,
    /// The address in the mapping next to the guard.
    pub(crate) inside: usize,
    /// On which side of the mapping the guard is.
    pub(crate) side: Purpose,
}

/// The most ranges in quarantine.
const RANGES: usize = 1024;

/// What is held.
pub(crate) struct Reserved<M> {
    tree: Tree<M>,
    /// The ranges in quarantine, oldest first out; of an entry there may be less left than it says.
    ring: [Hidden<Range>; RANGES],
    first: usize,
    queued: usize,
    /// Bytes in quarantine.
    quarantined: usize,
    /// Guards.
    guards: usize,
}

impl<M: Memory> Reserved<M> {
    pub(crate) const fn new() -> Reserved<M> {
        Reserved {
            tree: Tree::new(),
            ring: [Hidden::unused(Range { start: 0, end: 0 }); RANGES],
            first: 0,
            queued: 0,
            quarantined: 0,
            guards: 0,
        }
    }

    /// The number of guards.
    pub(crate) fn guards(&self) -> usize {
        self.guards
    }

    /// How many ranges are held.
    pub(crate) fn ranges(&self) -> u32 {
        self.tree.ranges()
    }

    /// Whether nothing is held.
    pub(crate) fn is_empty(&self) -> bool {
        self.tree.at_or_after(0).is_none()
    }

    /// What an address is held for.
    pub(crate) fn at(&self, address: usize) -> Option<Purpose> {
        self.tree.at_or_after(address).filter(|entry| entry.contains(address)).map(|entry| Purpose::of(&entry))
    }

    /// The guard that starts at `start`, if it is of this purpose.
    pub(crate) fn guard(&self, start: usize, purpose: Purpose) -> Option<Range> {
        let entry =
            self.tree.at_or_after(start).filter(|entry| entry.start == start && Purpose::of(entry) == purpose)?;
        Some(Range { start: entry.start, end: entry.end })
    }

    /// The first guard that lies in a range as a whole or in part.
    pub(crate) fn first_guard(&self, range: Range) -> Option<(Range, Purpose)> {
        let mut at = range.start;
        while let Some(entry) = self.tree.at_or_after(at).filter(|entry| at < range.end && entry.start < range.end) {
            let purpose = Purpose::of(&entry);
            if purpose != Purpose::Quarantined {
                return Some((Range { start: entry.start, end: entry.end }, purpose));
            }
            at = entry.end;
        }
        None
    }

    /// A range with the guards on either side that are its own.
    pub(crate) fn with_guards(&self, range: Range) -> Range {
        let below = self.guard(range.start.wrapping_sub(page_size()), Purpose::Below);
        let above = self.guard(range.end, Purpose::Above);
        Range { start: below.map_or(range.start, |guard| guard.start), end: above.map_or(range.end, |guard| guard.end) }
    }

    /// Enters a range; false if there is no memory for it.
    pub(crate) fn enter(&mut self, range: Range, purpose: Purpose) -> bool {
        let entry = Entry { start: range.start, end: range.end, origin: purpose as u32, ..Entry::NONE };
        let entered = self.tree.insert(entry);
        if entered {
            self.count(purpose, range.length(), true);
        }
        entered
    }

    fn count(&mut self, purpose: Purpose, bytes: usize, more: bool) {
        let (counter, by) = match purpose {
            Purpose::Quarantined => (&mut self.quarantined, bytes),
            Purpose::Below | Purpose::Above => (&mut self.guards, 1),
        };
        *counter = if more { counter.wrapping_add(by) } else { counter.saturating_sub(by) };
    }

    /// Gives up what is held of a range; each piece goes to `each`.
    pub(crate) fn give_up(&mut self, range: Range, mut each: impl FnMut(Range)) {
        let mut at = range.start;
        while let Some(entry) = self.tree.at_or_after(at).filter(|entry| at < range.end && entry.start < range.end) {
            let piece = Range { start: entry.start.max(range.start), end: entry.end.min(range.end) };
            at = entry.end;
            self.tree.remove(entry.start);
            if entry.start < piece.start {
                self.tree.insert(Entry { end: piece.start, ..entry });
            }
            if piece.end < entry.end {
                self.tree.insert(Entry { start: piece.end, ..entry });
            }
            self.count(Purpose::of(&entry), piece.length(), false);
            each(piece);
        }
    }

    /// Puts a range into quarantine, of which there may be so many bytes in all and which then gives up its oldest ranges:
    /// each piece goes to `each`. False if there is no memory for it.
    pub(crate) fn quarantine(&mut self, range: Range, most: usize, mut each: impl FnMut(Range)) -> bool {
        while self.queued > 0 && (self.queued == RANGES || self.quarantined.saturating_add(range.length()) > most) {
            let oldest = self.ring.get(self.first).map_or(range, |oldest| oldest.get());
            self.first = self.first.wrapping_add(1) % RANGES;
            self.queued = self.queued.saturating_sub(1);
            self.give_up_quarantined(oldest, &mut each);
        }
        if !self.enter(range, Purpose::Quarantined) {
            return false;
        }
        if let Some(place) = self.ring.get_mut(self.first.wrapping_add(self.queued) % RANGES) {
            *place = Hidden::of(range);
            self.queued = self.queued.wrapping_add(1);
        }
        true
    }

    /// As [`Reserved::give_up`], of what is in quarantine: the range may hold guards of later mappings by now.
    fn give_up_quarantined(&mut self, range: Range, mut each: impl FnMut(Range)) {
        let mut at = range.start;
        while let Some(entry) = self.tree.at_or_after(at).filter(|entry| at < range.end && entry.start < range.end) {
            let piece = Range { start: entry.start.max(range.start), end: entry.end.min(range.end) };
            at = entry.end;
            if Purpose::of(&entry) == Purpose::Quarantined {
                self.give_up(piece, &mut each);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::pool::Heap;

    fn range(start: usize, end: usize) -> Range {
        Range { start, end }
    }

    #[test]
    fn what_is_in_the_way_goes_piece_by_piece() {
        let mut reserved = Box::new(Reserved::<Heap>::new());
        assert!(reserved.enter(range(10, 11), Purpose::Below) && reserved.enter(range(20, 21), Purpose::Above));
        assert!(reserved.quarantine(range(30, 50), 100, |_| {}));
        let mut gone = Vec::new();
        reserved.give_up(range(20, 35), |piece| gone.push(piece));
        assert_eq!(gone, [range(20, 21), range(30, 35)]);
        assert_eq!((reserved.at(10), reserved.at(20), reserved.at(34)), (Some(Purpose::Below), None, None));
        assert_eq!((reserved.at(35), reserved.guards(), reserved.quarantined), (Some(Purpose::Quarantined), 1, 15));
        reserved.give_up(range(0, 100), |_| {});
        assert!(reserved.is_empty() && reserved.guards() == 0 && reserved.quarantined == 0);
    }

    #[test]
    fn the_oldest_leave_the_quarantine_first() {
        let mut reserved = Box::new(Reserved::<Heap>::new());
        let mut gone = Vec::new();
        for start in [0, 40, 80] {
            assert!(reserved.quarantine(range(start, start + 30), 70, |piece| gone.push(piece)));
        }
        assert_eq!(gone, [range(0, 30)]);
        // What is no longer in quarantine is not given up with it.
        reserved.give_up(range(40, 70), |_| {});
        assert!(reserved.enter(range(50, 51), Purpose::Below));
        gone.clear();
        assert!(reserved.quarantine(range(200, 270), 70, |piece| gone.push(piece)));
        assert_eq!((gone, reserved.at(50)), (vec![range(80, 110)], Some(Purpose::Below)));
    }

    #[test]
    fn the_ring_holds_so_many() {
        let mut reserved = Box::new(Reserved::<Heap>::new());
        let mut gone = 0;
        for index in 0..RANGES + 7 {
            assert!(reserved.quarantine(range(index * 10, index * 10 + 5), usize::MAX, |_| gone += 1));
        }
        assert_eq!((gone, reserved.at(5), reserved.at(70)), (7, None, Some(Purpose::Quarantined)));
    }
}
