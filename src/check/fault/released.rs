//! Accesses to what is no longer mapped.

use super::words::{Accessed, OffsetInto, Rights, note_removed};
use crate::call::Fault;
use crate::check::provenance::{note_gone, note_mapped, whole};
use crate::form::Draft;
use crate::observe::tracked;
use crate::plain::escape::Quoted;
use crate::plain::{Range, page};
use crate::track::{By, Library, ReleasedMapping, ReleasedPieces, TrackedRange};

/// Says what happened where the program has released a mapping.
pub(super) fn tell(gone: &ReleasedMapping, fault: &Fault, draft: &mut Draft) {
    let was = &gone.was;
    let (state, help) = match gone.gone.by {
        By::Shmdt if was.origin.flags & libc::SHM_REMAP != 0 => (
            "in a segment that has been detached",
            "attach the segment where nothing is mapped: what SHM_REMAP has replaced does not come back with shmdt",
        ),
        By::Shmdt => ("in a segment that has been detached", "detach the segment after its last use"),
        By::Mremap => (
            "in memory that mremap has moved away",
            "use the address that mremap returned, in all copies of the pointer",
        ),
        By::Mmap => ("in memory that MAP_FIXED has replaced", "replace the mapping after its last use"),
        _ => ("in memory that has been unmapped", "unmap the memory after its last use"),
    };
    draft.message(format_args!("{}, {state}: it was {}", Accessed(fault), OffsetInto(was, fault.address)));
    note_gone(gone, draft);
    note_what_it_was(was, draft);
    let by_mistake = matches!(gone.gone.by, By::Munmap) && takes_others(gone);
    if by_mistake {
        draft.note(format_args!(
            "that munmap has unmapped other mappings, too: if it was not meant for this one, its address or length is \
             wrong"
        ));
    }
    if by_mistake {
        draft.help(format_args!("check the address and length of that munmap; if they are meant, {help}"));
    } else {
        draft.help(format_args!("{help}"));
    }
}

/// Whether the call that released a piece has released pieces of other mappings, too.
fn takes_others(gone: &ReleasedMapping) -> bool {
    const MOST: u32 = 64;
    let taken = ReleasedPieces { release: gone.gone.release, pieces: MOST, ..ReleasedPieces::default() };
    let mut others = false;
    tracked::pieces_of(&taken, &mut |piece| others |= piece.was.origin.serial != gone.was.origin.serial);
    others
}

/// Says what happened where a mapping has gone by a call that was not seen.
pub(super) fn tell_vanished(known: &TrackedRange, fault: &Fault, draft: &mut Draft) {
    draft.message(format_args!(
        "{}, in memory that is no longer mapped: it was {}",
        Accessed(fault),
        OffsetInto(known, fault.address)
    ));
    note_what_it_was(known, draft);
    draft.note(format_args!(
        "what took it away was not seen: a raw system call, a call inside libc, or, in a forked child, MADV_DONTFORK \
         of its parent"
    ));
}

/// Says what happened where a shared object has been removed.
pub(super) fn tell_unloaded(library: &Library, fault: &Fault, draft: &mut Draft) {
    draft.message(format_args!("{}, where {} was until dlclose removed it", Accessed(fault), Quoted(library.path())));
    note_removed(library, fault.address, draft);
    draft.help(format_args!(
        "before dlclose, take back or copy what still points into the library's data; or keep it loaded with \
         RTLD_NODELETE"
    ));
}

/// Tells of a mapping that is gone: what it was, as far as that is remembered, and where it was made.
fn note_what_it_was(known: &TrackedRange, draft: &mut Draft) {
    let entry = known.entry;
    let piece = Range { start: entry.start, end: entry.end };
    let all = Range { end: page::whole_pages(known.origin.length).wrapping_add(known.origin.base), ..whole(known) };
    let what = if piece == all { "it was" } else { "this piece of it was" };
    let rights = Rights::of_known(known);
    match known.file.filter(|_| known.origin.by != By::Shmat) {
        Some(file) => draft.note(format_args!(
            "{what} at {:#x}-{:#x}, {rights}, from byte {} of the file with inode {} on device {}:{}",
            piece.start,
            piece.end,
            file.offset,
            file.inode,
            file.device >> 20,
            file.device & 0xf_ffff
        )),
        None => draft.note(format_args!("{what} at {:#x}-{:#x}, {rights}", piece.start, piece.end)),
    }
    note_mapped(known, draft);
}
