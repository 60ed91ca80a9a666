//! What is gone: the last releases, oldest first out, and roughly where all those before them were.

use super::origin::By;
use super::tree::Entry;

/// Releases that are remembered.
pub(crate) const RELEASES: usize = 4096;

/// A piece of a mapping that was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone {
    /// As it was; an empty range stands for a release that did not come to pass.
    pub(crate) entry: Entry,
    /// The return address of the releasing call.
    pub(crate) site: usize,
    pub(super) outer: u32,
    /// The number of the releasing call.
    pub(crate) release: u32,
    /// In milliseconds since an arbitrary start.
    pub(crate) time: u32,
    pub(crate) by: By,
}

impl Gone {
    const NONE: Gone = Gone {
        entry: Entry { start: 0, end: 0, origin: 0, prot: 0, notable: false },
        site: 0,
        outer: 0,
        release: 0,
        time: 0,
        by: By::Mmap,
    };

    /// Whether it came to pass.
    pub(crate) fn is_real(&self) -> bool {
        self.entry.start < self.entry.end
    }
}

/// The releases, in a ring.
pub(crate) struct History {
    ring: [Gone; RELEASES],
    /// How many have ever been entered.
    entered: usize,
    /// Where mappings have been whose releases are forgotten.
    pub(crate) forgotten: Extents,
}

impl History {
    #[allow(clippy::large_stack_arrays, reason = "the value of a static")]
    pub(crate) const fn new() -> History {
        History { ring: [Gone::NONE; RELEASES], entered: 0, forgotten: Extents::new() }
    }

    /// Enters a release; the one that it pushes out.
    pub(super) fn enter(&mut self, gone: Gone) -> Option<Gone> {
        let place = self.ring.get_mut(self.entered % RELEASES)?;
        let oldest = core::mem::replace(place, gone);
        self.entered = self.entered.wrapping_add(1);
        if !oldest.is_real() {
            return None;
        }
        self.forgotten.add(oldest.entry.start, oldest.entry.end);
        Some(oldest)
    }

    /// The releases, newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &Gone> {
        let filled = self.entered.min(RELEASES);
        (1..=filled).filter_map(|age| self.ring.get(self.entered.wrapping_sub(age) % RELEASES))
    }

    /// Takes back the next piece of a release that failed: it is as if it had never been entered.
    pub(super) fn take_back(&mut self, release: u32) -> Option<Gone> {
        // 0 is no release, and not worth a search.
        let filled = if release == 0 { 0 } else { self.entered.min(RELEASES) };
        for age in 1..=filled {
            let place = self.ring.get_mut(self.entered.wrapping_sub(age) % RELEASES)?;
            // Calls of other threads may have entered theirs since.
            if place.release == release && place.is_real() {
                return Some(core::mem::replace(place, Gone { release, ..Gone::NONE }));
            }
            if release.wrapping_sub(place.release).cast_signed() > 0 && place.is_real() {
                return None;
            }
        }
        None
    }
}

/// Ranges kept.
const EXTENTS: usize = 48;

/// A few ranges that hold everything that was ever added, and perhaps more: what is outside was never added.
pub(crate) struct Extents {
    ranges: [(usize, usize); EXTENTS],
    used: usize,
    /// The range that the last addition fell into, where the next one is likely to fall.
    last: usize,
}

impl Extents {
    pub(crate) const fn new() -> Extents {
        Extents { ranges: [(0, 0); EXTENTS], used: 0, last: 0 }
    }

    fn ranges(&self) -> &[(usize, usize)] {
        self.ranges.get(..self.used).unwrap_or_default()
    }

    /// Whether `start..end` touches what was added.
    pub(crate) fn meets(&self, start: usize, end: usize) -> bool {
        self.ranges().iter().any(|range| range.0 < end && start < range.1)
    }

    /// Adds `start..end`.
    pub(crate) fn add(&mut self, start: usize, end: usize) {
        if self.ranges().get(self.last).is_some_and(|range| range.0 <= start && end <= range.1) {
            return;
        }
        let gap = |range: &(usize, usize)| range.0.saturating_sub(end).max(start.saturating_sub(range.1));
        let nearest =
            self.ranges().iter().enumerate().min_by_key(|(_, range)| gap(range)).map(|(at, range)| (at, gap(range)));
        match nearest {
            Some((at, distance)) if distance == 0 || self.used == EXTENTS => {
                if let Some(range) = self.ranges.get_mut(at) {
                    *range = (range.0.min(start), range.1.max(end));
                    self.last = at;
                }
            }
            _ => {
                if let Some(range) = self.ranges.get_mut(self.used) {
                    *range = (start, end);
                    self.last = self.used;
                    self.used = self.used.wrapping_add(1);
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may overflow, and fails then")]
mod tests {
    use super::*;

    #[test]
    fn extents_hold_all_that_was_added() {
        let mut extents = Extents::new();
        let mut state = 7_usize;
        let mut added = Vec::new();
        for _ in 0..1000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let start = (state >> 20) & !0xfff;
            extents.add(start, start + 4096);
            added.push(start);
            assert!(added.iter().all(|start| extents.meets(*start, start + 1)));
        }
        assert!(!Extents::new().meets(0, usize::MAX));
    }

    #[test]
    fn a_failed_release_is_taken_back_whole_and_alone() {
        let mut history = Box::new(History::new());
        let piece = |start, release| Gone {
            entry: Entry { start, end: start + 1, origin: 1, prot: 0, notable: false },
            release,
            ..Gone::NONE
        };
        for (start, release) in [(1, 1), (2, 2), (4, 2), (3, 3)] {
            history.enter(piece(start, release));
        }
        assert_eq!(history.take_back(2).map(|gone| gone.entry.start), Some(4));
        assert_eq!(history.take_back(2).map(|gone| gone.entry.start), Some(2));
        assert_eq!(history.take_back(2), None);
        let left: Vec<_> = history.newest_first().filter(|gone| gone.is_real()).map(|gone| gone.entry.start).collect();
        assert_eq!(left, [3, 1]);
    }
}
