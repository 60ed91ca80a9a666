//! What is mapped: ranges with their origin, and what became of those that are gone.
//!
//! Pure: it is told what happened and knows nothing of the kernel. A piece of memory that can't be had makes it forget
//! a range, never remember a wrong one.

mod answers;
mod count;
mod inheritance;
mod moves;
mod pieces;
mod tracked;

use super::count_watch::CountWatch;
use super::hints::Hints;
use super::history::{Extents, History, Released};
use super::origin::{By, File, NewMapping, Origin, OuterItem};
use super::pool::{Memory, Pool};
use super::tree::{Entry, Tree};
use crate::plain::hidden::{Addresses, Hidden};
use crate::plain::{Outer, Range};
use core::mem::offset_of;
use mapsan_model::layout;
pub(crate) use tracked::{ReleasedMapping, ReleasedPieces, Requested, TrackedRange};

/// Records that the library itself has room for; beyond the releases that are remembered, for some 500 mappings. More
/// would take the library past 2 MiB, from where on the kernel aligns it otherwise.
const ORIGINS: usize = 4608;
const FILES: usize = 1280;
const OUTERS: usize = 64;

/// A call that releases, as it is told to the tracker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Releaser {
    pub(crate) by: By,
    /// The return address of the call.
    pub(crate) site: usize,
    /// As the caller's clock gives it.
    pub(crate) time: u32,
}

impl Addresses for Releaser {
    fn complemented(self) -> Releaser {
        Releaser { site: !self.site, ..self }
    }
}

/// A segment, and where its first byte is or would be.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Attached {
    id: u64,
    /// Which attachment of it: each shmat makes a file of its own in the kernel.
    attachment: u32,
    base: usize,
    size: usize,
}

/// The regions.
#[repr(C)] // what a fork writes to first: see `Shared`
pub(crate) struct Regions<M> {
    /// Numbers calls that map and that release.
    serial: u32,
    /// How much of that is no change to this process's mappings: what its parent did, failed, or took nothing.
    uncounted: u32,
    /// In which process of a line of forks this is.
    generation: u8,
    /// The number of the last count of origins.
    count: u8,
    /// Whether a range had to be forgotten for want of memory.
    is_incomplete: bool,
    /// Whether this process has mapped or made anything since it started or was forked.
    has_made: bool,
    /// Whether this process has made or met segments or objects.
    has_met_others: bool,
    /// Whether anything that needs a look has ever been mapped, here or before a fork.
    has_notable: bool,
    /// Whether a release has ever been left open: else a child of fork need not look at the history.
    has_opened: bool,
    /// Whether anything was ever kept back from forked children.
    has_kept_back: bool,
    watch: CountWatch,
    tree: Tree<M>,
    history: History,
    origins: Pool<M, Hidden<Origin>, ORIGINS>,
    files: Pool<M, File, FILES>,
    outers: Pool<M, OuterItem, OUTERS>,
    /// Addresses that the program has asked for and not been given.
    asked: Extents,
    /// The last of them, each with the mapping that was given.
    hints: Hints,
}

impl<M: Memory> Regions<M> {
    pub(super) const GENERATION: usize = offset_of!(Self, generation);
    pub(super) const IS_INCOMPLETE: usize = offset_of!(Self, is_incomplete);
    pub(super) const TREE: usize = offset_of!(Self, tree);
    pub(super) const HISTORY: usize = offset_of!(Self, history);

    /// Where the origins of regions lie that themselves lie `at` bytes from the beginning.
    pub(super) const fn origins(at: usize) -> layout::Pool {
        Pool::<M, Hidden<Origin>, ORIGINS>::layout(at.wrapping_add(offset_of!(Self, origins)))
    }

    /// As [`Regions::origins`], their files.
    pub(super) const fn files(at: usize) -> layout::Pool {
        Pool::<M, File, FILES>::layout(at.wrapping_add(offset_of!(Self, files)))
    }

    pub(in crate::track) const fn new() -> Regions<M> {
        Regions {
            tree: Tree::new(),
            origins: Pool::new(),
            files: Pool::new(),
            outers: Pool::new(),
            history: History::new(),
            asked: Extents::new(),
            hints: Hints::new(),
            serial: 0,
            uncounted: 0,
            generation: 0,
            has_made: false,
            has_met_others: false,
            has_notable: false,
            has_opened: false,
            has_kept_back: false,
            count: 0,
            is_incomplete: false,
            watch: CountWatch::new(),
        }
    }

