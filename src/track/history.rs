//! What is gone: the last releases, of which the oldest goes first unless its call is still under way, and roughly where all
//! those before them were.

use super::origin::By;
use super::tree::Entry;
use crate::plain::Range;
use crate::plain::hidden::{Addresses, Hidden};
use core::mem::offset_of;
use mapsan_model::layout;

/// Releases that are remembered.
pub(crate) const RELEASES: usize = 4096;

/// A piece of a mapping that was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Released {
    /// As it was; an empty range stands for a release that did not come to pass.
    pub(crate) entry: Entry,
    /// The return address of the releasing call.
    pub(crate) site: usize,
    pub(super) outer: u32,
    /// The number of the releasing call.
    pub(crate) release: u32,
    /// As the caller's clock gives it.
    pub(crate) time: u32,
    pub(crate) by: By,
    /// Whether the releasing call is still to tell what came of it: until then the piece is not pushed out.
    pub(super) open: bool,
}

impl Addresses for Released {
    #[inline]
    fn complemented(self) -> Released {
        Released { entry: self.entry.complemented(), site: !self.site, ..self }
    }
}

impl Released {
    const NONE: Released =
        Released { entry: Entry::NONE, site: 0, outer: 0, release: 0, time: 0, by: By::Mmap, open: false };

    /// Whether it came to pass.
    pub(crate) fn is_real(&self) -> bool {
        self.entry.start < self.entry.end
    }
}

impl Hidden<Released> {
    const NONE: Hidden<Released> = Hidden::unused(Released::NONE);

    /// Whether `release` took it; 0 is no release.
    fn is_piece_of(&self, release: u32) -> bool {
        self.kept().release == release && self.get().is_real()
    }

    /// Whether a search for the pieces of `release` ends here: none is at this place or an older one.
    fn ends(&self, release: u32) -> bool {
        // Calls of other threads may have entered theirs since, and an open one may be older than its place.
        release == 0 || !self.kept().open && release.wrapping_sub(self.kept().release).cast_signed() > 0
    }
}

/// The releases, in a ring.
#[repr(C)] // what a fork looks at first: see `Shared`
pub(crate) struct History {
    /// How many pieces are of open releases.
    open: usize,
    /// How many have ever been entered.
    entered: usize,
    ring: [Hidden<Released>; RELEASES],
    /// Where mappings have been whose releases are forgotten.
    pub(crate) forgotten: Extents,
}

impl History {
    /// Where what lies in a history that itself lies `at` bytes from the beginning.
    pub(super) const fn layout(at: usize) -> layout::History {
        layout::History {
            entered: at.wrapping_add(offset_of!(History, entered)),
            ring: at.wrapping_add(offset_of!(History, ring)),
            places: RELEASES,
            stride: size_of::<Hidden<Released>>(),
            entry: Entry::LAYOUT.at(offset_of!(Released, entry)),
            site: offset_of!(Released, site),
            release: offset_of!(Released, release),
            by: offset_of!(Released, by),
            time: offset_of!(Released, time),
        }
    }

    #[allow(clippy::large_stack_arrays, reason = "the value of a static")]
    pub(crate) const fn new() -> History {
        History { ring: [Hidden::<Released>::NONE; RELEASES], entered: 0, open: 0, forgotten: Extents::new() }
    }

    /// Enters a release; the numbers of the origin and of the outer frames of the one that it pushes out.
    #[inline]
    pub(super) fn enter(&mut self, gone: Hidden<Released>) -> Option<(u32, u32)> {
        if self.ring.get(self.entered % RELEASES)?.kept().open {
            self.skip_open();
        }
        let place = self.ring.get_mut(self.entered % RELEASES)?;
        let Entry { start, end, origin, .. } = place.kept().entry.complemented();
        let (outer, open) = (place.kept().outer, place.kept().open);
        *place = gone;
        self.entered = self.entered.wrapping_add(1);
        if open {
            self.open = self.open.saturating_sub(1);
        }
        if start >= end {
            return None;
        }
        self.forgotten.add(start, end);
        Some((origin, outer))
    }

