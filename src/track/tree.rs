//! Address ranges in order: a B+ tree whose nodes are 512 bytes, in memory of our own.
//!
//! Ranges never overlap, so their starts order them. Search, insertion and removal touch one node a level: a million
//! ranges have six levels.

mod joining;
mod layout;
mod node;

use super::pool::{Memory, Pool};
use crate::plain::hidden::{Addresses, Hidden};
use node::{FEW, Node, WIDTH};

/// More levels than a tree in memory can have.
const LEVELS: usize = 12;
/// Nodes that the library itself has room for: some 1,500 ranges.
const FIRST_NODES: usize = 128;

/// A range of addresses and what is known of it; in a branch, the lowest start below a child and the child's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) start: usize,
    /// One past the last byte.
    pub(crate) end: usize,
    /// The number of the record that tells where it comes from.
    pub(crate) origin: u32,
    /// The protection, `PROT_READ` and so on.
    pub(crate) prot: u8,
    /// Whether its release needs a look.
    pub(crate) needs_check: bool,
    /// Whether forked children do not get it (`MADV_DONTFORK`).
    pub(crate) kept_back: bool,
}

impl Addresses for Entry {
    #[inline]
    fn complemented(self) -> Entry {
        Entry { start: !self.start, end: !self.end, ..self }
    }
}

impl Entry {
    pub(super) const NONE: Entry = Entry { start: 0, end: 0, origin: 0, prot: 0, needs_check: false, kept_back: false };

    /// Whether `address` lies in it.
    pub(crate) fn contains(&self, address: usize) -> bool {
        self.start <= address && address < self.end
    }
}

/// The way from the root to a leaf: nodes, and in each branch which child.
struct Path {
    steps: [(u32, u32); LEVELS],
    depth: usize,
}

impl Path {
    const EMPTY: Path = Path { steps: [(0, 0); LEVELS], depth: 0 };

    fn push(&mut self, node: u32, child: usize) {
        if let Some(step) = self.steps.get_mut(self.depth) {
            *step = (node, u32::try_from(child).unwrap_or(0));
            self.depth = self.depth.wrapping_add(1);
        }
    }

    /// The step of a level, 0 for the root.
    fn step(&self, level: usize) -> Option<(u32, usize)> {
        let (node, child) = *self.steps.get(..self.depth)?.get(level)?;
        Some((node, child as usize))
    }
}

/// The ranges.
#[repr(C)] // see `Pool`
pub(crate) struct Tree<M> {
    recent: Recent,
    /// 0 while there has been no range.
    root: u32,
    /// Whether the root is a branch: there is more than one leaf.
    is_branched: bool,
    /// How many ranges there are.
    ranges: u32,
    nodes: Pool<M, Node, FIRST_NODES>,
}

/// The leaf that was changed last, where the next change is likely to be, and the addresses that belong in it.
#[derive(Clone, Copy)]
struct Recent {
    leaf: u32,
    /// The lowest of them, and one past the last.
    low: Hidden,
    high: Hidden,
}

impl Recent {
    /// No leaf: no address belongs in it.
    const NONE: Recent = Recent { leaf: 0, low: Hidden::unused(0), high: Hidden::unused(0) };

    #[inline]
    fn holds(&self, address: usize) -> bool {
        let hidden = !address;
        *self.high.kept() < hidden && hidden <= *self.low.kept()
    }
}

impl<M: Memory> Tree<M> {
    pub(crate) const fn new() -> Tree<M> {
        Tree { nodes: Pool::new(), root: 0, is_branched: false, ranges: 0, recent: Recent::NONE }
    }

    /// How many ranges there are.
    #[inline]
    pub(super) fn ranges(&self) -> u32 {
        self.ranges
    }

    /// The leaf in which `address` belongs, without the way to it.
    #[inline]
    fn leaf(&self, address: usize) -> Option<&Node> {
        if self.recent.holds(address) {
            return self.nodes.get(self.recent.leaf);
        }
        let mut node = self.nodes.get(self.root)?;
        while node.is_branch {
            node = self.nodes.get(node.entry(node.child_for(address))?.origin)?;
        }
        Some(node)
    }

    fn new_node(&mut self) -> Option<u32> {
        let (number, node) = self.nodes.claim()?;
        (node.length, node.is_branch) = (0, false);
        Some(number)
    }

    /// The leaf in which `address` belongs, to change it.
    #[inline]
    fn leaf_mut(&mut self, address: usize) -> Option<&mut Node> {
        if !self.recent.holds(address) {
            self.descend(address)?;
        }
        self.nodes.get_mut(self.recent.leaf)
    }

