//! The System V segments that this process has met.

use crate::plain::errno::Errno;
use crate::plain::hash::mix;
use crate::plain::hidden::Hidden;
use core::ffi::c_int;
use core::mem::offset_of;
use mapsan_model::layout;

/// Segments that are remembered: as many as a system has by default (SHMMNI).
const SEGMENTS: usize = 4096;
/// How far from its place an entry may lie.
const PROBES: usize = 32;

/// A segment that this process has met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MetSegment {
    pub(crate) id: c_int,
    pub(crate) key: c_int,
    /// In bytes; 0 while it is not known.
    pub(crate) size: usize,
    /// The flags of the shmget that made it, or else led to it.
    pub(crate) flags: c_int,
    /// In which process of a line of forks it was met.
    pub(crate) generation: u8,
    marks: u8,
    /// The errno of the last `IPC_RMID` of this process that was refused; 0 if there was none.
    refused: u8,
    /// The return address of the shmget that made it, or else led to it.
    site: Hidden,
    /// The return address of the call that removed it, or that was refused to.
    removal: Hidden,
}

const USED: u8 = 1;
const CREATED: u8 = 2;
const REMOVED: u8 = 4;
const ATTACHED: u8 = 8;
/// A call has given its id to this process, or it was attached.
const GIVEN: u8 = 32;
/// It exists when this process ends.
const LEFT: u8 = 16;

impl MetSegment {
    const NOWHERE: Hidden = Hidden::unused(0);

    /// All zeroes, so that a table of them takes no room in the library's file.
    const NONE: MetSegment = MetSegment {
        id: 0,
        key: 0,
        size: 0,
        flags: 0,
        generation: 0,
        marks: 0,
        refused: 0,
        site: Self::NOWHERE,
        removal: Self::NOWHERE,
    };

    /// A segment of which only its id is known.
    const fn of(id: c_int) -> MetSegment {
        MetSegment { id, marks: USED, ..Self::NONE }
    }

    fn has(&self, mark: u8) -> bool {
        self.marks & mark != 0
    }

    /// Whether a process of this line of forks made it.
    pub(crate) fn is_created(&self) -> bool {
        self.has(CREATED)
    }

    /// Where it was made, if this line of forks made it, or else met.
    pub(crate) fn site(&self) -> usize {
        self.site.get()
    }

    /// Whether a call has given its id to this process, or it was attached.
    pub(crate) fn is_given(&self) -> bool {
        self.has(GIVEN | ATTACHED)
    }

    /// Where its id was given first.
    pub(crate) fn met_at(&self) -> Option<usize> {
        self.has(GIVEN).then(|| self.site.get())
    }

    /// Where this process has removed it.
    pub(crate) fn removed_at(&self) -> Option<usize> {
        self.has(REMOVED).then(|| self.removal.get())
    }

    /// Where this process was refused to remove it, and the errno.
    pub(crate) fn refused_at(&self) -> Option<(usize, Errno)> {
        (self.refused != 0 && !self.has(REMOVED)).then(|| (self.removal.get(), Errno::from(self.refused)))
    }

    /// A shmget has led to it; `created` if it has made it.
    pub(crate) fn shmget_succeeded(&mut self, call: &ShmgetSuccess, generation: u8) {
        // A new segment may have the id of one that is gone.
        if call.created || self.has(REMOVED) {
            *self = MetSegment::of(self.id);
        }
        // A later look-up is not the creation.
        if self.has(CREATED) {
            return;
        }
        if call.created {
            (self.marks, self.generation) = (USED | CREATED, generation);
        }
        if self.has(GIVEN) {
            return;
        }
        self.marks |= GIVEN;
        (self.key, self.flags, self.size, self.site) = (call.key, call.flags, call.size, call.site);
    }

    /// It has been removed at a call site.
    pub(crate) fn remove(&mut self, site: Hidden) {
        self.marks |= REMOVED;
        self.removal = site;
    }

