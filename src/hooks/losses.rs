//! Calls that take away what may not be the program's own: looked at before they are made, told after they have succeeded.

use crate::call::Outcome;
use crate::check::{Check, Frame, Loss};
use crate::enabled::{self, CHECK, ENFORCE};
use crate::finding::Report;
use crate::machine::{Architecture, Machine};
use crate::observe::PendingRelease;
use crate::output;
use crate::plain::callback::callback;
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

callback! {
    /// Makes a call of which all is known.
    pub(super) struct MakeNow() -> isize;
}

/// Makes a call that takes something away, and tells of what was there if it should not have: what became of the call;
/// `errno` is set if `mode=enforce` has refused it.
#[cold]
#[inline(never)]
pub(super) fn look(
    call: &dyn Check,
    release: &PendingRelease,
    return_address: usize,
    mut make: MakeNow<'_>,
) -> Outcome {
    let taken = match release.taken() {
        Some(taken) if enabled::bits() & CHECK != 0 && !output::is_inside() => taken,
        _ => return Outcome::of(make.call()),
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
        Some(loss) => lose(call, &loss, taken, return_address, make),
        None => Outcome::of(make.call()),
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
    taken: &ReleasedPieces,
    return_address: usize,
    mut make: MakeNow<'_>,
) -> Outcome {
    let before = errno::get();
    let tell = |outcome| call.tell_loss(loss, taken, &Report::of(call, outcome, return_address));
    if enabled::bits() & ENFORCE != 0 {
        if let Some(refusal) = tell(Outcome::Considered) {
            errno::set(refusal);
            return Outcome::Refused(refusal);
        }
        errno::set(before);
        return Outcome::of(make.call());
    }
    if loss.is_needed_to_tell() {
        tell(Outcome::Pending);
        errno::set(before);
        return Outcome::of(make_without_handler(make));
    }
    let outcome = Outcome::of(make.call());
    if outcome.is_success() {
        let after = errno::get();
        tell(outcome);
        errno::set(after);
    }
    outcome
}

/// Makes a call that may take away what the handler of faults needs, the stack that this runs on or the thread's control
/// block: the program is to die as it would have.
fn make_without_handler(mut make: MakeNow<'_>) -> isize {
    disposition::withdraw();
    let value = make.call();
    // The stack is still there.
    if has_control_block() {
        disposition::take_again();
    }
    value
}
