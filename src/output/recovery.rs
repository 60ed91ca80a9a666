//! Work that may fault: unwinding a stack that the program has broken.
//!
//! The report of a fault runs while the program is about to die, with a stack that may be anything. A second fault in the
//! unwinder ends the unwinding, not the report: the handler sets the program counter back to where the work was begun.

use super::lock::is_inside;
use crate::machine::Registers;
use core::ffi::c_void;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Where the stack pointer of [`attempt`] is, and where it goes on; 0 while nothing is attempted.
#[repr(C)]
struct RecoveryPoint {
    stack: AtomicUsize,
    instruction: AtomicUsize,
}

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
    unsafe { attempt(function, (&raw mut work).cast(), &raw const RECOVERY_POINT) };
    RECOVERY_POINT.stack.store(0, Relaxed);
}

/// Calls `function(argument)`, having left in `recovery_point` how to get out of it.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
unsafe extern "C" fn attempt(
    function: extern "C" fn(*mut c_void),
    argument: *mut c_void,
    recovery_point: *const RecoveryPoint,
) {
    core::arch::naked_asm!(
        ".cfi_startproc",
        "push rbp",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset rbp, -16",
        "mov rbp, rsp",
        ".cfi_def_cfa_register rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "sub rsp, 8",
        "lea rax, [rip + 2f]",
        "mov [rdx + 8], rax",
        "mov [rdx], rsp",
        "mov rax, rdi",
        "mov rdi, rsi",
        "call rax",
        "2:",
        "add rsp, 8",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        ".cfi_def_cfa rsp, 8",
        "ret",
        ".cfi_endproc",
    )
}

/// Calls `function(argument)`, having left in `recovery_point` how to get out of it.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
unsafe extern "C" fn attempt(
    function: extern "C" fn(*mut c_void),
    argument: *mut c_void,
    recovery_point: *const RecoveryPoint,
) {
    core::arch::naked_asm!(
        ".cfi_startproc",
        "stp x29, x30, [sp, #-96]!",
        ".cfi_def_cfa_offset 96",
        ".cfi_offset x29, -96",
        ".cfi_offset x30, -88",
        "mov x29, sp",
        "stp x19, x20, [sp, #16]",
        "stp x21, x22, [sp, #32]",
        "stp x23, x24, [sp, #48]",
        "stp x25, x26, [sp, #64]",
        "stp x27, x28, [sp, #80]",
        "adr x9, 2f",
        "str x9, [x2, #8]",
        "mov x9, sp",
        "str x9, [x2]",
        "mov x9, x0",
        "mov x0, x1",
        "blr x9",
        "2:",
        "ldp x19, x20, [sp, #16]",
        "ldp x21, x22, [sp, #32]",
        "ldp x23, x24, [sp, #48]",
        "ldp x25, x26, [sp, #64]",
        "ldp x27, x28, [sp, #80]",
        "ldp x29, x30, [sp], #96",
        ".cfi_def_cfa sp, 0",
        "ret",
        ".cfi_endproc",
    )
}
