//! Mappings that start at or past the end of their file: legal, and useless until the file grows. Asked when they are
//! released, and at exit.

use super::memory::{self, FileName};
use super::provenance::{MappingCall, note_gone};
use crate::call::Outcome;
use crate::facts::backing::{Backing, FileId};
use crate::finding::Report;
use crate::observe::tracked;
use crate::plain::Range;
use crate::sys;
use crate::track::{By, File, ReleasedMapping, ReleasedPieces, TrackedRange};
use mapsan_model::{Rule, Severity};

/// Looks at the mappings that a release takes.
pub(super) fn inspect_taken(range: Range, taken: &ReleasedPieces) {
    let mut at = range.start;
    for _ in 0..taken.pieces {
        let gone = tracked::last_gone(at).filter(|gone| gone.gone.release == taken.release);
        let Some(gone) = gone else { return };
        at = gone.gone.entry.end;
        if gone.gone.entry.needs_check && gone.gone.entry.start == gone.was.origin.base {
            still_empty(&gone.was, Some(&gone));
        }
    }
}

/// Looks at everything that is mapped, at exit.
pub(crate) fn inspect_all() {
    let mut at = 0;
    while let Some(known) = tracked::next_own_to_check(at) {
        at = known.entry.end;
        if known.origin.by != By::Shmat {
            still_empty(&known, None);
        }
    }
}

/// Makes the finding about a mapping that is unmapped now, or at exit; `gone` says where.
fn still_empty(known: &TrackedRange, gone: Option<&ReleasedMapping>) {
    let Some(file) = known.file.filter(|file| file.fd >= 0) else { return };
    let Some(now) = size_now(known, &file) else { return };
    let value = known.origin.base.cast_signed();
    let call = MappingCall(known);
    let report = Report {
        call: &call,
        outcome: Outcome::Succeeded(value),
        return_address: known.origin.site,
        earlier: Some(&known.outer),
    };
    report.finding(Rule::MmapEmptyFile, Severity::Note, |draft| {
        let mapping = memory::mapping_at(known.entry.start);
        let name = mapping.as_ref().map_or(&b""[..], |mapping| mapping.name());
        let File { offset, size, .. } = file;
        draft.message(format_args!(
            "the mapping starts at byte {offset} of a file that had {size} bytes then: any access raises SIGBUS"
        ));
        match now {
            SizeNow::Known(size) => draft.note(format_args!("{} has {size} bytes now", FileName(name))),
            SizeNow::StillPast => draft.note(format_args!("{} still ends before it", FileName(name))),
        }
        match gone {
            Some(gone) => note_gone(gone, draft),
            None => draft.note(format_args!("it is still mapped at exit")),
        }
        if offset == 0 {
            draft.help(format_args!("give the file its length first: ftruncate(fd, length), then mmap"));
        } else {
            draft.help(format_args!("check the offset, or make the file longer first (ftruncate)"));
        }
    });
}

/// The size of a mapped file now, in bytes.
enum SizeNow {
    Known(u64),
    /// It could not be looked at; the first page of the mapping is still past its end.
    StillPast,
}

/// The file's size now, if the mapping still starts at or past its end.
fn size_now(known: &TrackedRange, file: &File) -> Option<SizeNow> {
    let identity = FileId { device: file.device, inode: file.inode };
    let there = memory::mapping_at(known.entry.start);
    if let Some(size) = Backing::find(identity, file.fd, there.as_ref()).and_then(|backing| backing.size()) {
        return (file.offset >= size).then_some(SizeNow::Known(size));
    }
    // Unlinked and closed: reading the first byte tells, without a fault.
    let readable = i32::from(known.entry.prot) & libc::PROT_READ != 0;
    let answer = sys::read_memory(known.entry.start, &mut [0_u8; 1]);
    (readable && answer == Err(libc::EFAULT)).then_some(SizeNow::StillPast)
}
