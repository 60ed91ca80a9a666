//! Observing: from a call to what the tracker is told: before a call that releases addresses, and after one that succeeded.
//!
//! Addresses leave the tracker before the kernel releases them, because another thread may own them as soon as the
//! kernel returns; when the call fails they come back.

pub(crate) mod count;
pub(crate) mod events;
mod held;
mod ipc;
pub(crate) mod keys;
pub(crate) mod libraries;
mod locks;
pub(crate) mod pending;
mod segments;
pub(crate) mod tracked;

pub(crate) use held::{ADDRESS as TRACKER_ADDRESS, after_fork, before_fork, layout, under_lock};
pub(crate) use ipc::{ipc_controlled, ipc_creates, ipc_given, ipc_used};
pub(crate) use locks::{lock_made, may_be_shared, shared_memory_at};
pub(crate) use pending::PendingRelease;

pub(crate) use segments::{
    MadeObject, attached, attaches_over, detaches, has_object, inherited_from, object_made, object_unlinked, removes,
    segment_size, shmget_succeeded,
};

use crate::call::{MAP_TYPE, Madvise, Mmap, Mprotect, Mremap};
use crate::enabled::{self, SITES};
use crate::facts::backing::device;
use crate::facts::mapping::{self, Mappings};
use crate::form::outer_frames;
use crate::plain::page::{self, page_size, page_start, whole_pages};
use crate::plain::{Outer, Range};
use crate::track::{Advised, By, File, NewMapping, Protection, Protector, Releaser, TrackedRange};
use crate::{clock, sys};
use core::ffi::c_int;
use core::mem::MaybeUninit;

/// Hands over the frames around a call site: none, unless `site_depth` (a bit of `enabled`) asks for more than the site itself.
#[inline]
fn with_outer<R>(enabled: u32, return_address: usize, tell: impl FnOnce(Option<&Outer>) -> R) -> R {
    #[cold]
    #[inline(never)]
    fn with_frames<R>(return_address: usize, tell: impl FnOnce(Option<&Outer>) -> R) -> R {
        tell(Some(&outer_frames(return_address)))
    }
    if enabled & SITES == 0 { tell(None) } else { with_frames(return_address, tell) }
}

fn releaser(by: By, return_address: usize) -> Releaser {
    Releaser { by, site: return_address, time: clock::now() }
}

/// The protection bits that are tracked.
#[inline]
fn rights(prot: c_int) -> u8 {
    u8::try_from(prot & (libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC)).unwrap_or(0)
}

/// munmap is about to be called.
#[inline]
pub(crate) fn unmaps(address: usize, length: usize, return_address: usize, enabled: u32) -> PendingRelease {
    let pages = whole_pages(length);
    // The kernel refuses these before it touches anything.
    if pages == 0 || page::page_remainder(address) != 0 || address.checked_add(pages).is_none() {
        return PendingRelease::Untracked;
    }
    with_outer(enabled, return_address, |outer| {
        pending::release(Range::new(address, pages), releaser(By::Munmap, return_address), outer)
    })
}

/// mmap with `MAP_FIXED` is about to be called.
pub(crate) fn replaces(call: &Mmap, return_address: usize) -> PendingRelease {
    let pages = whole_pages(call.length);
    if pages == 0 || page::page_remainder(call.address) != 0 || call.address.checked_add(pages).is_none() {
        return PendingRelease::Untracked;
    }
    with_outer(enabled::bits(), return_address, |outer| {
        pending::release(Range::new(call.address, pages), releaser(By::Mmap, return_address), outer)
    })
}

/// Whether all that is to be known of a mapping is in the call itself.
#[inline]
pub(crate) fn is_plain(flags: c_int) -> bool {
    const OTHERS: c_int = libc::MAP_HUGETLB | libc::MAP_FIXED;
    flags & (libc::MAP_ANONYMOUS | OTHERS) == libc::MAP_ANONYMOUS && flags & MAP_TYPE != libc::MAP_SHARED_VALIDATE
}

/// A plain mmap has succeeded. True if the kernel is to be asked how many mappings there are.
#[inline(always)]
pub(crate) fn mapped_plainly(call: &Mmap, base: usize, return_address: usize) -> bool {
    let range = Range::new(base, whole_pages(call.length));
    let count_is_due = events::mapped(range, made(call, base, return_address, Seen::NOTHING), None);
    if call.flags & libc::MAP_SHARED != 0 {
        locks::note_shared(range);
    }
    note_request(call, base);
    count_is_due
}

