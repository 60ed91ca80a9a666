//! The call sites that are told with `points=1`, each with each of its stacks once.

use crate::call::Call;
use crate::facts::Site;
use crate::finding;
use crate::form::Point;
use crate::plain::hash::mix;
use crate::sys;
use core::ptr;
use core::sync::atomic::{
    AtomicPtr, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed},
};

/// Sites with their stacks that are remembered, in memory of their own; those that come later are told each time.
const MOST: usize = 1 << 14;

static TOLD: AtomicPtr<[AtomicU64; MOST]> = AtomicPtr::new(ptr::null_mut());

/// The hash of the stack of a call; none where it can't be had.
pub(super) fn stack(return_address: usize) -> Option<u32> {
    let mut stack = None;
    finding::trace(return_address, &mut |_, frames| stack = Some(frames.hash()));
    stack
}

/// Tells of a call site if it is new with its stack, whose hash is given back; none where it can't be had.
pub(super) fn tell(call: &dyn Call, site: &Site, return_address: usize) -> Option<u32> {
    let mut stack = None;
    finding::trace(return_address, &mut |lock, frames| {
        let hash = frames.hash();
        stack = Some(hash);
        let failed_result = call.failed_result();
        if is_new(call.function(), site, hash, failed_result.is_some()) {
            finding::write_point(lock, &Point { call, return_address, site, failed_result }, frames);
        }
    });
    stack
}

/// Whether this is the first call there of which that holds.
fn is_new(function: &str, site: &Site, stack: u32, has_failed_result: bool) -> bool {
    let Some(table) = table() else { return true };
    let name = function.bytes().chain(site.name().iter().copied());
    let place = name.fold(site.offset() as u64, |hash, byte| mix(hash ^ u64::from(byte)));
    let key = mix(place ^ u64::from(stack) << 1 ^ u64::from(has_failed_result)) | 1;
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

/// The table, made when it is first needed. Called with the report lock held.
fn table() -> Option<&'static [AtomicU64; MOST]> {
    let mut table = TOLD.load(Acquire);
    if table.is_null() {
        let memory = sys::zeroed_memory(size_of::<[AtomicU64; MOST]>())?.cast();
        table = match TOLD.compare_exchange(ptr::null_mut(), memory, AcqRel, Acquire) {
            Ok(_) => memory,
            Err(other) => other,
        };
    }
    // SAFETY: memory of its size, zeroed, and never given back.
    unsafe { table.as_ref() }
}
