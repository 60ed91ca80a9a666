//! The threads that the program has started: their numbers, where they were started, and their alternate signal stacks.
//!
//! Told by the thread itself, before any code of the program's runs in it. What is here may be of a thread that is no more,
//! whose number the kernel has given to another: an entry counts only for the thread whose control block lies where it did.

use crate::plain::Range;
use crate::plain::hash::mix;
use crate::plain::hidden::Hidden;
use crate::plain::placement::written_by_fork;
use core::ffi::c_int;
use core::sync::atomic::{
    AtomicI32, AtomicU32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

/// Threads that are remembered, and how far from its place an entry may lie.
const SLOTS: usize = 512;
const PROBES: usize = 8;

/// The number while somebody writes the rest.
const ENTERED: c_int = -1;

/// Addresses are kept hidden.
struct Slot {
    /// The kernel's number of the thread, gettid(2); 0 for a free slot, or [`ENTERED`].
    tid: AtomicI32,
    /// In which process of a line of forks it was entered.
    generation: AtomicU32,
    block: AtomicUsize,
    /// 0: it was not seen starting.
    number: AtomicU32,
    site: AtomicUsize,
    alternate: AtomicUsize,
    alternate_length: AtomicUsize,
}

static TABLE: [Slot; SLOTS] = [const {
    Slot {
        tid: AtomicI32::new(0),
        generation: AtomicU32::new(0),
        block: AtomicUsize::new(0),
        number: AtomicU32::new(0),
        site: AtomicUsize::new(0),
        alternate: AtomicUsize::new(0),
        alternate_length: AtomicUsize::new(0),
    }
}; SLOTS];

struct Process {
    /// Where it stands in a line of forks.
    generation: AtomicU32,
    /// The threads that have been started, besides the main thread, which is number 1.
    started: AtomicU32,
}

written_by_fork! {
    PROCESS: Process = Process { generation: AtomicU32::new(0), started: AtomicU32::new(0) };
}

/// A thread that was started by a call that was seen.
#[derive(Clone, Copy)]
pub(crate) struct Started {
    pub(crate) number: u32,
    /// The return address of the call that started it.
    pub(crate) site: usize,
}

/// Whether the program has started any thread.
pub(crate) fn any() -> bool {
    PROCESS.started.load(Relaxed) > 0
}

/// A number for a thread that is about to be started.
pub(crate) fn next_number() -> u32 {
    PROCESS.started.fetch_add(1, Relaxed).wrapping_add(2)
}

/// An address as it is kept, or what is kept as the address: each is the other's complement.
fn hidden(address: usize) -> usize {
    *Hidden::new(address).kept()
}

/// The places of a thread with this control block. The next one with it takes the same, so that a thread that comes after
/// another touches no other memory than that did.
fn places(block: usize) -> impl Iterator<Item = &'static Slot> {
    let first = usize::try_from(mix(block as u64) >> 32).unwrap_or(0);
    (0..PROBES).filter_map(move |probe| TABLE.get(first.wrapping_add(probe) % SLOTS))
}

fn find(tid: c_int, block: usize) -> Option<&'static Slot> {
    let generation = PROCESS.generation.load(Relaxed);
    places(block).find(|slot| {
        slot.tid.load(Acquire) == tid
            && slot.generation.load(Relaxed) == generation
            && slot.block.load(Relaxed) == hidden(block)
    })
}

/// A slot for a thread: that of one with the same control block, which is no more, a free one, or that of the oldest thread
/// nearby.
fn slot(block: usize) -> Option<&'static Slot> {
    let generation = PROCESS.generation.load(Relaxed);
    let is_same = |slot: &&Slot| slot.block.load(Relaxed) == hidden(block);
    let is_free = |slot: &&Slot| slot.tid.load(Relaxed) == 0 || slot.generation.load(Relaxed) != generation;
    places(block)
        .find(is_same)
        .or_else(|| places(block).find(is_free))
        .or_else(|| places(block).min_by_key(|slot| slot.number.load(Relaxed)))
}

fn enter(tid: c_int, block: usize, started: Option<Started>) -> Option<&'static Slot> {
    let slot = slot(block)?;
    let there = slot.tid.load(Relaxed);
    // Where another thread is faster, this one is not remembered.
    if there == ENTERED || slot.tid.compare_exchange(there, ENTERED, Acquire, Relaxed).is_err() {
        return None;
    }
    slot.generation.store(PROCESS.generation.load(Relaxed), Relaxed);
    slot.block.store(hidden(block), Relaxed);
    slot.number.store(started.map_or(0, |started| started.number), Relaxed);
    slot.site.store(hidden(started.map_or(0, |started| started.site)), Relaxed);
    slot.alternate_length.store(0, Relaxed);
    slot.tid.store(tid, Release);
    Some(slot)
}

/// This thread has been started.
pub(crate) fn began(tid: c_int, block: usize, started: Started) {
    enter(tid, block, Some(started));
}

/// Where a thread was started.
pub(crate) fn started(tid: c_int, block: usize) -> Option<Started> {
    let slot = find(tid, block)?;
    let number = slot.number.load(Relaxed);
    (number != 0).then(|| Started { number, site: hidden(slot.site.load(Relaxed)) })
}

/// This thread has another alternate signal stack now, or none.
pub(crate) fn has_alternate_stack(tid: c_int, block: usize, stack: Option<Range>) {
    let slot = match (find(tid, block), stack) {
        (Some(slot), _) => slot,
        (None, None) => return,
        (None, Some(_)) => match enter(tid, block, None) {
            Some(slot) => slot,
            None => return,
        },
    };
    slot.alternate.store(hidden(stack.map_or(0, |stack| stack.start)), Relaxed);
    slot.alternate_length.store(stack.map_or(0, Range::length), Relaxed);
}

/// The alternate signal stack of a thread, as it registered it last.
pub(crate) fn alternate_stack(tid: c_int, block: usize) -> Option<Range> {
    let slot = find(tid, block)?;
    let length = slot.alternate_length.load(Relaxed);
    (length > 0).then(|| Range::new(hidden(slot.alternate.load(Relaxed)), length))
}

/// This is a forked child: its only thread is its main thread.
pub(crate) fn forked() {
    PROCESS.generation.fetch_add(1, Relaxed);
    PROCESS.started.store(0, Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_told_by_its_number_and_its_block() {
        let start = |number| Started { number, site: 0x5000 };
        began(700_001, 0x7000, start(7));
        assert_eq!(started(700_001, 0x7000).map(|started| (started.number, started.site)), Some((7, 0x5000)));
        assert!(started(700_001, 0x8000).is_none(), "another thread has its number now");
        has_alternate_stack(700_001, 0x7000, Some(Range::new(0x9000, 0x100)));
        assert_eq!(alternate_stack(700_001, 0x7000), Some(Range::new(0x9000, 0x100)));
        has_alternate_stack(700_001, 0x7000, None);
        assert_eq!(alternate_stack(700_001, 0x7000), None);
        assert_eq!(started(700_001, 0x7000).map(|started| started.number), Some(7));
        began(700_002, 0x7000, start(8));
        assert!(started(700_001, 0x7000).is_none(), "its block belongs to the next");
        let last = 2 * SLOTS;
        for thread in 1..=last {
            let number = u32::try_from(thread).unwrap();
            began(number.cast_signed(), thread << 12, start(100 + number));
        }
        assert!(started(i32::try_from(last).unwrap(), last << 12).is_some(), "the newest push out the oldest");
    }
}
