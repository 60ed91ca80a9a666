//! What mremap(2) does to the regions: it moves, resizes and doubles them.

use super::super::history::Released;
use super::super::origin::{By, File, NewMapping};
use super::super::tree::Entry;
use super::{Regions, Releaser};
use crate::plain::{Outer, Range};
use crate::track::pool::Memory;

/// A move of mremap under way.
struct Carried<'a> {
    old: Range,
    new: Range,
    made: &'a NewMapping,
    outer: Option<&'a Outer>,
    /// The origin of the last piece, and the one that it has at its new place; 0 before the first.
    from: u32,
    to: u32,
}

impl<M: Memory> Regions<M> {
    /// mremap has moved or resized what `release` took (from `old`) to `new`.
    pub(crate) fn moved(&mut self, release: u32, old: Range, new: Range, made: &NewMapping, outer: Option<&Outer>) {
        let mut carried = Carried { old, new, made, outer, from: 0, to: 0 };
        let mut last = None;
        // Newest first: from the upper end down.
        while let Some(gone) = self.next_of(release, old, last) {
            let grows = last.is_none() && new.length() != old.length();
            last = Some(gone.entry.start);
            self.carry(gone.entry, grows, &mut carried);
        }
        self.end_carrying(&carried);
        if new.start == old.start {
            // In place nothing is gone.
            while let Some(gone) = self.history.take_back(release) {
                self.drop_piece(gone.entry.origin);
                self.drop_outer(gone.outer);
            }
        } else {
            self.close(release);
        }
    }

    /// mremap has mapped what is at `old` a second time, at `new`: with `MREMAP_DONTUNMAP`, or from an old size of 0.
    pub(crate) fn duplicated(&mut self, old: Range, new: Range, made: &NewMapping, outer: Option<&Outer>) {
        let from = Range::new(old.start, old.length().max(1));
        let mut carried = Carried { old, new, made, outer, from: 0, to: 0 };
        let mut at = from.start;
        while let Some(entry) = self.next_in(at, from) {
            let piece = Entry { start: entry.start.max(from.start), end: entry.end.min(from.end), ..entry };
            self.carry(piece, new.length() != old.length(), &mut carried);
            at = entry.end;
        }
        self.end_carrying(&carried);
    }

    fn end_carrying(&mut self, carried: &Carried<'_>) {
        self.drop_piece(carried.to);
        if carried.from == 0 {
            // Nothing was known of the memory: from now on it is.
            self.mapped(carried.new, *carried.made, carried.outer);
        }
    }

    /// Adds a piece of `old` in its place in `new`, where it replaces what is there; to the end of that if it `grows`. The
    /// pieces of one mapping keep one origin, which stays held while they come.
    fn carry(&mut self, piece: Entry, grows: bool, carried: &mut Carried<'_>) {
        let (old, new) = (carried.old, carried.new);
        let shifted = |at: usize| at.wrapping_sub(old.start).wrapping_add(new.start);
        let releaser = Releaser { by: carried.made.by, site: carried.made.site, time: carried.made.time };
        if carried.from != piece.origin || carried.to == 0 {
            let mut made = *carried.made;
            let mut tail_unreliable = false;
            if let Some(was) = self.origin(&piece) {
                let hidden = old.start.saturating_sub(was.base);
                let file = self.files.get(was.file);
                made.file = file.map(|file| File { offset: file.offset.wrapping_add(hidden as u64), ..*file });
                made.base = shifted(was.base.max(old.start));
                made.flags = was.flags;
                made.prot = piece.prot;
                // Pages that come anew are all zeroes; without them the end is what it was.
                tail_unreliable = was.tail_unreliable && new.length() <= old.length();
                // The mapping that reaches the end of the old range has the length that was asked for, others keep theirs.
                let asked_end = carried.made.base.wrapping_add(carried.made.length);
                made.length = if was.base.wrapping_add(crate::plain::page::whole_pages(was.length)) >= old.end {
                    asked_end.saturating_sub(made.base)
                } else {
                    was.length.saturating_sub(hidden)
                };
                // shmdt takes a moved segment, too, at its new address.
                if was.by == By::Shmat {
                    made.by = By::Shmat;
                }
            }
            self.drop_piece(carried.to);
            carried.to = self.new_origin(made, carried.outer, 1).unwrap_or(0);
            if tail_unreliable {
                self.mark_origin_unreliable(carried.to);
            }
            carried.from = piece.origin;
        }
        let start = shifted(piece.start);
        let end = if grows { new.end } else { shifted(piece.end).min(new.end) };
        // What does not fit any more is gone.
        self.clear(Range { start, end }, releaser);
        if carried.to == 0 {
            self.is_incomplete = true;
        } else {
            self.add(Entry { start, end, origin: carried.to, ..piece });
        }
    }

    /// The highest piece that `release` took from below `last`.
    fn next_of(&self, release: u32, old: Range, last: Option<usize>) -> Option<Released> {
        let below = last.unwrap_or(old.end);
        self.history.pieces_of(release).find(|gone| gone.entry.start < below)
    }
}
