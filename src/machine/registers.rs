//! The registers's state at a fault, as the kernel has saved it for the handler.

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

/// The saved state; changes take effect when the handler returns.
#[derive(Clone, Copy)]
pub(crate) struct Registers(*mut libc::ucontext_t);

impl Registers {
    /// The state that a handler was given.
    ///
    /// # Safety
    /// `context` must be the third argument of a handler with `SA_SIGINFO`, and the value must not outlive its call.
    pub(crate) unsafe fn of(context: *mut c_void) -> Registers {
        Registers(context.cast())
    }

    /// Lets a signal in again when the handler returns.
    pub(crate) fn unblock(self, signal: c_int) {
        let bit = 1_u64 << signal.wrapping_sub(1);
        // SAFETY: the kernel's frame has the first 64 bits of the mask.
        let mask = unsafe { &raw mut (*self.0).uc_sigmask }.cast::<u64>();
        // SAFETY: as above.
        unsafe { *mask &= !bit };
    }

    /// The address of the fault, of which the kernel has told `address`: nothing is told of a jump to what is no address at
    /// all.
    pub(crate) fn address(self, address: usize) -> usize {
        self.outside().map_or(address, |(target, _)| target)
    }
}

#[cfg(target_arch = "x86_64")]
impl Registers {
    /// A register of the saved state, `REG_…` of `<sys/ucontext.h>`.
    fn register(self, number: c_int) -> *mut i64 {
        let index = usize::try_from(number).unwrap_or(0);
        // SAFETY: by the contract of `of`.
        let registers = unsafe { &raw mut (*self.0).uc_mcontext.gregs };
        registers.cast::<i64>().wrapping_add(index)
    }

    fn get(self, number: c_int) -> usize {
        // SAFETY: one of the registers that the kernel saves.
        let value = unsafe { *self.register(number) };
        usize::try_from(value.cast_unsigned()).unwrap_or(0)
    }

    fn set(self, number: c_int, value: usize) {
        let value = (value as u64).cast_signed();
        // SAFETY: one of the registers that the kernel saves.
        unsafe { *self.register(number) = value };
    }

    /// The address of the instruction.
    pub(crate) fn instruction(self) -> usize {
        self.get(libc::REG_RIP)
    }

    /// What the instruction wanted, by the page fault's error code (Intel SDM, volume 3, 4.7): bit 1 is a write, bit 4 an
    /// instruction fetch.
    pub(crate) fn access(self) -> Access {
        const PAGE_FAULT: usize = 14;
        let code = self.get(libc::REG_ERR);
        match self.get(libc::REG_TRAPNO) {
            PAGE_FAULT if code & 1 << 4 != 0 => Access::Execute,
            PAGE_FAULT if code & 1 << 1 != 0 => Access::Write,
            PAGE_FAULT => Access::Read,
            _ => Access::Unknown,
        }
    }

    /// Where a jump that the processor refused was to go: to what is no address, since its upper bits are not all alike; and
    /// whether it was a return. The registers are those before it.
    pub(crate) fn outside(self) -> Option<(usize, bool)> {
        /// The registers by their number in instructions.
        const REGISTERS: [c_int; 16] = [
            libc::REG_RAX,
            libc::REG_RCX,
            libc::REG_RDX,
            libc::REG_RBX,
            libc::REG_RSP,
            libc::REG_RBP,
            libc::REG_RSI,
            libc::REG_RDI,
            libc::REG_R8,
            libc::REG_R9,
            libc::REG_R10,
            libc::REG_R11,
            libc::REG_R12,
            libc::REG_R13,
            libc::REG_R14,
            libc::REG_R15,
        ];
        const GENERAL_PROTECTION: usize = 13;
        if self.get(libc::REG_TRAPNO) != GENERAL_PROTECTION {
            return None;
        }
        let mut code = [0_u8; 3];
        let mut word = [0_u8; size_of::<usize>()];
        crate::sys::read_memory(self.instruction(), &mut code).ok()?;
        let register = |modrm: u8, upper: usize| {
            let calls = matches!(modrm >> 3, 0x1a | 0x1c);
            let number = REGISTERS.get(usize::from(modrm & 7) | upper).filter(|_| calls)?;
            Some((self.get(*number), false))
        };
        let (target, returns) = match code {
            [0xff, modrm, _] => register(modrm, 0)?,
            [0x41, 0xff, modrm] => register(modrm, 8)?,
            [0xc3 | 0xc2, ..] | [0xf2 | 0xf3, 0xc3, _] => {
                let read = crate::sys::read_memory(self.stack(), &mut word);
                ((read == Ok(word.len())).then(|| usize::from_ne_bytes(word))?, true)
            }
            _ => return None,
        };
        // With four or five levels of page tables.
        let upper = target.cast_signed() >> 56;
        (upper != 0 && upper != -1).then_some((target, returns))
    }

    /// The stack pointer.
    pub(crate) fn stack(self) -> usize {
        self.get(libc::REG_RSP)
    }

    /// Whether a general register holds this value.
    pub(crate) fn holds(self, value: usize) -> bool {
        (libc::REG_R8..=libc::REG_RSP).any(|number| self.get(number) == value)
    }

