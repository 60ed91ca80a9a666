//! `AArch64` (AAPCS64; Arm ARM).

use super::{Access, Architecture, Machine, RecoveryPoint, Registers};
use core::ffi::{c_int, c_long, c_void};

impl Architecture for Machine {
    const AUDIT_ARCH: u32 = 0xC000_00B7;
    const SYS_UNLINK: Option<c_long> = None;
    const RESTORER_WORDS: usize = 1;
    /// 4, 16 or 64 KiB.
    const PAGE_SIZE: Option<usize> = None;
    /// 36 bits, with pages of 16 KiB.
    const LEAST_USER_SPACE: u64 = 1 << 36;
    const LOW_ADDRESSES: c_int = 0;

    #[inline]
    unsafe fn syscall(number: c_long, arguments: [usize; 6]) -> isize {
        let [first, second, third, fourth, fifth, sixth] = arguments;
        let answer: isize;
        // SAFETY: number in x8, arguments in x0 to x5; the caller upholds the contract.
        unsafe {
            core::arch::asm!("svc 0", in("x8") number, inlateout("x0") first.cast_signed() => answer,
                in("x1") second, in("x2") third, in("x3") fourth, in("x4") fifth, in("x5") sixth, options(nostack));
        }
        answer
    }

    #[unsafe(naked)]
    unsafe extern "C" fn spawn(function: extern "C" fn(*mut c_void), argument: *mut c_void, flags: usize) -> isize {
        core::arch::naked_asm!(
            ".cfi_startproc",
            "mov x9, x0",
            "mov x10, x1",
            "mov x0, x2",
            "sub x1, sp, #256",
            "mov x2, xzr",
            "mov x3, xzr",
            "mov x4, xzr",
            "mov x8, {clone}",
            "svc 0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x0, x10",
            "blr x9",
            "mov x0, xzr",
            "mov x8, {exit}",
            "svc 0",
            "brk 1",
            "2:",
            "ret",
            ".cfi_endproc",
            clone = const libc::SYS_clone,
            exit = const libc::SYS_exit,
        )
    }

    fn signal_restorer() -> usize {
        0
    }

    #[inline]
    fn thread_pointer() -> usize {
        let pointer: usize;
        // SAFETY: the ABI keeps the thread pointer in this register.
        unsafe { core::arch::asm!("mrs {}, tpidr_el0", out(reg) pointer, options(nostack, nomem, preserves_flags)) };
        pointer
    }

    #[inline]
    fn prefetch(address: *const u8) {
        // SAFETY: a prefetch changes nothing and never faults.
        unsafe {
            core::arch::asm!("prfm pldl1keep, [{}]", in(reg) address, options(nostack, readonly, preserves_flags));
        }
    }

    #[inline]
    fn ticks() -> u64 {
        let count: u64;
        // SAFETY: reads the counter, which the kernel lets through.
        unsafe { core::arch::asm!("mrs {}, cntvct_el0", out(reg) count, options(nostack, nomem, preserves_flags)) };
        count
    }

    /// Of processors with 24 MHz to 1 GHz: 0.1 to 3 ms, and five days and more.
    const TICKS_SHIFT: u32 = 16;

    fn own_code() -> (usize, usize) {
        let (start, end): (usize, usize);
        // SAFETY: two addresses that the linker knows.
        unsafe {
            core::arch::asm!(".hidden __ehdr_start", ".hidden _etext", "adrp {0}, __ehdr_start",
                "add {0}, {0}, :lo12:__ehdr_start", "adrp {1}, _etext", "add {1}, {1}, :lo12:_etext",
                out(reg) start, out(reg) end, options(nostack, nomem, preserves_flags));
        }
        (start, end)
    }

