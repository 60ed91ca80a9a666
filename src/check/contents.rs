//! What is written in memory that is about to go (`harden=tail`, `harden=private`): past what was asked for, past the end
//! of the file, or into a copy that nobody keeps.

use super::ByteCount;
use super::memory::{ShownMapping, mapping_at};
use super::provenance::{MappingCall, note_mapped};
use crate::call::Outcome;
use crate::enabled::{self, PRIVATE, TAIL};
use crate::facts::backing::{Backing, FileId};
use crate::facts::mapping::Mapping;
use crate::facts::pagemap;
use crate::finding::Report;
use crate::form::Draft;
use crate::observe::{self, tracked};
use crate::plain::Range;
use crate::plain::page::page_size;
use crate::sys;
use crate::track::{By, File, ReleasedPieces, TrackedRange};
use core::fmt;
use mapsan_model::{Rule, Severity};

/// Bytes that are not zero where all should be.
pub(super) struct Written {
    /// Addresses of the first and the last of them.
    pub(super) first: usize,
    last: usize,
    pub(super) count: usize,
}

/// Looks for bytes that are not zero; `None` if there are none, or the range can't be read.
pub(super) fn written(range: Range) -> Option<Written> {
    let mut found: Option<Written> = None;
    let mut at = range.start;
    while at < range.end {
        let mut bytes = [0_u8; 256];
        let chunk = bytes.get_mut(..range.end.wrapping_sub(at).min(256))?;
        let read = sys::read_memory(at, chunk).ok().filter(|read| *read > 0)?;
        for (index, _) in chunk.iter().take(read).enumerate().filter(|(_, byte)| **byte != 0) {
            let address = at.wrapping_add(index);
            let found = found.get_or_insert(Written { first: address, last: address, count: 0 });
            (found.last, found.count) = (address, found.count.wrapping_add(1));
        }
        at = at.wrapping_add(read);
    }
    found
}

/// What lies past the end of a mapping, in its last page, and was written.
#[derive(Clone, Copy)]
pub(crate) enum PastEnd {
    /// The mapping has as many bytes as were asked for.
    Requested(usize),
    /// The file has as many bytes now.
    File(u64),
}

/// Looks at one piece in any mode: whether bytes past its end are not zero.
pub(crate) fn past_end(known: &TrackedRange) -> Option<PastEnd> {
    // What mremap has made shorter holds what was inside before.
    if known.origin.tail_unreliable || known.origin.by == By::Mremap {
        return None;
    }
    if tail(known).and_then(written).is_some() {
        return Some(PastEnd::Requested(known.origin.length));
    }
    let (tail, size, _) = file_tail(known)?;
    written(tail).map(|_| PastEnd::File(size))
}

/// Looks at what a call is about to release; whether something was found in a tail.
pub(crate) fn inspect_taken(taken: &ReleasedPieces, report: &Report<'_>) -> bool {
    let mut found = false;
    tracked::pieces_of(taken, &mut |gone| found |= look(&gone.was, report));
    found
}

/// Looks at everything that is mapped, at exit.
pub(crate) fn inspect_all() {
    let mut at = 0;
    while let Some(known) = tracked::at_or_after(at) {
        at = known.entry.end;
        if !tracked::is_own(known.origin.generation) {
            continue;
        }
        let call = MappingCall(&known);
        let outcome = Outcome::Succeeded(known.origin.base.cast_signed());
        let earlier = Some(&known.outer);
        look(&known, &Report { call: &call, outcome, return_address: known.origin.site, earlier });
    }
}

/// A file has been mapped: bytes that lie past its end already are not the program's.
#[cold]
#[inline(never)]
pub(crate) fn inspect_new(base: usize) {
    if let Some(known) = tracked::at(base)
        && let Some((tail, ..)) = file_tail(&known)
        && written(tail).is_some()
    {
        observe::events::mark_tail_unreliable(base);
    }
}

/// Looks at one piece; whether something was found in a tail.
fn look(known: &TrackedRange, report: &Report<'_>) -> bool {
    let enabled = enabled::bits();
    if enabled & PRIVATE != 0 {
        inspect_private(known, report);
    }
    enabled & TAIL != 0
        && !known.origin.tail_unreliable
        && (inspect_tail(known, report) || inspect_file_tail(known, report))
}

/// The bytes between what was asked for and the end of the last page, where all of them were zero once: in anonymous
/// memory, and in segments that this process has made.
fn tail(known: &TrackedRange) -> Option<Range> {
    let origin = &known.origin;
    let fresh = match (origin.by, known.file) {
        (By::Shmat, Some(file)) => tracked::has_made_segment(i32::try_from(file.inode).ok()?),
        (_, file) => file.is_none() && known.origin.flags & libc::MAP_ANONYMOUS != 0,
    };
    let tail = Range { start: origin.base.wrapping_add(origin.length), end: known.entry.end };
    // Of a piece that does not hold the end there is no tail.
    (fresh && tail.start < tail.end && tail.start >= known.entry.start && tail.length() < longest_page(known))
        .then_some(tail)
}

