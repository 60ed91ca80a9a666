//! RISC-V with 64 bits (psABI lp64d; the unprivileged ISA's manual).

use super::{Access, Architecture, Machine, RecoveryPoint, Registers};
use core::ffi::{c_int, c_long, c_void};

impl Architecture for Machine {
    const AUDIT_ARCH: u32 = 0xC000_00F3;
    const SYS_UNLINK: Option<c_long> = None;
    const RESTORER_WORDS: usize = 0;
    const PAGE_SIZE: Option<usize> = None;
    /// Sv39, of whose addresses programs have half.
    const LEAST_USER_SPACE: u64 = 1 << 38;
    const LOW_ADDRESSES: c_int = 0;

    #[inline]
    unsafe fn syscall(number: c_long, arguments: [usize; 6]) -> isize {
        let [first, second, third, fourth, fifth, sixth] = arguments;
        let answer: isize;
        // SAFETY: number in a7, arguments in a0 to a5; the caller upholds the contract.
        unsafe {
            core::arch::asm!("ecall", in("a7") number, inlateout("a0") first.cast_signed() => answer,
                in("a1") second, in("a2") third, in("a3") fourth, in("a4") fifth, in("a5") sixth, options(nostack));
        }
        answer
    }

    #[unsafe(naked)]
    unsafe extern "C" fn spawn(function: extern "C" fn(*mut c_void), argument: *mut c_void, flags: usize) -> isize {
        core::arch::naked_asm!(
            ".cfi_startproc",
            "mv t0, a0",
            "mv t1, a1",
            "mv a0, a2",
            "addi a1, sp, -256",
            "li a2, 0",
            "li a3, 0",
            "li a4, 0",
            "li a7, {clone}",
            "ecall",
            "bnez a0, 2f",
            "li s0, 0",
            "mv a0, t1",
            "jalr t0",
            "li a0, 0",
            "li a7, {exit}",
            "ecall",
            "unimp",
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
        unsafe { core::arch::asm!("mv {}, tp", out(reg) pointer, options(nostack, nomem, preserves_flags)) };
        pointer
    }

    /// A hint (Zicbop), in the room for hints: a processor that does not know it does nothing.
    #[inline]
    fn prefetch(address: *const u8) {
        // SAFETY: a prefetch changes nothing and never faults.
        unsafe {
            core::arch::asm!(".option push", ".option arch, +zicbop", "prefetch.r 0({})", ".option pop",
                in(reg) address, options(nostack, readonly, preserves_flags));
        }
    }

    #[inline]
    fn ticks() -> u64 {
        let count: u64;
        // SAFETY: reads the counter, which the kernel lets through.
        unsafe { core::arch::asm!("rdtime {}", out(reg) count, options(nostack, nomem, preserves_flags)) };
        count
    }

    /// Of machines whose time base has 1 to 100 MHz: 0.2 to 16 ms, and eight days and more.
    const TICKS_SHIFT: u32 = 14;

    fn own_code() -> (usize, usize) {
        let (start, end): (usize, usize);
        // SAFETY: two addresses that the linker knows.
        unsafe {
            core::arch::asm!(".hidden __ehdr_start", ".hidden _etext", "lla {}, __ehdr_start", "lla {}, _etext",
                out(reg) start, out(reg) end, options(nostack, nomem, preserves_flags));
        }
        (start, end)
    }

    #[unsafe(naked)]
    unsafe extern "C" fn call_on_stack(function: extern "C" fn(*mut c_void), argument: *mut c_void, top: *mut u8) {
        core::arch::naked_asm!(
            ".cfi_startproc",
            "addi sp, sp, -16",
            ".cfi_def_cfa_offset 16",
            "sd ra, 8(sp)",
            "sd s0, 0(sp)",
            ".cfi_offset ra, -8",
            ".cfi_offset s0, -16",
            "addi s0, sp, 16",
            ".cfi_def_cfa s0, 0",
            "mv t0, a0",
            "mv a0, a1",
            "mv sp, a2",
            "jalr t0",
            "addi sp, s0, -16",
            ".cfi_def_cfa sp, 16",
            "ld ra, 8(sp)",
            "ld s0, 0(sp)",
            ".cfi_restore ra",
            ".cfi_restore s0",
            "addi sp, sp, 16",
            ".cfi_def_cfa_offset 0",
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
            "addi sp, sp, -208",
            ".cfi_def_cfa_offset 208",
            "sd ra, 200(sp)",
            "sd s0, 192(sp)",
            ".cfi_offset ra, -8",
            ".cfi_offset s0, -16",
            ".irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11",
            "sd s\\n, 192-8*\\n(sp)",
            ".endr",
            ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11",
            "fsd fs\\n, 96-8*\\n(sp)",
            ".endr",
            "lla t0, 2f",
            "sd t0, 8(a2)",
            "sd sp, 0(a2)",
            "mv t0, a0",
            "mv a0, a1",
            "jalr t0",
            "2:",
            "ld ra, 200(sp)",
            "ld s0, 192(sp)",
            ".irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11",
            "ld s\\n, 192-8*\\n(sp)",
            ".endr",
            ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11",
            "fld fs\\n, 96-8*\\n(sp)",
            ".endr",
            ".cfi_restore ra",
            ".cfi_restore s0",
            "addi sp, sp, 208",
            ".cfi_def_cfa_offset 0",
            "ret",
            ".cfi_endproc",
        )
    }

    const STARTER_LENGTH: usize = 16;

    const RETURN_POPS: usize = 0;

    /// In the place of x0.
    fn instruction(context: *mut libc::ucontext_t) -> *mut usize {
        saved(context)
    }

    fn stack(context: *mut libc::ucontext_t) -> *mut usize {
        saved(context).wrapping_add(2)
    }

    /// The registers x1 to x31.
    fn general(context: *mut libc::ucontext_t) -> (*const usize, usize) {
        (saved(context).wrapping_add(1), 31)
    }

    /// By the instruction: the kernel does not tell.
    fn access(registers: Registers) -> Access {
        let instruction = registers.instruction();
        // An instruction may lie on two pages, of which the second is not there.
        if (instruction..instruction.saturating_add(Machine::LONGEST_INSTRUCTION)).contains(&registers.told) {
            return Access::Execute;
        }
        operand(registers.code(&mut [0; Machine::LONGEST_INSTRUCTION])).map_or(Access::Unknown, |(access, _)| access)
    }

    /// The link register.
    fn return_address(registers: Registers) -> Option<usize> {
        registers.general().first().copied()
    }

    const LONGEST_INSTRUCTION: usize = 4;

    fn operand_size(code: &[u8]) -> Option<usize> {
        operand(code)?.1
    }
}

/// Where the kernel has saved the registers.
fn saved(context: *mut libc::ucontext_t) -> *mut usize {
    // SAFETY: a state that the kernel has saved.
    unsafe { &raw mut (*context).uc_mcontext.__gregs }.cast()
}

/// What an instruction wants of the memory, and how many bytes where that is told by the instruction; `None` for one that
/// leaves memory alone.
fn operand(code: &[u8]) -> Option<(Access, Option<usize>)> {
    let low = u16::from_le_bytes([*code.first()?, *code.get(1)?]);
    if low & 3 != 3 {
        return compressed(low);
    }
    let instruction = u32::from(low) | u32::from(u16::from_le_bytes([*code.get(2)?, *code.get(3)?])) << 16;
    let width = instruction >> 12 & 7;
    let size = 1_usize << (width & 3);
    match instruction & 0x7f {
        0x03 if width < 7 => Some((Access::Read, Some(size))),
        0x07 => Some((Access::Read, float(width))),
        0x23 if width < 4 => Some((Access::Write, Some(size))),
        0x27 => Some((Access::Write, float(width))),
        // LR reads; all other atomics fault as if they wrote.
        0x2f => Some((if instruction >> 27 == 2 { Access::Read } else { Access::Write }, Some(size))),
        _ => None,
    }
}

/// The size of a floating-point number; vectors share the opcodes.
fn float(width: u32) -> Option<usize> {
    (1..=4).contains(&width).then(|| 1 << width)
}

/// Instructions of 16 bits: by quadrant, in the upper three bits.
fn compressed(instruction: u16) -> Option<(Access, Option<usize>)> {
    if instruction & 3 == 1 {
        return None;
    }
    match instruction >> 13 {
        2 => Some((Access::Read, Some(4))),
        1 | 3 => Some((Access::Read, Some(8))),
        6 => Some((Access::Write, Some(4))),
        5 | 7 => Some((Access::Write, Some(8))),
        _ => None,
    }
}

macro_rules! symbol_address {
    ([$($directive:expr),*] $symbol:literal) => {{
        let address: usize;
        // SAFETY: reads one pointer of the object's own offset table.
        unsafe {
            core::arch::asm!($($directive,)* concat!("lga {}, ", $symbol),
                out(reg) address, options(nostack, pure, readonly, preserves_flags));
        }
        address
    }};
}
pub(crate) use symbol_address;

#[cfg(not(test))]
macro_rules! jump {
    () => {
        "tail {}"
    };
}
#[cfg(not(test))]
pub(crate) use jump;

#[cfg(not(test))]
macro_rules! trap {
    () => {
        "unimp"
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
                // Each begins where it is looked for: nothing is made shorter afterwards.
                ".option push",
                ".option norvc",
                ".option norelax",
                ".balign 16",
                ".set mapsan_start, 0",
                ".rept {count}",
                "li a1, mapsan_start",
                "j 2f",
                "unimp",
                "unimp",
                ".set mapsan_start, mapsan_start + 1",
                ".endr",
                ".option pop",
                "2:",
                "addi sp, sp, -16",
                ".cfi_def_cfa_offset 16",
                "sd ra, 8(sp)",
                ".cfi_offset ra, -8",
                "sd a0, 0(sp)",
                "mv a0, a1",
                "call {begins}",
                "mv t0, a0",
                "ld a0, 0(sp)",
                "ld ra, 8(sp)",
                ".cfi_restore ra",
                "addi sp, sp, 16",
                ".cfi_def_cfa_offset 0",
                "jr t0",
                ".cfi_endproc",
                count = const $count,
                begins = sym $begins,
        )
    };
}
pub(crate) use starters;