    #[unsafe(naked)]
    unsafe extern "C" fn call_on_stack(function: extern "C" fn(*mut c_void), argument: *mut c_void, top: *mut u8) {
        core::arch::naked_asm!(
            ".cfi_startproc",
            "stp x29, x30, [sp, #-16]!",
            ".cfi_def_cfa_offset 16",
            ".cfi_offset x29, -16",
            ".cfi_offset x30, -8",
            "mov x29, sp",
            ".cfi_def_cfa x29, 16",
            "mov x9, x0",
            "mov x0, x1",
            "mov sp, x2",
            "blr x9",
            "mov sp, x29",
            "ldp x29, x30, [sp], #16",
            ".cfi_def_cfa sp, 0",
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
            "stp x29, x30, [sp, #-160]!",
            ".cfi_def_cfa_offset 160",
            ".cfi_offset x29, -160",
            ".cfi_offset x30, -152",
            "mov x29, sp",
            "stp x19, x20, [sp, #16]",
            "stp x21, x22, [sp, #32]",
            "stp x23, x24, [sp, #48]",
            "stp x25, x26, [sp, #64]",
            "stp x27, x28, [sp, #80]",
            "stp d8, d9, [sp, #96]",
            "stp d10, d11, [sp, #112]",
            "stp d12, d13, [sp, #128]",
            "stp d14, d15, [sp, #144]",
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
            "ldp d8, d9, [sp, #96]",
            "ldp d10, d11, [sp, #112]",
            "ldp d12, d13, [sp, #128]",
            "ldp d14, d15, [sp, #144]",
            "ldp x29, x30, [sp], #160",
            ".cfi_def_cfa sp, 0",
            "ret",
            ".cfi_endproc",
        )
    }

    const STARTER_LENGTH: usize = 16;

    const RETURN_POPS: usize = 0;

    fn instruction(context: *mut libc::ucontext_t) -> *mut usize {
        // SAFETY: a state that the kernel has saved.
        unsafe { &raw mut (*context).uc_mcontext.pc }.cast()
    }

    fn stack(context: *mut libc::ucontext_t) -> *mut usize {
        // SAFETY: a state that the kernel has saved.
        unsafe { &raw mut (*context).uc_mcontext.sp }.cast()
    }

    /// The registers x0 to x30.
    fn general(context: *mut libc::ucontext_t) -> (*const usize, usize) {
        // SAFETY: a state that the kernel has saved.
        let registers = unsafe { &raw const (*context).uc_mcontext.regs };
        (registers.cast(), 31)
    }

    /// By the exception's syndrome (`ESR_EL1`): classes 0x20 and 0x21 are instruction aborts, 0x24 and 0x25 data aborts, of
    /// which bit 6 tells a write.
    fn access(registers: Registers) -> Access {
        let Some(syndrome) = syndrome(registers) else {
            // An emulator may tell nothing: an instruction that can't be fetched is known all the same.
            return if registers.told == registers.instruction() { Access::Execute } else { Access::Unknown };
        };
        match syndrome >> 26 & 0x3f {
            0x20 | 0x21 => Access::Execute,
            0x24 | 0x25 if syndrome & 1 << 6 != 0 => Access::Write,
            0x24 | 0x25 => Access::Read,
            _ => Access::Unknown,
        }
    }

    /// The link register.
    fn return_address(registers: Registers) -> Option<usize> {
        registers.general().last().copied()
    }

    const LONGEST_INSTRUCTION: usize = 4;

    fn operand_size(_code: &[u8]) -> Option<usize> {
        None
    }
}

/// The exception's syndrome, which the kernel adds to the saved state as a record.
fn syndrome(registers: Registers) -> Option<u64> {
    const MAGIC: u32 = 0x4553_5201; // ESR_MAGIC of <asm/sigcontext.h>
    /// Where the records lie behind the general registers: 16-byte aligned.
    const RECORDS: usize = 288;
    // SAFETY: a state that the kernel has saved.
    let state = unsafe { &raw const (*registers.context).uc_mcontext }.cast::<u8>();
    let mut at = RECORDS;
    for _ in 0..64 {
        // SAFETY: inside the reserved area, whose records are closed by one of size 0.
        let [magic, size] = unsafe { state.wrapping_add(at).cast::<[u32; 2]>().read() };
        if magic == MAGIC {
            // SAFETY: the record's second field.
            return Some(unsafe { state.wrapping_add(at.wrapping_add(8)).cast::<u64>().read() });
        }
        if size == 0 {
            break;
        }
        at = at.wrapping_add(size as usize);
    }
    None
}

