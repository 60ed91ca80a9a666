//! Where in the tracker lies what `mapsan inspect` reads from outside, as its types have it.

use super::history::History;
use super::objects::Objects;
use super::origin::{File, Origin};
use super::pool::Memory;
use super::regions::Regions;
use super::segments::Segments;
use super::tree::{Entry, Tree};
use super::{Shared, Tracker};
use core::mem::offset_of;
use mapsan_model::layout;

impl<M: Memory> Shared<Tracker<M>> {
    const REGIONS: usize = Self::CONTENT.wrapping_add(offset_of!(Tracker<M>, regions));
    const TREE: usize = Self::REGIONS.wrapping_add(Regions::<M>::TREE);

    /// Where what lies in it; the parts that are not the tracker's are given.
    pub(crate) const fn layout(
        failures: layout::Failures,
        findings: layout::Findings,
        clock: layout::Clock,
    ) -> layout::Layout {
        layout::Layout {
            holder: Self::HOLDER,
            turns: Self::TURNS,
            is_incomplete: Self::REGIONS.wrapping_add(Regions::<M>::IS_INCOMPLETE),
            generation: Self::REGIONS.wrapping_add(Regions::<M>::GENERATION),
            root: Self::TREE.wrapping_add(Tree::<M>::ROOT),
            nodes: Tree::<M>::nodes(Self::TREE),
            node: Tree::<M>::NODE,
            entry: Entry::LAYOUT,
            origins: Regions::<M>::origins(Self::REGIONS),
            origin: Origin::LAYOUT,
            files: Regions::<M>::files(Self::REGIONS),
            file: File::LAYOUT,
            history: History::layout(Self::REGIONS.wrapping_add(Regions::<M>::HISTORY)),
            segments: Segments::layout(Self::CONTENT.wrapping_add(offset_of!(Tracker<M>, segments))),
            objects: Objects::layout(Self::CONTENT.wrapping_add(offset_of!(Tracker<M>, objects))),
            failures,
            findings,
            clock,
        }
    }
}
