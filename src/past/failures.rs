//! The last failed calls, for the call that then uses the failed result.

use crate::machine::this_thread;
use crate::plain::callback::callback;
use crate::sys::Errno;
use core::mem::offset_of;
use core::sync::atomic::{
    AtomicBool, AtomicI32, AtomicU32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};
use mapsan_model::layout;

/// Whose failure, in the order of [`layout::FAILING`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failed {
    Mmap,
    Mremap,
    Ftok,
    Shmget,
    Shmat,
    Semget,
    Msgget,
    SemOpen,
}

impl Failed {
    const KINDS: usize = layout::FAILING.len();

    const ALL: [Failed; Failed::KINDS] = [
        Failed::Mmap,
        Failed::Mremap,
        Failed::Ftok,
        Failed::Shmget,
        Failed::Shmat,
        Failed::Semget,
        Failed::Msgget,
        Failed::SemOpen,
    ];

    /// That of a function of this name.
    pub(crate) fn of_function(name: &str) -> Option<Failed> {
        Failed::ALL.into_iter().find(|kind| kind.function() == name)
    }

    /// The function's name.
    pub(crate) fn function(self) -> &'static str {
        layout::FAILING.get(self as usize).copied().unwrap_or_default()
    }
}

/// One failed call.
#[derive(Clone, Copy)]
pub(crate) struct Failure {
    /// The return address of the call.
    pub(crate) site: usize,
    pub(crate) errno: Errno,
    /// Whether it was injected: the call was not made.
    pub(crate) is_injected: bool,
    /// Counts the failures of all kinds: a later one has a higher number (modulo 2^32).
    order: u32,
}

/// Failures kept of each kind, so that those of other threads don't push out one's own at once.
const KEPT: usize = 8;

struct Slot {
    /// Odd while it is written.
    version: AtomicU32,
    /// The complement of the return address.
    site: AtomicUsize,
    thread: AtomicUsize,
    errno: AtomicI32,
    order: AtomicU32,
    is_injected: AtomicBool,
}

struct Ring {
    next: AtomicUsize,
    slots: [Slot; KEPT],
}

struct Failures {
    /// Numbers the failures.
    order: AtomicU32,
    rings: [Ring; Failed::KINDS],
}

static FAILURES: Failures = Failures {
    order: AtomicU32::new(0),
    rings: [const {
        Ring {
            next: AtomicUsize::new(0),
            slots: [const {
                Slot {
                    version: AtomicU32::new(0),
                    site: AtomicUsize::new(0),
                    thread: AtomicUsize::new(0),
                    errno: AtomicI32::new(0),
                    order: AtomicU32::new(0),
                    is_injected: AtomicBool::new(false),
                }
            }; KEPT],
        }
    }; Failed::KINDS],
};

/// Where the failures are, and where what lies in them, for who reads them from outside.
pub(crate) const ADDRESS: *const () = (&raw const FAILURES).cast();
pub(crate) const LAYOUT: layout::Failures = layout::Failures {
    rings: offset_of!(Failures, rings),
    count: Failed::KINDS,
    stride: size_of::<Ring>(),
    places: offset_of!(Ring, slots),
    kept: KEPT,
    place_stride: size_of::<Slot>(),
    version: offset_of!(Slot, version),
    site: offset_of!(Slot, site),
    errno: offset_of!(Slot, errno),
    order: offset_of!(Slot, order),
};

/// Remembers a failure of this thread.
pub(crate) fn note(kind: Failed, site: usize, errno: Errno) {
    remember(kind, site, errno, false);
}

/// Remembers a failure of this thread that was injected.
pub(crate) fn note_injected(kind: Failed, site: usize, errno: Errno) {
    remember(kind, site, errno, true);
}

fn remember(kind: Failed, site: usize, errno: Errno, is_injected: bool) {
    let Some(ring) = FAILURES.rings.get(kind as usize) else { return };
    let index = ring.next.fetch_add(1, Relaxed) % KEPT;
    let Some(slot) = ring.slots.get(index) else { return };
    let version = slot.version.load(Relaxed);
    // Another thread, or this one under a signal handler, is writing the slot: leave it.
    if version & 1 == 1 || slot.version.compare_exchange(version, version | 1, Acquire, Relaxed).is_err() {
        return;
    }
    slot.site.store(!site, Relaxed);
    slot.thread.store(this_thread(), Relaxed);
    slot.errno.store(errno, Relaxed);
    slot.is_injected.store(is_injected, Relaxed);
    slot.order.store(FAILURES.order.fetch_add(1, Relaxed), Relaxed);
    slot.version.store(version.wrapping_add(2), Release);
}

callback! {
    /// Whether a failure is one that is looked for.
    struct Fits(failure: &Failure) -> bool;
}

/// The last failure of this thread, or else of any.
pub(crate) fn last(kind: Failed) -> Option<Failure> {
    find(kind, Fits::of(&mut |_| true))
}

/// The last failure of this thread, or else of any, that fits.
#[inline(never)]
fn find(kind: Failed, mut fits: Fits<'_>) -> Option<Failure> {
    let ring = FAILURES.rings.get(kind as usize)?;
    let newest = ring.next.load(Relaxed);
    let mut of_another = None;
    for age in 1..=KEPT {
        let Some(slot) = ring.slots.get(newest.wrapping_sub(age) % KEPT) else {
            continue;
        };
        let version = slot.version.load(Acquire);
        let failure = Failure {
            site: !slot.site.load(Relaxed),
            errno: slot.errno.load(Relaxed),
            is_injected: slot.is_injected.load(Relaxed),
            order: slot.order.load(Relaxed),
        };
        let thread = slot.thread.load(Relaxed);
        if version == 0 || version & 1 == 1 || slot.version.load(Acquire) != version {
            continue;
        }
        if !fits.call(&failure) {
            continue;
        }
        if thread == this_thread() {
            return Some(failure);
        }
        of_another = of_another.or(Some(failure));
    }
    of_another
}

/// The last failure among several kinds that gave such an errno, of this thread if it has one.
pub(crate) fn last_with(kinds: &[Failed], fits: impl Fn(Errno) -> bool) -> Option<(Failed, Failure)> {
    kinds
        .iter()
        .filter_map(|kind| Some((*kind, find(*kind, Fits::of(&mut |failure| fits(failure.errno)))?)))
        .max_by(|one, other| one.1.order.wrapping_sub(other.1.order).cast_signed().cmp(&0))
}

/// The last failure, of this thread if it has one, among several kinds.
pub(crate) fn last_of(kinds: &[Failed]) -> Option<(Failed, Failure)> {
    let newest = |one: &(Failed, Failure), other: &(Failed, Failure)| {
        one.1.order.wrapping_sub(other.1.order).cast_signed().cmp(&0)
    };
    kinds.iter().filter_map(|kind| Some((*kind, last(*kind)?))).max_by(newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ones_own_failure_comes_before_a_later_one_of_another_thread() {
        note(Failed::Mremap, 1, libc::EINVAL);
        note(Failed::Mremap, 2, libc::EFAULT);
        std::thread::spawn(|| note(Failed::Mremap, 3, libc::ENOMEM)).join().unwrap();
        let failure = last(Failed::Mremap).unwrap();
        assert_eq!((failure.site, failure.errno), (2, libc::EFAULT));
        let other = std::thread::spawn(|| last(Failed::Mremap).map(|failure| failure.site)).join().unwrap();
        assert!(other.is_some());
    }
}