macro_rules! symbol_address {
    ([$($directive:expr),*] $symbol:literal) => {{
        let address: usize;
        // SAFETY: reads one pointer of the object's own offset table.
        unsafe {
            core::arch::asm!($($directive,)* concat!("adrp {0}, :got:", $symbol),
                concat!("ldr {0}, [{0}, :got_lo12:", $symbol, "]"),
                out(reg) address, options(nostack, pure, readonly, preserves_flags));
        }
        address
    }};
}
pub(crate) use symbol_address;

#[cfg(not(test))]
macro_rules! jump {
    () => {
        "b {}"
    };
}
#[cfg(not(test))]
pub(crate) use jump;

#[cfg(not(test))]
macro_rules! trap {
    () => {
        "udf #0"
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
                "bti c",
                "mov w1, #mapsan_start",
                "b 2f",
                ".balign 16",
                ".set mapsan_start, mapsan_start + 1",
                ".endr",
                "2:",
                "stp x0, x30, [sp, #-16]!",
                ".cfi_def_cfa_offset 16",
                ".cfi_offset x30, -8",
                "mov w0, w1",
                "bl {begins}",
                "mov x16, x0",
                "ldp x0, x30, [sp], #16",
                ".cfi_restore x30",
                ".cfi_def_cfa_offset 0",
                "br x16",
                ".cfi_endproc",
                count = const $count,
                begins = sym $begins,
        )
    };
}
pub(crate) use starters;

/// memcpy(3) and its kin (src/clib/memory.rs).
macro_rules! memory_functions {
    ($each:ident) => {
        $each! {
            "memmove" "
        sub x3, x0, x1
        cmp x3, x2
        b.lo 4f
        mov x4, x0
    2:  cmp x2, #16
        b.lo 3f
        ldp x5, x6, [x1], #16
        stp x5, x6, [x4], #16
        sub x2, x2, #16
        b 2b
    3:  cbz x2, 7f
        ldrb w5, [x1], #1
        strb w5, [x4], #1
        sub x2, x2, #1
        b 3b
    4:  add x1, x1, x2
        add x4, x0, x2
    5:  cmp x2, #16
        b.lo 6f
        ldp x5, x6, [x1, #-16]!
        stp x5, x6, [x4, #-16]!
        sub x2, x2, #16
        b 5b
    6:  cbz x2, 7f
        ldrb w5, [x1, #-1]!
        strb w5, [x4, #-1]!
        sub x2, x2, #1
        b 6b
    7:  ret"
            "memcpy" "b mapsan_memmove"
            "memset" "
        mov x3, x0
        and x1, x1, #0xff
        orr x1, x1, x1, lsl #8
        orr x1, x1, x1, lsl #16
        orr x1, x1, x1, lsl #32
    2:  cmp x2, #16
        b.lo 3f
        stp x1, x1, [x3], #16
        sub x2, x2, #16
        b 2b
    3:  cbz x2, 4f
        strb w1, [x3], #1
        sub x2, x2, #1
        b 3b
    4:  ret"
            "memcmp" "
        mov x3, x0
    2:  cbz x2, 3f
        ldrb w4, [x3], #1
        ldrb w5, [x1], #1
        sub x2, x2, #1
        subs w0, w4, w5
        b.eq 2b
        ret
    3:  mov w0, wzr
        ret"
            "bcmp" "b mapsan_memcmp"
            "strlen" "
        mov x1, x0
    2:  ldrb w2, [x1], #1
        cbnz w2, 2b
        sub x0, x1, x0
        sub x0, x0, #1
        ret"
        }
    };
}
pub(crate) use memory_functions;
