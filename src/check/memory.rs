//! What the checks of the memory calls share: the kernel's list of mappings in words.

use super::IfSome;
use super::provenance::tell_mapped;
use crate::facts::limits::{self, Size};
use crate::facts::mapping::{self, Mapping, Mappings};
use crate::form::Draft;
use crate::machine::{WIDEST_USER_SPACE, is_own, user_space};
use crate::observe::tracked;
use crate::past::failures::Failed;
use crate::past::mlockall;
use crate::plain::escape::Quoted;
use crate::plain::page::page_size;
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

/// How far below a hole a mapping may end to be told of, in bytes.
const NEAR: usize = 64 * 1024;

/// Tells of a hole: where it is and what lies around it.
pub(super) fn tell_hole(hole: usize, start: usize, draft: &mut Draft) {
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
        tell_mapped(&below, draft);
    }
    // What lies far above, or is the library itself, explains nothing.
    let next = Mappings::open().and_then(|mappings| mappings.at_or_after(hole));
    if let Some(next) = next.filter(|next| next.start.wrapping_sub(hole) < NEAR && !is_own(next.start)) {
        draft.note(format_args!("the next mapping above is {}", Shown(&next)));
    }
}

/// Shows that a range is not mapped, as a whole or in part.
pub(super) struct NotMapped(pub(super) usize, pub(super) usize);

impl fmt::Display for NotMapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NotMapped(start, length) = *self;
        let first = Mappings::open().and_then(|mappings| mappings.at_or_after(start));
        let wholly = first.is_none_or(|first| first.start >= start.saturating_add(length.max(1)));
        if wholly {
            write!(f, "the {length} bytes at {start:#x} are not mapped")
        } else {
            write!(f, "part of the {length} bytes at {start:#x} is not mapped")
        }
    }
}

/// Tells the page below and above an unaligned address, and the mapping that holds it.
pub(super) fn tell_unaligned(address: usize, draft: &mut Draft) {
    let below = crate::plain::page::page_start(address);
    draft.note(format_args!("the page that holds it starts at {below:#x}"));
    if let Some(mapping) = mapping_at(address) {
        draft.mapping(&mapping);
        draft.note(format_args!("the address lies in {}", Shown(&mapping)));
    }
}

/// Why there is no memory, or no room for a mapping.
pub(super) enum Cause {
    /// `RLIMIT_AS`: its figure, and what is in use.
    AddressSpace(u64, u64),
    /// `RLIMIT_DATA`, likewise.
    Data(u64, u64),
    /// `vm.max_map_count`: how many mappings there are, and how many there may be.
    Mappings(u64, u64),
    /// The range leaves the addresses that programs have.
    Outside,
    /// No hole of the addresses that are searched is large enough.
    NoHole {
        largest: u64,
        low: usize,
        high: usize,
        /// Whether it is `MAP_32BIT` that limits them.
        is_low: bool,
    },
    /// `vm.overcommit_memory` 2: what may be promised, and what is.
    NeverOvercommits(u64, u64),
    /// `vm.overcommit_memory` 0 promises no call more than this.
    MoreThanMemory(u64),
}

/// The limit of the process that a request of `more` bytes runs into; `splits` is how many mappings more the call may
/// need for a moment.
pub(super) fn limit_on(more: u64, private_writable: bool, splits: u64) -> Option<Cause> {
    if let (Some(most), Some(count)) = (limits::max_map_count(), mapping::count())
        && count.saturating_add(splits) >= most
    {
        return Some(Cause::Mappings(count, most));
    }
    if let (Some(limit), Some(used)) = (limits::soft(libc::RLIMIT_AS), limits::address_space())
        && used.saturating_add(more) > limit
    {
        return Some(Cause::AddressSpace(limit, used));
    }
    private_writable.then(|| limit_on_data(more))?
}

/// `RLIMIT_DATA`, if a request of `more` bytes runs into it.
pub(super) fn limit_on_data(more: u64) -> Option<Cause> {
    let (limit, used) = (limits::soft(libc::RLIMIT_DATA)?, limits::data()?);
    (used.saturating_add(more) > limit).then_some(Cause::Data(limit, used))
}

