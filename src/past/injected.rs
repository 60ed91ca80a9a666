//! Which failures were injected: the last call of each thread that was not made.

use crate::machine::this_thread;
use crate::plain::hash::mix;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Threads that are told apart; the last one of those that fall together counts.
const PLACES: usize = 16;

/// The thread, mixed with the return address of the call; 0 for none.
static LAST: [AtomicUsize; PLACES] = [const { AtomicUsize::new(0) }; PLACES];

fn own() -> Option<&'static AtomicUsize> {
    let spread = mix(this_thread() as u64) >> 32;
    LAST.get(usize::try_from(spread).unwrap_or(0) % PLACES)
}

fn mark(site: usize) -> usize {
    usize::try_from(mix(mix(this_thread() as u64) ^ site as u64)).unwrap_or(0) | 1
}

/// A call of this thread was not made.
pub(crate) fn note(site: usize) {
    if let Some(last) = own() {
        last.store(mark(site), Relaxed);
    }
}

/// The call that this thread makes now is made.
pub(crate) fn forget(site: usize) {
    if let Some(last) = own()
        && last.load(Relaxed) == mark(site)
    {
        last.store(0, Relaxed);
    }
}

/// Whether the last call of this thread, made here, was not made.
pub(crate) fn is_last(site: usize) -> bool {
    own().is_some_and(|last| last.load(Relaxed) == mark(site))
}
