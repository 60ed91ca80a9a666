//! Where segments were detached and removed, for the call that comes too late.

use core::sync::atomic::{
    AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

/// The values kept of each kind; a newer one may push out an older.
const SLOTS: usize = 1024;

/// A table from a value (address or id) to the return address of the call that released it.
pub(crate) struct Released {
    slots: [(AtomicUsize, AtomicUsize); SLOTS],
}

/// Addresses from which segments were detached.
pub(crate) static DETACHED: Released = Released::new();
/// Ids of segments that were removed.
pub(crate) static REMOVED: Released = Released::new();

impl Released {
    const fn new() -> Released {
        Released { slots: [const { (AtomicUsize::new(0), AtomicUsize::new(0)) }; SLOTS] }
    }

    fn slot(&self, value: usize) -> Option<&(AtomicUsize, AtomicUsize)> {
        // Addresses differ above the page, ids anywhere: multiply, and take top bits (Fibonacci hashing).
        let hash = (value as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54;
        self.slots.get(usize::try_from(hash).ok()?)
    }

    /// Remembers that `value` was released by the call that returns to `site`.
    pub(crate) fn note(&self, value: usize, site: usize) {
        if let Some((of, by)) = self.slot(value) {
            // The site is 0 while the pair does not belong together.
            by.store(0, Relaxed);
            of.store(value, Release);
            by.store(site, Release);
        }
    }

    /// The return address of the call that released `value`.
    pub(crate) fn site(&self, value: usize) -> Option<usize> {
        let (of, by) = self.slot(value)?;
        let site = by.load(Acquire);
        (site != 0 && of.load(Acquire) == value).then_some(site)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_release_counts() {
        let table = Box::new(Released::new());
        assert_eq!(table.site(0x7000), None);
        table.note(0x7000, 1);
        table.note(0x7000, 2);
        table.note(0, 3);
        assert_eq!((table.site(0x7000), table.site(0), table.site(0x8000)), (Some(2), Some(3), None));
    }
}
