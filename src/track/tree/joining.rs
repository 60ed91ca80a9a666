//! What becomes small is joined with a neighbour, so that a tree of few ranges has few nodes.

use super::super::pool::Memory;
use super::node::{FEW, JOINED};
use super::{Entry, Path, Recent, Tree};

impl<M: Memory> Tree<M> {
    /// Joins the leaf of `address`, which has become small, with a neighbour, and then perhaps the branch above it.
    #[inline(never)]
    pub(super) fn tidy(&mut self, address: usize) -> Option<()> {
        self.recent = Recent::NONE;
        let mut path = Path::EMPTY;
        self.path(address, &mut path)?;
        let mut level = path.depth.checked_sub(1)?;
        loop {
            let (number, _) = path.step(level)?;
            let Some(above) = level.checked_sub(1) else {
                return self.lower_root();
            };
            let (parent, child) = path.step(above)?;
            if !self.join(number, parent, child)? || self.nodes.get(parent)?.len() >= FEW {
                return if above == 0 { self.lower_root() } else { Some(()) };
            }
            level = above;
        }
    }

    /// Joins child number `child` of `parent` with the one beside it, or takes it out if it is empty; whether it did.
    fn join(&mut self, number: u32, parent: u32, child: usize) -> Option<bool> {
        let length = self.nodes.get(number)?.len();
        if length >= FEW {
            return Some(false);
        }
        if length == 0 {
            self.nodes.give_back(number);
            self.nodes.get_mut(parent)?.remove(child);
            return Some(true);
        }
        for left in [Some(child), child.checked_sub(1)].into_iter().flatten() {
            let branch = self.nodes.get(parent)?;
            let (Some(into), Some(from)) = (branch.entry(left), branch.entry(left.wrapping_add(1))) else {
                continue;
            };
            let length = self.nodes.get(into.origin)?.len();
            let right = self.nodes.get_mut(from.origin)?;
            if length.wrapping_add(right.len()) > JOINED {
                continue;
            }
            if right.is_branch
                && let Some(lowest) = right.entry(0)
            {
                // The first child of a branch stands for all that is below the second; now it gets one before it.
                right.set(0, Entry { start: from.start, ..lowest });
            }
            self.append(into.origin, from.origin, 0)?;
            self.nodes.give_back(from.origin);
            self.nodes.get_mut(parent)?.remove(left.wrapping_add(1));
            return Some(true);
        }
        Some(false)
    }

    /// A root with one child is not needed, nor one with none.
    fn lower_root(&mut self) -> Option<()> {
        loop {
            let root = self.nodes.get(self.root)?;
            if !root.is_branch || root.len() > 1 {
                self.is_branched = root.is_branch;
                return Some(());
            }
            let below = root.entry(0).map_or(0, |only| only.origin);
            self.nodes.give_back(self.root);
            self.root = below;
            if below == 0 {
                self.is_branched = false;
                return Some(());
            }
        }
    }
}
