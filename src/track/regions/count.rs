//! When the kernel is to be asked how many mappings there are, by how many ranges there are.

use super::super::count_watch::CountWatch;
use super::{By, Memory, Regions};

impl<M: Memory> Regions<M> {
    /// Whether something had to be forgotten, or the kernel may have to be asked how many mappings there are.
    #[inline]
    pub(in crate::track) fn wants_more(&self) -> bool {
        self.is_incomplete | (self.tree.ranges() >= self.watch.from())
    }

    /// A call may have added mappings: whether the kernel is to be asked how many there are.
    pub(in crate::track) fn count_is_due(&mut self) -> bool {
        self.watch.is_due(self.tree.ranges())
    }

    /// The same, when so many calls may have split mappings in a way that is not told here.
    pub(in crate::track) fn count_is_due_after(&mut self, splits: u32) -> bool {
        self.watch.is_due_after(splits, self.tree.ranges())
    }

    /// The same of a release, which parts what the kernel had joined. What maps or moves asks for itself.
    #[inline]
    pub(super) fn count_is_due_by(&mut self, releaser: By) -> bool {
        self.wants_more() && releaser == By::Munmap && self.count_is_due()
    }

    /// The limit is known: whether there may be so many mappings that they have to be counted.
    pub(in crate::track) fn count_matters(&mut self, limit: u32) -> bool {
        self.watch.matters(limit, self.tree.ranges())
    }

    pub(in crate::track) fn count_watch(&mut self) -> &mut CountWatch {
        &mut self.watch
    }
}
