//! Where addresses and mappings run short, and where memory grows by itself: hardened mode steps back there.

use super::LIMITS;
use crate::enabled::{self, GUARD, QUARANTINE};
use crate::facts::{limits, mapping};
use crate::finding;
use crate::observe::tracked;
use crate::observe::under_lock;
use crate::output::{self, sink};
use crate::plain::hidden::Hidden;
use crate::plain::{Range, errno};
use crate::sys::{self, Errno};
use crate::track::{Memory, Reached, Regions};
use core::ffi::c_int;
use core::sync::atomic::Ordering::Relaxed;

/// The least and the most bytes below the main stack that are left to it (the kernel leaves at least as many free).
const LEAST_STACK: usize = 128 << 20;
const MOST_STACK: usize = 1 << 30;

/// Notes where the main stack is; called on it, at start.
pub(super) fn note_main_stack() {
    let local = 0_u8;
    let here = &raw const local as usize;
    let limit = limits::soft(libc::RLIMIT_STACK).map_or(MOST_STACK, |soft| usize::try_from(soft).unwrap_or(MOST_STACK));
    let room = limit.clamp(LEAST_STACK, MOST_STACK);
    for (end, address) in LIMITS.stack.iter().zip([here.saturating_sub(room), here]) {
        end.store(Hidden::new(address).bits(), Relaxed);
    }
}

/// Whether a stack may grow into a range: the main stack, or a mapping with `MAP_GROWSDOWN`, which is the next one above.
pub(super) fn is_growing_room(regions: &Regions<impl Memory>, range: Range) -> bool {
    let [low, high] = [0, 1].map(|end| LIMITS.stack.get(end).map_or(0, |end| Hidden::of_bits(end.load(Relaxed)).get()));
    low < range.end && range.start < high || regions.grows_down_after(range.end)
}

/// A mapping that grows downwards has been made at `start`: nothing of ours stays in the hole below it.
#[cold]
pub(super) fn clear_below(start: usize) {
    let (below, _) = tracked::neighbours(start);
    let hole = Range { start: below.map_or(0, |known| known.entry.end), end: start };
    under_lock(|tracker| tracker.reserved().give_up(hole, sys::unmap));
}

/// Makes a call of the program's that asks for so many bytes; when it fails for want of addresses, mappings or lockable
/// memory of which we hold some, all that we hold is given back and the call is made again.
pub(super) fn with_room<T: PartialEq>(failed: &T, bytes: usize, call: impl FnMut() -> T) -> T {
    again_with_room(failed, call, |failure| match failure {
        libc::ENOMEM => short_of_addresses(bytes as u64),
        libc::EAGAIN => short_of_locked(bytes as u64),
        _ => None,
    })
}

/// As [`with_room`], for calls that may split mappings: for want of one madvise and mlock fail with `EAGAIN`, mprotect
/// and munmap with `ENOMEM`; mlock also with `ENOMEM` for `bytes` that can't be locked.
pub(super) fn with_room_to_split(bytes: usize, call: impl Fn() -> c_int) -> c_int {
    again_with_room(&-1, call, |failure| match failure {
        libc::ENOMEM | libc::EAGAIN => short_of_addresses(0).or_else(|| short_of_locked(bytes as u64)),
        _ => None,
    })
}

fn again_with_room<T: PartialEq>(
    failed: &T,
    mut call: impl FnMut() -> T,
    short: impl Fn(Errno) -> Option<&'static str>,
) -> T {
    let before = errno::get();
    let result = call();
    if result != *failed {
        return result;
    }
    let failure = errno::get();
    let held = under_lock(|tracker| !tracker.reserved().is_empty()).unwrap_or(false);
    let limit = if held { short(failure) } else { None };
    errno::set(failure);
    let Some(limit) = limit else { return result };
    end(format_args!("{limit} runs short"));
    errno::set(before);
    call()
}

/// Whether so many bytes more pass a limit.
fn passes(limit: Option<u64>, used: Option<u64>, bytes: u64) -> bool {
    limit.zip(used).is_some_and(|(limit, used)| used.saturating_add(bytes) > limit)
}

/// The limit on addresses or mappings that a call for so many bytes would pass.
#[cold]
fn short_of_addresses(bytes: u64) -> Option<&'static str> {
    if passes(limits::soft(libc::RLIMIT_AS), limits::address_space(), bytes) {
        return Some("RLIMIT_AS");
    }
    // Splitting a mapping may take two more.
    passes(limits::max_map_count(), mapping::count(), 3).then_some("vm.max_map_count")
}

/// The limit on locked memory, if so many bytes more would pass it: after `mlockall(MCL_FUTURE)` guards and
/// quarantine count as locked, too.
#[cold]
fn short_of_locked(bytes: u64) -> Option<&'static str> {
    // Root is not held to it.
    let short = bytes > 0 && sys::geteuid() != 0 && passes(limits::soft(libc::RLIMIT_MEMLOCK), limits::locked(), bytes);
    short.then_some("RLIMIT_MEMLOCK")
}

/// Gives back all that we hold and ends guards and quarantine, and says why.
#[cold]
pub(crate) fn end(why: core::fmt::Arguments<'_>) {
    enabled::disable(GUARD | QUARANTINE);
    under_lock(|tracker| tracker.reserved().give_up(Range { start: 0, end: usize::MAX }, sys::unmap));
    if let Ok(lock) = output::enter() {
        finding::say_degraded(&lock, format_args!("harden: guards and quarantine end here, since {why}"));
        lock.leave();
    }
}

/// Says something that the user should know about the mode.
pub(super) fn say(text: core::fmt::Arguments<'_>) {
    if let Ok(lock) = output::enter() {
        sink::say(&lock, text);
        lock.leave();
    }
}

/// The first guard that a range covers together with the part of the mapping that lies next to it.
pub(super) fn reached(range: Range) -> Option<Reached> {
    under_lock(|tracker| tracker.reached_guard(range))?
}
