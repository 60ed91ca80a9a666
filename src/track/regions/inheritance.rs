//! What a forked child gets of the regions, and what `MADV_DONTFORK` keeps back from it.

use super::{By, Regions, Releaser};
use crate::plain::Range;
use crate::track::pool::Memory;
use crate::track::tree::Entry;

/// Ranges that a child remembers of those that it was not given; of more, the releases that its parent made are worth more.
const REMEMBERED: usize = 512;

impl<M: Memory> Regions<M> {
    /// Makes this the process that a fork made.
    pub(in crate::track) fn forked(&mut self) {
        self.has_made = false;
        self.has_met_others = false;
        self.generation = self.generation.wrapping_add(1);
        self.serial = self.serial.wrapping_add(1);
        self.uncounted = self.serial;
        if self.has_opened {
            self.history.close_all(self.serial);
        }
    }

    /// Forked children get a range no longer, or again.
    pub(in crate::track) fn keep_back(&mut self, range: Range, kept_back: bool) {
        self.has_kept_back |= kept_back;
        self.mark(range, None, Some(kept_back));
    }

    /// Whether anything was ever kept back from forked children.
    pub(in crate::track) fn has_kept_back(&self) -> bool {
        self.has_kept_back
    }

    /// This is a forked child: what was kept back from it is not there. `site_of` says which call of madvise did so, by a range
    /// and the number of the call that mapped it; 0 if that is not known.
    #[cold]
    #[inline(never)]
    pub(in crate::track) fn leave_behind(&mut self, time: u32, site_of: impl Fn(&Entry, u32) -> usize) {
        let (mut at, mut left) = (0, 0_usize);
        self.has_kept_back = false;
        while let Some(entry) = self.at_or_after(at) {
            at = entry.end;
            if !entry.kept_back {
                continue;
            }
            let range = Range { start: entry.start, end: entry.end };
            left = left.wrapping_add(1);
            if left > REMEMBERED {
                self.forget(range);
                self.history.forgotten.add(range.start, range.end);
                continue;
            }
            let site = self.origin(&entry).map_or(0, |origin| site_of(&entry, origin.serial));
            self.release(range, Releaser { by: By::Madvise, site, time }, None);
            self.uncounted = self.serial;
        }
    }

    /// Changes the protection of a range, or whether forked children get it; its pieces part and join by both.
    #[inline(never)]
    pub(super) fn mark(&mut self, range: Range, prot: Option<u8>, kept_back: Option<bool>) {
        let mut at = range.start;
        while let Some(entry) = self.next_in(at, range) {
            at = entry.end;
            let (prot, kept_back) = (prot.unwrap_or(entry.prot), kept_back.unwrap_or(entry.kept_back));
            if (prot, kept_back) == (entry.prot, entry.kept_back) {
                continue;
            }
            let piece = Entry { start: entry.start.max(range.start), end: entry.end.min(range.end), ..entry };
            self.cut_out(entry, piece);
            self.add(Entry { prot, kept_back, ..piece });
            self.drop_piece(piece.origin);
        }
    }
}
