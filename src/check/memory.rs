//! What the checks of the memory calls share: the kernel's list of mappings in words.

use super::IfSome;
use super::provenance::note_mapped;
pub(super) use crate::facts::mapping::Coverage;
use crate::facts::mapping::{self, Mapping, Mappings};
use crate::form::Draft;
use crate::machine::{WIDEST_USER_SPACE, is_own, user_space};
use crate::observe::tracked;
use crate::past::failures::Failed;
use crate::plain::escape::Quoted;
use crate::plain::page::page_size;
use core::fmt;

/// Shows a mapping: range, rights, and what it is.
pub(super) struct ShownMapping<'a>(pub(super) &'a Mapping);

impl fmt::Display for ShownMapping<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mapping { start, end, .. } = *self.0;
        let [read, write, execute, shared] = self.0.rights();
        write!(f, "{start:#x}-{end:#x} ({} bytes, {read}{write}{execute}{shared})", self.0.length())?;
        match self.0.name() {
            _ if self.0.is_segment() => write!(f, ", the System V segment with id {}", self.0.inode),
            _ if self.0.given_name().is_some() => write!(f, ", anonymous memory{}", Named(self.0)),
            b"" => f.write_str(", anonymous memory"),
            name => write!(f, ", {}", Quoted(name)),
        }
    }
}

/// Shows the name that the program has given to memory, if it has: ` named 'ring'`.
pub(super) struct Named<'a>(pub(super) &'a Mapping);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.given_name().map_or(Ok(()), |name| write!(f, " named {}", Quoted(name)))
    }
}

/// Shows a file by its name, if that is known.
pub(super) struct FileName<'a>(pub(super) &'a [u8]);

impl fmt::Display for FileName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            b"" => f.write_str("the file"),
            name => Quoted(name).fmt(f),
        }
    }
}

/// What the kernel's list has at an address.
#[expect(clippy::large_enum_variant, reason = "there is no heap; one of them lives at a time")]
pub(super) enum Lookup {
    Mapping(Mapping),
    Unmapped,
    /// The list can't be read (no /proc, no descriptor left, a sandbox).
    Unknown,
}

/// Looks an address up.
pub(super) fn look_up(address: usize) -> Lookup {
    let Some(mappings) = Mappings::open() else {
        return Lookup::Unknown;
    };
    mappings.at(address).map_or(Lookup::Unmapped, Lookup::Mapping)
}

/// The mapping that is known to hold `address`.
pub(super) fn mapping_at(address: usize) -> Option<Mapping> {
    Mappings::open()?.at(address)
}

/// Looks at how much of a range is mapped.
pub(super) fn coverage(start: usize, length: usize) -> Coverage {
    mapping::coverage(start, start.saturating_add(length))
}

/// How far below a hole a mapping may end to be told of, in bytes.
const NEAR: usize = 64 * 1024;

/// Tells of a hole: where it is and what lies around it.
pub(super) fn note_hole(hole: usize, start: usize, draft: &mut Draft) {
    if hole == start {
        draft.note(format_args!("nothing is mapped at {hole:#x}"));
    } else {
        let before = hole.wrapping_sub(start);
        draft.note(format_args!("the first {before} bytes are mapped; nothing is mapped at {hole:#x}"));
    }
    // A range that misses a mapping by little.
    if let Some(below) = tracked::neighbours(hole).0.filter(|below| hole.wrapping_sub(below.entry.end) < NEAR) {
        if below.entry.end < hole {
            draft.note(format_args!(
                "the mapping below ends at {:#x}, {} bytes before",
                below.entry.end,
                hole.wrapping_sub(below.entry.end)
            ));
        }
        note_mapped(&below, draft);
    }
    // What lies far above, or is the library itself, explains nothing.
    let next = Mappings::open().and_then(|mappings| mappings.at_or_after(hole));
    if let Some(next) = next.filter(|next| next.start.wrapping_sub(hole) < NEAR && !is_own(next.start)) {
        draft.note(format_args!("the next mapping above is {}", ShownMapping(&next)));
    }
}

/// Shows that a range is not mapped, as a whole or in part.
pub(super) struct NotMapped(pub(super) usize, pub(super) usize);

impl fmt::Display for NotMapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NotMapped(start, length) = *self;
        match mapping::is_empty(start, start.saturating_add(length.max(1))) {
            Some(true) => write!(f, "the {length} bytes at {start:#x} are not mapped"),
            Some(false) => write!(f, "part of the {length} bytes at {start:#x} is not mapped"),
            None => write!(f, "not all of the {length} bytes at {start:#x} are mapped"),
        }
    }
}

/// Tells the page below and above an unaligned address, and the mapping that holds it.
pub(super) fn note_unaligned(address: usize, draft: &mut Draft) {
    let below = crate::plain::page::page_start(address);
    draft.note(format_args!("the page that holds it starts at {below:#x}"));
    if let Some(mapping) = mapping_at(address) {
        draft.mapping(&mapping);
        draft.note(format_args!("the address lies in {}", ShownMapping(&mapping)));
    }
}

/// Says that a mapping of the range is sealed, as the kernel's list shows.
pub(super) fn tell_sealed(function: &str, draft: &mut Draft) {
    draft.message(format_args!("{function} of a mapping that is sealed (mseal)"));
    draft.help(format_args!("leave it as it is: a sealed mapping stays until the process ends"));
}

/// Tells of a result of mmap, `MAP_FAILED`, that is passed on.
pub(super) fn tell_map_failed(function: &str, draft: &mut Draft) {
    draft.message(format_args!("{function} of MAP_FAILED, the result of a mapping call that failed"));
    super::note_failure(Failed::Mmap, draft);
    draft.help(format_args!("where the mapping failed, skip the {function}: MAP_FAILED is (void *) -1, not NULL"));
}

/// Whether something is mapped above the addresses that are given without asking for more: they are in use then.
pub(super) fn has_wide_addresses() -> bool {
    let above = usize::try_from(user_space()).unwrap_or(usize::MAX);
    Mappings::open()
        .and_then(|mappings| mappings.at_or_after(above))
        .is_some_and(|mapping| (mapping.start as u64) < WIDEST_USER_SPACE)
}

/// Whether `address` is page-aligned.
pub(super) fn is_aligned(address: usize) -> bool {
    crate::plain::page::page_remainder(address) == 0
}

/// The message of an address that must be page-aligned.
pub(super) fn say_unaligned(function: &str, address: usize, draft: &mut Draft) {
    draft.message(format_args!("{function} address {address:#x} is not a multiple of the page size ({})", page_size()));
}

/// Shows ` (-5 as a signed number)` for what is negative as such.
pub(super) fn signed(length: usize) -> impl fmt::Display {
    struct Signed(isize);
    impl fmt::Display for Signed {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, " ({} as a signed number)", self.0)
        }
    }
    IfSome((length.cast_signed() < 0).then(|| Signed(length.cast_signed())))
}
