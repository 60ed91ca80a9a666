//! Acting, in hardened mode: memory errors that the hardware does not see are made to fault (`harden=guard`,
//! `harden=quarantine`).
//!
//! It is the one part that changes where memory is mapped. What the program's calls do stays what it was: whatever of
//! ours lies in the way of a call goes before the call is made, and when addresses or mappings run short all of it is
//! given back and the call is made again.

mod room;

use crate::call::{MAP_TYPE, Mmap, Mremap, Shmat};
use crate::enabled::{self, GUARD, QUARANTINE};
use crate::facts::limits;
use crate::facts::mapping::{self, Mappings};
use crate::machine::{Architecture, Machine};
use crate::next;
use crate::observe::{tracked, under_lock};
use crate::plain::callback::callback;
use crate::plain::page::{page_remainder, page_size, page_start, whole_pages};
use crate::plain::{Range, errno};
use crate::sys::{self, int};
use core::ffi::{c_int, c_long, c_void};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

pub(crate) use crate::track::{Purpose, Reached};
pub(crate) use room::end;
use room::{clear_below, is_growing_room, note_main_stack, reached, say, with_room, with_room_to_split};

/// The share of `vm.max_map_count` that guards, of which each mapping has two, and of `RLIMIT_AS` that guards and
/// quarantine each may take: one in so many.
const SHARE: usize = 8;
/// The most bytes in quarantine without a limit on the address space.
const QUARANTINE_BYTES: usize = 1 << 30;

struct Limits {
    /// The most guards, and the most bytes in quarantine.
    guards: AtomicUsize,
    quarantined: AtomicUsize,
    /// Whether it has been said that there are as many guards as there may be.
    guards_told: AtomicBool,
    /// The room into which the main stack may grow: its ends, hidden.
    stack: [AtomicUsize; 2],
}

static LIMITS: Limits = Limits {
    guards: AtomicUsize::new(0),
    quarantined: AtomicUsize::new(0),
    guards_told: AtomicBool::new(false),
    stack: [const { AtomicUsize::new(0) }; 2],
};

/// Reads the limits, at start.
pub(crate) fn prepare() {
    let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let mappings = number(limits::max_map_count().unwrap_or(65530));
    let space = limits::soft(libc::RLIMIT_AS).map_or(usize::MAX, number) / SHARE;
    LIMITS.guards.store((mappings / SHARE).min(space.checked_div(page_size()).unwrap_or(0)), Relaxed);
    LIMITS.quarantined.store(QUARANTINE_BYTES.min(space), Relaxed);
    note_main_stack();
}

/// Whether guards are put around new mappings.
fn guards() -> bool {
    enabled::bits() & GUARD != 0
}

/// Lets go of what is ours in a range, in whole pages, because a call of the program's is about to take it.
#[cold]
#[inline(never)]
pub(crate) fn release_reserved(range: Range) {
    // The kernel refuses every call with such an address; and a part of a page can't be unmapped.
    if page_remainder(range.start) != 0 {
        return;
    }
    let end = page_start(range.end.saturating_add(page_size().wrapping_sub(1)));
    under_lock(|tracker| tracker.reserved().give_up(Range { end, ..range }, sys::unmap));
}

/// As [`release_reserved`], for a call that takes away or replaces what is in its range; and the guard that it reaches out of the
/// mapping which that guard belongs to.
#[cold]
#[inline(never)]
pub(crate) fn clear(range: Range) -> Option<Reached> {
    let reached = if page_remainder(range.start) == 0 { reached(range) } else { None };
    release_reserved(range);
    reached
}

/// What an address is held for by the library, if it is.
pub(crate) fn held(address: usize) -> Option<Purpose> {
    under_lock(|tracker| tracker.reserved().at(address))?
}

/// Whether there may be two guards more; says once that there may not.
fn may_guard() -> bool {
    let most = LIMITS.guards.load(Relaxed);
    // In a handler that has interrupted the tracker, or when tracking has ended, guards can't be entered.
    let Some(there) = under_lock(|tracker| tracker.reserved().guards()) else { return false };
    if there.saturating_add(2) <= most {
        return true;
    }
    if !LIMITS.guards_told.swap(true, Relaxed) {
        say(format_args!(
            "harden=guard: there are {there} guards, as many as vm.max_map_count and RLIMIT_AS leave room for; further \
             mappings have none"
        ));
    }
    false
}

