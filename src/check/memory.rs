//! What the checks of the memory calls share: the kernel's list of mappings in words.

use super::IfSome;
use crate::call::Quoted;
use crate::facts::limits::{self, Bytes};
use crate::facts::mapping::{self, Mapping, Mappings};
use crate::facts::page_size;
use crate::report::Draft;
use core::fmt;

/// Shows a mapping: range, rights, and what it is.
pub(super) struct Shown<'a>(pub(super) &'a Mapping);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mapping { start, end, .. } = *self.0;
        let [read, write, execute, shared] = self.0.rights();
        write!(f, "{start:#x}-{end:#x} ({} bytes, {read}{write}{execute}{shared})", self.0.length())?;
        match self.0.name() {
            _ if self.0.is_segment() => write!(f, ", the System V segment with id {}", self.0.inode),
            b"" => f.write_str(", anonymous memory"),
            name => write!(f, ", {}", Quoted(name)),
        }
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
pub(super) enum There {
    Mapping(Mapping),
    Nothing,
    /// The list can't be read (no /proc, no descriptor left, a sandbox).
    Unknown,
}

/// Looks an address up.
pub(super) fn there(address: usize) -> There {
    let Some(mappings) = Mappings::open() else {
        return There::Unknown;
    };
    mappings.at(address).map_or(There::Nothing, There::Mapping)
}

/// The mapping that is known to hold `address`.
pub(super) fn mapping_at(address: usize) -> Option<Mapping> {
    Mappings::open()?.at(address)
}

/// What a range has in the kernel's list.
pub(super) enum Range {
    /// Every page is mapped.
    Whole,
    /// The first page that is not.
    Hole(usize),
    /// The list can't be read, as for [`There`].
    Unknown,
}

/// Looks a range up.
pub(super) fn range(start: usize, length: usize) -> Range {
    let Some(mappings) = Mappings::open() else {
        return Range::Unknown;
    };
    match mappings.first_hole(start, start.saturating_add(length)) {
        Some(hole) => Range::Hole(hole),
        None => Range::Whole,
    }
}

/// Tells of a hole: where it is and what lies around it.
pub(super) fn tell_hole(hole: usize, start: usize, draft: &mut Draft) {
    if hole == start {
        draft.note(format_args!("nothing is mapped at {hole:#x}"));
    } else {
        let before = hole.wrapping_sub(start);
        draft.note(format_args!("the first {before} bytes are mapped; nothing is mapped at {hole:#x}"));
    }
    match Mappings::open().and_then(|mappings| mappings.at_or_after(hole)) {
        Some(next) => draft.note(format_args!("the next mapping above is {}", Shown(&next))),
        None => draft.note(format_args!("nothing is mapped above it")),
    }
}

/// Tells the page below and above an unaligned address, and the mapping that holds it.
pub(super) fn tell_unaligned(address: usize, draft: &mut Draft) {
    let below = crate::facts::page_start(address);
    draft.note(format_args!("the page that holds it starts at {below:#x}"));
    if let Some(mapping) = mapping_at(address) {
        draft.mapping(&mapping);
        draft.note(format_args!("the address lies in {}", Shown(&mapping)));
    }
}

/// Names the limit on memory or mappings that a request of `wanted` bytes runs into; false if none is recognised.
pub(super) fn tell_memory_limit(wanted: u64, private_writable: bool, draft: &mut Draft) -> bool {
    let mut told = false;
    if let (Some(limit), Some(used)) = (limits::soft(libc::RLIMIT_AS), limits::address_space())
        && used.saturating_add(wanted) > limit
    {
        draft.note(format_args!("RLIMIT_AS allows {} of address space, and {} are in use", Bytes(limit), Bytes(used)));
        draft.help(format_args!("raise the limit (ulimit -v, setrlimit RLIMIT_AS), or map less"));
        told = true;
    }
    if private_writable
        && let (Some(limit), Some(used)) = (limits::soft(libc::RLIMIT_DATA), limits::data())
        && used.saturating_add(wanted) > limit
    {
        draft.note(format_args!("RLIMIT_DATA allows {} of data, and {} are in use", Bytes(limit), Bytes(used)));
        draft.help(format_args!("raise the limit (ulimit -d, setrlimit RLIMIT_DATA), or map less"));
        told = true;
    }
    told | tell_map_count(draft)
}

/// Says that no limit explains a lack of memory, as far as limits can be read.
pub(super) fn tell_no_limit(draft: &mut Draft) {
    if limits::can_be_read() {
        draft.note(format_args!(
            "no limit of the process explains it: no hole of the address space is large enough, or a cgroup or the \
             kernel's own memory is exhausted"
        ));
    } else {
        draft.note(format_args!("the limits of the process can't be read here (no /proc, or a sandbox)"));
    }
}

/// Says that the process has as many mappings as it may, if that is so.
pub(super) fn tell_map_count(draft: &mut Draft) -> bool {
    // Splitting a mapping may take two more, so the call fails a little below the limit.
    if let (Some(most), Some(count)) = (limits::max_map_count(), mapping::count())
        && count.saturating_add(2) >= most
    {
        draft.note(format_args!("the process has {count} mappings, and vm.max_map_count is {most}"));
        draft.help(format_args!("raise it with sysctl vm.max_map_count=N, or map in larger pieces"));
        return true;
    }
    false
}

/// Says what the machine promises, if that is less than what was asked for.
pub(super) fn tell_overcommit(wanted: u64, draft: &mut Draft) -> bool {
    let Some(overcommit) = limits::overcommit() else {
        return false;
    };
    let room = overcommit.limit.saturating_sub(overcommit.committed);
    if overcommit.mode == 2 && wanted > room {
        draft.note(format_args!(
            "vm.overcommit_memory is 2 (never): of {} that may be promised, {} are",
            Bytes(overcommit.limit),
            Bytes(overcommit.committed)
        ));
        draft.help(format_args!(
            "map with MAP_NORESERVE or PROT_NONE what is only reserved, or raise vm.overcommit_ratio"
        ));
        return true;
    }
    if overcommit.mode == 0
        && let Some(total) = limits::total_memory()
        && wanted > total
    {
        draft.note(format_args!(
            "vm.overcommit_memory is 0 (heuristic), which promises no call more than RAM and swap together: {}",
            Bytes(total)
        ));
        draft.help(format_args!("map with MAP_NORESERVE what is not used at once"));
        return true;
    }
    false
}

/// The room that user addresses have: 47 bits on x86-64 without 5-level page tables, which must be asked for by hint.
pub(super) const USER_SPACE: u64 = 1 << 47;

/// Whether `address` is page-aligned.
pub(super) fn is_aligned(address: usize) -> bool {
    crate::facts::page_remainder(address) == 0
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