    /// The range that holds `address`, or else the next one above it.
    pub(in crate::track) fn at_or_after(&self, address: usize) -> Option<Entry> {
        self.tree.at_or_after(address)
    }

    /// The range that holds `address`.
    pub(in crate::track) fn at(&self, address: usize) -> Option<Entry> {
        self.at_or_after(address).filter(|entry| entry.contains(address))
    }

    /// The last range that starts below `address`.
    pub(in crate::track) fn before(&self, address: usize) -> Option<Entry> {
        self.tree.before(address)
    }

    /// The number of the last call that mapped or released.
    pub(super) fn newest(&self) -> u32 {
        self.serial
    }

    /// How many mappings this process has made and released (modulo 2^32).
    pub(in crate::track) fn changes(&self) -> u32 {
        self.serial.wrapping_sub(self.uncounted)
    }

    /// The origin of a range.
    pub(in crate::track) fn origin(&self, entry: &Entry) -> Option<Origin> {
        self.origins.get(entry.origin).map(|origin| origin.get())
    }

    /// All that is known of a range.
    pub(in crate::track) fn known(&self, entry: Entry) -> Option<TrackedRange> {
        let origin = self.origin(&entry)?;
        let requested = match self.hints.at(origin.hint, origin.serial) {
            _ if origin.placed => Requested::Address(origin.base),
            Some(address) => Requested::Address(address),
            None if origin.hint != 0 => Requested::Forgotten,
            None => Requested::Nothing,
        };
        let (file, outer) = (self.files.get(origin.file).copied(), self.outer(origin.outer));
        Some(TrackedRange { entry, origin, file, outer, requested })
    }

    /// A mapping was asked for in a range; `base` is where it is, if it was made.
    pub(in crate::track) fn requested_at(&mut self, range: Range, address: usize, base: Option<usize>) {
        self.asked.add(range.start, range.end);
        let made = base.and_then(|base| self.at(base).filter(|entry| entry.start == base));
        if let Some(origin) = made.and_then(|entry| self.origins.get_mut(entry.origin))
            && let Origin { by: By::Mmap, base: there, serial, .. } = origin.get()
            && Some(there) == base
        {
            origin.kept_mut().hint = self.hints.enter(address, there, serial);
        }
    }

    /// All that is known of a range that is gone.
    pub(in crate::track) fn known_gone(&self, gone: Released) -> Option<ReleasedMapping> {
        Some(ReleasedMapping { gone, was: self.known(gone.entry)?, outer: self.outer(gone.outer) })
    }

    fn outer(&self, number: u32) -> Outer {
        self.outers.get(number).map_or(Outer::NONE, |item| item.frames.get())
    }

    /// Whether an origin was made in this process, not in one that forked it.
    pub(in crate::track) fn is_own(&self, origin: &Origin) -> bool {
        origin.generation == self.generation
    }

    /// Whether something had to be forgotten for want of memory.
    pub(in crate::track) fn is_incomplete(&self) -> bool {
        self.is_incomplete
    }

    /// Something had to be forgotten for want of memory.
    pub(in crate::track) fn note_incomplete(&mut self) {
        self.is_incomplete = true;
    }

    /// Whether this process has made or met segments or objects.
    pub(in crate::track) fn has_met_others(&self) -> bool {
        self.has_met_others
    }

    /// This process has made something that is to be looked at when it ends.
    pub(in crate::track) fn note_made(&mut self) {
        self.has_made = true;
        self.has_met_others = true;
    }

    /// In which process of a line of forks this is.
    pub(in crate::track) fn generation(&self) -> u8 {
        self.generation
    }

    /// Whether there may be something to tell when this process ends.
    pub(in crate::track) fn has_something_to_tell(&self) -> bool {
        self.has_made || self.has_notable
    }

    /// Begins a count in which each origin counts once.
    pub(in crate::track) fn begin_count(&mut self) {
        self.count = self.count.wrapping_add(1);
    }

    /// Whether the origin of a range has not been counted yet; from now on it has.
    pub(in crate::track) fn counts(&mut self, entry: &Entry) -> bool {
        let count = self.count;
        self.origins
            .get_mut(entry.origin)
            .is_some_and(|origin| core::mem::replace(&mut origin.kept_mut().counted, count) != count)
    }

    /// The first attachment of a segment from an address on whose origin has not been counted yet; from now on it has.
    pub(in crate::track) fn next_uncounted_attachment(&mut self, id: u64, from: usize) -> Option<Entry> {
        let mut at = from;
        while let Some(entry) = self.at_or_after(at) {
            at = entry.end;
            let known = self.known(entry)?;
            let is_of_segment = known.origin.by == By::Shmat && known.file.is_some_and(|file| file.inode == id);
            if is_of_segment && self.counts(&entry) {
                return Some(entry);
            }
        }
        None
    }