/// memcpy(3) and its kin (src/clib/memory.rs). Words only where both sides are aligned: the processor need not take others.
macro_rules! memory_functions {
    ($each:ident) => {
        $each! {
            "memmove" "
        mv t0, a0
        sub t1, a0, a1
        or t2, a0, a1
        or t2, t2, a2
        andi t2, t2, 7
        bltu t1, a2, 4f
        bnez t2, 3f
    2:  beqz a2, 7f
        ld t1, 0(a1)
        sd t1, 0(t0)
        addi a1, a1, 8
        addi t0, t0, 8
        addi a2, a2, -8
        j 2b
    3:  beqz a2, 7f
        lbu t1, 0(a1)
        sb t1, 0(t0)
        addi a1, a1, 1
        addi t0, t0, 1
        addi a2, a2, -1
        j 3b
    4:  add a1, a1, a2
        add t0, t0, a2
        bnez t2, 6f
    5:  beqz a2, 7f
        addi a1, a1, -8
        addi t0, t0, -8
        ld t1, 0(a1)
        sd t1, 0(t0)
        addi a2, a2, -8
        j 5b
    6:  beqz a2, 7f
        addi a1, a1, -1
        addi t0, t0, -1
        lbu t1, 0(a1)
        sb t1, 0(t0)
        addi a2, a2, -1
        j 6b
    7:  ret"
            "memcpy" "tail mapsan_memmove"
            "memset" "
        mv t0, a0
        or t2, a0, a2
        andi t2, t2, 7
        bnez t2, 3f
        andi a1, a1, 0xff
        slli t1, a1, 8
        or a1, a1, t1
        slli t1, a1, 16
        or a1, a1, t1
        slli t1, a1, 32
        or a1, a1, t1
    2:  beqz a2, 4f
        sd a1, 0(t0)
        addi t0, t0, 8
        addi a2, a2, -8
        j 2b
    3:  beqz a2, 4f
        sb a1, 0(t0)
        addi t0, t0, 1
        addi a2, a2, -1
        j 3b
    4:  ret"
            "memcmp" "
        mv t0, a0
    2:  beqz a2, 3f
        lbu t1, 0(t0)
        lbu t2, 0(a1)
        addi t0, t0, 1
        addi a1, a1, 1
        addi a2, a2, -1
        beq t1, t2, 2b
        sub a0, t1, t2
        ret
    3:  li a0, 0
        ret"
            "bcmp" "tail mapsan_memcmp"
            "strlen" "
        mv t0, a0
    2:  lbu t1, 0(t0)
        addi t0, t0, 1
        bnez t1, 2b
        sub a0, t0, a0
        addi a0, a0, -1
        ret"
        }
    };
}
pub(crate) use memory_functions;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_instructions() {
        let operands: &[(u32, Option<(Access, Option<usize>)>)] = &[
            (0x0005_2783, Some((Access::Read, Some(4)))),  // lw a5,0(a0)
            (0x0085_3783, Some((Access::Read, Some(8)))),  // ld a5,8(a0)
            (0x0005_4783, Some((Access::Read, Some(1)))),  // lbu a5,0(a0)
            (0x00f5_1023, Some((Access::Write, Some(2)))), // sh a5,0(a0)
            (0x0005_3787, Some((Access::Read, Some(8)))),  // fld fa5,0(a0)
            (0x00f5_2027, Some((Access::Write, Some(4)))), // fsw fa5,0(a0)
            (0x1005_27af, Some((Access::Read, Some(4)))),  // lr.w a5,(a0)
            (0x00f5_37af, Some((Access::Write, Some(8)))), // amoadd.d a5,a5,(a0)
            (0x0205_6787, Some((Access::Read, None))),     // vle32.v v15,(a0)
            (0x411c, Some((Access::Read, Some(4)))),       // c.lw a5,0(a0)
            (0xe11c, Some((Access::Write, Some(8)))),      // c.sd a5,0(a0)
            (0x67a2, Some((Access::Read, Some(8)))),       // c.ldsp a5,8(sp)
            (0x8082, None),                                // ret
            (0x0015_0513, None),                           // addi a0,a0,1
        ];
        for (code, wanted) in operands {
            assert_eq!(operand(&code.to_le_bytes()), *wanted, "{code:x}");
        }
        assert_eq!(operand(&[]), None);
    }
}
