//! What tells of calls that are made to fail, and of the places where they could be. Neither is a finding.

use super::{TOLD, scratch};
use crate::form::{Frames, Reached, json, text};
use crate::options;
use crate::output::{ReportLock, enter, on_own_stack, sink};
use crate::plain::callback::callback;
use crate::plain::hash::mix;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

callback! {
    /// Something to be done with the frames of a call and their hash.
    struct Traced(lock: &ReportLock, frames: &Frames, hash: u32);
}

/// Runs something with the frames of a call and their hash, on the report's stack; not at all where that can't be had.
#[inline]
pub(crate) fn trace(return_address: usize, work: &mut impl FnMut(&ReportLock, &Frames, u32)) {
    do_traced(return_address, Traced::of(work));
}

fn do_traced(return_address: usize, mut work: Traced<'_>) {
    let Ok(lock) = enter() else { return };
    on_own_stack(&lock, &mut || {
        let mut frames = Frames::walk(return_address, options::MOST_FRAMES);
        let hash = frames.hash();
        frames.cut(options::settings().stack_depth);
        work.call(&lock, &frames, hash);
    });
    lock.leave();
}

/// Tells of a call that was made to fail.
pub(crate) fn write_injected(reached: &Reached<'_>) {
    let is_wanted = if super::are_recorded() { is_recorded(reached) } else { is_first_there(reached) };
    if is_wanted {
        trace(reached.return_address, &mut |lock: &ReportLock, frames: &Frames, hash| {
            write_reached(lock, reached, frames, hash);
        });
    }
}

/// Writes the record of a call that is reached; as a text, of one that was made to fail alone.
pub(crate) fn write_reached(lock: &ReportLock, reached: &Reached<'_>, frames: &Frames, hash: u32) {
    let out = &mut scratch(lock).out;
    out.clear();
    if super::are_recorded() {
        if !TOLD.started.swap(true, Relaxed) {
            json::start(out);
        }
        json::reached(out, reached, hash, frames);
    } else if reached.injected.is_some() {
        text::injected(out, reached, hash, frames);
    }
    sink::write_note(lock, out);
}

/// Calls that are told before a program that tries again and again is told of by powers of two.
const MANY: u32 = 256;

/// Whether a record is written of it: of a call that comes again and again where the last one came, not of each.
fn is_recorded(reached: &Reached<'_>) -> bool {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    static LAST: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Relaxed);
    let is_same = LAST.swap(mix(reached.return_address as u64), Relaxed) == mix(reached.return_address as u64);
    !is_same || count < MANY || count.is_power_of_two()
}

/// Whether it is the first one there.
fn is_first_there(reached: &Reached<'_>) -> bool {
    const SITES: usize = 32;
    static TOLD: [AtomicU64; SITES] = [const { AtomicU64::new(0) }; SITES];
    let key = mix(reached.return_address as u64) | 1;
    let place = TOLD.iter().find_map(|place| match place.compare_exchange(0, key, Relaxed, Relaxed) {
        Ok(_) => Some(true),
        Err(known) => (known == key).then_some(false),
    });
    place.unwrap_or(true)
}