    /// The origin of the release that is pushed out next.
    #[inline]
    pub(super) fn oldest_origin(&self) -> u32 {
        self.ring.get(self.entered % RELEASES).map_or(0, |gone| gone.kept().entry.origin)
    }

    /// Goes on to a place whose release is not open: the thread of one that is may have been kept from running for longer
    /// than the others take to go round. If all are open, none stays.
    #[cold]
    #[inline(never)]
    fn skip_open(&mut self) {
        for _ in 0..RELEASES {
            if !self.ring.get(self.entered % RELEASES).is_some_and(|gone| gone.kept().open) {
                return;
            }
            self.entered = self.entered.wrapping_add(1);
        }
    }

    /// Keeps what a release took from being pushed out, until it is closed or taken back.
    pub(super) fn open(&mut self, release: u32) {
        let opened = self.change(release, |gone| gone.open = true);
        self.open = self.open.wrapping_add(opened);
    }

    /// A release that was open has come to pass. It gets a number of its own that is newer than all others: it may lie
    /// among later releases than itself, whose search ends at an earlier one.
    pub(super) fn close(&mut self, release: u32, number: u32) {
        let closed = self.change(release, |gone| (gone.open, gone.release) = (false, number));
        self.open = self.open.saturating_sub(closed);
    }

    /// Ends all that is open, since the threads that would end it are not in this process.
    pub(super) fn close_all(&mut self, number: u32) {
        if self.open > 0 {
            for gone in self.ring.iter_mut().map(Hidden::kept_mut).filter(|gone| gone.open) {
                (gone.open, gone.release) = (false, number);
            }
            self.open = 0;
        }
    }

    /// Changes the pieces of a release, but for their addresses; how many there were.
    fn change(&mut self, release: u32, change: impl Fn(&mut Released)) -> usize {
        let mut changed: usize = 0;
        for place in self.places() {
            let Some(gone) = self.ring.get_mut(place).filter(|gone| !gone.ends(release)) else { break };
            if gone.is_piece_of(release) {
                change(gone.kept_mut());
                changed = changed.wrapping_add(1);
            }
        }
        changed
    }

    /// The places in use, that of the newest release first.
    fn places(&self) -> impl Iterator<Item = usize> + use<> {
        let entered = self.entered;
        (1..=entered.min(RELEASES)).map(move |age| entered.wrapping_sub(age) % RELEASES)
    }

    /// The releases, newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = Released> {
        self.kept_newest_first().map(|gone| gone.get())
    }

    fn kept_newest_first(&self) -> impl Iterator<Item = &Hidden<Released>> {
        self.places().filter_map(|place| self.ring.get(place))
    }

    /// The pieces that a release took, the last first.
    pub(super) fn pieces_of(&self, release: u32) -> impl Iterator<Item = Released> {
        let until = self.kept_newest_first().take_while(move |gone| !gone.ends(release));
        until.filter(move |gone| gone.is_piece_of(release)).map(|gone| gone.get())
    }

    /// Takes back the next piece of a release that failed: it is as if it had never been entered.
    pub(super) fn take_back(&mut self, release: u32) -> Option<Released> {
        // An empty place ends no search that goes on to older releases, and every one for newer ones.
        let newest = self.newest_first().next()?.release;
        for place in self.places() {
            let gone = self.ring.get_mut(place).filter(|gone| !gone.ends(release))?;
            if gone.is_piece_of(release) {
                let taken =
                    core::mem::replace(gone, Hidden::unused(Released { release: newest, ..Released::NONE })).get();
                if taken.open {
                    self.open = self.open.saturating_sub(1);
                }
                return Some(taken);
            }
        }
        None
    }
}

/// Ranges kept.
const EXTENTS: usize = 48;

/// A few ranges that hold everything that was ever added, and perhaps more: what is outside was never added.
pub(crate) struct Extents {
    ranges: [Hidden<Range>; EXTENTS],
    used: usize,
    /// The range that the last addition fell into, where the next one is likely to fall.
    last: usize,
}