/// mmap has succeeded. Whether the kernel is to be asked how many mappings there are is noted ([`count::is_noted`]).
#[allow(
    clippy::inline_always,
    reason = "each frame counts on small stacks: what is looked at is gone from it afterwards"
)]
#[inline(always)]
pub(crate) fn mapped(call: &Mmap, base: usize, return_address: usize) {
    let seen = if call.flags & libc::MAP_ANONYMOUS == 0 { inspect(call) } else { Seen::NOTHING };
    mapped_as_seen(call, base, return_address, seen);
}

#[inline(never)]
fn mapped_as_seen(call: &Mmap, base: usize, return_address: usize, seen: Seen) {
    let mut range = Range::new(base, whole_pages(call.length));
    if seen.huge || call.flags & libc::MAP_HUGETLB != 0 {
        range = whole_huge_pages(range);
    }
    let made = made(call, base, return_address, seen);
    if call.flags & libc::MAP_SHARED != 0 {
        locks::note_shared(range);
    }
    if enabled::bits() & SITES == 0 {
        events::mapped(range, made, None);
    } else {
        mapped_with_frames(range, made, return_address);
    }
    note_request(call, base);
}

/// Notes the address that a mapping was asked for at, if it is not there.
#[inline(always)]
fn note_request(call: &Mmap, base: usize) {
    if call.address != 0 && call.address != base {
        events::requested(Range::new(page_start(call.address), whole_pages(call.length)), call.address, Some(base));
    }
}

#[cold]
#[inline(never)]
fn mapped_with_frames(range: Range, made: NewMapping, return_address: usize) {
    events::mapped(range, made, Some(&outer_frames(return_address)));
}

#[inline]
fn made(call: &Mmap, base: usize, return_address: usize, seen: Seen) -> NewMapping {
    NewMapping {
        by: By::Mmap,
        site: return_address,
        base,
        length: call.length,
        prot: rights(call.prot),
        flags: call.flags,
        placed: call.address == base,
        needs_check: seen.needs_check,
        file: seen.file,
        time: clock::now(),
    }
}

/// What the descriptor of a new mapping says.
#[derive(Clone, Copy)]
struct Seen {
    file: Option<File>,
    /// Whether the mapping starts past the end of the file.
    needs_check: bool,
    /// Whether the filesystem is one of huge pages.
    huge: bool,
}

impl Seen {
    const NOTHING: Seen = Seen { file: None, needs_check: false, huge: false };
}

/// Looks at the file that has been mapped. Its size counts now, after the call.
#[inline(never)]
fn inspect(call: &Mmap) -> Seen {
    let mut there = MaybeUninit::uninit();
    let Ok(there) = sys::statx_fd_into(call.fd, &mut there) else { return Seen::NOTHING };
    let offset = call.offset.cast_unsigned();
    let is_regular = u32::from(there.stx_mode) & libc::S_IFMT == libc::S_IFREG;
    // A filesystem of huge pages says so by its block size; some others have such blocks, too, and the kernel is asked.
    let huge = there.stx_blksize as usize > page_size();
    let device = device(there.stx_dev_major, there.stx_dev_minor);
    let file = File { inode: there.stx_ino, size: there.stx_size, offset, device, fd: call.fd };
    Seen { file: Some(file), needs_check: is_regular && offset >= there.stx_size, huge }
}

/// A range rounded up to the huge pages that the kernel says it has.
#[cold]
#[inline(never)]
fn whole_huge_pages(range: Range) -> Range {
    let page = Mappings::open().and_then(|mappings| mappings.page_size_at(range.start));
    let length = page.and_then(|page| range.length().checked_next_multiple_of(page));
    length.map_or(range, |length| Range::new(range.start, length))
}

/// mremap is about to be called: what it takes from the old place, and what it replaces at a fixed new one.
pub(crate) struct Remap {
    old: PendingRelease,
    target: PendingRelease,
    /// Whether the old range has holes, which leave the target as it is (Linux 6.17).
    holes: bool,
}

impl Remap {
    /// Both releases.
    pub(crate) fn releases(&self) -> [&PendingRelease; 2] {
        [&self.old, &self.target]
    }
}

