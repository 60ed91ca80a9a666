//! The stack on which findings are made.
//!
//! The program's threads may have stacks of a few KiB (coroutines, `PTHREAD_STACK_MIN`, alternate signal stacks), so
//! a report runs on 64 KiB of its own, which the lock of [`super::lock`] hands to one thread at a time. An unwinder
//! finds its way back to the program.

use super::lock::ReportLock;
use crate::machine::{Architecture, Machine};
use crate::plain::callback::Work;
use crate::plain::guarded::Guarded;
use core::ffi::c_void;

const SIZE: usize = 64 * 1024;
const WORDS: usize = SIZE / size_of::<usize>();

#[repr(C, align(64))]
struct Stack([usize; WORDS]);

static STACK: Guarded<Stack, ReportLock> = Guarded::new(Stack([0; WORDS]));

/// Runs `work` on the report's stack.
#[inline]
pub(crate) fn run(proof: &ReportLock, work: &mut impl FnMut()) {
    do_work(proof, Work::of(work));
}

fn do_work(proof: &ReportLock, mut work: Work<'_>) {
    extern "C" fn call(work: *mut c_void) {
        // SAFETY: `work` below is live, and handed through unchanged.
        let work = unsafe { &mut *work.cast::<Work<'_>>() };
        work.call();
    }
    // SAFETY: one past the end of the stack's own array.
    let top = unsafe { STACK.address().cast::<u8>().add(SIZE) };
    // SAFETY: the report lock's proof makes the stack this thread's; `call` fits the signature and does not unwind.
    unsafe { Machine::call_on_stack(call, (&raw mut work).cast(), top) }
    wipe(proof);
}

/// Makes the stack all zeroes again, from the lowest word that was written: what a report has looked at are the program's
/// addresses, which a collector must not find here (see `hidden.rs`).
fn wipe(proof: &ReportLock) {
    // SAFETY: nobody runs on the stack now.
    let Stack(words) = unsafe { STACK.get(proof) };
    // By lines, which the compiler compares at once.
    let (lines, _) = words.as_chunks_mut::<8>();
    let written = lines.iter().position(|line| line.iter().fold(0, |all, word| all | word) != 0);
    if let Some(used) = written.and_then(|line| lines.get_mut(line..)) {
        used.as_flattened_mut().fill(0);
    }
}
