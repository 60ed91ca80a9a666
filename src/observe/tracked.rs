//! What the tracker answers. Nothing is known where its lock can't be had, or nothing is tracked.

use super::held::{Tracker, under_lock};
use crate::plain::Range;
use crate::track::{
    Advice, Advised, Entry, LeakSite, Library, MetSegment, Object, ObjectCreation, Protection, ReleasedMapping,
    ReleasedPieces, TrackedRange,
};
use core::ffi::c_int;

// ---- what is mapped, and was ----

/// The most that is remembered of one address.
pub(crate) fn at(address: usize) -> Option<TrackedRange> {
    under_lock(|tracker| tracker.regions().tracked_at(address))?
}

/// As [`at`], or else of the next range above.
pub(crate) fn at_or_after(address: usize) -> Option<TrackedRange> {
    under_lock(|tracker| tracker.regions().tracked_at_or_after(address))?
}

/// Where a change of protection would run out of one mapping into a part of the next one, and take access away from both:
/// the start of that next one.
pub(crate) fn runs_over(range: Range, prot: u8) -> Option<usize> {
    under_lock(|tracker| tracker.regions().runs_over(range, prot))?
}

/// The last mapping that ends at or below an address, and the first that starts above it.
pub(crate) fn neighbours(address: usize) -> (Option<TrackedRange>, Option<TrackedRange>) {
    under_lock(|tracker| tracker.regions().neighbours(address)).unwrap_or((None, None))
}

/// The newest live mapping that was asked for where an address is, and lies elsewhere.
pub(crate) fn meant_to_hold(address: usize) -> Option<TrackedRange> {
    under_lock(|tracker| tracker.regions().meant_to_hold(address))?
}

/// How many bytes are left of what the call has mapped that made a range.
pub(crate) fn left_of(entry: &Entry) -> usize {
    under_lock(|tracker| tracker.regions().left_of(entry)).unwrap_or(0)
}

/// The first range from an address on that this process has mapped or attached itself.
pub(crate) fn next_own(from: usize) -> Option<TrackedRange> {
    under_lock(|tracker| tracker.regions().next_own(from))?
}

/// As [`next_own`], of those that need a look: a segment, or a mapping past the end of its file.
pub(crate) fn next_own_to_check(from: usize) -> Option<TrackedRange> {
    under_lock(|tracker| tracker.regions().next_own_to_check(from))?
}

/// The largest size that a file is known to have had since a call that maps, in bytes: at each mapping of it, alive or gone.
pub(crate) fn largest_size(device: u32, inode: u64, since: u32) -> Option<u64> {
    under_lock(|tracker| tracker.regions().largest_size(device, inode, since))?
}

/// Where what is mapped at an address, by a call with this number if it is tracked, was given this protection by mprotect.
pub(crate) fn protection(address: usize, prot: u8, since: Option<u32>) -> Option<Protection> {
    under_lock(|tracker| tracker.protection(address, prot, since))?
}

/// The call of madvise that has done this to what is mapped at an address, by a call with this number if it is tracked.
pub(crate) fn advice(address: usize, done: Advised, since: Option<u32>) -> Option<Advice> {
    under_lock(|tracker| tracker.advice(address, done, since))?
}

/// The last release of the memory at an address.
pub(crate) fn last_gone(address: usize) -> Option<ReleasedMapping> {
    under_lock(|tracker| tracker.regions().last_gone(address))?
}

/// The last release of a part of what the call has mapped that made a range.
pub(crate) fn last_gone_of(entry: &Entry) -> Option<ReleasedMapping> {
    under_lock(|tracker| tracker.regions().last_gone_of(entry))?
}

/// The pieces that a release took, lowest first.
pub(crate) fn pieces_of(taken: &ReleasedPieces, each: &mut dyn FnMut(&ReleasedMapping)) {
    let mut from = 0;
    for _ in 0..taken.pieces {
        let next = under_lock(|tracker| tracker.regions().next_piece(taken.release, from));
        let Some(piece) = next.flatten() else { return };
        from = piece.gone.entry.end;
        each(&piece);
    }
}

/// Whether a mapping that is remembered, and was made before call number `serial`, held the whole range; also where that is
/// not known.
pub(crate) fn was_one(range: Range, serial: u32) -> bool {
    under_lock(|tracker| tracker.regions().was_one(range, serial)).unwrap_or(true)
}

/// Whether something is mapped in a range, or was, as far as that is remembered.
pub(crate) fn holds_or_held(range: Range) -> bool {
    under_lock(|tracker| tracker.regions().holds_or_held(range)).unwrap_or(false)
}

/// Whether releases in a range may have been forgotten.
pub(crate) fn may_have_forgotten(range: Range) -> bool {
    under_lock(|tracker| tracker.regions().may_have_forgotten(range)).unwrap_or(true)
}

/// Whether a call may have returned an address, or been asked for it: also where that is not known.
pub(crate) fn may_have_returned(address: usize) -> bool {
    under_lock(|tracker| tracker.regions().may_have_returned(address)).unwrap_or(true)
}

/// The shared object that was at an address until dlclose removed it.
pub(crate) fn removed_library(address: usize) -> Option<Library> {
    under_lock(|tracker| tracker.libraries().removed_at(address))?
}

