//! What tells of calls that are made to fail, and of the places where they could be. Neither is a finding.

use super::{TOLD, scratch};
use crate::form::{Frames, Injected, OUTPUT, Point, json, text};
use crate::options::{self, Form};
use crate::output::{ReportLock, enter, on_own_stack, sink};
use crate::plain::Line;
use crate::plain::hash::mix;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// Runs something with all frames of a call, on the report's stack; not at all where that can't be had.
pub(crate) fn trace(return_address: usize, work: &mut dyn FnMut(&ReportLock, Frames)) {
    let Ok(lock) = enter() else { return };
    on_own_stack(&lock, &mut || work(&lock, Frames::walk(return_address, options::MOST_FRAMES)));
    lock.leave();
}

/// Writes the record of a call site that is reached, where records are written.
pub(crate) fn write_point(lock: &ReportLock, point: &Point<'_>, mut frames: Frames) {
    if !super::are_recorded() {
        return;
    }
    let stack = frames.hash();
    frames.cut(options::settings().stack_depth);
    write(lock, &mut |out| json::point(out, point, stack, &frames));
}

/// Tells of a call that was made to fail.
pub(crate) fn write_injected(injected: &Injected<'_>) {
    let form = options::settings().form;
    let is_wanted = if form == Form::Json { is_recorded(injected) } else { is_first_there(injected) };
    if !is_wanted {
        return;
    }
    trace(injected.return_address, &mut |lock, mut frames| {
        let stack = frames.hash();
        frames.cut(options::settings().stack_depth);
        write(lock, &mut |out| match form {
            Form::Json => json::injected(out, injected, stack, &frames),
            Form::Text => text::injected(out, injected, stack, &frames),
        });
    });
}

fn write(lock: &ReportLock, form: &mut dyn FnMut(&mut Line<OUTPUT>)) {
    let out = &mut scratch(lock).out;
    out.clear();
    if super::are_recorded() && !TOLD.started.swap(true, Relaxed) {
        json::start(out);
    }
    form(out);
    sink::write_note(lock, out);
}

/// Calls that are told before a program that tries again and again is told of by powers of two.
const MANY: u32 = 256;

/// Whether a record is written of it: of a call that comes again and again where the last one came, not of each.
fn is_recorded(injected: &Injected<'_>) -> bool {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    static LAST: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Relaxed);
    let is_same = LAST.swap(mix(injected.return_address as u64), Relaxed) == mix(injected.return_address as u64);
    !is_same || count < MANY || count.is_power_of_two()
}

/// Whether it is the first one there.
fn is_first_there(injected: &Injected<'_>) -> bool {
    const SITES: usize = 32;
    static TOLD: [AtomicU64; SITES] = [const { AtomicU64::new(0) }; SITES];
    let key = mix(injected.return_address as u64) | 1;
    let place = TOLD.iter().find_map(|place| match place.compare_exchange(0, key, Relaxed, Relaxed) {
        Ok(_) => Some(true),
        Err(known) => (known == key).then_some(false),
    });
    place.unwrap_or(true)
}
