//! The address of a pointer where the pointer is meant: `munmap(&p, length)`, `shmdt(&p)`.

use super::provenance::note_mapped;
use crate::form::Draft;
use crate::observe::tracked;
use crate::sys;
use crate::track::TrackedRange;

/// The mapping to whose start a pointer is stored at an address that is no mapping's itself.
pub(super) fn mapping_stored_at(address: usize) -> Option<TrackedRange> {
    let mut word = [0_u8; size_of::<usize>()];
    if !address.is_multiple_of(word.len()) || tracked::at(address).is_some() || !sys::memory::fill(address, &mut word) {
        return None;
    }
    let stored = usize::from_ne_bytes(word);
    tracked::at(stored).filter(|known| known.origin.base == stored)
}

/// Tells of a call that got the address of a pointer in place of the pointer; whether it did.
pub(super) fn tell_address_of_pointer(function: &str, address: usize, draft: &mut Draft) -> bool {
    let Some(known) = mapping_stored_at(address) else { return false };
    draft.message(format_args!(
        "{function} got the address of a pointer, {address:#x}, and not the pointer, {:#x}",
        known.origin.base
    ));
    note_mapped(&known, draft);
    draft.note(format_args!(
        "the pointer that is stored at {address:#x} is the one that {} returned",
        known.origin.by.function()
    ));
    draft.help(format_args!("pass the pointer itself: p, not &p"));
    true
}