    /// Its removal was refused.
    pub(crate) fn refuse(&mut self, site: Hidden, errno: Errno) {
        if !self.has(REMOVED) {
            (self.refused, self.removal) = (u8::try_from(errno).unwrap_or(0), site);
        }
    }

    /// It has been attached; whether for the first time.
    pub(crate) fn attach(&mut self) -> bool {
        let first = !self.has(ATTACHED);
        self.marks |= ATTACHED;
        first
    }
}

/// A shmget that succeeded, as the tracker is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShmgetSuccess {
    pub(crate) id: c_int,
    pub(crate) key: c_int,
    /// The segment's size in bytes.
    pub(crate) size: usize,
    pub(crate) flags: c_int,
    /// Whether the call has made the segment.
    pub(crate) created: bool,
    /// The return address of the call.
    pub(crate) site: Hidden,
}

/// The segments by id.
pub(crate) struct Segments {
    table: [MetSegment; SEGMENTS],
    /// The places that are or were taken lie between these two: the whole table is some forty pages, which nobody is to
    /// touch for nothing when each of many processes ends.
    first: usize,
    last: usize,
}

impl Segments {
    /// Where what lies in segments that themselves lie `at` bytes from the beginning.
    pub(super) const fn layout(at: usize) -> layout::Segments {
        layout::Segments {
            table: at.wrapping_add(offset_of!(Segments, table)),
            places: SEGMENTS,
            stride: size_of::<MetSegment>(),
            id: offset_of!(MetSegment, id),
            key: offset_of!(MetSegment, key),
            size: offset_of!(MetSegment, size),
            marks: offset_of!(MetSegment, marks),
            site: offset_of!(MetSegment, site),
            removal: offset_of!(MetSegment, removal),
            refused: offset_of!(MetSegment, refused),
            used: USED as usize,
            created: CREATED as usize,
            removed: REMOVED as usize,
            given: GIVEN as usize,
        }
    }

    #[allow(clippy::large_stack_arrays, reason = "the value of a static")]
    pub(crate) const fn new() -> Segments {
        Segments { table: [MetSegment::NONE; SEGMENTS], first: 0, last: 0 }
    }

    /// The part of the table in which all segments lie.
    fn taken(&self) -> &[MetSegment] {
        self.table.get(self.first..self.last).unwrap_or_default()
    }

    fn taken_mut(&mut self) -> &mut [MetSegment] {
        self.table.get_mut(self.first..self.last).unwrap_or_default()
    }

    /// The places where a segment may lie.
    fn places(id: c_int) -> impl Iterator<Item = usize> {
        let hash = mix(u64::from(id.cast_unsigned())) >> 52;
        let start = usize::try_from(hash).unwrap_or(0);
        (0..PROBES).map(move |probe| start.wrapping_add(probe) % SEGMENTS)
    }

    /// The segment with this id.
    pub(crate) fn get(&self, id: c_int) -> Option<&MetSegment> {
        Self::places(id)
            .filter_map(|place| self.table.get(place))
            .take_while(|segment| segment.has(USED))
            .find(|segment| segment.id == id)
    }

    /// The segment with this id, entered if it was not there. Where there is no room, one that this process did not
    /// make, or has removed, makes way.
    pub(crate) fn entry(&mut self, id: c_int) -> Option<&mut MetSegment> {
        let at = |this: &Self, place: usize| this.table.get(place).copied().unwrap_or(MetSegment::NONE);
        let there = Self::places(id).find(|place| {
            let segment = at(self, *place);
            !segment.has(USED) || segment.id == id
        });
        let makes_way = |place: &usize| {
            let segment = at(self, *place);
            !segment.has(CREATED) || segment.has(REMOVED)
        };
        let place = there.or_else(|| Self::places(id).find(makes_way))?;
        self.first = if self.last == 0 { place } else { self.first.min(place) };
        self.last = self.last.max(place.wrapping_add(1));
        let segment = self.table.get_mut(place)?;
        if !segment.has(USED) || segment.id != id {
            *segment = MetSegment::of(id);
        }
        Some(segment)
    }