    /// Where the call that led to `self.instruction()` returns to, if it was a call: the word on top of the stack. A return
    /// or a jump leaves something else there.
    pub(crate) fn caller(self) -> Option<usize> {
        const LONGEST_CALL: usize = 7;
        let mut word = [0_u8; size_of::<usize>()];
        let read = crate::sys::read_memory(self.get(libc::REG_RSP), &mut word);
        let address = (read == Ok(word.len())).then(|| usize::from_ne_bytes(word))?;
        let mut code = [0_u8; LONGEST_CALL];
        let read = crate::sys::read_memory(address.checked_sub(code.len())?, &mut code);
        (read == Ok(code.len()) && ends_in_call(code)).then_some(address)
    }

    /// Makes it look as if the function that was called had returned to `caller`; what undoes that.
    pub(crate) fn pretend_returned(self, caller: usize) -> (usize, usize) {
        let before = (self.instruction(), self.get(libc::REG_RSP));
        self.go_on(caller, before.1.wrapping_add(size_of::<usize>()));
        before
    }

    /// Sets where the program goes on when the handler returns, and on which stack.
    pub(crate) fn go_on(self, instruction: usize, stack: usize) {
        self.set(libc::REG_RIP, instruction);
        self.set(libc::REG_RSP, stack);
    }
}

/// Whether code ends in what may be a call: E8 with a displacement, or FF /2.
#[cfg(target_arch = "x86_64")]
fn ends_in_call(code: [u8; 7]) -> bool {
    let indirect = |pair: &[u8]| matches!(pair, [0xff, modrm] if modrm >> 3 & 7 == 2);
    code.get(2) == Some(&0xe8) || code.windows(2).any(indirect)
}

#[cfg(target_arch = "aarch64")]
impl Registers {
    /// Where a jump to what is no address was to go; on this registers the kernel tells it like any other.
    #[allow(clippy::unused_self, reason = "as on other machines")]
    pub(crate) fn outside(self) -> Option<(usize, bool)> {
        None
    }

    /// The stack pointer.
    pub(crate) fn stack(self) -> usize {
        // SAFETY: by the contract of `of`.
        let stack = unsafe { (*self.0).uc_mcontext.sp };
        usize::try_from(stack).unwrap_or(0)
    }

    /// The address of the instruction.
    pub(crate) fn instruction(self) -> usize {
        // SAFETY: by the contract of `of`.
        let value = unsafe { (*self.0).uc_mcontext.pc };
        usize::try_from(value).unwrap_or(0)
    }

    /// The registers x0 to x30.
    fn registers(self) -> [u64; 31] {
        // SAFETY: by the contract of `of`.
        unsafe { (*self.0).uc_mcontext.regs }
    }

    /// What the instruction wanted, by the exception's syndrome (Arm ARM, `ESR_EL1`), which the kernel adds to the frame as a
    /// record: classes 0x20 and 0x21 are instruction aborts, 0x24 and 0x25 data aborts, of which bit 6 tells a write.
    pub(crate) fn access(self) -> Access {
        const MAGIC: u32 = 0x4553_5201; // ESR_MAGIC of <asm/sigcontext.h>
        /// Where the records lie behind the general registers: 16-byte aligned.
        const RECORDS: usize = 288;
        // SAFETY: by the contract of `of`.
        let state = unsafe { &raw const (*self.0).uc_mcontext }.cast::<u8>();
        let mut at = RECORDS;
        for _ in 0..64 {
            // SAFETY: inside the reserved area, whose records are closed by one of size 0.
            let [magic, size] = unsafe { state.wrapping_add(at).cast::<[u32; 2]>().read() };
            if magic == MAGIC {
                // SAFETY: the record's second field.
                let syndrome = unsafe { state.wrapping_add(at.wrapping_add(8)).cast::<u64>().read() };
                return match syndrome >> 26 & 0x3f {
                    0x20 | 0x21 => Access::Execute,
                    0x24 | 0x25 if syndrome & 1 << 6 != 0 => Access::Write,
                    0x24 | 0x25 => Access::Read,
                    _ => Access::Unknown,
                };
            }
            if size == 0 {
                break;
            }
            at = at.wrapping_add(size as usize);
        }
        // No such record (an emulator): an instruction that can't be fetched is told all the same.
        // SAFETY: by the contract of `of`.
        let address = unsafe { (*self.0).uc_mcontext.fault_address };
        if usize::try_from(address) == Ok(self.instruction()) { Access::Execute } else { Access::Unknown }
    }

    /// Whether a general register holds this value.
    pub(crate) fn holds(self, value: usize) -> bool {
        self.registers().contains(&(value as u64))
    }

    /// Makes it look as if the function that was called had returned to `caller`; what undoes that.
    pub(crate) fn pretend_returned(self, caller: usize) -> (usize, usize) {
        // SAFETY: by the contract of `of`.
        let stack = unsafe { (*self.0).uc_mcontext.sp };
        let before = (self.instruction(), usize::try_from(stack).unwrap_or(0));
        self.go_on(caller, before.1);
        before
    }

    /// Where the call that led to `self.instruction()` returns to, if it was a call: the link register.
    pub(crate) fn caller(self) -> Option<usize> {
        self.registers().last().and_then(|link| usize::try_from(*link).ok())
    }

    /// Sets where the program goes on when the handler returns, and on which stack.
    pub(crate) fn go_on(self, instruction: usize, stack: usize) {
        // SAFETY: by the contract of `of`.
        let state = unsafe { &mut (*self.0).uc_mcontext };
        state.pc = instruction as u64;
        state.sp = stack as u64;
    }
}
