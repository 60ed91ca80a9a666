//! When the kernel is to be asked how many mappings there are. Its answer is a list, which takes milliseconds where there are
//! ten thousands: so it is asked only when they may have become as many as matter.
//!
//! Of what the tracker knows the kernel has at most a mapping for each range, since it joins neighbours that are alike. So
//! below half the limit nothing is looked at. From there on the kernel is asked when so many ranges have come that it could
//! matter; and after more and more calls, since calls can part what the kernel had joined.

/// Ranges from which on the limit is looked at, before it is known.
const FIRST: u32 = 512;
/// The kernel is asked again after so many new ranges at the earliest: one in so many of the limit.
const STEP: u32 = 32;
/// In place of a number of ranges: no call is looked at any more.
const OVER: u32 = u32::MAX - FIRST;
/// Mappings that a call can add by splitting one.
const SPLIT: u32 = 2;

/// What is known of the number of mappings.
pub(crate) struct CountWatch {
    /// Ranges from which on each call is looked at, above the first: a static of zeroes takes no room in the library's file.
    above: u32,
    /// Calls that may have split mappings in a way that the tracker does not know.
    splits: u32,
    /// How many mappings could come, when the kernel was asked last, before they matter; and how many ranges there were.
    room: u32,
    ranges: u32,
    /// The calls since then, and how often these alone were a reason to ask, in vain.
    calls: u32,
    in_vain: u32,
}

impl CountWatch {
    pub(super) const fn new() -> CountWatch {
        CountWatch { above: 0, splits: 0, room: 0, ranges: 0, calls: 0, in_vain: 0 }
    }

    /// The number of ranges from which on each call is looked at.
    #[inline]
    pub(super) fn from(&self) -> u32 {
        self.above.wrapping_add(FIRST)
    }

    /// A call may have added mappings, and there are so many ranges: whether the kernel is to be asked.
    pub(super) fn is_due(&mut self, ranges: u32) -> bool {
        if self.is_over() || self.with_splits(ranges) < self.from() {
            return false;
        }
        self.calls = self.calls.saturating_add(1);
        let growth = ranges.saturating_sub(self.ranges);
        let has_grown = growth >= self.room;
        // Calls that can have parted what was joined: those that have not come by a new range.
        let parting = u64::from(self.calls.saturating_sub(growth));
        if !has_grown && parting < u64::from(self.room / SPLIT).wrapping_shl(self.in_vain) {
            return false;
        }
        self.in_vain = if has_grown { 0 } else { self.in_vain.wrapping_add(1).min(u32::BITS) };
        self.calls = 0;
        self.ranges = self.ranges.max(ranges);
        true
    }

    /// So many calls may have split mappings unseen by now: as [`CountWatch::is_due`].
    pub(super) fn is_due_after(&mut self, splits: u32, ranges: u32) -> bool {
        self.calls = self.calls.saturating_add(splits.saturating_sub(self.splits));
        self.splits = splits;
        self.is_due(ranges)
    }

    /// As many ranges with what was split unseen.
    fn with_splits(&self, ranges: u32) -> u32 {
        ranges.saturating_add(self.splits.saturating_mul(SPLIT))
    }

    /// The limit is known: whether there may be so many mappings that they have to be counted.
    pub(super) fn matters(&mut self, limit: u32, ranges: u32) -> bool {
        if self.is_over() {
            return false;
        }
        let ranges = self.with_splits(ranges);
        self.above = (limit / 2).saturating_sub(FIRST);
        if ranges < self.from() {
            // The first call from there on is a reason to ask.
            (self.room, self.ranges) = (0, 0);
        }
        ranges >= self.from()
    }

    /// The kernel has been asked: so many mappings could come before they matter.
    pub(crate) fn counted(&mut self, room: u32, limit: u32) {
        let room = room.max(limit / STEP);
        if room < self.room / 2 {
            self.in_vain = 0;
        }
        self.room = room;
    }

    /// It has been told, or can't be: the kernel is not asked again. Whether that is so from now on.
    pub(crate) fn end(&mut self) -> bool {
        let ends = !self.is_over();
        self.above = OVER;
        ends
    }

    fn is_over(&self) -> bool {
        self.above == OVER
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may overflow, and fails then")]
mod tests {
    use super::*;

    const LIMIT: u32 = 65530;
    const MATTERS: u32 = LIMIT / 5 * 4;

    /// Asks as the library does; the numbers of mappings that it is asked for.
    fn asked(watch: &mut CountWatch, calls: impl Iterator<Item = (u32, u32)>) -> Vec<u32> {
        let mut asked = Vec::new();
        for (ranges, mappings) in calls {
            if watch.is_due(ranges) && watch.matters(LIMIT, ranges) {
                asked.push(mappings);
                if mappings < MATTERS {
                    watch.counted(MATTERS - mappings, LIMIT);
                } else {
                    assert!(watch.end());
                }
            }
        }
        asked
    }

    #[test]
    fn it_is_asked_as_soon_as_it_matters() {
        let mut watch = CountWatch::new();
        let grows = asked(&mut watch, (1..60_000).map(|ranges| (ranges, ranges + 30)));
        assert_eq!(grows, [LIMIT / 2 + 30, MATTERS]);
        assert!(!watch.is_due(LIMIT) && !watch.end(), "once");
    }

    #[test]
    fn ranges_that_the_kernel_joins_cost_few_questions() {
        let joined = asked(&mut CountWatch::new(), (1..200_000).map(|ranges| (ranges, 1)));
        assert!(joined.len() < 6, "{joined:?}");
        let half = asked(&mut CountWatch::new(), (1..100_000).map(|ranges| (ranges, ranges / 2)));
        assert!(half.len() < 8, "{half:?}");
    }

    #[test]
    fn what_was_joined_is_found_when_it_is_parted() {
        // All are one mapping first; then each call parts two from the others, and no range comes or goes.
        let calls = (1..60_000).map(|ranges| (ranges, 1)).chain((1..32_000).map(|call| (60_000, 1 + 2 * call)));
        let parted = asked(&mut CountWatch::new(), calls);
        assert!(parted.last().is_some_and(|last| (MATTERS..MATTERS + LIMIT / STEP + 2).contains(last)), "{parted:?}");
        // Calls that change nothing are a reason less and less often.
        let same = asked(&mut CountWatch::new(), (0..2_000_000).map(|_| (50_000, 40_000)));
        assert!(same.len() < 20, "{}", same.len());
    }

    #[test]
    fn what_is_split_unseen_counts() {
        let mut watch = CountWatch::new();
        let mut asked = Vec::new();
        for splits in 1..40_000 {
            if watch.is_due_after(splits, 1) && watch.matters(LIMIT, 1) {
                asked.push(2 * splits);
                watch.counted(MATTERS.saturating_sub(2 * splits), LIMIT);
            }
        }
        assert!(asked.iter().any(|mappings| (MATTERS - 8..MATTERS + 8).contains(mappings)), "{asked:?}");
        // Advice that changes nothing.
        let mut same = CountWatch::new();
        let mut questions = 0;
        for splits in 1..1_000_000 {
            if same.is_due_after(splits, 1) && same.matters(LIMIT, 1) {
                questions += 1;
                same.counted(LIMIT / 100, LIMIT);
            }
        }
        assert!(questions < 20, "{questions}");
    }
}