    /// A segment exists when this process ends, and is to be told of.
    pub(crate) fn leave(&mut self, id: c_int) {
        if let Some(segment) = self.taken_mut().iter_mut().find(|segment| segment.has(USED) && segment.id == id) {
            segment.marks |= LEFT;
        }
    }

    /// Begins to look for those that are left.
    pub(crate) fn leave_none(&mut self) {
        for segment in self.taken_mut().iter_mut().filter(|segment| segment.has(LEFT)) {
            segment.marks &= !LEFT;
        }
    }

    /// Those that are left, of all call sites or of one.
    fn left(&self, site: Option<usize>) -> impl Iterator<Item = &MetSegment> {
        self.taken().iter().filter(move |segment| segment.has(LEFT) && site.is_none_or(|site| segment.site() == site))
    }

    /// The one with the next higher id.
    pub(crate) fn next_left(&self, after: Option<c_int>, site: Option<usize>) -> Option<MetSegment> {
        self.left(site).filter(|segment| after.is_none_or(|after| segment.id > after)).min_by_key(|one| one.id).copied()
    }

    /// How many there are.
    pub(crate) fn count_left(&self, site: usize) -> usize {
        self.left(Some(site)).count()
    }

    /// Whether a segment that this process has met has, or had, this key.
    pub(crate) fn has_key(&self, key: c_int) -> bool {
        self.taken().iter().any(|segment| segment.has(GIVEN) && segment.key == key)
    }

    /// Where this process has removed the segment with this key.
    pub(crate) fn removed_with_key(&self, key: c_int) -> Option<usize> {
        self.taken().iter().filter(|segment| segment.has(GIVEN) && segment.key == key).find_map(MetSegment::removed_at)
    }

    /// The next segment in the table from place `from` on, and the place after it.
    pub(crate) fn next(&self, from: usize) -> Option<(MetSegment, usize)> {
        let from = from.max(self.first);
        let rest = self.table.get(from..self.last)?;
        let index = rest.iter().position(|segment| segment.has(USED))?;
        Some((*rest.get(index)?, from.wrapping_add(index).wrapping_add(1)))
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may overflow, and fails then")]
mod tests {
    use super::*;

    fn shmget_succeeded(id: c_int, created: bool, site: usize) -> ShmgetSuccess {
        ShmgetSuccess { id, key: 7, size: 4096, flags: 0o600, created, site: Hidden::new(site) }
    }

    #[test]
    fn segments_are_found_again_and_those_of_others_make_way() {
        let mut segments = Box::new(Segments::new());
        assert!(segments.get(0).is_none());
        for id in 0..10_000 {
            segments.entry(id).unwrap().shmget_succeeded(&shmget_succeeded(id, id < 100, 1), 0);
        }
        assert!((0..100).all(|id| segments.get(id).is_some_and(MetSegment::is_created)));
        assert!(segments.get(9_999).is_some());
        assert_eq!(segments.next(SEGMENTS), None);
    }

    #[test]
    fn a_later_look_up_is_not_the_creation() {
        let mut segment = MetSegment::of(3);
        segment.shmget_succeeded(&shmget_succeeded(3, true, 1), 5);
        segment.shmget_succeeded(&ShmgetSuccess { size: 0, flags: 0, ..shmget_succeeded(3, false, 2) }, 5);
        assert_eq!((segment.site(), segment.size, segment.flags), (1, 4096, 0o600));
    }

    #[test]
    fn an_id_that_is_given_again_is_another_segment() {
        let mut segment = MetSegment::of(3);
        segment.shmget_succeeded(&shmget_succeeded(3, true, 1), 5);
        segment.refuse(Hidden::new(2), libc::EPERM);
        assert_eq!(segment.refused_at(), Some((2, libc::EPERM)));
        segment.remove(Hidden::new(3));
        assert_eq!((segment.refused_at(), segment.removed_at()), (None, Some(3)));
        segment.shmget_succeeded(&shmget_succeeded(3, false, 4), 5);
        assert!(!segment.is_created() && segment.removed_at().is_none() && segment.site() == 4);
    }
}
