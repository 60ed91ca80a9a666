//! Why a memory call got no memory, no room, or no lock on memory: limits of the process and of the machine, in words. Asked
//! when a call has failed.

use super::census::Census;
use crate::facts::limits::{self, Size};
use crate::facts::mapping;
use crate::form::Draft;
use crate::machine::user_space;
use crate::past::mlockall;

/// Why there is no memory, or no room for a mapping.
pub(super) enum Shortage {
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
pub(super) fn limit_on(more: u64, private_writable: bool, splits: u64) -> Option<Shortage> {
    if let (Some(most), Some(count)) = (limits::max_map_count(), mapping::count())
        && count.saturating_add(splits) >= most
    {
        return Some(Shortage::Mappings(count, most));
    }
    if let (Some(limit), Some(used)) = (limits::soft(libc::RLIMIT_AS), limits::address_space())
        && used.saturating_add(more) > limit
    {
        return Some(Shortage::AddressSpace(limit, used));
    }
    private_writable.then(|| limit_on_data(more))?
}

/// `RLIMIT_DATA`, if a request of `more` bytes runs into it.
pub(super) fn limit_on_data(more: u64) -> Option<Shortage> {
    let (limit, used) = (limits::soft(libc::RLIMIT_DATA)?, limits::data()?);
    (used.saturating_add(more) > limit).then_some(Shortage::Data(limit, used))
}

/// What the machine promises, if that is less than a request of `more` bytes.
pub(super) fn overcommit_on(more: u64) -> Option<Shortage> {
    let overcommit = limits::overcommit()?;
    let room = overcommit.limit.saturating_sub(overcommit.committed);
    if overcommit.mode == 2 && more.saturating_add(limits::overcommit_reserve()) > room {
        return Some(Shortage::NeverOvercommits(overcommit.limit, overcommit.committed));
    }
    let total = limits::total_memory()?;
    (overcommit.mode == 0 && more > total).then_some(Shortage::MoreThanMemory(total))
}

/// Says why a call got no memory for `wanted` bytes.
pub(super) fn tell_no_memory(function: &str, wanted: u64, cause: Option<&Shortage>, draft: &mut Draft) {
    let size = Size(wanted);
    match cause {
        Some(Shortage::Mappings(count, most)) => tell_mappings(function, *count, *most, draft),
        Some(Shortage::AddressSpace(limit, used)) => {
            draft.message(format_args!("{size} would exceed RLIMIT_AS ({}, {} in use)", Size(*limit), Size(*used)));
            draft.help(format_args!("raise the limit (ulimit -v, setrlimit RLIMIT_AS), or map less"));
        }
        Some(Shortage::Data(limit, used)) => {
            draft.message(format_args!("{size} would exceed RLIMIT_DATA ({}, {} in use)", Size(*limit), Size(*used)));
            draft.help(format_args!("raise the limit (ulimit -d, setrlimit RLIMIT_DATA), or map less"));
        }
        Some(Shortage::Outside) => {
            draft.message(format_args!(
                "{size} does not fit: the address space of a process has {}, less a page",
                Size(user_space())
            ));
            let help = if wanted < user_space() { "map less, or at a lower address" } else { "map less" };
            draft.help(format_args!("{help}"));
        }
        Some(Shortage::NoHole { largest, low, high, is_low }) => {
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
        Some(Shortage::NeverOvercommits(limit, committed)) => {
            draft.message(format_args!(
                "{size} would exceed what the system promises (vm.overcommit_memory is 2: {}, {} promised)",
                Size(*limit),
                Size(*committed)
            ));
            draft.help(format_args!(
                "map with PROT_NONE what is only reserved, and mprotect what is used; or raise vm.overcommit_ratio"
            ));
        }
        Some(Shortage::MoreThanMemory(total)) => {
            draft.message(format_args!(
                "{size} is more than RAM and swap together ({}), which vm.overcommit_memory=0 promises to no call",
                Size(*total)
            ));
            draft.help(format_args!("map less, or with MAP_NORESERVE if little of it will be used"));
        }
        None => {
            draft.message(format_args!("{function} failed with ENOMEM for {size}; why is not known"));
            note_no_limit(draft);
        }
    }
}

/// Says that the process has as many mappings as it may, and who made them.
fn tell_mappings(function: &str, count: u64, most: u64, draft: &mut Draft) {
    draft.message(format_args!(
        "{function} needs one more mapping: the process has {count}, and vm.max_map_count is {most}"
    ));
    Census::take().tell(draft);
}

/// Says why a call that may split mappings failed with ENOMEM.
pub(super) fn tell_no_split(function: &str, draft: &mut Draft) {
    // A piece in the middle makes three of one.
    if let Some(Shortage::Mappings(count, most)) = limit_on(0, false, 2) {
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

/// Says that no limit explains a lack of memory, as far as limits can be read.
pub(super) fn note_no_limit(draft: &mut Draft) {
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
        draft.related("mlockall", site, format_args!("mlockall(MCL_FUTURE) locks all that is mapped from here on"));
        draft.help(format_args!("{RAISE}, or call mlockall without MCL_FUTURE and lock with mlock what has to be"));
    } else {
        draft.note(format_args!("the memory is locked by mlock, or by an mlockall(MCL_FUTURE) that was not seen"));
        draft.help(format_args!("{RAISE}, or unlock what need not be locked"));
    }
}