/// mremap is about to be called.
#[inline]
pub(crate) fn remaps(call: &Mremap, return_address: usize) -> Remap {
    let (old, new) = (whole_pages(call.old_size), whole_pages(call.new_size));
    let mut remap = Remap { old: PendingRelease::Untracked, target: PendingRelease::Untracked, holes: false };
    let by = releaser(By::Mremap, return_address);
    let release = |range: Range| {
        with_outer(enabled::bits(), return_address, |outer| pending::release_for_mremap(range, by, outer))
    };
    if page::page_remainder(call.old_address) != 0 || new == 0 {
        return remap;
    }
    if call.flags & libc::MREMAP_FIXED != 0 && page::page_remainder(call.new_address) == 0 {
        remap.target = release(Range::new(call.new_address, new));
    } else if new < old {
        // It shrinks in place: the tail goes.
        let tail = Range { start: call.old_address.saturating_add(new), end: call.old_address.saturating_add(old) };
        remap.target = release(tail);
        return remap;
    }
    let range = Range::new(call.old_address, old);
    if call.flags & Mremap::DONTUNMAP != 0 {
        remap.holes = has_holes(range);
    } else if old != 0 {
        remap.old = release(range);
        remap.holes = remap.old.taken().is_none_or(|taken| !taken.contiguous) && has_holes(range);
    }
    remap
}

#[cold]
fn has_holes(range: Range) -> bool {
    matches!(mapping::coverage(range.start, range.end), mapping::Coverage::Hole(_))
}

/// mremap has succeeded.
pub(crate) fn remapped(remap: &Remap, call: &Mremap, base: usize, return_address: usize) {
    let old = Range::new(call.old_address, whole_pages(call.old_size));
    let new = Range::new(base, whole_pages(call.new_size));
    locks::note_shared(new);
    let fixed = call.flags & libc::MREMAP_FIXED != 0;
    let made = moved_to(base, call.new_size, fixed, return_address);
    if !fixed && new.length() < old.length() {
        remap.target.commit();
        events::shrunk(old.start, call.new_size);
        return;
    }
    if remap.holes {
        remap.target.rollback();
    } else {
        remap.target.commit();
    }
    if call.flags & Mremap::DONTUNMAP != 0 || old.length() == 0 {
        with_outer(enabled::bits(), return_address, |outer| events::duplicated(old, new, &made, outer));
    } else {
        with_outer(enabled::bits(), return_address, |outer| events::moved(&remap.old, old, new, &made, outer));
    }
}

/// mremap has failed. With `MREMAP_FIXED` the kernel may have cleared the target all the same; and a move of several
/// mappings (Linux 6.17) ends at the first that can't be moved, with those before it moved.
#[cold]
pub(crate) fn not_remapped(remap: &Remap, call: &Mremap, return_address: usize) {
    remap.target.rollback();
    remap.old.rollback();
    if call.flags & libc::MREMAP_FIXED == 0 {
        return;
    }
    let old = Range::new(call.old_address, whole_pages(call.old_size));
    let new = Range::new(call.new_address, whole_pages(call.new_size));
    forget_holes(new);
    if new.length() == old.length() && new.length() > 0 && page::page_remainder(call.new_address) == 0 {
        adopt_moved(call, old, new, return_address);
    }
    forget_holes(old);
}

/// Finds what a move that ended half-way has moved: with `MREMAP_DONTUNMAP` by what is new in the target, else by what
/// is gone from the old range.
fn adopt_moved(call: &Mremap, old: Range, new: Range, return_address: usize) {
    let Some(mappings) = Mappings::open() else { return };
    if call.flags & Mremap::DONTUNMAP != 0 {
        let overlap = old.start < new.end && new.start < old.end;
        if !overlap && mappings.at(old.start).is_some_and(|there| there.end < old.end) {
            adopt(new, true, return_address);
        }
        return;
    }
    let shifted = |at: usize| at.wrapping_sub(old.start).wrapping_add(new.start);
    let mut at = old.start;
    while let Some(known) = tracked::at_or_after(at).filter(|known| at < old.end && known.entry.start < old.end) {
        let start = known.entry.start.max(at);
        let end = known.entry.end.min(old.end);
        at = match mappings.at_or_after(start) {
            Some(there) if there.start <= start => there.end.min(end),
            there => {
                let gone = there.map_or(end, |there| there.start.min(end));
                adopt(Range { start: shifted(start), end: shifted(gone) }, false, return_address);
                gone
            }
        };
    }
}

