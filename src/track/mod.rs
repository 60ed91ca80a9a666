//! Knowing, the tracker: what the program has mapped, attached and made, by which call, and what became of it.
//!
//! It is not the truth, the kernel is: raw system calls, libc's own mappings and what was there before the library are
//! not in it. So nothing is concluded from what is not in it, and nobody is accused before the kernel was asked.
//!
//! It stands alone: it is told what happens, and answers. It prints nothing, asks neither the kernel nor files, reads no
//! option, and has no variable of its own. Its memory and the way in which threads sleep are handed in ([`Memory`],
//! [`Threads`]), and that there is no memory, or that an event was lost, are its answers. The runtime's tracker is in
//! `observe/`; `proof/` has these very files under a model checker.
//!
//! All of it lies behind one lock ([`lock`]), held for a search and an insertion. An event that happens while its own
//! thread holds the lock, in a signal handler, or while its holder does not run, waits in a [`queue`].

mod advices;
mod announced;
mod count_watch;
mod event;
mod hints;
mod history;
mod layout;
mod leak_sites;
mod libraries;
mod lock;
mod objects;
mod origin;
mod pool;
mod protections;
mod queue;
mod regions;
mod reserved;
mod segments;
mod shared;
mod tree;

pub(crate) use advices::{Advice, Advised};
pub(crate) use announced::ReleaseId;
pub(crate) use event::Event;
#[cfg(test)]
pub(crate) use history::RELEASES;
pub(crate) use leak_sites::LeakSite;
pub(crate) use libraries::{Libraries, Library};
pub(crate) use lock::{LockError, Patience, Threads};
pub(crate) use objects::{Object, ObjectCreation, Objects};
pub(crate) use origin::{By, File, NewMapping};
pub(crate) use pool::Memory;
pub(crate) use protections::{Protection, Protector};
pub(crate) use regions::{Regions, ReleasedMapping, ReleasedPieces, Releaser, Requested, TrackedRange};
pub(crate) use reserved::{Purpose, Reached, Reserved};
pub(crate) use segments::{MetSegment, Segments, ShmgetSuccess};
pub(crate) use shared::{Content, Held, Shared};
pub(crate) use tree::Entry;

use crate::plain::page::whole_pages;
use crate::plain::{Outer, Range};
use advices::Advices;
use announced::Announced;
use core::ffi::c_int;
use count_watch::CountWatch;
use leak_sites::LeakSites;
use protections::Protections;

/// All that is tracked.
#[repr(C)] // what a fork writes to first: see `Shared`
pub(crate) struct Tracker<M> {
    regions: Regions<M>,
    segments: Segments,
    objects: Objects,
    leak_sites: LeakSites<M>,
    protections: Protections<M>,
    advices: Advices,
    libraries: Libraries,
    reserved: Reserved<M>,
    announced: Announced,
}

// SAFETY: its records lie in memory that is its own, wherever it is reached from.
unsafe impl<M> Send for Tracker<M> {}

impl<M: Memory> Tracker<M> {
    pub(crate) const fn new() -> Tracker<M> {
        Tracker {
            regions: Regions::new(),
            segments: Segments::new(),
            objects: Objects::new(),
            leak_sites: LeakSites::new(),
            protections: Protections::new(),
            advices: Advices::new(),
            libraries: Libraries::new(),
            reserved: Reserved::new(),
            announced: Announced::new(),
        }
    }

    // ---- its parts, and what is known of all ----

    /// What is mapped.
    pub(crate) fn regions(&self) -> &Regions<M> {
        &self.regions
    }

    pub(crate) fn segments(&mut self) -> &mut Segments {
        &mut self.segments
    }

    pub(crate) fn objects(&mut self) -> &mut Objects {
        &mut self.objects
    }

    /// What dlclose has removed.
    pub(crate) fn libraries(&mut self) -> &mut Libraries {
        &mut self.libraries
    }

    /// The addresses that the library itself holds.
    pub(crate) fn reserved(&mut self) -> &mut Reserved<M> {
        &mut self.reserved
    }

    /// Whether what was made in this generation was made by this process, not by one that forked it.
    pub(crate) fn is_own(&self, generation: u8) -> bool {
        self.regions.generation() == generation
    }

    /// Whether there may be something to tell when this process ends: it has mapped or made something, or has a mapping that
    /// starts past the end of its file, perhaps its parent's.
    pub(crate) fn has_something_to_tell(&self) -> bool {
        self.regions.has_something_to_tell()
    }

    /// How many mappings this process has made and released (modulo 2^32).
    pub(crate) fn changes(&self) -> u32 {
        self.regions.changes()
    }

    /// Whether this process has made or met segments or objects.
    pub(crate) fn has_met_others(&self) -> bool {
        self.regions.has_met_others()
    }

