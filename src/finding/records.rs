//! Records of what outlives a process: segments, semaphore sets, message queues and objects, when they are made, attached and removed; locks, when they are made. They are written only
//! where records are; the command asks at the end of the run what is left of it all.

use super::{TOLD, scratch};
use crate::call::{Call, Outcome};
use crate::form::{Frames, NewIpcObject, NewLock, NewObject, NewSegment, OUTPUT, SegmentUse, Subject, Trace, json};
use crate::options::{self, Form};
use crate::output::{enter, on_own_stack, sink};
use crate::plain::callback::callback;
use crate::plain::{Line, Outer};
use core::ffi::c_int;
use core::sync::atomic::Ordering::Relaxed;

/// Whether records are written.
#[inline]
pub(crate) fn are_recorded() -> bool {
    options::settings().form == Form::Json
}

/// Writes the record of a segment that has been made.
#[cold]
pub(crate) fn write_segment(call: &dyn Call, made: &NewSegment, return_address: usize) {
    let outcome = Outcome::Succeeded(made.id as isize);
    write(call, outcome, return_address, Trace::Unwound, &mut |out, subject, frames| {
        json::segment(out, subject, made, frames);
    });
}

/// Writes the record of a semaphore set or message queue that has been made.
#[cold]
pub(crate) fn write_ipc_object(call: &dyn Call, made: &NewIpcObject, return_address: usize) {
    let outcome = Outcome::Succeeded(made.id as isize);
    write(call, outcome, return_address, Trace::Unwound, &mut |out, subject, frames| {
        json::ipc_object(out, subject, made, frames);
    });
}

/// Writes the record of what has been done with a segment: by the call, which gave this value.
#[cold]
pub(crate) fn write_segment_use(call: &dyn Call, value: isize, id: c_int, done: &SegmentUse, return_address: usize) {
    let earlier = Trace::Earlier(&Outer::NONE);
    let trace = if let SegmentUse::Left { .. } = done { earlier } else { Trace::Unwound };
    let outcome = match done {
        SegmentUse::RemovalRefused(errno) => Outcome::Failed(*errno),
        _ => Outcome::Succeeded(value),
    };
    write(call, outcome, return_address, trace, &mut |out, subject, frames| {
        json::segment_use(out, subject, id, done, frames);
    });
}

/// Writes the record of a shared memory object or a named semaphore that has been made.
#[cold]
pub(crate) fn write_object(call: &dyn Call, object: &NewObject<'_>) {
    let outcome = Outcome::Succeeded(object.result);
    write(call, outcome, object.site, Trace::Unwound, &mut |out, subject, frames| {
        json::object(out, subject, object, frames);
    });
}

/// Writes the record of a lock that has been made in shared memory.
#[cold]
pub(crate) fn write_lock(call: &dyn Call, lock: &NewLock<'_>) {
    write(call, Outcome::Succeeded(0), lock.site, Trace::Unwound, &mut |out, subject, frames| {
        json::lock(out, subject, lock, frames);
    });
}

callback! {
    /// Gives a record its form.
    struct Written(out: &mut Line<OUTPUT>, subject: &Subject<'_>, frames: &Frames);
}

#[inline]
fn write(
    call: &dyn Call,
    outcome: Outcome,
    return_address: usize,
    trace: Trace<'_>,
    form: &mut impl FnMut(&mut Line<OUTPUT>, &Subject<'_>, &Frames),
) {
    write_by(call, outcome, return_address, trace, Written::of(form));
}

fn write_by(call: &dyn Call, outcome: Outcome, return_address: usize, trace: Trace<'_>, mut form: Written<'_>) {
    if !are_recorded() {
        return;
    }
    let Ok(lock) = enter() else { return };
    on_own_stack(&lock, &mut || {
        let subject = Subject { call, outcome, return_address, trace };
        let frames = match trace {
            Trace::Earlier(outer) => Frames::of_site_within(return_address, outer),
            _ => Frames::walk(return_address, options::settings().stack_depth),
        };
        let out = &mut scratch(&lock).out;
        out.clear();
        if !TOLD.started.swap(true, Relaxed) {
            json::start(out);
        }
        form.call(out, &subject, &frames);
        let _ = sink::write(&lock, out.as_bytes());
    });
    lock.leave();
}