    /// How many bytes are left of what the call has mapped that made a range.
    pub(crate) fn left_of(&self, entry: &Entry) -> usize {
        let Some(origin) = self.origin(entry) else { return 0 };
        let range = Range::new(origin.base, crate::plain::page::whole_pages(origin.length));
        let (mut at, mut left) = (range.start, 0_usize);
        while let Some(piece) = self.at_or_after(at).filter(|piece| piece.start < range.end) {
            at = piece.end;
            if piece.origin == entry.origin {
                left = left.saturating_add(piece.end.wrapping_sub(piece.start));
            }
        }
        left
    }

    /// Checks that the tree is one.
    #[cfg(test)]
    pub(in crate::track) fn check(&self) {
        self.tree.check();
    }

    // ---- what calls do ----

    /// A call has mapped a range; what was there has been replaced.
    #[inline(always)]
    pub(in crate::track) fn mapped(&mut self, range: Range, made: NewMapping, outer: Option<&Outer>) {
        if range.start >= range.end {
            return;
        }
        // One piece points to the origin: the one that is added here.
        let Some(origin) = self.new_origin(made, outer, 1) else {
            self.clear(range, Releaser { by: made.by, site: made.site, time: made.time });
            self.is_incomplete = true;
            return;
        };
        self.has_notable |= made.needs_check;
        let (prot, needs_check) = (made.prot, made.needs_check);
        let entry = Entry { start: range.start, end: range.end, origin, prot, needs_check, kept_back: false };
        if !self.tree.insert_simply(&entry) {
            self.map_over(entry, Releaser { by: made.by, site: made.site, time: made.time });
        }
    }

    /// Adds a new mapping, in place of what was there. No neighbour is of the same call yet, so there is nothing to join
    /// it with.
    #[inline(never)]
    fn map_over(&mut self, entry: Entry, releaser: Releaser) {
        self.clear(Range { start: entry.start, end: entry.end }, releaser);
        if !self.tree.insert(entry) {
            self.drop_piece(entry.origin);
            self.is_incomplete = true;
        }
    }

    /// Takes a range out, before a call that releases it: what was there, pieces and all.
    pub(in crate::track) fn release(
        &mut self,
        range: Range,
        releaser: Releaser,
        outer: Option<&Outer>,
    ) -> ReleasedPieces {
        self.serial = self.serial.wrapping_add(1);
        let release = self.serial;
        if let Some(entry) = self.tree.take_exactly(range.start, range.end) {
            self.enter_gone(entry, release, releaser, outer);
            return ReleasedPieces {
                release,
                pieces: 1,
                contiguous: true,
                needs_check: entry.needs_check,
                count_is_due: self.count_is_due_by(releaser.by),
                ..ReleasedPieces::default()
            };
        }
        self.release_pieces(release, None, range, releaser, outer)
    }

    /// Takes out all pieces of the segment that is attached at `base`, as shmdt(2) detaches them: also what munmap has
    /// left of it, and what mremap has moved so that it would start there.
    pub(in crate::track) fn detach(
        &mut self,
        base: usize,
        releaser: Releaser,
        outer: Option<&Outer>,
    ) -> ReleasedPieces {
        let mut at = base;
        let (segment, mut last) = loop {
            let Some(entry) = self.tree.at_or_after(at) else { return ReleasedPieces::default() };
            if let Some(segment) = self.segment(&entry).filter(|segment| segment.base == base) {
                break (segment, entry);
            }
            at = entry.end;
        };
        self.serial = self.serial.wrapping_add(1);
        // The first mapping goes as it is, which mremap may have made longer than the segment; others that end inside
        // the segment's size go with it.
        while let Some(next) = self.tree.at_or_after(last.end)
            && (next.start, next.prot, next.kept_back) == (last.end, last.prot, last.kept_back)
            && self.segment(&next) == Some(segment)
        {
            last = next;
        }
        let range = Range { start: base, end: base.saturating_add(segment.size).max(last.end) };
        self.release_pieces(self.serial, Some(segment), range, releaser, outer)
    }

