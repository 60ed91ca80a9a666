//! Anonymous memory in the place of a part of a shared file mapping: the rest of that stays an alias of the file, and it does not.

use crate::call::{MAP_TYPE, Mmap};
use crate::check::memory::{FileName, mapping_at};
use crate::check::provenance::note_mapped;
use crate::check::releases::{Loss, LossKind, Search};
use crate::finding::Report;
use crate::observe::tracked;
use crate::options;
use crate::sys::Errno;
use crate::track::{By, ReleasedMapping, ReleasedPieces, TrackedRange};
use core::ffi::c_int;
use mapsan_model::{Rule, Severity};

impl Mmap {
    /// The loss, if that is what the call does.
    pub(super) fn replaces_view(&self, search: &Search<'_>) -> Option<Loss> {
        let is_asked = options::is_on(Rule::MmapViewReplaced) && self.flags & libc::MAP_ANONYMOUS != 0;
        let view = is_asked.then(|| first_view(search.taken))??;
        let there = mapping_at(view.gone.entry.start);
        Some(Loss { there, ..search.loss(LossKind::View) })
    }
}

/// The first piece that a release has taken out of such a mapping.
fn first_view(taken: &ReleasedPieces) -> Option<ReleasedMapping> {
    let mut first = None;
    tracked::pieces_of(taken, &mut |piece| {
        if first.is_none() && is_view(&piece.was) && tracked::left_of(&piece.gone.entry) > 0 {
            first = Some(*piece);
        }
    });
    first
}

/// Whether a mapping shares a file, and can be written.
fn is_view(known: &TrackedRange) -> bool {
    let is_shared = matches!(known.origin.flags & MAP_TYPE, libc::MAP_SHARED | libc::MAP_SHARED_VALIDATE);
    let is_writable = c_int::from(known.entry.prot) & libc::PROT_WRITE != 0;
    known.file.is_some() && known.origin.by != By::Shmat && is_shared && is_writable
}

/// Tells of it.
pub(super) fn tell(loss: &Loss, taken: &ReleasedPieces, report: &Report<'_>) -> Option<Errno> {
    report.offence(Rule::MmapViewReplaced, Severity::Note, |draft| {
        let Some(view) = first_view(taken) else { return };
        let entry = view.gone.entry;
        let name = loss.there.as_ref().map_or(&b""[..], |there| there.name());
        draft.message(format_args!(
            "anonymous memory replaces {} of the {} bytes of a shared mapping of {}",
            entry.end.saturating_sub(entry.start),
            view.was.origin.length,
            FileName(name)
        ));
        note_mapped(&view.was, draft);
        draft.note(format_args!("what is written there from now on reaches neither the file nor other mappings of it"));
        let offset = view
            .was
            .file
            .map_or(0, |file| file.offset.saturating_add(entry.start.saturating_sub(view.was.origin.base) as u64));
        draft.help(format_args!(
            "to clear the pages and keep them shared, write zeroes; to change the mapping, map the file there \
             (MAP_FIXED, offset {offset})"
        ));
    })
}
