//! The System V segments that this process has met.

use crate::hidden::Hidden;
use crate::spread::spread;
use core::ffi::c_int;

/// Segments that are remembered: as many as a system has by default (SHMMNI).
const SEGMENTS: usize = 4096;
/// How far from its place an entry may lie.
const PROBES: usize = 32;

/// A segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) id: c_int,
    pub(crate) key: c_int,
    /// In bytes; 0 while it is not known.
    pub(crate) size: usize,
    /// The flags of the shmget that led to it.
    pub(crate) flags: c_int,
    /// In which process of a line of forks it was met.
    pub(crate) generation: u8,
    /// Whether this process made it.
    pub(crate) created: bool,
    used: bool,
    /// The return address of the shmget that led to it; 0 if only its id is known.
    site: Hidden,
    /// The return address of the call that removed it; 0 while it has not been removed by this process.
    removed: Hidden,
}

impl Segment {
    const NONE: Segment = Segment {
        id: 0,
        key: 0,
        size: 0,
        flags: 0,
        generation: 0,
        created: false,
        used: false,
        site: Hidden::unused(0),
        removed: Hidden::unused(0),
    };

    /// A segment of which only its id is known.
    pub(crate) const fn of(id: c_int) -> Segment {
        Segment { id, used: true, site: Hidden::new(0), removed: Hidden::new(0), ..Self::NONE }
    }

    /// The return address of the shmget that led to it; 0 if only its id is known.
    pub(crate) fn site(&self) -> usize {
        self.site.get()
    }

    /// The return address of the call that removed it; 0 while it has not been removed by this process.
    pub(crate) fn removed(&self) -> usize {
        self.removed.get()
    }

    /// A shmget, which returns to `site`, has led to it.
    #[expect(clippy::similar_names, reason = "size and site are what they are")]
    pub(super) fn met(&mut self, key: c_int, size: usize, flags: c_int, site: usize) {
        (self.key, self.size, self.flags, self.site) = (key, size, flags, Hidden::new(site));
    }

    /// A call that returns to `site` has removed it.
    pub(super) fn gone(&mut self, site: usize) {
        self.removed = Hidden::new(site);
    }
}

/// The segments by id.
pub(crate) struct Segments {
    table: [Segment; SEGMENTS],
}

impl Segments {
    #[allow(clippy::large_stack_arrays, reason = "the value of a static")]
    pub(crate) const fn new() -> Segments {
        Segments { table: [Segment::NONE; SEGMENTS] }
    }

    /// The places where a segment may lie.
    fn places(id: c_int) -> impl Iterator<Item = usize> {
        let hash = spread(u64::from(id.cast_unsigned())) >> 52;
        let start = usize::try_from(hash).unwrap_or(0);
        (0..PROBES).map(move |probe| start.wrapping_add(probe) % SEGMENTS)
    }

    /// The segment with this id.
    pub(crate) fn get(&self, id: c_int) -> Option<&Segment> {
        Self::places(id)
            .filter_map(|place| self.table.get(place))
            .take_while(|segment| segment.used)
            .find(|segment| segment.id == id)
    }

    /// The segment with this id, entered if it was not there. Where there is no room, one that this process did not
    /// make, or has removed, makes way.
    pub(crate) fn entry(&mut self, id: c_int) -> Option<&mut Segment> {
        let at = |this: &Self, place: usize| this.table.get(place).copied().unwrap_or(Segment::NONE);
        let there = Self::places(id).find(|place| {
            let segment = at(self, *place);
            !segment.used || segment.id == id
        });
        let makes_way = |place: &usize| {
            let segment = at(self, *place);
            !segment.created || segment.removed() != 0
        };
        let place = there.or_else(|| Self::places(id).find(makes_way))?;
        let segment = self.table.get_mut(place)?;
        if !segment.used || segment.id != id {
            *segment = Segment::of(id);
        }
        Some(segment)
    }

    /// The next segment in the table from place `from` on, and the place after it.
    pub(crate) fn next(&self, from: usize) -> Option<(Segment, usize)> {
        let rest = self.table.get(from..)?;
        let index = rest.iter().position(|segment| segment.used)?;
        Some((*rest.get(index)?, from.wrapping_add(index).wrapping_add(1)))
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may overflow, and fails then")]
mod tests {
    use super::*;

    #[test]
    fn segments_are_found_again_and_those_of_others_make_way() {
        let mut segments = Box::new(Segments::new());
        assert!(segments.get(0).is_none());
        for id in 0..10_000 {
            segments.entry(id).unwrap().created = id < 100;
        }
        assert!((0..100).all(|id| segments.get(id).is_some_and(|segment| segment.created)));
        assert!(segments.get(9_999).is_some());
        assert_eq!(segments.next(SEGMENTS), None);
    }
}
