//! Handlers of the program's that are to run on an alternate signal stack (`SA_ONSTACK`), in threads that have set none.
//!
//! The kernel would run them on this library's ([`alternate`]), which is small and not the program's. So it is given another
//! handler, which stands in for the program's: it jumps to that one, and where it finds itself on a stack of ours, it takes
//! what the kernel has put there along to where that would have been without one, at the stack pointer of what was
//! interrupted. Whoever asks by sigaction(2) is told of the program's own handler.

use crate::facts::alternate;
use crate::machine::{self, Architecture, Continuation, Machine, Registers};
use crate::plain::hidden::Hidden;
use crate::sys;
use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::{
    AtomicBool, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

/// The signals that there are, `_NSIG`.
const SIGNALS: usize = 64;

/// What the program has set for a signal with `SA_ONSTACK`.
struct Wish {
    /// Hidden; 0 for nothing.
    handler: AtomicUsize,
    /// Whether with `SA_SIGINFO`, which the kernel is given in any case.
    takes_info: AtomicBool,
}

static WISHES: [Wish; SIGNALS] =
    [const { Wish { handler: AtomicUsize::new(0), takes_info: AtomicBool::new(false) } }; SIGNALS];

fn wish(signal: c_int) -> Option<&'static Wish> {
    WISHES.get(usize::try_from(signal).ok()?.checked_sub(1)?)
}

/// The handler that stands in for the program's.
#[unsafe(naked)]
unsafe extern "C" fn stand_in() {
    machine::stand_in!(choose)
}

fn stand_in_address() -> usize {
    stand_in as *const () as usize
}

/// What the program had set for a signal before a call.
#[derive(Clone, Copy)]
pub(crate) struct Before {
    handler: usize,
    takes_info: bool,
}

/// What the program has set for a signal with `SA_ONSTACK`, as far as it has.
pub(crate) fn before(signal: c_int) -> Before {
    let handler = wish(signal).map_or(0, |wish| wish.handler.load(Acquire));
    let handler = if handler == 0 { 0 } else { Hidden::of_bits(handler).get() };
    Before { handler, takes_info: wish(signal).is_some_and(|wish| wish.takes_info.load(Relaxed)) }
}

/// What the kernel is to be given in place of what the program sets, where that makes a difference.
pub(crate) fn in_place_of(signal: c_int, new: &libc::sigaction) -> Option<libc::sigaction> {
    let is_handler = new.sa_sigaction != libc::SIG_DFL && new.sa_sigaction != libc::SIG_IGN;
    if new.sa_flags & libc::SA_ONSTACK == 0 || !is_handler || !alternate::are_given() {
        return None;
    }
    set(signal, Before { handler: new.sa_sigaction, takes_info: new.sa_flags & libc::SA_SIGINFO != 0 })?;
    let mut given = *new;
    given.sa_sigaction = stand_in_address();
    given.sa_flags |= libc::SA_SIGINFO;
    Some(given)
}

fn set(signal: c_int, wanted: Before) -> Option<()> {
    let wish = wish(signal)?;
    wish.takes_info.store(wanted.takes_info, Relaxed);
    wish.handler.store(if wanted.handler == 0 { 0 } else { Hidden::new(wanted.handler).bits() }, Release);
    Some(())
}

impl Before {
    /// The call has failed: it is as it was before.
    pub(crate) fn stays(self, signal: c_int) {
        set(signal, self);
    }

    /// The call has set something else.
    pub(crate) fn ends(self, signal: c_int) {
        if self.handler != 0 {
            set(signal, Before { handler: 0, takes_info: false });
        }
    }

    /// Puts right what the kernel has told of the disposition before.
    pub(crate) fn tell(self, told: &mut libc::sigaction) {
        if told.sa_sigaction == stand_in_address() {
            told.sa_sigaction = self.handler;
        } else if self.handler == 0 || told.sa_sigaction != libc::SIG_DFL {
            return;
        }
        // Of a handler that is used up (SA_RESETHAND) the kernel tells the flags, too.
        if !self.takes_info {
            told.sa_flags &= !libc::SA_SIGINFO;
        }
    }

    /// Puts right what signal(3) or one of its kin is about to tell of the handler before.
    pub(crate) fn replaced(self, told: usize) -> usize {
        if told == stand_in_address() { self.handler } else { told }
    }
}

/// A signal has come: where the handler that stands in goes on. `frame` is where the kernel's frame begins.
extern "C" fn choose(signal: c_int, info: &libc::siginfo_t, context: *mut c_void, frame: usize) -> Continuation {
    const RETURN: Continuation = Continuation { handler: 0, moved: 0 };
    /// What functions may use below the stack pointer (the red zone), on any architecture.
    const RED_ZONE: usize = 128;
    /// What the kernel puts there is aligned for vectors.
    const ALIGNMENT: usize = 64;
    let handler = before(signal).handler;
    let Some(own) = alternate::holding(frame) else { return Continuation { handler, moved: 0 } };
    // SAFETY: what the kernel hands to a handler with SA_SIGINFO, for as long as it runs.
    let registers = unsafe { Registers::of(context, 0, sys::memory::fill) };
    if own.contains(registers.stack()) {
        // This very function was interrupted: after the handler that it is about to call.
        registers.block(signal);
        let _ = sys::queue_signal(signal, info);
        return RETURN;
    }
    let top = registers.stack().wrapping_sub(RED_ZONE);
    let moved = top.wrapping_sub(own.end) & ALIGNMENT.wrapping_neg();
    let (target, length) = (frame.wrapping_add(moved), own.end.wrapping_sub(frame));
    if !sys::memory::is_readable(target, length) {
        // There is no room: the kernel would not have found any, either.
        super::end_without_room(registers);
        return RETURN;
    }
    let from = ptr::with_exposed_provenance::<u8>(frame);
    // SAFETY: the kernel's frame, and room below the stack of what was interrupted, which nobody else uses meanwhile.
    unsafe { ptr::copy_nonoverlapping(from, ptr::with_exposed_provenance_mut(target), length) };
    let moved = moved.cast_signed();
    Machine::state_moved(context.cast::<libc::ucontext_t>().wrapping_byte_offset(moved), moved);
    Continuation { handler, moved }
}
