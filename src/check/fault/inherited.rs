//! Accesses of a forked child to memory that `MADV_DONTFORK` has kept back from it.

use super::words::{Accessed, OffsetInto};
use crate::call::Fault;
use crate::check::provenance::{note_advised, note_last_page, note_mapped};
use crate::facts::mapping;
use crate::form::Draft;
use crate::observe::tracked;
use crate::plain::page::page_remainder;
use crate::sys::process;
use crate::track::{Advice, Advised, ReleasedMapping, TrackedRange};

/// The call of madvise that has kept back memory which the program has not mapped by a call that was seen, as malloc's: if the
/// parent still has it, and keeps it back.
pub(super) fn kept_back(address: usize) -> Option<Advice> {
    let by = tracked::advice(address, Advised::KeptBack, None).filter(|by| !tracked::is_own(by.generation))?;
    process::parent().is_some_and(|parent| mapping::is_kept_back(parent, address)).then_some(by)
}

/// Says what happened where the parent has a mapping of the program's.
pub(super) fn tell(gone: &ReleasedMapping, fault: &Fault, draft: &mut Draft) {
    let was = &gone.was;
    draft.message(format_args!(
        "{}, in memory that this forked child was not given: it is {}",
        Accessed(fault),
        OffsetInto(was, fault.address)
    ));
    match tracked::advice(fault.address, Advised::KeptBack, Some(was.origin.serial)) {
        Some(by) => note_call(&by, Some(was), fault.address, draft),
        None => {
            draft.note(format_args!("MADV_DONTFORK has kept it back; where that was called is no longer remembered"));
        }
    }
    note_mapped(was, draft);
    tell_remedy(draft);
}

/// Says what happened where the parent has other memory.
pub(super) fn tell_foreign(by: &Advice, fault: &Fault, draft: &mut Draft) {
    draft.message(format_args!("{}, in memory of the parent that this forked child was not given", Accessed(fault)));
    note_call(by, None, fault.address, draft);
    tell_remedy(draft);
}

/// Tells of the call of madvise, and how the pages that it has kept back lie to what it was given.
fn note_call(by: &Advice, was: Option<&TrackedRange>, address: usize, draft: &mut Draft) {
    note_advised(by, format_args!("kept back from forked children here (MADV_DONTFORK)"), draft);
    let (length, start) = (by.range.length(), by.range.start);
    if !note_last_page("madvise", &by.range, address, draft)
        && was.is_none_or(|was| page_remainder(was.origin.length) != 0)
    {
        draft.note(format_args!(
            "that call was given the {length} bytes from {start:#x}: if only a part of these pages was meant, the \
             rest is missing in the child, too"
        ));
    }
}

fn tell_remedy(draft: &mut Draft) {
    draft.help(format_args!(
        "put what children use on other pages than the memory that MADV_DONTFORK is meant for; or give it back to \
         them before fork, with MADV_DOFORK"
    ));
}
