//! The state of the registers at a fault, as the kernel has saved it for the handler.

use super::{Architecture, Machine};
use core::ffi::{c_int, c_void};

/// What the instruction wanted of the memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    Read,
    Write,
    Execute,
    /// The processor does not tell.
    Unknown,
}

impl Access {
    /// The access as a noun.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Access::Read => "read",
            Access::Write => "write",
            Access::Execute => "jump",
            Access::Unknown => "access",
        }
    }
}

/// Reads memory that may not be there; whether all of the buffer could be filled.
pub(crate) type Read = fn(usize, &mut [u8]) -> bool;

/// The saved state; changes take effect when the handler returns.
#[derive(Clone, Copy)]
pub(crate) struct Registers {
    pub(super) context: *mut libc::ucontext_t,
    /// The address of the fault, as the kernel has told it.
    pub(super) told: usize,
    pub(super) read: Read,
}

/// A signal's bit in a mask.
fn bit(signal: c_int) -> u64 {
    1 << signal.wrapping_sub(1)
}

impl Registers {
    /// The state that a handler was given, of a fault at `told`.
    ///
    /// # Safety
    /// `context` must be the third argument of a handler with `SA_SIGINFO`, and the value must not outlive its call.
    pub(crate) unsafe fn of(context: *mut c_void, told: usize, read: Read) -> Registers {
        Registers { context: context.cast(), told, read }
    }

    /// Lets a signal in again when the handler returns.
    pub(crate) fn unblock(self, signal: c_int) {
        // SAFETY: the kernel's frame has it.
        unsafe { *self.mask() &= !bit(signal) };
    }

    /// Where the first 64 bits of the mask are, which the kernel's frame has.
    fn mask(self) -> *mut u64 {
        // SAFETY: a state that the kernel has saved.
        unsafe { &raw mut (*self.context).uc_sigmask }.cast()
    }

    /// The address of the fault, as the kernel has told it.
    pub(crate) fn told(self) -> usize {
        self.told
    }

    /// The address of the fault: nothing is told of a jump to what is no address at all.
    pub(crate) fn address(self) -> usize {
        self.refused_jump().map_or(self.told, |(target, _)| target)
    }

    /// Where a jump that the processor refused was to go: to what is no address, since its upper bits are not all alike; and
    /// whether it was a return. The registers are those before it.
    pub(crate) fn refused_jump(self) -> Option<(usize, bool)> {
        Machine::refused_jump(self)
    }

    /// What the instruction wanted of the memory.
    pub(crate) fn access(self) -> Access {
        Machine::access(self)
    }

    /// Where the call that led to the instruction returns to, if it was a call. A return or a jump leaves something else
    /// where that would be.
    pub(crate) fn caller(self) -> Option<usize> {
        Machine::return_address(self)
    }

    /// The address of the instruction.
    pub(crate) fn instruction(self) -> usize {
        // SAFETY: one of the registers that the kernel saves.
        unsafe { *Machine::instruction(self.context) }
    }

    /// The stack pointer.
    pub(crate) fn stack(self) -> usize {
        // SAFETY: one of the registers that the kernel saves.
        unsafe { *Machine::stack(self.context) }
    }

    /// Whether a general register holds this value.
    pub(crate) fn holds(self, value: usize) -> bool {
        self.general().contains(&value)
    }

    /// Makes it look as if the function that was called had returned to `caller`; what undoes that.
    pub(crate) fn pretend_returned(self, caller: usize) -> (usize, usize) {
        let before = (self.instruction(), self.stack());
        self.go_on(caller, before.1.wrapping_add(Machine::RETURN_POPS));
        before
    }

    /// Sets where the program goes on when the handler returns, and on which stack.
    pub(crate) fn go_on(self, instruction: usize, stack: usize) {
        // SAFETY: one of the registers that the kernel saves.
        unsafe { *Machine::instruction(self.context) = instruction };
        // SAFETY: as above.
        unsafe { *Machine::stack(self.context) = stack };
    }

    /// How many bytes of memory the instruction wanted, if that can be told.
    pub(crate) fn operand_size(self) -> Option<usize> {
        let mut code = [0_u8; Machine::LONGEST_INSTRUCTION];
        Machine::operand_size(self.code(&mut code))
    }

    /// The code from the instruction on, as much of the buffer as can be filled.
    pub(super) fn code<'a>(&self, buffer: &'a mut [u8]) -> &'a [u8] {
        let mut length = buffer.len();
        // The instruction may end with the last page of its mapping.
        while length > 0 && !buffer.get_mut(..length).is_some_and(|part| (self.read)(self.instruction(), part)) {
            length = length.wrapping_sub(1);
        }
        buffer.get(..length).unwrap_or_default()
    }

    /// The general registers, in the kernel's order.
    pub(super) fn general(&self) -> &[usize] {
        let (first, count) = Machine::general(self.context);
        // SAFETY: the kernel has saved so many; nothing else of the state is changed while they are looked at.
        unsafe { core::slice::from_raw_parts(first, count) }
    }
}