    /// Whether something had to be forgotten for want of memory.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.regions.is_incomplete()
    }

    /// Whether a mapping that was just entered leaves more to be done than most: something had to be forgotten, or there are so
    /// many that the kernel may have to be asked how many.
    #[inline]
    pub(crate) fn wants_more(&self) -> bool {
        self.regions.wants_more()
    }

    /// A call may have added mappings: whether the kernel is to be asked how many there are.
    pub(crate) fn count_is_due(&mut self) -> bool {
        self.regions.count_is_due()
    }

    /// The same, when so many calls may have split mappings in a way that is not told here.
    pub(crate) fn count_is_due_after(&mut self, splits: u32) -> bool {
        self.regions.count_is_due_after(splits)
    }

    /// There may be so many mappings: whether these may be so many that they have to be counted.
    pub(crate) fn count_matters(&mut self, limit: u32) -> bool {
        self.regions.count_matters(limit)
    }

    /// What decides when the kernel is to be asked how many mappings there are.
    pub(crate) fn count_watch(&mut self) -> &mut CountWatch {
        self.regions.count_watch()
    }

    /// Where what is mapped at an address, by a call with this number if it is tracked, was given this protection by
    /// mprotect.
    pub(crate) fn protection(&self, address: usize, prot: u8, since: Option<u32>) -> Option<Protection> {
        let given = self.protections.last(address, prot)?;
        since.is_none_or(|since| given.after.wrapping_sub(since).cast_signed() >= 0).then_some(given)
    }

    /// The call of madvise that has done this to the memory at an address, mapped by a call with this number if it is tracked,
    /// unless that was undone since.
    pub(crate) fn advice(&self, address: usize, done: Advised, since: Option<u32>) -> Option<Advice> {
        let last = self.advices.last(address, done)?;
        since.is_none_or(|since| last.after.wrapping_sub(since).cast_signed() >= 0).then_some(last)
    }

    /// The first guard that a range covers together with the part of the mapping that lies next to it.
    pub(crate) fn reached_guard(&self, range: Range) -> Option<Reached> {
        let (guard, side) = self.reserved.first_guard(range)?;
        let inside = if side == Purpose::Below { guard.end } else { guard.start.wrapping_sub(1) };
        let there = self.regions.at(inside)?;
        let borders = if side == Purpose::Below { there.start == guard.end } else { there.end == guard.start };
        let covers = range.start <= inside && inside < range.end;
        let mapping = Range { start: there.start, end: there.end };
        (borders && covers).then_some(Reached { mapping, inside, side })
    }

    /// Checks that the regions are in order.
    #[cfg(test)]
    pub(crate) fn check(&self) {
        self.regions.check();
    }

    // ---- what calls do ----

    /// A call has mapped a range; what was there has been replaced.
    #[inline(always)]
    pub(crate) fn mapped(&mut self, range: Range, made: NewMapping, outer: Option<&Outer>) {
        self.regions.mapped(range, made, outer);
    }

    /// Takes a range out, before a call that releases it.
    #[inline(always)]
    pub(crate) fn release(&mut self, range: Range, releaser: Releaser, outer: Option<&Outer>) -> ReleasedPieces {
        self.regions.release(range, releaser, outer)
    }

    /// As [`Tracker::release`]; until an event tells what came of the call, all that was taken is remembered, however many
    /// releases other threads make meanwhile.
    pub(crate) fn release_and_keep(
        &mut self,
        range: Range,
        releaser: Releaser,
        outer: Option<&Outer>,
    ) -> ReleasedPieces {
        let taken = self.regions.release(range, releaser, outer);
        self.regions.open(taken.release);
        taken
    }

    /// Takes out the segment at an address, before a call that detaches it.
    pub(crate) fn detach(&mut self, base: usize, releaser: Releaser, outer: Option<&Outer>) -> ReleasedPieces {
        self.regions.detach(base, releaser, outer)
    }

    /// mprotect has changed a range; as [`Regions::runs_over`]. One that has failed has not, if all had this protection before.
    pub(crate) fn protect(&mut self, protection: Protection) -> Option<usize> {
        if protection.has_failed && !self.may_change(protection.pages(), protection.prot) {
            return None;
        }
        let (pages, prot) = (protection.pages(), protection.prot);
        self.protections.enter(Protection { after: self.regions.newest(), ..protection });
        self.regions.protect(pages, prot)
    }

    /// Whether a part of a range has another protection, or one that is not known: of the heap, of what raw calls map.
    fn may_change(&self, range: Range, prot: u8) -> bool {
        let is_unknown = |untracked| self.protections.last(untracked, prot).is_none();
        self.regions.differs(range, prot) || self.regions.first_untracked(range).is_some_and(is_unknown)
    }

    /// madvise has changed what forked children get of a range, or where guards are.
    pub(crate) fn advised(&mut self, advice: Advice) {
        let range = Range::new(advice.range.start, whole_pages(advice.range.length()));
        match advice.done {
            Advised::KeptBack => self.regions.keep_back(range, true),
            Advised::Given => self.regions.keep_back(range, false),
            Advised::Wiped | Advised::Kept | Advised::Guarded | Advised::Opened => {}
        }
        let (after, generation) = (self.regions.newest(), self.regions.generation());
        self.advices.enter(Advice { generation, after, ..advice });
    }

    /// mremap has moved or resized what `release` took (from `old`) to `new`.
    pub(crate) fn moved(
        &mut self,
        release: ReleaseId,
        old: Range,
        new: Range,
        made: &NewMapping,
        outer: Option<&Outer>,
    ) {
        self.regions.moved(self.announced.number(release), old, new, made, outer);
    }

    /// mremap has mapped what is at `old` a second time, at `new`.
    pub(crate) fn duplicated(&mut self, old: Range, new: Range, made: &NewMapping, outer: Option<&Outer>) {
        self.regions.duplicated(old, new, made, outer);
    }

    /// mremap has shrunk, in place, what starts at `start`.
    pub(crate) fn shrunk(&mut self, start: usize, length: usize) {
        self.regions.shrunk(start, length);
    }

    /// The release of what is mapped at an address needs a look from now on.
    pub(crate) fn watch_release(&mut self, address: usize) {
        self.regions.watch_release(address);
    }

    /// Bytes past the end of what is mapped at an address are not the program's, or no longer to be told from older ones.
    pub(crate) fn mark_tail_unreliable(&mut self, address: usize) {
        self.regions.mark_tail_unreliable(address);
    }

    fn shmget_succeeded(&mut self, got: &ShmgetSuccess) {
        let generation = self.regions.generation();
        self.regions.note_made();
        match self.segments.entry(got.id) {
            Some(segment) => segment.shmget_succeeded(got, generation),
            None => self.regions.note_incomplete(),
        }
    }

    fn change_segment(&mut self, id: c_int, change: impl FnOnce(&mut MetSegment)) {
        if let Some(segment) = self.segments.entry(id) {
            change(segment);
        }
    }

    /// This process has attached a segment; whether it is known to be the first time.
    pub(crate) fn attached(&mut self, id: c_int) -> bool {
        self.segments.entry(id).is_some_and(MetSegment::attach)
    }

    /// Whether this process has made a segment.
    pub(crate) fn has_made_segment(&self, id: c_int) -> bool {
        self.segments.get(id).is_some_and(|segment| segment.is_created() && self.is_own(segment.generation))
    }

    /// `shm_open` has made an object, in this process.
    pub(crate) fn object_made(&mut self, object: &mut Object) {
        object.creation.generation = self.regions.generation();
        self.regions.note_made();
        if !self.objects.made(object) {
            self.regions.note_incomplete();
        }
    }

    /// Makes this the process that a fork made, at this time as the caller's clock gives it.
    pub(crate) fn forked(&mut self, time: u32) {
        self.regions.forked();
        if self.regions.has_kept_back() {
            let advices = &self.advices;
            self.regions.leave_behind(time, |entry, serial| {
                let by = advices.last(entry.start, Advised::KeptBack);
                by.filter(|by| by.after.wrapping_sub(serial).cast_signed() >= 0).map_or(0, |by| by.site)
            });
        }
    }

    // ---- counts, for what is told at the end ----

    /// Begins to count live mappings by the call that made them.
    pub(crate) fn begin_leak_count(&mut self) {
        self.leak_sites.begin();
        self.regions.begin_count();
    }

    /// Counts a piece of what this process has mapped or attached itself, of which so many bytes are there.
    pub(crate) fn count_leak(&mut self, entry: &Entry, bytes: usize) {
        self.leak_sites.add(entry, bytes, &mut self.regions);
    }

    /// The calls in the order of their first mappings, one at a time: the one after serial number `after`, with that first
    /// mapping.
    pub(crate) fn next_leak_site(&self, after: Option<u32>) -> Option<(LeakSite, TrackedRange, u32)> {
        self.leak_sites.next(after, &self.regions)
    }

    /// Begins to count attachments.
    pub(crate) fn begin_attachment_count(&mut self) {
        self.regions.begin_count();
    }

    /// The first attachment of a segment from an address on that has not been counted yet; from now on it has.
    pub(crate) fn next_uncounted_attachment(&mut self, id: c_int, from: usize) -> Option<Entry> {
        self.regions.next_uncounted_attachment(u64::from(id.cast_unsigned()), from)
    }
}