/// What the machine promises, if that is less than a request of `more` bytes.
pub(super) fn overcommit_on(more: u64) -> Option<Cause> {
    let overcommit = limits::overcommit()?;
    let room = overcommit.limit.saturating_sub(overcommit.committed);
    if overcommit.mode == 2 && more.saturating_add(limits::overcommit_reserve()) > room {
        return Some(Cause::NeverOvercommits(overcommit.limit, overcommit.committed));
    }
    let total = limits::total_memory()?;
    (overcommit.mode == 0 && more > total).then_some(Cause::MoreThanMemory(total))
}

/// Says why a call got no memory for `wanted` bytes.
pub(super) fn tell_no_memory(function: &str, wanted: u64, cause: Option<&Cause>, draft: &mut Draft) {
    let size = Size(wanted);
    match cause {
        Some(Cause::Mappings(count, most)) => tell_mappings(function, *count, *most, draft),
        Some(Cause::AddressSpace(limit, used)) => {
            draft.message(format_args!("{size} would exceed RLIMIT_AS ({}, {} in use)", Size(*limit), Size(*used)));
            draft.help(format_args!("raise the limit (ulimit -v, setrlimit RLIMIT_AS), or map less"));
        }
        Some(Cause::Data(limit, used)) => {
            draft.message(format_args!("{size} would exceed RLIMIT_DATA ({}, {} in use)", Size(*limit), Size(*used)));
            draft.help(format_args!("raise the limit (ulimit -d, setrlimit RLIMIT_DATA), or map less"));
        }
        Some(Cause::Outside) => {
            draft.message(format_args!(
                "{size} does not fit: the address space of a process has {}, less a page",
                Size(user_space())
            ));
            let help = if wanted < user_space() { "map less, or at a lower address" } else { "map less" };
            draft.help(format_args!("{help}"));
        }
        Some(Cause::NoHole { largest, low, high, is_low }) => {
            let by = if *is_low { "MAP_32BIT: " } else { "" };
            draft.message(format_args!(
                "{by}no hole between {low:#x} and {high:#x} has {size}: the largest has {}",
                Size(*largest)
            ));
            if *is_low {
                draft.note(format_args!(
                    "MAP_32BIT maps in the second GiB of the address space only, and begins at a random page of its \
                     first 32 MiB"
                ));
                draft.help(format_args!("unmap what is no longer needed there, or map without MAP_32BIT"));
            } else {
                draft.help(format_args!("map less, or unmap what is no longer needed"));
            }
        }
        Some(Cause::NeverOvercommits(limit, committed)) => {
            draft.message(format_args!(
                "{size} would exceed what the system promises (vm.overcommit_memory is 2: {}, {} promised)",
                Size(*limit),
                Size(*committed)
            ));
            draft.help(format_args!(
                "map with PROT_NONE what is only reserved, and mprotect what is used; or raise vm.overcommit_ratio"
            ));
        }
        Some(Cause::MoreThanMemory(total)) => {
            draft.message(format_args!(
                "{size} is more than RAM and swap together ({}), which vm.overcommit_memory=0 promises to no call",
                Size(*total)
            ));
            draft.help(format_args!("map less, or with MAP_NORESERVE if little of it will be used"));
        }
        None => {
            draft.message(format_args!("{function} failed with ENOMEM for {size}; why is not known"));
            tell_no_limit(draft);
        }
    }
}

/// Says that the process has as many mappings as it may.
fn tell_mappings(function: &str, count: u64, most: u64, draft: &mut Draft) {
    draft.message(format_args!(
        "{function} needs one more mapping: the process has {count}, and vm.max_map_count is {most}"
    ));
    draft.help(format_args!(
        "raise it (sysctl vm.max_map_count=N), unmap what is no longer needed, or use larger pieces of one protection"
    ));
}

