//! x86-64 (System V ABI; Intel SDM).

mod instruction;
mod memory;
mod registers;

pub(crate) use memory::memory_functions;

use super::{Access, Architecture, Machine, RecoveryPoint, Registers};
use core::ffi::{c_int, c_long, c_void};
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Whether an instruction tells the thread pointer (Linux 5.9, Ivy Bridge).
static TOLD: AtomicBool = AtomicBool::new(false);

impl Architecture for Machine {
    const AUDIT_ARCH: u32 = 0xC000_003E;
    const SYS_UNLINK: Option<c_long> = Some(libc::SYS_unlink);
    const RESTORER_WORDS: usize = 1;
    const PAGE_SIZE: Option<usize> = Some(4096);
    /// With 4 and with 5 levels of page tables: what is beyond must be asked for by hint.
    const LEAST_USER_SPACE: u64 = 1 << 47;
    const LOW_ADDRESSES: c_int = libc::MAP_32BIT;

    #[inline]
    unsafe fn syscall(number: c_long, arguments: [usize; 6]) -> isize {
        let [first, second, third, fourth, fifth, sixth] = arguments;
        let answer: isize;
        // SAFETY: number in rax, arguments in rdi, rsi, rdx, r10, r8, r9; rcx and r11 are overwritten; the caller upholds
        // the contract.
        unsafe {
            core::arch::asm!("syscall", inlateout("rax") number => answer,
                in("rdi") first, in("rsi") second, in("rdx") third, in("r10") fourth, in("r8") fifth, in("r9") sixth,
                lateout("rcx") _, lateout("r11") _, options(nostack));
        }
        answer
    }

    #[unsafe(naked)]
    unsafe extern "C" fn spawn(function: extern "C" fn(*mut c_void), argument: *mut c_void, flags: usize) -> isize {
        core::arch::naked_asm!(
            ".cfi_startproc",
            "mov r8, rdi",
            "mov r9, rsi",
            "mov rdi, rdx",
            "lea rsi, [rsp - 256]",
            "and rsi, -16",
            "xor edx, edx",
            "xor r10d, r10d",
            "mov eax, {clone}",
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r9",
            "call r8",
            "xor edi, edi",
            "mov eax, {exit}",
            "syscall",
            "ud2",
            "2:",
            "ret",
            ".cfi_endproc",
            clone = const libc::SYS_clone,
            exit = const libc::SYS_exit,
        )
    }

    fn signal_restorer() -> usize {
        (restore as *const () as usize).wrapping_add(1)
    }

    fn prepare() {
        const HWCAP2_FSGSBASE: u64 = 2;
        // SAFETY: getauxval(3) reads what the kernel left on the stack.
        TOLD.store(unsafe { libc::getauxval(libc::AT_HWCAP2) } & HWCAP2_FSGSBASE != 0, Relaxed);
    }

    #[inline]
    fn thread_pointer() -> usize {
        let pointer: usize;
        if TOLD.load(Relaxed) {
            // SAFETY: the kernel has said that it lets the instruction through.
            unsafe { core::arch::asm!("rdfsbase {}", out(reg) pointer, options(nostack, nomem, preserves_flags)) };
        } else {
            // SAFETY: the ABI keeps the thread pointer in the first word of the thread control block.
            unsafe { core::arch::asm!("mov {}, fs:0", out(reg) pointer, options(nostack, readonly, preserves_flags)) };
        }
        pointer
    }

    fn thread_pointer_call() -> Option<(c_long, usize)> {
        const ARCH_GET_FS: usize = 0x1003;
        (!TOLD.load(Relaxed)).then_some((libc::SYS_arch_prctl, ARCH_GET_FS))
    }

    /// `or qword ptr [rsp], 0` of GCC, `mov qword ptr [rsp], 0` of Clang.
    fn is_stack_probe(code: [u8; 8]) -> bool {
        matches!(code, [0x48, 0x83, 0x0c, 0x24, 0, ..] | [0x48, 0xc7, 0x04, 0x24, 0, 0, 0, 0])
    }

    #[inline]
    fn prefetch(address: *const u8) {
        // SAFETY: a prefetch changes nothing and never faults.
        unsafe {
            core::arch::asm!("prefetcht0 [{}]", in(reg) address, options(nostack, readonly, preserves_flags));
        }
    }

    #[inline]
    fn ticks() -> u64 {
        let (high, low): (u64, u64);
        // SAFETY: reads the counter, which the caller knows to be let through.
        unsafe { core::arch::asm!("rdtsc", out("rdx") high, out("rax") low, options(nostack, nomem, preserves_flags)) };
        high << 32 | low
    }

