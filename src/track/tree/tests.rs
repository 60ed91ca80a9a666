//! The tree against a `BTreeMap`.
#![allow(clippy::arithmetic_side_effects, reason = "a test may overflow, and fails then")]

use super::super::pool::Heap;
use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

impl<M: Memory> Tree<M> {
    /// Checks that it is an ordered map; how many ranges it has.
    pub(crate) fn check(&self) -> usize {
        let ranges = if self.root == 0 { 0 } else { self.sound(self.root, 0, usize::MAX) };
        assert_eq!(self.ranges() as usize, ranges);
        ranges
    }

    /// Checks the order of a node's keys, and that all of them lie in `low..high`; how many entries there are.
    fn sound(&self, number: u32, low: usize, high: usize) -> usize {
        let node = self.nodes.get(number).unwrap();
        assert!(node.len() <= WIDTH);
        if !node.is_branch {
            let entries: Vec<Entry> = (0..node.len()).map(|index| node.entry(index).unwrap()).collect();
            for entry in &entries {
                assert!(
                    low <= entry.start && entry.end <= high && entry.start < entry.end,
                    "{entry:?} in {low}..{high}"
                );
            }
            assert!(entries.is_sorted_by(|one, other| one.end <= other.start));
            return node.len();
        }
        assert!(node.len() > 0);
        (0..node.len())
            .map(|child| {
                let from = if child == 0 { low } else { node.entry(child).unwrap().start };
                let to = node.entry(child + 1).map_or(high, |next| next.start);
                assert!(from <= to);
                self.sound(node.entry(child).unwrap().origin, from, to)
            })
            .sum()
    }
}

#[derive(Clone, Debug)]
enum Action {
    Insert(usize, usize),
    InsertSimply(usize, usize),
    Remove(usize),
    Take(usize),
    Shorten(usize),
    Raise(usize),
}

fn action() -> impl Strategy<Value = Action> {
    let place = 0..4000_usize;
    prop_oneof![
        5 => (place.clone(), 2..6_usize).prop_map(|(start, length)| Action::Insert(start, length)),
        5 => (place.clone(), 2..6_usize).prop_map(|(start, length)| Action::InsertSimply(start, length)),
        4 => place.clone().prop_map(Action::Remove),
        4 => place.clone().prop_map(Action::Take),
        1 => place.clone().prop_map(Action::Shorten),
        1 => place.prop_map(Action::Raise),
    ]
}

/// The entry of the model at or after an address.
fn at_or_after(model: &BTreeMap<usize, Entry>, address: usize) -> Option<Entry> {
    let before = model.range(..=address).next_back().map(|(_, entry)| *entry).filter(|entry| entry.end > address);
    before.or_else(|| model.range(address..).next().map(|(_, entry)| *entry))
}

fn run(actions: impl Iterator<Item = Action>) {
    let mut tree = Box::new(Tree::<Heap>::new());
    let mut model = BTreeMap::new();
    for action in actions {
        let (Action::Insert(at, _)
        | Action::InsertSimply(at, _)
        | Action::Remove(at)
        | Action::Take(at)
        | Action::Shorten(at)
        | Action::Raise(at)) = action;
        let near = at_or_after(&model, at);
        match action {
            Action::Insert(start, length) | Action::InsertSimply(start, length) => {
                let entry = Entry { start, end: start + length, ..Entry::NONE };
                let is_free = near.is_none_or(|next| next.start >= entry.end);
                let simply = matches!(action, Action::InsertSimply(..)) && tree.insert_simply(&entry);
                assert!(!simply || is_free);
                if is_free {
                    assert!(simply || tree.insert(entry));
                    model.insert(start, entry);
                }
            }
            Action::Remove(_) => {
                if let Some(entry) = near {
                    tree.remove(entry.start);
                    model.remove(&entry.start);
                }
            }
            Action::Take(_) => {
                if let Some(entry) = near {
                    match tree.take_exactly(entry.start, entry.end) {
                        Some(taken) => assert_eq!(taken, entry),
                        None => tree.remove(entry.start),
                    }
                    model.remove(&entry.start);
                }
            }
            Action::Shorten(_) | Action::Raise(_) => {
                if let Some(entry) = near.filter(|entry| entry.end - entry.start > 1) {
                    let raised = matches!(action, Action::Raise(_));
                    let new = if raised {
                        Entry { start: entry.start + 1, ..entry }
                    } else {
                        Entry { end: entry.end - 1, ..entry }
                    };
                    tree.replace(entry.start, new);
                    model.remove(&entry.start);
                    model.insert(new.start, new);
                }
            }
        }
        assert_eq!(tree.at_or_after(at), at_or_after(&model, at));
        assert_eq!(tree.before(at), model.range(..at).next_back().map(|(_, entry)| *entry));
        let count = if model.len() < 500 || at % 97 == 0 { tree.check() } else { model.len() };
        assert_eq!(count, model.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_tree_is_an_ordered_map(actions in prop::collection::vec(action(), 1..1500)) {
        run(actions.into_iter());
    }
}

#[test]
fn many_ranges() {
    let mut state = 1_usize;
    let mut random = |limit: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit
    };
    run((0..60_000).map(|step| {
        // It grows first, and shrinks in the end.
        let (at, length) = (random(40_000), 2 + random(4));
        match random(12) + step / 20_000 * 2 {
            0..=4 => Action::Insert(at, length),
            5..=8 => Action::InsertSimply(at, length),
            9 => Action::Raise(at),
            10 => Action::Shorten(at),
            11..=12 => Action::Take(at),
            _ => Action::Remove(at),
        }
    }));
}

#[test]
fn ranges_that_come_and_go_in_order() {
    let up = (0..1000).map(|at| Action::Insert(at * 4, 3));
    let down = (0..1000).rev().map(|at| Action::InsertSimply(at * 4, 3));
    let away = || (0..1000).map(|at| Action::Take(at * 4));
    let back = || (0..1000).rev().map(|at| Action::Remove(at * 4));
    run(up.chain(away()).chain(down).chain(back()));
}
