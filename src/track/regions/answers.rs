//! What the regions answer.

use super::{By, Memory, Range, Regions, ReleasedMapping, TrackedRange};
use crate::plain::page::whole_pages;
use crate::track::tree::Entry;

impl<M: Memory> Regions<M> {
    /// The most that is remembered of one address.
    pub(crate) fn tracked_at(&self, address: usize) -> Option<TrackedRange> {
        self.known(self.at(address)?)
    }

    /// As [`Regions::tracked_at`], or else of the next range above.
    pub(crate) fn tracked_at_or_after(&self, address: usize) -> Option<TrackedRange> {
        self.known(self.at_or_after(address)?)
    }

    /// The last mapping that ends at or below an address, and the first that starts above it.
    pub(crate) fn neighbours(&self, address: usize) -> (Option<TrackedRange>, Option<TrackedRange>) {
        let known = |entry| self.known(entry);
        (self.before(address).and_then(known), self.at_or_after(address).and_then(known))
    }

    /// The first range from an address on that this process has mapped or attached itself.
    pub(crate) fn next_own(&self, from: usize) -> Option<TrackedRange> {
        self.known(self.entries(from).find(|entry| self.is_of_this_process(entry))?)
    }

    /// As [`Regions::next_own`], of those that need a look.
    pub(crate) fn next_own_to_check(&self, from: usize) -> Option<TrackedRange> {
        self.known(self.entries(from).find(|entry| entry.needs_check && self.is_of_this_process(entry))?)
    }

    /// The ranges from an address on.
    fn entries(&self, from: usize) -> impl Iterator<Item = Entry> {
        core::iter::successors(self.at_or_after(from), |entry| self.at_or_after(entry.end))
    }

    /// What was inherited over fork is the parent's to tell of.
    fn is_of_this_process(&self, entry: &Entry) -> bool {
        self.origin(entry).is_some_and(|origin| self.is_own(&origin))
    }

    /// Whether the next range at or above `address` is a mapping that grows downwards.
    pub(crate) fn grows_down_after(&self, address: usize) -> bool {
        let grows = |entry: Entry| {
            let origin = self.origins.get(entry.origin)?.kept();
            Some(origin.by == By::Mmap && origin.flags & libc::MAP_GROWSDOWN != 0)
        };
        self.at_or_after(address).and_then(grows).unwrap_or(false)
    }

    /// The largest size that a file had at any of its mappings that are remembered and were made from number `since` on, in
    /// bytes.
    pub(crate) fn largest_size(&self, device: u32, inode: u64, since: u32) -> Option<u64> {
        let size = |entry: &Entry| {
            let origin = self.origin(entry).filter(|origin| origin.by != By::Shmat)?;
            let file = self.files.get(origin.file)?;
            let is_later = origin.serial.wrapping_sub(since).cast_signed() >= 0;
            (is_later && file.device == device && file.inode == inode).then_some(file.size)
        };
        let mut largest = self.history.newest_first().filter_map(|gone| size(&gone.entry)).max();
        let mut at = 0;
        while let Some(entry) = self.tree.at_or_after(at) {
            largest = largest.max(size(&entry));
            at = entry.end;
        }
        largest
    }

    /// The newest live mapping that was asked for where `address` is, and lies elsewhere.
    pub(crate) fn meant_to_hold(&self, address: usize) -> Option<TrackedRange> {
        self.hints.below(address).find_map(|(asked, base, serial)| {
            let entry = self.at(base)?;
            let origin = self.origin(&entry).filter(|origin| origin.serial == serial)?;
            (address.wrapping_sub(asked) < origin.length).then(|| self.known(entry))?
        })
    }

    /// Where a range runs out of one mapping into a part of the next one, which another call made, if this protection takes
    /// access away from both: the start of that next one.
    #[inline(never)]
    pub(crate) fn runs_over(&self, range: Range, prot: u8) -> Option<usize> {
        // Nearly all lie in one piece.
        self.next_in(range.start, range).filter(|first| first.end < range.end)?;
        let last = self.at(range.end.checked_sub(1)?).filter(|last| last.end > range.end && last.prot & !prot != 0)?;
        let mut start = last.start;
        while start > range.start {
            let below = self.before(start).filter(|below| below.end == start)?;
            if below.origin != last.origin {
                return (below.prot & !prot != 0).then_some(start);
            }
            start = below.start;
        }
        None
    }

    /// Whether a part of a range has another protection.
    pub(crate) fn differs(&self, range: Range, prot: u8) -> bool {
        self.entries(range.start).take_while(|entry| entry.start < range.end).any(|entry| entry.prot != prot)
    }

    /// The first address of a range where no mapping is known.
    pub(crate) fn first_untracked(&self, range: Range) -> Option<usize> {
        let mut end = range.start;
        for entry in self.entries(range.start).take_while(|entry| entry.start < range.end) {
            if entry.start > end {
                break;
            }
            end = entry.end;
        }
        (end < range.end).then_some(end)
    }

    /// The last release of the memory at an address.
    pub(crate) fn last_gone(&self, address: usize) -> Option<ReleasedMapping> {
        self.known_gone(self.history.newest_first().find(|gone| gone.entry.contains(address))?)
    }

    /// The last release of a part of what the call has mapped that made a range.
    pub(crate) fn last_gone_of(&self, entry: &Entry) -> Option<ReleasedMapping> {
        self.known_gone(self.history.newest_first().find(|gone| gone.entry.origin == entry.origin && gone.is_real())?)
    }

    /// The piece with the lowest start from `from` on that a release took.
    pub(crate) fn next_piece(&self, release: u32, from: usize) -> Option<ReleasedMapping> {
        let pieces = self.history.pieces_of(release).filter(|gone| gone.entry.start >= from);
        self.known_gone(pieces.min_by_key(|gone| gone.entry.start)?)
    }

    /// Whether a mapping that is remembered, and was made before call number `serial`, held the whole range.
    pub(crate) fn was_one(&self, range: Range, serial: u32) -> bool {
        let held = |entry: &Entry| {
            self.origin(entry).is_some_and(|origin| {
                let whole = Range::new(origin.base, whole_pages(origin.length));
                origin.is_older_than(serial) && whole.start <= range.start && range.end <= whole.end
            })
        };
        [self.before(range.start), self.at_or_after(range.end)].iter().flatten().any(held)
            || self.history.newest_first().any(|gone| held(&gone.entry))
    }

    /// Whether something is mapped in a range, or was, as far as that is remembered.
    pub(crate) fn holds_or_held(&self, range: Range) -> bool {
        let touches = |entry: Entry| entry.start < range.end && range.start < entry.end;
        self.at_or_after(range.start).is_some_and(|entry| entry.start < range.end)
            || self.history.newest_first().any(|gone| gone.is_real() && touches(gone.entry))
    }

    /// Whether releases in a range may have been forgotten.
    pub(crate) fn may_have_forgotten(&self, range: Range) -> bool {
        self.history.forgotten.meets(range.start, range.end)
    }

    /// Whether a call may have returned an address, or been asked for it: also where that is no longer remembered.
    pub(crate) fn may_have_returned(&self, address: usize) -> bool {
        let end = address.saturating_add(1);
        self.is_incomplete || self.history.forgotten.meets(address, end) || self.asked.meets(address, end)
    }
}
