//! What the checks say of the tracker's knowledge: where something was mapped, and where it was released.

use super::ByteCount;
use crate::call::{Address, Call, MapFlags, Prot, Shmget};
use crate::form::{Draft, RelatedCall};
use crate::observe::tracked;
use crate::plain::Range;
use crate::track::{Advice, By, MetSegment, Protection, Protector, ReleasedMapping, Requested, TrackedRange};
use core::ffi::c_int;
use core::fmt;

/// The participle for what a call does to memory.
fn done(by: By) -> &'static str {
    match by {
        By::Mmap => "mapped",
        By::Mremap => "moved by mremap",
        By::Shmat => "attached",
        By::Munmap => "unmapped",
        By::Shmdt => "detached",
        By::Madvise => "kept back",
    }
}

/// Tells where a mapping was made.
pub(super) fn note_mapped(known: &TrackedRange, draft: &mut Draft) {
    let origin = &known.origin;
    let place = RelatedCall {
        outer: known.outer,
        start: origin.base,
        length: origin.length,
        ..RelatedCall::at(origin.by.function(), origin.site)
    };
    draft.related_call(place, format_args!("{} here", done(origin.by)));
}

/// Tells which call gave memory its protection, and to which pages; `what` is what was protected, with a blank
/// behind it, if that is not the memory itself.
pub(super) fn note_protected(what: &str, given: &Protection, draft: &mut Draft) {
    let (start, length) = (given.range.start, given.pages().length());
    let place = RelatedCall { start, length, ..RelatedCall::at(given.by.function(), given.site) };
    let prot = Prot(c_int::from(given.prot));
    let by = if given.by == Protector::Mprotect { "" } else { " by pkey_mprotect" };
    draft.related_call(place, format_args!("{what}protected here{by} ({length} bytes from {start:#x}, {prot})"));
}

/// Tells of a call that has changed all of its last page, of which it was given a part, if an address lies behind that; whether it does.
pub(super) fn note_last_page(function: &str, given: &Range, address: usize, draft: &mut Draft) -> bool {
    let is_behind = given.end <= address;
    if is_behind {
        draft.note(format_args!(
            "{function} was given the {} from {:#x}, and takes whole pages: the address lies {} past the end",
            ByteCount(given.length() as u64),
            given.start,
            ByteCount(address.wrapping_sub(given.end).wrapping_add(1) as u64)
        ));
    }
    is_behind
}

/// Tells where memory was released.
pub(super) fn note_gone(gone: &ReleasedMapping, draft: &mut Draft) {
    let entry = gone.gone.entry;
    let length = entry.end.wrapping_sub(entry.start);
    let place = RelatedCall {
        outer: gone.outer,
        start: entry.start,
        length,
        ..RelatedCall::at(gone.gone.by.function(), gone.gone.site)
    };
    match gone.gone.by {
        By::Mmap => draft.related_call(place, format_args!("replaced by MAP_FIXED here")),
        By::Madvise if place.site == 0 => {
            draft.note(format_args!("this forked child was not given it (MADV_DONTFORK in its parent)"));
        }
        By::Madvise => draft.related_call(place, format_args!("kept back from forked children here (MADV_DONTFORK)")),
        by => draft.related_call(place, format_args!("{} here", done(by))),
    }
}

/// Tells of a call of madvise, with what it has done.
pub(super) fn note_advised(advice: &Advice, label: fmt::Arguments<'_>, draft: &mut Draft) {
    let Range { start, .. } = advice.range;
    let place = RelatedCall { start, length: advice.range.length(), ..RelatedCall::at("madvise", advice.site) };
    draft.related_call(place, label);
}

/// Tells where the memory at an address was mapped, if that is known.
pub(super) fn note_origin(address: usize, draft: &mut Draft) {
    if let Some(known) = tracked::at(address) {
        note_mapped(&known, draft);
    }
}

/// The range that a mapping call gave.
pub(super) fn whole(known: &TrackedRange) -> Range {
    Range::new(known.origin.base, crate::plain::page::whole_pages(known.origin.length))
}

/// The call that made a mapping, as far as it is remembered: the descriptor stands for another file by now.
pub(super) struct MappingCall<'a>(pub(super) &'a TrackedRange);

impl Call for MappingCall<'_> {
    fn function(&self) -> &'static str {
        self.0.origin.by.function()
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        let origin = &self.0.origin;
        let address = Address(match self.0.requested {
            Requested::Address(address) => address,
            Requested::Nothing | Requested::Forgotten => 0,
        });
        match origin.by {
            By::Shmat => {
                let id = self.0.file.and_then(|file| c_int::try_from(file.inode).ok()).unwrap_or(-1);
                crate::call::Shmat { id, address: address.0, flags: origin.flags }.arguments(each);
            }
            By::Mremap => {
                each(format_args!("..."));
                each(format_args!("{}", origin.length));
            }
            By::Mmap | By::Munmap | By::Shmdt | By::Madvise => {
                match self.0.requested {
                    Requested::Forgotten => each(format_args!("...")),
                    _ => each(format_args!("{address}")),
                }
                each(format_args!("{}", origin.length));
                each(format_args!("{}", Prot(c_int::from(origin.prot))));
                each(format_args!("{}", MapFlags(origin.flags)));
                each(format_args!("{}", self.0.file.map_or(-1, |file| file.fd)));
                each(format_args!("{}", self.0.file.map_or(0, |file| file.offset)));
            }
        }
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{value:#x}")
    }
}

/// The record of the shmget that made a segment.
pub(super) fn creating_call(segment: &MetSegment) -> Shmget {
    let MetSegment { key, size, flags, .. } = *segment;
    Shmget { key, size, flags, made: true }
}

/// The shmget that made a segment.
pub(super) struct CreatingCall<'a>(pub(super) &'a MetSegment);

impl Call for CreatingCall<'_> {
    fn function(&self) -> &'static str {
        "shmget"
    }

    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        creating_call(self.0).arguments(each);
    }

    fn value(&self, value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{value}")
    }
}