/// Room for `length` bytes between two guards, which are entered already; the range between them. `call` is the system
/// call that is to use it, by its address: a sandbox that lets the program's own through need not take that.
fn between_guards(length: usize, flags: c_int, call: impl FnOnce(usize) -> (c_long, [usize; 6])) -> Option<Range> {
    let page = page_size();
    if !guards() || length == 0 || !may_guard() {
        return None;
    }
    let start = sys::reserve(length.checked_add(page.checked_mul(2)?)?, flags)?;
    let inner = Range::new(start.wrapping_add(page), length);
    let (number, arguments) = call(inner.start);
    if !sys::seccomp_allows(number, arguments) {
        sys::unmap(Range::new(start, length.wrapping_add(page.wrapping_mul(2))));
        return None;
    }
    let entered = under_lock(|tracker| {
        !is_growing_room(tracker.regions(), inner)
            && tracker.reserved().enter(Range::new(start, page), Purpose::Below)
            && tracker.reserved().enter(Range::new(inner.end, page), Purpose::Above)
    });
    if entered != Some(true) {
        drop_guards(inner);
        sys::unmap(inner);
        return None;
    }
    Some(inner)
}

/// Unmaps the guards of a range.
fn drop_guards(inner: Range) {
    let page = page_size();
    release_reserved(Range::new(inner.start.wrapping_sub(page), page));
    release_reserved(Range::new(inner.end, page));
}

/// Unmaps the room between two guards in which nothing was mapped after all, and them.
fn give_back(inner: Range) {
    drop_guards(inner);
    // On an old kernel a call that failed may have unmapped the room, and somebody else may have it now.
    let ours = |there: mapping::Mapping| there.prot() == 0 && there.name().is_empty() && there.end >= inner.end;
    if Mappings::open().and_then(|mappings| mappings.at(inner.start)).is_some_and(ours) {
        sys::unmap(inner);
    }
}

callback! {
    /// Maps at an address, with flags.
    pub(crate) struct Map(address: *mut c_void, flags: c_int) -> *mut c_void;
}

/// mmap and mmap64, with guards where the kernel may choose the address. `map` is the call itself, with another address
/// and other flags.
#[cold]
#[inline(never)]
pub(crate) fn map(call: &Mmap, mut map: Map<'_>) -> *mut c_void {
    const UNGUARDED: c_int = libc::MAP_FIXED | libc::MAP_FIXED_NOREPLACE | libc::MAP_HUGETLB | libc::MAP_GROWSDOWN;
    let length = whole_pages(call.length);
    if call.address != 0 {
        release_reserved(Range::new(page_start(call.address), length));
    } else if call.flags & UNGUARDED == 0 && is_limited(call) {
        return moved_to_guards(map_as_it_is(call, map), length, call);
    } else if call.flags & UNGUARDED == 0
        && let Some(inner) = between_guards(length, call.flags & Machine::LOW_ADDRESSES, |start| {
            let offset = usize::try_from(call.offset.cast_unsigned()).unwrap_or(usize::MAX);
            let flags = call.flags | libc::MAP_FIXED;
            (libc::SYS_mmap, [start, call.length, int(call.prot), int(flags), int(call.fd), offset])
        })
    {
        let before = errno::get();
        let mapped = map.call(core::ptr::with_exposed_provenance_mut(inner.start), call.flags | libc::MAP_FIXED);
        if mapped != libc::MAP_FAILED {
            return mapped;
        }
        give_back(inner);
        errno::set(before);
    }
    let mapped = map_as_it_is(call, map);
    if call.flags & libc::MAP_GROWSDOWN != 0 && mapped != libc::MAP_FAILED {
        clear_below(mapped as usize);
    }
    mapped
}

fn map_as_it_is(call: &Mmap, mut map: Map<'_>) -> *mut c_void {
    let address = core::ptr::with_exposed_provenance_mut(call.address);
    with_room(&libc::MAP_FAILED, whole_pages(call.length), || map.call(address, call.flags))
}

/// Whether a limit is set that the kernel would not hold a mapping to that replaces a reservation of ours: of the memory
/// that `RLIMIT_DATA` counts it takes off what is replaced, and counts no less for it (`mmap_region`, Linux 6.18).
fn is_limited(call: &Mmap) -> bool {
    let counts = call.prot & libc::PROT_WRITE != 0 && call.flags & MAP_TYPE == libc::MAP_PRIVATE;
    counts && limits::soft(libc::RLIMIT_DATA).is_some()
}