    /// Finds the leaf in which `address` belongs, and makes it the recent one.
    #[inline(never)]
    fn descend(&mut self, address: usize) -> Option<()> {
        let mut recent = Recent { leaf: self.root, low: Hidden::new(0), high: Hidden::new(usize::MAX) };
        loop {
            let node = self.nodes.get(recent.leaf)?;
            node.prefetch();
            if !node.is_branch {
                break;
            }
            let child = node.child_for(address);
            let entry = node.entry(child)?;
            recent.leaf = entry.origin;
            if child > 0 {
                recent.low = Hidden::new(entry.start);
            }
            if let Some(next) = node.entry(child.wrapping_add(1)) {
                recent.high = Hidden::new(next.start);
            }
        }
        self.recent = recent;
        Some(())
    }

    fn path(&self, address: usize, path: &mut Path) -> Option<()> {
        let mut number = self.root;
        let mut node = self.nodes.get(number)?;
        while node.is_branch {
            let child = node.child_for(address);
            path.push(number, child);
            number = node.entry(child)?.origin;
            node = self.nodes.get(number)?;
        }
        path.push(number, 0);
        Some(())
    }

    /// The range that holds `address`, or else the next one above it.
    #[inline]
    pub(crate) fn at_or_after(&self, address: usize) -> Option<Entry> {
        let leaf = self.leaf(address)?;
        let index = leaf.ending_by(address);
        match leaf.entry(index) {
            None if self.is_branched => self.neighbour(address, 1),
            there => there,
        }
    }

    /// The last range that starts below `address`.
    pub(crate) fn before(&self, address: usize) -> Option<Entry> {
        let below = address.checked_sub(1)?;
        let leaf = self.leaf(below)?;
        let index = leaf.starting_below(address);
        match index.checked_sub(1) {
            Some(index) => leaf.entry(index),
            None if self.is_branched => self.neighbour(below, -1),
            None => None,
        }
    }

    /// The range nearest to the leaf of `address` in the leaf after (1) or before it (-1).
    #[cold]
    #[inline(never)]
    fn neighbour(&self, address: usize, side: isize) -> Option<Entry> {
        let mut path = Path::EMPTY;
        self.path(address, &mut path)?;
        let mut level = path.depth.checked_sub(1)?;
        let mut node = loop {
            level = level.checked_sub(1)?;
            let (number, child) = path.step(level)?;
            let branch = self.nodes.get(number)?;
            if let Some(beside) = child.checked_add_signed(side).and_then(|beside| branch.entry(beside)) {
                break self.nodes.get(beside.origin)?;
            }
        };
        loop {
            let entry = if side > 0 { node.entry(0) } else { node.last() }?;
            if !node.is_branch {
                return Some(entry);
            }
            node = self.nodes.get(entry.origin)?;
        }
    }

    /// Adds a range if it overlaps none and its leaf has room, in one descent; `false` where that takes a closer look.
    #[inline(always)]
    pub(crate) fn insert_simply(&mut self, entry: &Entry) -> bool {
        let branched = self.is_branched;
        let Some(leaf) = self.leaf_mut(entry.start) else { return false };
        let index = leaf.ending_by(entry.start);
        // Behind the last one of a leaf the next leaf decides.
        let is_free = leaf.entry(index).map_or(!branched, |next| entry.end <= next.start);
        if !is_free || leaf.len() == WIDTH {
            return false;
        }
        leaf.insert(index, entry);
        self.ranges = self.ranges.wrapping_add(1);
        true
    }

    /// Takes out the range that is exactly this one, in one descent, if its leaf does not become small by that.
    #[inline(always)]
    pub(crate) fn take_exactly(&mut self, start: usize, end: usize) -> Option<Entry> {
        let branched = self.is_branched;
        let leaf = self.leaf_mut(start)?;
        let index = leaf.starting_below(start);
        let entry = leaf.entry(index).filter(|entry| entry.start == start && entry.end == end)?;
        if branched && leaf.len() <= FEW {
            return None;
        }
        leaf.remove(index);
        self.ranges = self.ranges.wrapping_sub(1);
        Some(entry)
    }

    /// Adds a range that overlaps none; `false` if there is no memory, and nothing has changed.
    pub(crate) fn insert(&mut self, entry: Entry) -> bool {
        self.try_insert(entry).is_some()
    }

    fn try_insert(&mut self, entry: Entry) -> Option<()> {
        if self.root == 0 {
            self.root = self.new_node()?;
            self.recent = Recent::NONE;
        }
        let node = self.leaf_mut(entry.start)?;
        let index = node.starting_below(entry.start);
        let is_last = index == node.len();
        if node.len() < WIDTH {
            node.insert(index, &entry);
        } else {
            self.insert_by_splitting(index, entry)?;
        }
        self.ranges = self.ranges.wrapping_add(1);
        if is_last {
            self.raise_next(entry);
        }
        Some(())
    }

    /// Sees to it that the leaf after that of `entry` is looked into from its end on: the start that the branch above has
    /// for it may be that of a range that is gone.
    fn raise_next(&mut self, entry: Entry) -> Option<()> {
        if !self.is_branched {
            return None;
        }
        self.recent = Recent::NONE;
        let mut path = Path::EMPTY;
        self.path(entry.start, &mut path)?;
        let mut level = path.depth.checked_sub(1)?;
        loop {
            level = level.checked_sub(1)?;
            let (number, child) = path.step(level)?;
            let branch = self.nodes.get_mut(number)?;
            let after = child.wrapping_add(1);
            if let Some(next) = branch.entry(after) {
                branch.set(after, Entry { start: next.start.max(entry.end), ..next });
                return Some(());
            }
        }
    }

