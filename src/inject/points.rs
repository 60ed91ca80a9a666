//! The call sites that are told with `points=1`, each with each of its stacks once.

use crate::finding;
use crate::form::{Frames, Reached};
use crate::output::ReportLock;
use crate::plain::hash::mix;
use crate::sys;
use core::ptr;
use core::sync::atomic::{
    AtomicPtr, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed},
};

/// Sites with their stacks that are remembered, in memory of their own; those that come later are told each time.
const MOST: usize = 1 << 14;

type Told = [AtomicU64; MOST];

static TOLD: AtomicPtr<Told> = AtomicPtr::new(ptr::null_mut());

/// The hash of the stack of a call, none where it can't be had. Tells of the call if it is new with this stack, and that is
/// wanted.
pub(super) fn stack(reached: &Reached<'_>, tells: bool) -> Option<u32> {
    let mut stack = None;
    finding::trace(reached.return_address, &mut |lock: &ReportLock, frames: &Frames, hash| {
        stack = Some(hash);
        if tells && is_new(reached, hash) {
            finding::write_reached(lock, reached, frames, hash);
        }
    });
    stack
}

/// Whether this is the first call there, or the first that was given a failed result. Called with the report lock held.
fn is_new(reached: &Reached<'_>, stack: u32) -> bool {
    let Some(table) = table() else { return true };
    let function = reached.call.function().bytes().fold(0, |hash, byte| mix(hash ^ u64::from(byte)));
    let place = mix(function ^ reached.return_address as u64);
    let key = mix(place ^ u64::from(stack) << 1 ^ u64::from(reached.call.given().failed_result.is_some())) | 1;
    let start = usize::try_from(key >> 32).unwrap_or(0);
    for step in 0..64_usize {
        let Some(entry) = table.get(start.wrapping_add(step) % MOST) else { continue };
        match entry.compare_exchange(0, key, Relaxed, Relaxed) {
            Ok(_) => return true,
            Err(known) if known == key => return false,
            Err(_) => {}
        }
    }
    true
}

/// The table, made when it is first needed.
fn table() -> Option<&'static Told> {
    let mut table = TOLD.load(Acquire);
    if table.is_null() {
        let memory = sys::zeroed_memory(size_of::<Told>())?.cast();
        table = match TOLD.compare_exchange(ptr::null_mut(), memory, AcqRel, Acquire) {
            Ok(_) => memory,
            Err(other) => other,
        };
    }
    // SAFETY: memory of its size, zeroed, and never given back.
    unsafe { table.as_ref() }
}
