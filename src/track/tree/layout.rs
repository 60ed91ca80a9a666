//! Where in a tree lies what is read from outside.

use super::node::Node;
use super::{Entry, FIRST_NODES, Tree};
use crate::track::pool::{Memory, Pool};
use core::mem::offset_of;
use mapsan_model::layout;

impl Entry {
    pub(in crate::track) const LAYOUT: layout::Entry = layout::Entry {
        start: offset_of!(Entry, start),
        end: offset_of!(Entry, end),
        origin: offset_of!(Entry, origin),
        protection: offset_of!(Entry, prot),
    };
}

impl<M: Memory> Tree<M> {
    pub(in crate::track) const NODE: layout::Node = Node::LAYOUT;
    /// The number of the node at the top, in a tree.
    pub(in crate::track) const ROOT: usize = offset_of!(Self, root);

    /// Where the nodes of a tree lie that itself lies `at` bytes from the beginning.
    pub(in crate::track) const fn nodes(at: usize) -> layout::Pool {
        Pool::<M, Node, FIRST_NODES>::layout(at.wrapping_add(offset_of!(Self, nodes)))
    }
}
