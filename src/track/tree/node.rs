//! A node of the tree: entries in order.

use super::super::pool::Item;
use super::Entry;
use crate::machine::{Architecture, Machine};
use crate::plain::hidden::Hidden;
use core::mem::offset_of;
use mapsan_model::layout;

/// Entries of a node.
pub(super) const WIDTH: usize = 21;
/// A node with fewer entries than this is joined with a neighbour that has room.
pub(super) const FEW: usize = 7;
/// The most entries that two joined nodes have, so that the next insertion does not part them again.
pub(super) const JOINED: usize = 17;

/// Entries, the lowest first; in a branch one for each child.
#[derive(Clone, Copy)]
pub(super) struct Node {
    free: u32,
    pub(super) length: u16,
    pub(super) is_branch: bool,
    entries: [Hidden<Entry>; WIDTH],
}

impl Item for Node {
    const EMPTY: Node = Node { free: 0, length: 0, is_branch: false, entries: [Hidden::unused(Entry::NONE); WIDTH] };

    fn link(&mut self) -> &mut u32 {
        &mut self.free
    }
}

impl Node {
    pub(super) const LAYOUT: layout::Node = layout::Node {
        length: offset_of!(Node, length),
        is_branch: offset_of!(Node, is_branch),
        entries: offset_of!(Node, entries),
        stride: size_of::<Hidden<Entry>>(),
    };

    fn entries(&self) -> &[Hidden<Entry>] {
        self.entries.get(..self.length as usize).unwrap_or_default()
    }

    /// How many entries, the lowest, start below `address`. Complements have the opposite order.
    #[inline]
    pub(super) fn starting_below(&self, address: usize) -> usize {
        let hidden = !address;
        self.entries().partition_point(|entry| entry.kept().start > hidden)
    }

    /// How many entries, the lowest, end at or below `address`.
    #[inline]
    pub(super) fn ending_by(&self, address: usize) -> usize {
        let hidden = !address;
        self.entries().partition_point(|entry| entry.kept().end >= hidden)
    }

    /// Asks for all of it at once, before a search reads one line after the other.
    #[inline]
    pub(super) fn prefetch(&self) {
        const LINE: usize = 64;
        for line in 0..size_of::<Node>() / LINE {
            Machine::prefetch(core::ptr::from_ref(self).cast::<u8>().wrapping_add(line.wrapping_mul(LINE)));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.length as usize
    }

    pub(super) fn entry(&self, index: usize) -> Option<Entry> {
        self.entries().get(index).map(|entry| entry.get())
    }

    /// The last entry.
    pub(super) fn last(&self) -> Option<Entry> {
        self.entries().last().map(|entry| entry.get())
    }

    /// Puts an entry in the place of another.
    pub(super) fn set(&mut self, index: usize, entry: Entry) {
        if index < self.len()
            && let Some(place) = self.entries.get_mut(index)
        {
            *place = Hidden::of(entry);
        }
    }

    /// Of a branch: which child may hold `address`. The first one stands for everything below the second, so its own
    /// start says nothing.
    pub(super) fn child_for(&self, address: usize) -> usize {
        let hidden = !address;
        self.entries().get(1..).unwrap_or_default().partition_point(|entry| entry.kept().start >= hidden)
    }

    pub(super) fn insert(&mut self, index: usize, entry: &Entry) {
        let length = self.len();
        if length >= WIDTH || index > length {
            return;
        }
        if index < length {
            self.entries.copy_within(index..length, index.wrapping_add(1));
        }
        if let Some(place) = self.entries.get_mut(index) {
            *place = Hidden::of(*entry);
            self.length = self.length.wrapping_add(1);
        }
    }

    pub(super) fn remove(&mut self, index: usize) {
        let length = self.len();
        if index >= length || length > WIDTH {
            return;
        }
        let after = index.wrapping_add(1);
        if after < length {
            self.entries.copy_within(after..length, index);
        }
        self.length = self.length.wrapping_sub(1);
    }

    /// Appends an entry, if there is room.
    pub(super) fn push(&mut self, entry: Entry) {
        let length = self.len();
        self.insert(length, &entry);
    }

    /// Forgets all entries from `index` on.
    pub(super) fn truncate(&mut self, index: usize) {
        self.length = u16::try_from(index).unwrap_or(0).min(self.length);
    }
}
