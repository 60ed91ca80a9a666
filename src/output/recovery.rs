//! Work that may fault: unwinding a stack that the program has broken.
//!
//! The report of a fault runs while the program is about to die, with a stack that may be anything. A second fault in the
//! unwinder ends the unwinding, not the report: the handler sets the program counter back to where the work was begun.

use super::lock::is_inside;
use crate::machine::{Architecture, Machine, RecoveryPoint, Registers};
use core::ffi::c_void;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Its stack is 0 while nothing is attempted.
static RECOVERY_POINT: RecoveryPoint = RecoveryPoint { stack: AtomicUsize::new(0), instruction: AtomicUsize::new(0) };

/// Whether a fault was one of guarded work.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recovery {
    /// It was: the handler may return.
    Recovered,
    NotNeeded,
}

/// Takes a fault in guarded work of this thread back to where that was begun.
pub(crate) fn recover(registers: Registers) -> Recovery {
    if !is_inside() || RECOVERY_POINT.stack.load(Relaxed) == 0 {
        return Recovery::NotNeeded;
    }
    registers.go_on(RECOVERY_POINT.instruction.load(Relaxed), RECOVERY_POINT.stack.swap(0, Relaxed));
    Recovery::Recovered
}

/// Does work that may fault, by the holder of the report lock; what it had done by then stays. Only while our handler is the
/// one for both signals, and they are let in.
pub(crate) fn with_fault_recovery(mut work: impl FnMut()) {
    extern "C" fn call<W: FnMut()>(work: *mut c_void) {
        // SAFETY: `work` below is a live `W`, handed through unchanged.
        let work = unsafe { &mut *work.cast::<W>() };
        work();
    }
    fn function<W: FnMut()>(_of: &W) -> extern "C" fn(*mut c_void) {
        call::<W>
    }
    let function = function(&work);
    // SAFETY: the function fits the signature and does not unwind; `work` lives as long as the call.
    unsafe { Machine::call_recoverably(function, (&raw mut work).cast(), &raw const RECOVERY_POINT) };
    RECOVERY_POINT.stack.store(0, Relaxed);
}