    /// The segment that a range belongs to.
    fn segment(&self, entry: &Entry) -> Option<Attached> {
        let origin = self.origin(entry).filter(|origin| origin.by == By::Shmat)?;
        let file = self.files.get(origin.file)?;
        let base = origin.base.wrapping_sub(usize::try_from(file.offset).ok()?);
        let size = crate::plain::page::whole_pages(usize::try_from(file.size).ok()?);
        Some(Attached { id: file.inode, attachment: file.device, base, size })
    }

    #[inline(never)]
    fn release_pieces(
        &mut self,
        release: u32,
        of: Option<Attached>,
        range: Range,
        releaser: Releaser,
        outer: Option<&Outer>,
    ) -> ReleasedPieces {
        let mut taken = ReleasedPieces { release, ..ReleasedPieces::default() };
        let mut at = range.start;
        let mut first = None;
        let mut whole = true;
        while let Some(entry) = self.next_in(at, range) {
            if of.is_some() && (self.segment(&entry) != of || taken.pieces > 0 && entry.end > range.end) {
                at = entry.end;
                continue;
            }
            whole &= entry.start <= at;
            taken.partial_tail = entry.end > range.end;
            taken.needs_check |= entry.needs_check;
            taken.multi_origin |= *first.get_or_insert(entry.origin) != entry.origin;
            taken.pieces = taken.pieces.wrapping_add(1);
            let piece = Entry { start: entry.start.max(range.start), end: entry.end.min(range.end), ..entry };
            self.cut_out(entry, piece);
            self.enter_gone(piece, taken.release, releaser, outer);
            at = piece.end;
        }
        if taken.pieces == 0 {
            self.uncounted = self.uncounted.wrapping_add(1);
        }
        taken.contiguous = whole && at >= range.end;
        taken.count_is_due = self.count_is_due_by(releaser.by);
        taken
    }

    /// Puts back what a release took, because the call failed; where something has been mapped since, that stays.
    pub(in crate::track) fn put_back(&mut self, release: u32) {
        let mut undone = 0;
        while let Some(gone) = self.history.take_back(release) {
            undone = 1;
            self.fill(gone.entry);
            self.drop_piece(gone.entry.origin);
            self.drop_outer(gone.outer);
        }
        self.uncounted = self.uncounted.wrapping_add(undone);
    }

    /// A range has another protection now; as [`Regions::runs_over`].
    pub(in crate::track) fn protect(&mut self, range: Range, prot: u8) -> Option<usize> {
        let over = self.runs_over(range, prot);
        self.mark(range, Some(prot), None);
        over
    }

    /// What a release took stays remembered until the call tells what came of it, however long its thread takes.
    pub(super) fn open(&mut self, release: u32) {
        self.has_opened = true;
        self.history.open(release);
    }

    /// A release that was left open has come to pass.
    pub(super) fn close(&mut self, release: u32) {
        self.serial = self.serial.wrapping_add(1);
        self.uncounted = self.uncounted.wrapping_add(1);
        self.history.close(release, self.serial);
    }

    /// The release of what is mapped at an address needs a look from now on.
    pub(in crate::track) fn watch_release(&mut self, address: usize) {
        if let Some(entry) = self.at(address).filter(|entry| !entry.needs_check) {
            self.tree.replace(entry.start, Entry { needs_check: true, ..entry });
        }
    }

    /// Notes that the end of what is mapped at an address has been written before.
    pub(in crate::track) fn mark_tail_unreliable(&mut self, address: usize) {
        if let Some(entry) = self.at(address) {
            self.mark_origin_unreliable(entry.origin);
        }
    }

    pub(super) fn mark_origin_unreliable(&mut self, number: u32) {
        if let Some(origin) = self.origins.get_mut(number) {
            origin.kept_mut().tail_unreliable = true;
        }
    }

    /// The range from `old.start` on is `length` bytes long from now on, after mremap shrank it in place.
    pub(in crate::track) fn shrunk(&mut self, start: usize, length: usize) {
        if let Some(entry) = self.at(start)
            && let Some(origin) = self.origins.get_mut(entry.origin)
            && origin.get().base == start
        {
            origin.kept_mut().length = length;
            // What was its contents lies past its end now.
            origin.kept_mut().tail_unreliable = true;
        }
    }

    /// Forgets a range without a trace: nobody knows what is there.
    pub(in crate::track) fn forget(&mut self, range: Range) {
        while let Some(entry) = self.next_in(range.start, range) {
            let piece = Entry { start: entry.start.max(range.start), end: entry.end.min(range.end), ..entry };
            self.cut_out(entry, piece);
            self.drop_piece(piece.origin);
        }
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may overflow, and fails then")]
mod tests;
