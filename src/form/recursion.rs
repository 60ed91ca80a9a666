//! How the calls on a stack that is used up repeat.

use crate::machine::Registers;
use crate::output::with_fault_recovery;
use crate::plain::Outer;
use core::ffi::{c_int, c_void};
use core::ptr;

/// The calls that are looked at, from the innermost outwards.
const MOST: usize = 256;
/// The longest round of calls that is found.
const LONGEST: usize = 48;
/// How often a round has to be seen, and how many calls have to come again.
const ROUNDS: usize = 3;
const FEWEST: usize = 8;

/// One call: where it is, and the stack pointer there.
#[derive(Clone, Copy)]
struct Call {
    address: usize,
    stack: usize,
}

/// The calls on a stack, by call frame information.
pub(crate) struct Calls {
    known: [Call; MOST],
    length: usize,
    /// Whether these are all.
    is_complete: bool,
    /// Frames of the runtime's own that were passed.
    own: usize,
    instruction: usize,
}

/// A round of calls that comes again and again.
#[derive(Clone, Copy)]
pub(crate) struct Round {
    /// The return address of its innermost call, and the next ones outwards, as far as there is room.
    pub(crate) site: usize,
    pub(crate) outer: Outer,
    /// How many calls it has.
    pub(crate) calls: usize,
    /// The bytes of stack that it takes.
    pub(crate) bytes: usize,
}

impl Calls {
    /// The calls that led to a fault, as many as can be had of a stack that may be broken.
    pub(crate) fn of_fault(registers: Registers) -> Calls {
        let instruction = registers.instruction();
        let mut calls =
            Calls { known: [Call { address: 0, stack: 0 }; MOST], length: 0, is_complete: false, own: 0, instruction };
        with_fault_recovery(|| {
            // SAFETY: `step` fits _Unwind_Trace_Fn, and `calls` lives as long as the call.
            let why = unsafe { _Unwind_Backtrace(step, ptr::from_mut(&mut calls).cast()) };
            calls.is_complete = why == END_OF_STACK && calls.length < MOST;
        });
        // The frame that the kernel has made for the handler may be on another stack, and unwinders differ in what they take
        // for its end.
        if let Some(innermost) = calls.known.first_mut() {
            innermost.stack = registers.stack();
        }
        calls
    }

    fn known(&self) -> &[Call] {
        self.known.get(..self.length).unwrap_or_default()
    }

    /// Whether one of the frames begins in a range.
    pub(crate) fn reach(&self, start: usize, end: usize) -> bool {
        self.known().iter().any(|call| (start..end).contains(&call.stack))
    }

    /// The bytes that the innermost function takes of the stack, if its caller is known.
    pub(crate) fn innermost_frame(&self) -> Option<usize> {
        let [innermost, caller, ..] = self.known() else { return None };
        caller.stack.checked_sub(innermost.stack)
    }

    /// How many calls there are, if all could be had.
    pub(crate) fn count(&self) -> Option<usize> {
        self.is_complete.then_some(self.length)
    }

    /// The shortest round of calls that comes again and again, further out than some that do not belong to it.
    pub(crate) fn round(&self) -> Option<Round> {
        let calls = self.known();
        (1..=LONGEST).find_map(|length| (0..LONGEST).find_map(|first| Round::at(calls.get(first..)?, length)))
    }
}

impl Round {
    /// The round of so many calls that the first of these belong to, if they come again and again.
    fn at(calls: &[Call], length: usize) -> Option<Round> {
        let repeats = |(one, again): (&Call, &Call)| one.address == again.address;
        let again = calls.iter().zip(calls.iter().skip(length)).take_while(|pair| repeats(*pair)).count();
        if again < length.wrapping_mul(ROUNDS.wrapping_sub(1)).max(FEWEST) {
            return None;
        }
        let mut outer = Outer::NONE;
        for (place, call) in outer.0.iter_mut().zip(calls.iter().take(length).skip(1)) {
            *place = call.address.wrapping_sub(1);
        }
        let (innermost, next) = (calls.first()?, calls.get(length)?);
        let bytes = next.stack.wrapping_sub(innermost.stack);
        (bytes > 0).then_some(Round { site: innermost.address, outer, calls: length, bytes })
    }
}

/// Frames between the handler and the instruction that faulted: the runtime's own, and the signal's.
const OWN_FRAMES: usize = 48;
const CONTINUE: c_int = 0; // _URC_NO_REASON
const END_OF_STACK: c_int = 5; // _URC_END_OF_STACK
const STOP: c_int = 1; // another one: _URC_FOREIGN_EXCEPTION_CAUGHT

extern "C" fn step(context: *mut c_void, calls: *mut c_void) -> c_int {
    // SAFETY: `calls` is what `Calls::of_fault` handed to the unwinder, and nobody else holds it meanwhile.
    let calls = unsafe { &mut *calls.cast::<Calls>() };
    // SAFETY: the unwinder passes a valid context.
    let address = unsafe { _Unwind_GetIP(context) };
    if calls.length == 0 && address != calls.instruction {
        calls.own = calls.own.wrapping_add(1);
        return if calls.own > OWN_FRAMES { STOP } else { CONTINUE };
    }
    // The name means the frame that was called from here.
    // SAFETY: as above.
    let stack = unsafe { _Unwind_GetCFA(context) };
    match calls.known.get_mut(calls.length) {
        Some(place) if address != 0 => {
            *place = Call { address, stack };
            calls.length = calls.length.wrapping_add(1);
            CONTINUE
        }
        _ => STOP,
    }
}

unsafe extern "C" {
    fn _Unwind_Backtrace(step: extern "C" fn(*mut c_void, *mut c_void) -> c_int, argument: *mut c_void) -> c_int;
    fn _Unwind_GetIP(context: *mut c_void) -> usize;
    fn _Unwind_GetCFA(context: *mut c_void) -> usize;
}