impl Extents {
    pub(crate) const fn new() -> Extents {
        Extents { ranges: [Hidden::unused(Range { start: 0, end: 0 }); EXTENTS], used: 0, last: 0 }
    }

    fn ranges(&self) -> impl Iterator<Item = Range> {
        self.ranges.iter().take(self.used).map(|range| range.get())
    }

    /// Whether `start..end` touches what was added.
    pub(crate) fn meets(&self, start: usize, end: usize) -> bool {
        self.ranges().any(|range| range.start < end && start < range.end)
    }

    /// Adds `start..end`.
    pub(crate) fn add(&mut self, start: usize, end: usize) {
        // A place that is not used yet holds nothing: it starts and ends at the last address.
        let holds = |range: Range| range.start <= start && end <= range.end;
        if self.ranges.get(self.last).is_some_and(|range| holds(range.get())) {
            return;
        }
        let gap = |range: Range| range.start.saturating_sub(end).max(start.saturating_sub(range.end));
        let nearest = self.ranges().map(gap).enumerate().min_by_key(|(_, gap)| *gap);
        match nearest {
            Some((at, distance)) if distance == 0 || self.used == EXTENTS => {
                if let Some(range) = self.ranges.get_mut(at) {
                    let there = range.get();
                    *range = Hidden::of(Range { start: there.start.min(start), end: there.end.max(end) });
                    self.last = at;
                }
            }
            _ => {
                if let Some(range) = self.ranges.get_mut(self.used) {
                    *range = Hidden::of(Range { start, end });
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

    fn piece(start: usize, release: u32) -> Hidden<Released> {
        let entry = Entry { start, end: start + 1, origin: 1, ..Entry::NONE };
        Hidden::of(Released { entry, release, ..Released::NONE })
    }

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
        for (start, release) in [(1, 1), (2, 2), (4, 2), (3, 3)] {
            history.enter(piece(start, release));
        }
        assert_eq!(history.take_back(2).map(|gone| gone.entry.start), Some(4));
        assert_eq!(history.take_back(2).map(|gone| gone.entry.start), Some(2));
        assert_eq!(history.take_back(2), None);
        let left: Vec<_> = history.newest_first().filter(Released::is_real).map(|gone| gone.entry.start).collect();
        assert_eq!(left, [3, 1]);
    }

    #[test]
    fn an_open_release_is_not_pushed_out() {
        let mut history = Box::new(History::new());
        let starts = |history: &History, release| -> Vec<_> {
            history.pieces_of(release).map(|gone| gone.entry.start).collect()
        };
        for start in [1, 2, 3] {
            history.enter(piece(start, 1));
        }
        history.open(1);
        let others = 3 * RELEASES;
        for release in 2..2 + others {
            history.enter(piece(release * 10, u32::try_from(release).unwrap()));
        }
        assert_eq!(starts(&history, 1), [3, 2, 1]);
        let last = u32::try_from(1 + others).unwrap();
        for release in last - u32::try_from(RELEASES).unwrap() + 4..=last {
            assert_eq!(starts(&history, release), [release as usize * 10]);
        }
        history.close(1, last + 1);
        assert_eq!(starts(&history, 1), []);
        for release in 3 + others..3 + others + RELEASES {
            history.enter(piece(release * 10, u32::try_from(release).unwrap()));
        }
        assert!(history.newest_first().all(|gone| gone.entry.start > 3));
        assert_eq!(history.open, 0);
    }

    #[test]
    fn what_is_open_in_the_parent_ends_in_the_child() {
        let mut history = Box::new(History::new());
        history.enter(piece(1, 1));
        history.open(1);
        history.close_all(2);
        for release in 3..=RELEASES + 2 {
            history.enter(piece(release, u32::try_from(release).unwrap()));
        }
        assert!(history.newest_first().all(|gone| gone.entry.start > 1));
    }

    #[test]
    fn a_history_that_is_open_all_over_goes_on() {
        let mut history = Box::new(History::new());
        (1..=RELEASES).for_each(|start| _ = history.enter(piece(start, 1)));
        history.open(1);
        assert_eq!(history.enter(piece(9999, 1)), Some((1, 0)));
    }
}