/// Moves what the kernel has mapped where it wanted to between guards, if that can be done.
fn moved_to_guards(mapped: *mut c_void, length: usize, call: &Mmap) -> *mut c_void {
    if mapped == libc::MAP_FAILED {
        return mapped;
    }
    let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
    let arguments = |start| [mapped as usize, length, length, int(flags), start, 0];
    let Some(inner) =
        between_guards(length, call.flags & Machine::LOW_ADDRESSES, |start| (libc::SYS_mremap, arguments(start)))
    else {
        return mapped;
    };
    if sys::move_mapping(Range::new(mapped as usize, length), inner.start).is_ok() {
        return core::ptr::with_exposed_provenance_mut(inner.start);
    }
    give_back(inner);
    mapped
}

/// munmap, in whose way there is nothing of ours.
///
/// # Safety
/// As the call.
#[cold]
#[inline(never)]
pub(crate) unsafe fn unmap(address: *mut c_void, length: usize) -> c_int {
    // SAFETY: the caller upholds the contract.
    with_room(&-1, 0, || unsafe { next::munmap(address, length) })
}

/// mprotect: what is ours in its range is not the program's to open.
///
/// # Safety
/// As the call.
#[cold]
#[inline(never)]
pub(crate) unsafe fn protect(address: *mut c_void, length: usize, prot: c_int) -> c_int {
    release_reserved(Range::new(address as usize, whole_pages(length)));
    // SAFETY: the caller upholds the contract.
    with_room(&-1, 0, || unsafe { next::mprotect(address, length, prot) })
}

/// A call on a range that does not change what is mapped (madvise, mincore): of ours there is nothing in its range, so that
/// it answers as without us, and it may split mappings as often.
#[cold]
#[inline(never)]
pub(crate) fn visit(range: Range, call: impl Fn() -> c_int) -> c_int {
    release_reserved(range);
    with_room_to_split(0, call)
}

/// The same of a call that locks memory.
#[cold]
#[inline(never)]
pub(crate) fn lock(range: Range, call: impl Fn() -> c_int) -> c_int {
    release_reserved(range);
    with_room_to_split(range.length(), call)
}

/// mremap, with guards at the new place.
///
/// # Safety
/// As the call.
#[cold]
#[inline(never)]
pub(crate) unsafe fn remap(call: &Mremap) -> *mut c_void {
    let before = errno::get();
    let old = Range::new(call.old_address, whole_pages(call.old_size));
    let length = whole_pages(call.new_size);
    release_reserved(old);
    if call.flags & libc::MREMAP_FIXED != 0 {
        release_reserved(Range::new(call.new_address, length));
    }
    // What the program has not mapped itself (the vDSO) leaves nothing behind.
    let own = tracked::last_gone(old.start).is_some() || tracked::at(old.start).is_some();
    let above = Range::new(old.end, page_size());
    let guarded = under_lock(|tracker| tracker.reserved().guard(above.start, Purpose::Above).is_some()) == Some(true);
    if length > old.length() {
        // It may grow where it is, into what lies free there.
        release_reserved(Range::new(old.end, length.wrapping_sub(old.length()).max(page_size())));
    }
    // SAFETY: the caller upholds the contract.
    let moved = unsafe { moved_between_guards(call, old, length) }.unwrap_or_else(|| {
        errno::set(before);
        // SAFETY: the caller upholds the contract.
        with_room(&libc::MAP_FAILED, length, || unsafe { call_mremap(call, call.flags, call.new_address) })
    });
    // A try at another place may have failed before one succeeded.
    let after = if moved == libc::MAP_FAILED { errno::get() } else { before };
    let new = Range::new(moved as usize, length);
    if moved == libc::MAP_FAILED {
        if guarded {
            guard_at(above.start, Purpose::Above);
        }
    } else if new.start == old.start {
        if length < old.length() && own {
            released(Range { start: new.end, end: old.end });
        } else if guarded {
            guard_at(new.end, Purpose::Above);
        }
    } else {
        if old.length() > 0 && call.flags & Mremap::DONTUNMAP == 0 && own {
            released(old);
        }
        guard_at(new.start.wrapping_sub(page_size()), Purpose::Below);
        guard_at(new.end, Purpose::Above);
    }
    errno::set(after);
    moved
}

