//! Calls that take away what may not be the program's own: looked at before they are made, told after they have succeeded.

use crate::call::Outcome;
use crate::check::{Check, Frame, Loss};
use crate::enabled::{self, CHECK, ENFORCE};
use crate::finding::Report;
use crate::machine::{Architecture, Machine};
use crate::observe::PendingRelease;
use crate::output;
use crate::plain::errno;
use crate::signal::disposition;
use crate::sys::threads::has_control_block;
use crate::track::ReleasedPieces;

/// Whether a range holds the stack that this runs on, or the thread's control block.
#[inline]
pub(super) fn holds_thread(start: usize, length: usize) -> bool {
    let here = 0_u8;
    (&raw const here as usize).wrapping_sub(start) < length || Machine::thread_pointer().wrapping_sub(start) < length
}

/// Makes a call that takes something away, and tells of what was there if it should not have: its value, or `None` if
/// `mode=enforce` refuses it, with `errno` set and what it would have taken back in the tracker.
#[cold]
#[inline(never)]
pub(super) fn told(
    call: &dyn Check,
    pending: &PendingRelease,
    return_address: usize,
    make: &mut dyn FnMut() -> isize,
) -> Option<isize> {
    let taken = match pending.taken() {
        Some(taken) if enabled::bits() & CHECK != 0 && !output::is_inside() => taken,
        _ => return Some(make()),
    };
    let before = errno::get();
    let here = 0_u8;
    let frame = Frame { return_address, stack: &raw const here as usize };
    let loss = find(call, taken, frame);
    if taken.needs_check && loss.as_ref().is_none_or(Loss::is_of_the_program) {
        call.inspect_files(taken);
    }
    errno::set(before);
    match loss {
        Some(loss) => lose(call, &loss, pending, taken, return_address, make),
        None => Some(make()),
    }
}

/// Looks at what is there, on the report's stack: the program's may be that of a coroutine. Nothing is found where that can't
/// be had.
fn find(call: &dyn Check, taken: &ReleasedPieces, frame: Frame) -> Option<Loss> {
    let lock = output::enter().ok()?;
    let mut loss = None;
    output::on_own_stack(&lock, &mut || loss = call.find_loss(taken, frame));
    lock.leave();
    loss
}

#[inline(never)]
fn lose(
    call: &dyn Check,
    loss: &Loss,
    pending: &PendingRelease,
    taken: &ReleasedPieces,
    return_address: usize,
    make: &mut dyn FnMut() -> isize,
) -> Option<isize> {
    let before = errno::get();
    let refusing = enabled::bits() & ENFORCE != 0;
    let report = |outcome, refusing| Report { call: call.as_call(), outcome, return_address, refusing, earlier: None };
    if refusing {
        let refusal = call.tell_loss(loss, taken, &report(Outcome::UNKNOWN, true));
        errno::set(refusal.unwrap_or(before));
        if refusal.is_some() {
            pending.rollback();
            return None;
        }
        return Some(make());
    }
    if loss.is_needed_to_tell() {
        call.tell_loss(loss, taken, &report(Outcome::UNKNOWN, false));
        errno::set(before);
        return Some(make_without_handler(make));
    }
    let value = make();
    let outcome = Outcome::of(value);
    if outcome.errno.is_none() {
        let after = errno::get();
        call.tell_loss(loss, taken, &report(outcome, false));
        errno::set(after);
    }
    Some(value)
}

/// Makes a call that may take away what the handler of faults needs, the stack that this runs on or the thread's control
/// block: the program is to die as it would have.
fn make_without_handler(make: &mut dyn FnMut() -> isize) -> isize {
    disposition::withdraw();
    let value = make();
    // The stack is still there.
    if has_control_block() {
        disposition::take_again();
    }
    value
}