/// The size of the pages, or of the largest huge page that the mapping may have, in bytes.
fn longest_page(known: &TrackedRange) -> usize {
    if known.origin.flags & libc::MAP_HUGETLB == 0 { page_size() } else { 1 << 30 }
}

fn inspect_tail(known: &TrackedRange, report: &Report<'_>) -> bool {
    let Some(found) = tail(known).and_then(written) else { return false };
    report.finding(Rule::OverflowTail, Severity::Error, |draft| {
        let TrackedRange { origin, .. } = known;
        let span =
            WrittenBytes(found.first.wrapping_sub(origin.base) as u64, found.last.wrapping_sub(origin.base) as u64);
        let what = if origin.by == By::Shmat { "segment" } else { "mapping" };
        draft.message(format_args!(
            "{span} of a {what} of {} bytes: {} past its end",
            origin.length,
            ByteCount(found.count as u64)
        ));
        note_memory(known, draft);
        draft.note(format_args!(
            "memory comes in pages, so this does no harm today; where the length is a multiple of the page size, it \
             faults or overwrites what lies behind"
        ));
        draft.note(format_args!(
            "bytes that were set to zero are not seen; harden=guard makes a write past the page fault"
        ));
        draft.help(format_args!("ask for as many bytes as are written, or check the index against the length"));
    });
    true
}

/// The bytes past the end of a file in its last page, and the file's size, where this is a shared, writable mapping of it.
fn file_tail(known: &TrackedRange) -> Option<(Range, u64, File)> {
    let file = known.file.filter(|_| known.origin.by != By::Shmat)?;
    let shared = known.origin.flags & libc::MAP_TYPE != libc::MAP_PRIVATE;
    let writable = (known.entry.prot | known.origin.prot) & 2 != 0;
    if !shared || !writable {
        return None;
    }
    let there = mapping_at(known.entry.start).filter(Mapping::is_shared)?;
    let size = Backing::find(FileId { device: file.device, inode: file.inode }, file.fd, Some(&there))?.size()?;
    let ahead = usize::try_from(size.checked_sub(there.offset)?).ok()?;
    let end = there.start.checked_add(ahead)?;
    let tail = Range { start: end, end: crate::plain::page::whole_pages(end) };
    let inside = known.entry.start <= tail.start && tail.end <= known.entry.end && tail.start < tail.end;
    inside.then_some((tail, size, file))
}

fn inspect_file_tail(known: &TrackedRange, report: &Report<'_>) -> bool {
    let Some(first) = file_tail(known) else { return false };
    if written(first.0).is_none() {
        return false;
    }
    // write(2) fills the page before it moves the end of the file: what is still past it a moment later is lost.
    sys::sleep_a_moment();
    let Some((tail, size, file)) = file_tail(known).filter(|second| second.1 == first.1) else { return false };
    let Some(found) = written(tail) else { return false };
    report.finding(Rule::LostWrite, Severity::Error, |draft| {
        let into = |address: usize| size.wrapping_add(address.wrapping_sub(tail.start) as u64);
        draft.message(format_args!(
            "{} past the end of a file of {size} bytes: {} that never reach it",
            WrittenBytes(into(found.first), into(found.last)),
            ByteCount(found.count as u64)
        ));
        note_memory(known, draft);
        draft.note(format_args!(
            "the file had {} bytes when it was mapped; a mapping never makes a file longer",
            file.size
        ));
        draft.help(format_args!("give the file its length before it is written: ftruncate(fd, length)"));
    });
    true
}

fn inspect_private(known: &TrackedRange, report: &Report<'_>) {
    let private = known.origin.flags & libc::MAP_TYPE == libc::MAP_PRIVATE;
    let has_file = known.file.is_some() && known.origin.by != By::Shmat;
    if !private || !has_file || (known.entry.prot | known.origin.prot) & 2 == 0 {
        return;
    }
    let Some(pages) = pagemap::private_pages(known.entry.start, known.entry.end).filter(|pages| *pages > 0) else {
        return;
    };
    report.finding(Rule::PrivateWriteDiscarded, Severity::Note, |draft| {
        let (page, length) = (page_size(), known.entry.end.wrapping_sub(known.entry.start));
        let all = length.checked_div(page).unwrap_or(0);
        draft.message(format_args!(
            "{pages} of {all} pages of a private file mapping were modified: what was written is dropped with it"
        ));
        draft.note(format_args!("the file stays as it is; a page has {page} bytes"));
        note_memory(known, draft);
        draft.help(format_args!("map with MAP_SHARED what is to reach the file"));
    });
}

fn note_memory(known: &TrackedRange, draft: &mut Draft) {
    if let Some(there) = mapping_at(known.entry.start) {
        draft.mapping(&there);
        draft.note(format_args!("the mapping: {}", ShownMapping(&there)));
    }
    note_mapped(known, draft);
}

/// Shows which bytes were written, the first and the last.
struct WrittenBytes(u64, u64);

impl fmt::Display for WrittenBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WrittenBytes(first, last) if first == last => write!(f, "write to byte {first}"),
            WrittenBytes(first, last) => write!(f, "writes to bytes {first} to {last}"),
        }
    }
}