/// Says why a call that may split mappings failed with ENOMEM.
pub(super) fn tell_no_split(function: &str, draft: &mut Draft) {
    // A piece in the middle makes three of one.
    if let Some(Cause::Mappings(count, most)) = limit_on(0, false, 2) {
        return tell_mappings(function, count, most, draft);
    }
    draft.message(format_args!("{function} failed with ENOMEM; why is not known"));
    match (mapping::count(), limits::max_map_count()) {
        (Some(count), Some(most)) => draft.note(format_args!(
            "it is not the number of mappings ({count}, and vm.max_map_count is {most}); the kernel's own memory, or \
             a cgroup's limit, can be exhausted"
        )),
        _ => draft.note(format_args!("the number of mappings and its limit can't be read here")),
    }
}

/// Says that a mapping of the range is sealed, as the kernel's list shows.
pub(super) fn tell_sealed(function: &str, draft: &mut Draft) {
    draft.message(format_args!("{function} of a mapping that is sealed (mseal)"));
    draft.help(format_args!("leave it as it is: a sealed mapping stays until the process ends"));
}

/// Says that no limit explains a lack of memory, as far as limits can be read.
pub(super) fn tell_no_limit(draft: &mut Draft) {
    if limits::can_be_read() {
        draft.note(format_args!(
            "no limit of the process explains it (RLIMIT_AS, RLIMIT_DATA, vm.max_map_count); a cgroup's limit or the \
             kernel's own memory can be exhausted"
        ));
    } else {
        draft.note(format_args!("the limits of the process can't be read here (no /proc, or a sandbox)"));
    }
}

/// Says that locked memory is refused, with the limit.
pub(super) fn tell_lock_limit(wanted: u64, draft: &mut Draft) {
    let size = Size(wanted);
    let limit = limits::soft(libc::RLIMIT_MEMLOCK);
    match (limit, limits::locked()) {
        (Some(0), _) => draft.message(format_args!(
            "{size} would have to be locked, and RLIMIT_MEMLOCK is 0: without CAP_IPC_LOCK nothing may be locked"
        )),
        (Some(limit), Some(locked)) if locked.saturating_add(wanted) > limit => {
            draft.message(format_args!(
                "{size} would exceed RLIMIT_MEMLOCK ({}, {} locked)",
                Size(limit),
                Size(locked)
            ));
        }
        _ => {
            draft.message(format_args!("{size} could not be locked; why is not known"));
            match limit {
                Some(limit) => draft.note(format_args!("RLIMIT_MEMLOCK allows {}", Size(limit))),
                None if limits::is_unlimited(libc::RLIMIT_MEMLOCK) => {
                    draft.note(format_args!("RLIMIT_MEMLOCK is unlimited"));
                }
                None => draft.note(format_args!("RLIMIT_MEMLOCK can't be read here")),
            }
        }
    }
}

/// Says why memory is locked: by a flag of the call, or by an earlier mlockall.
pub(super) fn tell_who_locks(flag: Option<&str>, draft: &mut Draft) {
    const RAISE: &str = "raise the limit (ulimit -l, setrlimit RLIMIT_MEMLOCK)";
    if let Some(flag) = flag {
        draft.help(format_args!("{RAISE}, or map without {flag}"));
    } else if let Some(site) = mlockall::future_site() {
        draft.place(site, format_args!("mlockall(MCL_FUTURE) locks all that is mapped from here on"));
        draft.help(format_args!("{RAISE}, or call mlockall without MCL_FUTURE and lock with mlock what has to be"));
    } else {
        draft.note(format_args!("the memory is locked by mlock, or by an mlockall(MCL_FUTURE) that was not seen"));
        draft.help(format_args!("{RAISE}, or unlock what need not be locked"));
    }
}

/// Tells of a result of mmap, `MAP_FAILED`, that is passed on.
pub(super) fn tell_map_failed(function: &str, draft: &mut Draft) {
    draft.message(format_args!("{function} of MAP_FAILED, the result of a mapping call that failed"));
    super::tell_failure(Failed::Mmap, draft);
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