/// Takes what the kernel has in a range for mapped by a call of mremap that ended half-way. With `doubtful`, which
/// `MREMAP_DONTUNMAP` leaves it, what looks as it did before stays what it was.
fn adopt(range: Range, doubtful: bool, return_address: usize) {
    let Some(mappings) = Mappings::open() else { return };
    let mut at = range.start;
    while let Some(there) = mappings.at_or_after(at).filter(|there| at < range.end && there.start < range.end) {
        let start = there.start.max(at);
        let known = tracked::at_or_after(start).filter(|known| known.entry.start < there.end);
        let as_before = |known: &TrackedRange| {
            known.entry.start <= start
                && known.entry.prot == there.prot()
                && known.file.map_or(0, |file| file.inode) == there.inode
        };
        // As far as one thing is known of it.
        let end = known.map_or(there.end, |known| {
            if known.entry.start > start { known.entry.start } else { known.entry.end.min(there.end) }
        });
        let piece = Range { start, end: end.min(range.end) };
        at = piece.end;
        if !doubtful || !known.as_ref().is_some_and(as_before) {
            let made = NewMapping { prot: there.prot(), ..moved_to(piece.start, piece.length(), true, return_address) };
            events::mapped(piece, made, None);
        }
    }
}

/// What mremap makes of memory of which nothing is known.
fn moved_to(base: usize, length: usize, placed: bool, return_address: usize) -> NewMapping {
    NewMapping {
        by: By::Mremap,
        site: return_address,
        base,
        length,
        prot: rights(libc::PROT_READ | libc::PROT_WRITE),
        flags: 0,
        placed,
        needs_check: false,
        file: None,
        time: clock::now(),
    }
}

/// mmap with `MAP_FIXED` has failed. The kernel may have cleared the range all the same.
#[cold]
pub(crate) fn not_replaced(pending: &PendingRelease, call: &Mmap) {
    pending.rollback();
    if pending.may_have_taken() {
        forget_holes(Range::new(call.address, whole_pages(call.length)));
    }
}

/// Forgets what the kernel says is not mapped.
fn forget_holes(range: Range) {
    let Some(mappings) = Mappings::open() else { return };
    let mut at = range.start;
    while at < range.end {
        match mappings.at_or_after(at) {
            Some(there) if there.start <= at => at = there.end,
            there => {
                let end = there.map_or(range.end, |there| there.start.min(range.end));
                events::forget(Range { start: at, end });
                at = end;
            }
        }
    }
}

/// mprotect or `pkey_mprotect` has succeeded: where the next mapping starts that it runs into, and takes access away from.
#[inline]
pub(crate) fn protected(call: &Mprotect, by: Protector, return_address: usize) -> Option<usize> {
    // PROT_GROWSDOWN reaches down to the start of the mapping: the stack, which is not tracked.
    let range = Range::new(call.address, call.length);
    let (site, has_failed) = (return_address, false);
    events::protected(&Protection { range, site, prot: rights(call.prot), by, has_failed, after: 0 })
}

/// One of them has failed, perhaps half-way: the kernel says what it has done. Memory that had this protection before, or has
/// another one now, is not its doing.
#[cold]
pub(crate) fn not_protected(call: &Mprotect, by: Protector, return_address: usize) {
    /// Mappings that are looked at; a larger range keeps what was known.
    const MOST: usize = 256;
    let (range, asked) = (Range::new(call.address, whole_pages(call.length)), rights(call.prot));
    let Some(mappings) = Mappings::open() else { return };
    let mut at = range.start;
    for _ in 0..MOST {
        // The kernel goes upwards, and stops where nothing is mapped.
        let Some(there) = mappings.at_or_after(at).filter(|there| there.start <= at && at < range.end) else { return };
        let piece = Range { start: there.start.max(range.start), end: there.end.min(range.end) };
        let (site, has_failed) = (return_address, true);
        if there.prot() == asked {
            events::protected(&Protection { range: piece, site, prot: asked, by, has_failed, after: 0 });
        }
        at = there.end;
    }
}

/// madvise has advised a range, as far as it is mapped.
pub(crate) fn advised(call: &Madvise, return_address: usize) {
    let done = call.advice().and_then(Advised::of).filter(|_| call.length > 0);
    if let Some(done) = done {
        events::advised(Range::new(call.address, call.length), done, return_address);
    }
}

/// Hands over what a release took, piece by piece.
#[cold]
#[inline(never)]
pub(crate) fn released_by(pending: &PendingRelease, mut each: impl FnMut(Range)) {
    let Some(taken) = pending.taken() else { return };
    tracked::pieces_of(taken, &mut |gone| each(Range { start: gone.gone.entry.start, end: gone.gone.entry.end }));
}
