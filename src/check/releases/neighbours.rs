//! Mappings of the program side by side, which one release hits though only one of them is meant.

use super::{Loss, LossKind, Search, taken_at};
use crate::call::MAP_TYPE;
use crate::check::memory;
use crate::form::Draft;
use crate::observe::tracked;
use crate::plain::Range;
use crate::track::{By, ReleasedPieces, TrackedRange};
use mapsan_model::Severity;

/// Two mappings side by side that one release hits, of which the second is not meant.
pub(in crate::check) struct Neighbours {
    pub(in crate::check) first: TrackedRange,
    pub(in crate::check) second: TrackedRange,
}

impl Neighbours {
    /// The first two pieces that belong to different mappings side by side, made at different places, unless the program
    /// put the later one beside the earlier itself.
    pub(super) fn find(range: Range, taken: &ReleasedPieces) -> Option<Neighbours> {
        let mut first = taken_at(range.start, taken)?;
        for _ in 0..taken.pieces {
            let second = taken_at(first.entry.end, taken)?;
            if are_strangers(&first, &second) {
                return Some(Neighbours { first, second });
            }
            first = second;
        }
        None
    }

    /// The mappings on either side of an address that a call on a range runs over, likewise.
    pub(in crate::check) fn around(start: usize) -> Option<Neighbours> {
        let (first, second) = (tracked::at(start.checked_sub(1)?)?, tracked::at(start)?);
        are_strangers(&first, &second).then_some(Neighbours { first, second })
    }

    /// An allocator may have merged anonymous, private neighbours of one protection: whether it was meant can't be told.
    pub(super) fn severity(&self) -> Severity {
        let alike = self.first.entry.prot == self.second.entry.prot;
        let both = is_plain(&self.first) && is_plain(&self.second);
        if alike && both { Severity::Warning } else { Severity::Error }
    }

    /// Says so.
    pub(in crate::check) fn note_doubt(&self, draft: &mut Draft) {
        if self.severity() == Severity::Warning {
            draft.note(format_args!(
                "both are anonymous, private and of one protection: an allocator that joins such neighbours may mean it"
            ));
        }
    }
}

impl Search<'_> {
    /// The loss, if the range runs out of one mapping into another that is not meant. The kernel is asked whether both are
    /// still there.
    pub(super) fn hits_a_neighbour(&self) -> Option<Loss> {
        let whole = self.taken.multi_origin
            && matches!(memory::coverage(self.range.start, self.range.length()), memory::Coverage::Whole);
        let neighbours = whole.then(|| Neighbours::find(self.range, self.taken))??;
        Some(self.loss(LossKind::Neighbour(neighbours.severity())))
    }
}

/// Whether a mapping is anonymous and private.
pub(super) fn is_plain(known: &TrackedRange) -> bool {
    let origin = &known.origin;
    origin.by != By::Shmat
        && known.file.is_none()
        && !matches!(origin.flags & MAP_TYPE, libc::MAP_SHARED | libc::MAP_SHARED_VALIDATE)
}

fn are_strangers(first: &TrackedRange, second: &TrackedRange) -> bool {
    let (one, other) = (&first.origin, &second.origin);
    if first.entry.origin == second.entry.origin || one.site == other.site {
        return false;
    }
    let later = if other.is_older_than(one.serial) { one } else { other };
    !later.placed && !tracked::was_one(Range { start: first.entry.start, end: second.entry.end }, later.serial)
}
