//! Ground: what differs by architecture.

mod instruction;
mod registers;

pub(crate) use instruction::LONGEST as LONGEST_INSTRUCTION;
pub(crate) use registers::{Access, Registers};

use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Whether an instruction tells the thread pointer (Linux 5.9, Ivy Bridge).
#[cfg(target_arch = "x86_64")]
static TOLD: AtomicBool = AtomicBool::new(false);

/// Finds out, at start, how the thread pointer is read, and whether this is a part of the program itself.
pub(crate) fn prepare() {
    // SAFETY: getauxval(3) reads what the kernel left on the stack.
    let entry = usize::try_from(unsafe { libc::getauxval(libc::AT_ENTRY) }).unwrap_or(0);
    IS_THE_PROGRAM.store(is_in_this_object(entry), Relaxed);
    #[cfg(target_arch = "x86_64")]
    {
        const HWCAP2_FSGSBASE: u64 = 2;
        // SAFETY: getauxval(3) reads what the kernel left on the stack.
        TOLD.store(unsafe { libc::getauxval(libc::AT_HWCAP2) } & HWCAP2_FSGSBASE != 0, Relaxed);
    }
}

/// The thread's own address, which tells threads apart without a system call. Where an instruction tells it, this holds in a
/// thread whose control block is gone, too.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn thread_pointer() -> usize {
    let pointer: usize;
    if TOLD.load(Relaxed) {
        // SAFETY: the kernel has said that it lets the instruction through.
        unsafe { core::arch::asm!("rdfsbase {}", out(reg) pointer, options(nostack, nomem, preserves_flags)) };
    } else {
        // SAFETY: the x86-64 ABI keeps the thread pointer in the first word of the thread control block.
        unsafe { core::arch::asm!("mov {}, fs:0", out(reg) pointer, options(nostack, readonly, preserves_flags)) };
    }
    pointer
}

/// Whether [`thread_pointer`] reads nothing of the thread's control block.
#[cfg(target_arch = "x86_64")]
pub(crate) fn is_thread_pointer_told() -> bool {
    TOLD.load(Relaxed)
}

/// Whether an instruction is one of this library's own. In a static program none is told from the program's.
#[cold]
pub(crate) fn is_own(instruction: usize) -> bool {
    is_in_this_object(instruction) && !IS_THE_PROGRAM.load(Relaxed)
}

/// Whether the library is part of the program itself (libmapsan.a).
static IS_THE_PROGRAM: AtomicBool = AtomicBool::new(false);

/// Whether an address is in the code of the object that this is in.
fn is_in_this_object(instruction: usize) -> bool {
    let (start, end): (usize, usize);
    #[cfg(target_arch = "x86_64")]
    // SAFETY: two addresses that the linker knows.
    unsafe {
        core::arch::asm!(".hidden __ehdr_start", ".hidden _etext", "lea {}, [rip + __ehdr_start]", "lea {}, [rip + \
                                                                                                    _etext]",
            out(reg) start, out(reg) end, options(nostack, nomem, preserves_flags));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: two addresses that the linker knows.
    unsafe {
        core::arch::asm!(".hidden __ehdr_start", ".hidden _etext", "adrp {0}, __ehdr_start",
            "add {0}, {0}, :lo12:__ehdr_start", "adrp {1}, _etext", "add {1}, {1}, :lo12:_etext",
            out(reg) start, out(reg) end, options(nostack, nomem, preserves_flags));
    }
    (start..end).contains(&instruction)
}

/// The thread's own address, which tells threads apart without a system call.
#[cfg(target_arch = "aarch64")]
#[inline]
pub(crate) fn thread_pointer() -> usize {
    let pointer: usize;
    // SAFETY: the AArch64 ABI keeps the thread pointer in this register.
    unsafe { core::arch::asm!("mrs {}, tpidr_el0", out(reg) pointer, options(nostack, nomem, preserves_flags)) };
    pointer
}

/// What tells this thread apart, in memory that a collector may scan: the complement of the thread's own address.
#[inline]
pub(crate) fn this_thread() -> usize {
    !thread_pointer()
}

/// Asks the processor for a line of memory that will be read soon; any address will do.
#[inline]
pub(crate) fn prefetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch changes nothing and never faults.
    unsafe {
        core::arch::asm!("prefetcht0 [{}]", in(reg) address, options(nostack, readonly, preserves_flags));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        core::arch::asm!("prfm pldl1keep, [{}]", in(reg) address, options(nostack, readonly, preserves_flags));
    }
}

/// What a signal handler returns to: sigreturn(2). Unwinders and debuggers know it by these very bytes, and only where no
/// call frame information covers the byte before, which is the `nop`'s.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
unsafe extern "C" fn restore() {
    core::arch::naked_asm!("nop", "mov rax, 15", "syscall")
}

/// The address that a signal handler returns to, where the kernel has to be told of one (`SA_RESTORER`); 0 where it has not.
pub(crate) fn signal_restorer() -> usize {
    #[cfg(target_arch = "x86_64")]
    return (restore as *const () as usize).wrapping_add(1);
    // It returns to the vDSO.
    #[cfg(target_arch = "aarch64")]
    0
}

/// How many bytes of memory an instruction that begins with `code` wants, if that can be told.
pub(crate) fn operand_size(code: &[u8]) -> Option<usize> {
    #[cfg(target_arch = "x86_64")]
    return instruction::operand_size(code);
    #[cfg(target_arch = "aarch64")]
    {
        let _ = code;
        None
    }
}