/// Makes the call with other flags and another new address.
///
/// # Safety
/// As the call.
unsafe fn call_mremap(call: &Mremap, flags: c_int, new_address: usize) -> *mut c_void {
    let pointer = core::ptr::with_exposed_provenance_mut::<c_void>;
    // SAFETY: the caller upholds the contract.
    unsafe { next::mremap(pointer(call.old_address), call.old_size, call.new_size, flags, pointer(new_address)) }
}

/// Where a mapping grows and may move, and can't grow where it is: moves it between guards. `None` if that is not so, or
/// can't be done; then nothing has happened.
///
/// # Safety
/// As the call.
unsafe fn moved_between_guards(call: &Mremap, old: Range, length: usize) -> Option<*mut c_void> {
    if !guards() || call.flags != libc::MREMAP_MAYMOVE || length <= old.length() || old.length() == 0 {
        return None;
    }
    let arguments = |flags, address| [call.old_address, call.old_size, call.new_size, int(flags), address, 0];
    if !sys::seccomp_allows(libc::SYS_mremap, arguments(0, 0)) {
        return None;
    }
    // SAFETY: the caller upholds the contract; without the flag it stays where it is.
    let grown = unsafe { call_mremap(call, 0, 0) };
    if grown != libc::MAP_FAILED {
        return Some(grown);
    }
    let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
    let inner = between_guards(length, 0, |start| (libc::SYS_mremap, arguments(flags, start)))?;
    // SAFETY: the caller upholds the contract; the new address is our own.
    let moved = unsafe { call_mremap(call, flags, inner.start) };
    if moved == libc::MAP_FAILED {
        give_back(inner);
        return None;
    }
    Some(moved)
}

/// shmat, with guards where the kernel may choose the address. `size` is the segment's.
///
/// # Safety
/// As the call.
#[cold]
#[inline(never)]
pub(crate) unsafe fn attach(call: &Shmat, size: usize) -> *mut c_void {
    let pointer = core::ptr::with_exposed_provenance::<c_void>;
    let length = whole_pages(size);
    if call.address != 0 {
        release_reserved(Range::new(page_start(call.address), length));
    } else if call.flags & libc::SHM_REMAP == 0
        && let Some(inner) = between_guards(length, 0, |start| {
            (libc::SYS_shmat, [int(call.id), start, int(call.flags | libc::SHM_REMAP), 0, 0, 0])
        })
    {
        let before = errno::get();
        // SAFETY: the caller upholds the contract; the address is our own.
        let attached = unsafe { next::shmat(call.id, pointer(inner.start), call.flags | libc::SHM_REMAP) };
        if attached != libc::MAP_FAILED {
            return attached;
        }
        give_back(inner);
        errno::set(before);
    }
    // SAFETY: the caller upholds the contract.
    with_room(&libc::MAP_FAILED, length, || unsafe { next::shmat(call.id, pointer(call.address), call.flags) })
}

/// Puts a guard where nothing is mapped.
fn guard_at(start: usize, purpose: Purpose) {
    let range = Range::new(start, page_size());
    if guards() && may_guard() && sys::reserve_at(range) {
        let entered = under_lock(|tracker| {
            !is_growing_room(tracker.regions(), range) && tracker.reserved().enter(range, purpose)
        });
        if entered != Some(true) {
            sys::unmap(range);
        }
    }
}

/// A range has been released: its guards go with it, or all of it goes into quarantine.
#[cold]
#[inline(never)]
pub(crate) fn released(range: Range) {
    let most = LIMITS.quarantined.load(Relaxed);
    let quarantines = enabled::bits() & QUARANTINE != 0 && range.length() <= most / SHARE && sys::reserve_at(range);
    let done = under_lock(|tracker| {
        let grows = quarantines && is_growing_room(tracker.regions(), range);
        let reserved = tracker.reserved();
        let whole = reserved.with_guards(range);
        if grows {
            sys::unmap(range);
        }
        if quarantines && !grows {
            reserved.give_up(whole, |_| {});
            if reserved.quarantine(whole, most, sys::unmap) {
                return;
            }
            sys::unmap(whole);
        }
        reserved.give_up(whole, sys::unmap);
    });
    if done.is_none() && quarantines {
        sys::unmap(range);
    }
}