// ---- this process ----

/// Whether what was made in this generation was made by this process, not by one that forked it.
pub(crate) fn is_own(generation: u8) -> bool {
    under_lock(|tracker| tracker.is_own(generation)).unwrap_or(false)
}

/// Whether there is nothing to tell when this process ends, as far as is known.
pub(crate) fn has_nothing_to_tell() -> bool {
    under_lock(|tracker| !tracker.has_something_to_tell()).unwrap_or(false)
}

/// How many mappings this process has made and released (modulo 2^32).
pub(crate) fn changes() -> u32 {
    under_lock(|tracker| tracker.changes()).unwrap_or(0)
}

/// Whether this process has made or met segments or objects.
pub(crate) fn has_met_others() -> bool {
    under_lock(|tracker| tracker.has_met_others()).unwrap_or(false)
}

/// Begins to count live mappings by the call that made them.
pub(crate) fn begin_leak_count() {
    under_lock(Tracker::begin_leak_count);
}

/// Counts a piece of what this process has mapped or attached itself, of which so many bytes are there.
pub(crate) fn count_leak(entry: &Entry, bytes: usize) {
    under_lock(|tracker| tracker.count_leak(entry, bytes));
}

/// The calls in the order of their first mappings, one at a time: the one after serial number `after`, with that first
/// mapping.
pub(crate) fn next_leak_site(after: Option<u32>) -> Option<(LeakSite, TrackedRange, u32)> {
    under_lock(|tracker| tracker.next_leak_site(after))?
}

// ---- segments ----

/// What is known of a segment.
pub(crate) fn segment(id: c_int) -> Option<MetSegment> {
    under_lock(|tracker| tracker.segments().get(id).copied())?
}

/// The size of a segment; 0 if it is not known.
pub(crate) fn segment_size(id: c_int) -> usize {
    segment(id).map_or(0, |segment| segment.size)
}

/// Whether this process has made a segment.
pub(crate) fn has_made_segment(id: c_int) -> bool {
    under_lock(|tracker| tracker.has_made_segment(id)).unwrap_or(false)
}

/// Whether a segment that this process has met has, or had, this key.
pub(crate) fn has_segment_with_key(key: c_int) -> bool {
    under_lock(|tracker| tracker.segments().has_key(key)).unwrap_or(false)
}

/// Where this process has removed the segment with this key.
pub(crate) fn segment_removed_with_key(key: c_int) -> Option<usize> {
    under_lock(|tracker| tracker.segments().removed_with_key(key))?
}

/// Marks those of the segments made by this process, and not removed by it, of which `is_left` says that they are there to
/// be told of.
pub(crate) fn mark_left_segments(is_left: impl Fn(&MetSegment) -> bool) {
    under_lock(|tracker| tracker.segments().leave_none());
    let mut from = 0;
    while let Some((segment, next)) = under_lock(|tracker| tracker.segments().next(from)).flatten() {
        from = next;
        let is_kept = segment.is_created() && is_own(segment.generation) && segment.removed_at().is_none();
        if is_kept && is_left(&segment) {
            under_lock(|tracker| tracker.segments().leave(segment.id));
        }
    }
}

/// The segment that is left with the next higher id, of all or of one call site.
pub(crate) fn next_left_segment(after: Option<c_int>, site: Option<usize>) -> Option<MetSegment> {
    under_lock(|tracker| tracker.segments().next_left(after, site))?
}

/// How many segments are left of a call site, if that is known.
pub(crate) fn count_left_segments(site: usize) -> Option<usize> {
    under_lock(|tracker| tracker.segments().count_left(site))
}

/// Begins to count attachments.
pub(crate) fn begin_attachment_count() {
    under_lock(Tracker::begin_attachment_count);
}

/// The first attachment of a segment from an address on that has not been counted yet; from now on it has.
pub(crate) fn next_uncounted_attachment(id: c_int, from: usize) -> Option<Entry> {
    under_lock(|tracker| tracker.next_uncounted_attachment(id, from))?
}

// ---- objects ----

/// How the object of this name was made, if this process made it, or one that forked it.
pub(crate) fn object_creation(name: &[u8]) -> Option<ObjectCreation> {
    under_lock(|tracker| tracker.objects().creation(name))?
}

/// Marks those of the objects made by this process of which `is_left` says that they are there to be told of.
pub(crate) fn mark_left_objects(is_left: impl Fn(&Object) -> bool) {
    under_lock(|tracker| tracker.objects().leave_none());
    let mut from = 0;
    while let Some((object, next)) = under_lock(|tracker| tracker.objects().next(from)).flatten() {
        from = next;
        if is_own(object.creation.generation) && is_left(&object) {
            under_lock(|tracker| tracker.objects().leave(object.name()));
        }
    }
}

/// The next object that is left, of all or of one call site, from a place of the table on, and the place after it.
pub(crate) fn next_left_object(from: usize, site: Option<usize>) -> Option<(Object, usize)> {
    under_lock(|tracker| tracker.objects().next_left(from, site))?
}

/// How many objects are left of a call site, if that is known.
pub(crate) fn count_left_objects(site: usize) -> Option<usize> {
    under_lock(|tracker| tracker.objects().count_left(site))
}
