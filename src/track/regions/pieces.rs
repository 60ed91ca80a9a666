//! The pieces that regions are made of, and the records that pieces point to.

use super::super::history::Released;
use super::super::origin::{By, File, NewMapping, Origin, OuterItem};
use super::super::tree::Entry;
use super::{Regions, Releaser};
use crate::machine::{Architecture, Machine};
use crate::plain::hidden::{Addresses, Hidden};
use crate::plain::{Outer, Range};
use crate::track::pool::Memory;

impl<M: Memory> Regions<M> {
    /// What is left of `range` from `at` on: the next entry that reaches into it.
    pub(super) fn next_in(&self, at: usize, range: Range) -> Option<Entry> {
        if at >= range.end {
            return None;
        }
        self.tree.at_or_after(at).filter(|entry| entry.start < range.end)
    }

    /// Enters what a new mapping replaces as gone.
    pub(super) fn clear(&mut self, range: Range, releaser: Releaser) {
        if self.next_in(range.start, range).is_some() {
            self.release(range, releaser, None);
        }
    }

    /// Takes `piece` out of the range `entry`; its hold on the origin passes to the caller.
    pub(super) fn cut_out(&mut self, entry: Entry, piece: Entry) {
        let below = entry.start < piece.start;
        let above = piece.end < entry.end;
        match (below, above) {
            (false, false) => self.tree.remove(entry.start),
            (true, false) => {
                self.keep_piece(entry.origin);
                self.tree.replace(entry.start, Entry { end: piece.start, ..entry });
            }
            (false, true) => {
                self.keep_piece(entry.origin);
                self.tree.replace(entry.start, Entry { start: piece.end, ..entry });
            }
            (true, true) => {
                self.keep_piece(entry.origin);
                self.tree.replace(entry.start, Entry { end: piece.start, ..entry });
                if self.tree.insert(Entry { start: piece.end, ..entry }) {
                    self.keep_piece(entry.origin);
                } else {
                    self.is_incomplete = true;
                }
            }
        }
    }

    /// Adds a range where nothing is, and joins it with pieces of the same mapping on either side.
    pub(super) fn add(&mut self, mut entry: Entry) {
        let same = |other: &Entry, entry: &Entry| {
            (other.origin, other.prot, other.needs_check, other.kept_back)
                == (entry.origin, entry.prot, entry.needs_check, entry.kept_back)
        };
        if entry.start >= entry.end {
            return;
        }
        if let Some(above) = self.tree.at_or_after(entry.start)
            && above.start == entry.end
            && same(&above, &entry)
        {
            self.tree.remove(above.start);
            self.drop_piece(above.origin);
            entry.end = above.end;
        }
        if let Some(below) = self.tree.before(entry.start)
            && below.end == entry.start
            && same(&below, &entry)
        {
            self.tree.replace(below.start, Entry { end: entry.end, ..below });
        } else if self.tree.insert(entry) {
            self.keep_piece(entry.origin);
        } else {
            self.is_incomplete = true;
        }
    }

    /// Adds a range wherever nothing is.
    pub(super) fn fill(&mut self, entry: Entry) {
        let mut at = entry.start;
        while at < entry.end {
            let next = self.tree.at_or_after(at);
            let gap = next.map_or(entry.end, |next| next.start.min(entry.end));
            if gap > at {
                self.add(Entry { start: at, end: gap, ..entry });
            }
            match next {
                Some(next) => at = next.end,
                None => break,
            }
        }
    }

    #[inline(always)]
    pub(super) fn enter_gone(&mut self, entry: Entry, release: u32, releaser: Releaser, outer: Option<&Outer>) {
        let Releaser { by, site, time } = releaser;
        let outer = match outer {
            Some(outer) => self.new_outer(outer),
            None => 0,
        };
        if let Some((origin, outer)) = self.history.enter(Hidden::as_kept(Released {
            entry: entry.complemented(),
            site: !site,
            outer,
            release,
            time,
            by,
            open: false,
        })) {
            self.drop_piece(origin);
            self.drop_outer(outer);
        }
        // The next one to be pushed out is of some other mapping, whose origin is long out of the caches.
        if let Some(origin) = self.origins.get(self.history.oldest_origin()) {
            Machine::prefetch(core::ptr::from_ref(origin).cast());
        }
    }

    // ---- records ----

    /// A record for a call that maps, to which so many pieces point.
    #[inline(always)]
    pub(super) fn new_origin(&mut self, made: NewMapping, outer: Option<&Outer>, pieces: u32) -> Option<u32> {
        self.serial = self.serial.wrapping_add(1);
        self.has_made = true;
        let NewMapping { by, site, base, length, prot, flags, placed, time, .. } = made;
        let file = match made.file {
            Some(file) => self.new_file(by, file),
            None => 0,
        };
        let outer = match outer {
            Some(outer) => self.new_outer(outer),
            None => 0,
        };
        let (serial, generation) = (self.serial, self.generation);
        let counted = self.count;
        let Some((number, place)) = self.origins.claim() else {
            self.drop_parts(file, outer);
            return None;
        };
        // Made in its place: each frame counts on small stacks.
        *place = Hidden::as_kept(Origin {
            site: !site,
            base: !base,
            length,
            flags,
            time,
            serial,
            pieces,
            file,
            outer,
            by,
            prot,
            placed,
            generation,
            counted,
            tail_unreliable: false,
            hint: 0,
        });
        Some(number)
    }

    pub(super) fn drop_parts(&mut self, file: u32, outer: u32) {
        if file != 0 {
            self.files.give_back(file);
        }
        self.drop_outer(outer);
    }

    #[inline(never)]
    pub(super) fn new_file(&mut self, by: By, mut file: File) -> u32 {
        if by == By::Shmat && file.device == 0 {
            file.device = self.serial;
        }
        self.files.take(file).unwrap_or(0)
    }

    #[cold]
    #[inline(never)]
    pub(super) fn new_outer(&mut self, outer: &Outer) -> u32 {
        if *outer == Outer::NONE {
            return 0;
        }
        self.outers.take(OuterItem::new(*outer)).unwrap_or(0)
    }

    pub(super) fn drop_outer(&mut self, number: u32) {
        if number != 0 {
            self.outers.give_back(number);
        }
    }

    pub(super) fn keep_piece(&mut self, origin: u32) {
        if let Some(origin) = self.origins.get_mut(origin) {
            let pieces = &mut origin.kept_mut().pieces;
            *pieces = pieces.wrapping_add(1);
        }
    }

    pub(super) fn drop_piece(&mut self, number: u32) {
        let Some(origin) = self.origins.get_mut(number).map(Hidden::kept_mut) else { return };
        origin.pieces = origin.pieces.saturating_sub(1);
        if origin.pieces != 0 {
            return;
        }
        let (file, outer) = (origin.file, origin.outer);
        self.origins.give_back(number);
        if file | outer != 0 {
            self.drop_parts(file, outer);
        }
    }
}