    /// Of processors with 2 to 5 GHz: half a millisecond, and three weeks and more.
    const TICKS_SHIFT: u32 = 21;

    fn own_code() -> (usize, usize) {
        let (start, end): (usize, usize);
        // SAFETY: two addresses that the linker knows.
        unsafe {
            core::arch::asm!(".hidden __ehdr_start", ".hidden _etext", "lea {}, [rip + __ehdr_start]",
                "lea {}, [rip + _etext]", out(reg) start, out(reg) end, options(nostack, nomem, preserves_flags));
        }
        (start, end)
    }

    #[unsafe(naked)]
    unsafe extern "C" fn call_on_stack(function: extern "C" fn(*mut c_void), argument: *mut c_void, top: *mut u8) {
        core::arch::naked_asm!(
            ".cfi_startproc",
            "push rbp",
            ".cfi_def_cfa_offset 16",
            ".cfi_offset rbp, -16",
            "mov rbp, rsp",
            ".cfi_def_cfa_register rbp",
            "mov rax, rdi",
            "mov rdi, rsi",
            "mov rsp, rdx",
            "call rax",
            "mov rsp, rbp",
            "pop rbp",
            ".cfi_def_cfa rsp, 8",
            "ret",
            ".cfi_endproc",
        )
    }

    #[unsafe(naked)]
    unsafe extern "C" fn call_recoverably(
        function: extern "C" fn(*mut c_void),
        argument: *mut c_void,
        point: *const RecoveryPoint,
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

    const STARTER_LENGTH: usize = 16;

    const RETURN_POPS: usize = size_of::<usize>();

    fn instruction(context: *mut libc::ucontext_t) -> *mut usize {
        registers::saved(context, libc::REG_RIP)
    }

    fn stack(context: *mut libc::ucontext_t) -> *mut usize {
        registers::saved(context, libc::REG_RSP)
    }

    fn general(context: *mut libc::ucontext_t) -> (*const usize, usize) {
        (registers::saved(context, libc::REG_R8), registers::GENERAL)
    }

    fn access(registers: Registers) -> Access {
        registers::access(registers)
    }

    fn refused_jump(registers: Registers) -> Option<(usize, bool)> {
        registers::refused_jump(registers)
    }

    fn return_address(registers: Registers) -> Option<usize> {
        registers::return_address(registers)
    }

    const LONGEST_INSTRUCTION: usize = 15;

    fn operand_size(code: &[u8]) -> Option<usize> {
        instruction::operand_size(code)
    }
}

/// What a signal handler returns to: sigreturn(2). Unwinders and debuggers know it by these very bytes, and only where no
/// call frame information covers the byte before, which is the `nop`'s.
#[unsafe(naked)]
unsafe extern "C" fn restore() {
    core::arch::naked_asm!("nop", "mov rax, 15", "syscall")
}

macro_rules! symbol_address {
    ([$($directive:expr),*] $symbol:literal) => {{
        let address: usize;
        // SAFETY: reads one pointer of the object's own offset table.
        unsafe {
            core::arch::asm!($($directive,)* concat!("mov {}, qword ptr [rip + ", $symbol, "@GOTPCREL]"),
                out(reg) address, options(nostack, pure, readonly, preserves_flags));
        }
        address
    }};
}
pub(crate) use symbol_address;

#[cfg(not(test))]
macro_rules! jump {
    () => {
        "jmp {}"
    };
}
#[cfg(not(test))]
pub(crate) use jump;

#[cfg(not(test))]
macro_rules! trap {
    () => {
        "ud2"
    };
}
#[cfg(not(test))]
pub(crate) use trap;

/// The code of `$count` functions side by side, each of [`Architecture::STARTER_LENGTH`] bytes: each calls `$begins` with its
/// number and jumps to the function whose address that returns, with the argument and the stack as they were.
macro_rules! starters {
    ($count:expr, $begins:path) => {
        core::arch::naked_asm!(
                ".cfi_startproc",
                ".balign 16",
                ".set mapsan_start, 0",
                ".rept {count}",
                "push rdi",
                ".cfi_adjust_cfa_offset 8",
                "mov edi, offset mapsan_start",
                "jmp 2f",
                ".cfi_adjust_cfa_offset -8",
                ".balign 16",
                ".set mapsan_start, mapsan_start + 1",
                ".endr",
                "2:",
                ".cfi_adjust_cfa_offset 8",
                "call {begins}",
                "pop rdi",
                ".cfi_adjust_cfa_offset -8",
                "jmp rax",
                ".cfi_endproc",
                count = const $count,
                begins = sym $begins,
        )
    };
}
pub(crate) use starters;