    /// Inserts into a full leaf: parts it and every full branch above it.
    #[cold]
    #[inline(never)]
    fn insert_by_splitting(&mut self, index: usize, entry: Entry) -> Option<()> {
        self.recent = Recent::NONE;
        let mut path = Path::EMPTY;
        self.path(entry.start, &mut path)?;
        let mut spare = self.spare_nodes(&path)?;
        let mut unused = spare.iter_mut();
        let mut next = || unused.next().map(core::mem::take);
        let mut level = path.depth.checked_sub(1)?;
        let (mut item, mut at) = (entry, index);
        loop {
            let (number, _) = path.step(level)?;
            let node = self.nodes.get_mut(number)?;
            if node.len() < WIDTH {
                node.insert(at, &item);
                return Some(());
            }
            // Mappings come one below the other, as the kernel hands out addresses: a node that grows at an end keeps
            // two thirds, and the new one has enough to lose some again.
            let cut = match at {
                0 => FEW,
                WIDTH => WIDTH.wrapping_sub(FEW),
                _ => WIDTH.wrapping_add(1) / 2,
            };
            let new = next()?;
            self.split(number, cut, new)?;
            if at < cut {
                self.nodes.get_mut(number)?.insert(at, &item);
            } else {
                self.nodes.get_mut(new)?.insert(at.wrapping_sub(cut), &item);
            }
            let lowest = self.nodes.get(new)?.entry(0)?.start;
            item = Entry { start: lowest, origin: new, ..Entry::NONE };
            if let Some(above) = level.checked_sub(1) {
                level = above;
                at = path.step(level)?.1.wrapping_add(1);
                continue;
            }
            let top = next()?;
            let root = self.nodes.get_mut(top)?;
            root.is_branch = true;
            root.push(Entry { origin: number, ..Entry::NONE });
            root.push(item);
            (self.root, self.is_branched) = (top, true);
            return Some(());
        }
    }

    /// Moves the entries of a node from `cut` on into `new`, which is empty. One by one: a node is too large for the
    /// stacks that this may run on.
    fn split(&mut self, number: u32, cut: usize, new: u32) -> Option<()> {
        self.nodes.get_mut(new)?.is_branch = self.nodes.get(number)?.is_branch;
        self.append(new, number, cut)?;
        self.nodes.get_mut(number)?.truncate(cut);
        Some(())
    }

    /// Copies the entries of `from`, starting at `index`, to the end of `into`.
    fn append(&mut self, into: u32, from: u32, index: usize) -> Option<()> {
        for index in index..self.nodes.get(from)?.len() {
            let entry = self.nodes.get(from)?.entry(index)?;
            self.nodes.get_mut(into)?.push(entry);
        }
        Some(())
    }

    /// As many new nodes as parting all full nodes of the way takes, all or none.
    fn spare_nodes(&mut self, path: &Path) -> Option<[u32; LEVELS]> {
        let mut needed = 0_usize;
        let mut level = path.depth;
        while let Some(above) = level.checked_sub(1) {
            if self.nodes.get(path.step(above)?.0)?.len() < WIDTH {
                break;
            }
            needed = needed.wrapping_add(1);
            level = above;
        }
        if level == 0 {
            needed = needed.wrapping_add(1);
        }
        let mut spare = [0; LEVELS];
        for taken in 0..needed {
            let Some(number) = self.new_node() else {
                for number in spare {
                    self.nodes.give_back(number);
                }
                return None;
            };
            *spare.get_mut(taken)? = number;
        }
        Some(spare)
    }

    /// Replaces the range that starts at `start`. The new one lies inside the old one, or reaches further where nothing
    /// is.
    pub(crate) fn replace(&mut self, start: usize, entry: Entry) {
        let Some(node) = self.leaf_mut(start) else { return };
        let index = node.starting_below(start);
        let length = node.len();
        if node.entry(index).is_some_and(|there| there.start == start) {
            node.set(index, entry);
            if index.wrapping_add(1) == length {
                self.raise_next(entry);
            }
        }
    }

    /// Removes the range that starts at `start`.
    pub(crate) fn remove(&mut self, start: usize) {
        let _ = self.try_remove(start);
    }

    fn try_remove(&mut self, start: usize) -> Option<()> {
        let leaf = self.leaf_mut(start)?;
        let index = leaf.starting_below(start);
        if leaf.entry(index)?.start != start {
            return None;
        }
        leaf.remove(index);
        let is_small = leaf.len() < FEW;
        self.ranges = self.ranges.wrapping_sub(1);
        if is_small && self.is_branched {
            self.tidy(start)?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests;
