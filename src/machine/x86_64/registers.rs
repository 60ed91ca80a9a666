//! The state that the kernel has saved at a fault.

use crate::machine::{Access, Registers};
use core::ffi::c_int;

/// How many general registers the state begins with, from `REG_R8` to `REG_RSP`.
pub(super) const GENERAL: usize = 16;

/// Where a register is saved, `REG_…` of `<sys/ucontext.h>`.
pub(super) fn saved(context: *mut libc::ucontext_t, number: c_int) -> *mut usize {
    let index = usize::try_from(number).unwrap_or(0);
    // SAFETY: a state that the kernel has saved.
    let registers = unsafe { &raw mut (*context).uc_mcontext.gregs };
    registers.cast::<usize>().wrapping_add(index)
}

fn get(registers: Registers, number: c_int) -> usize {
    // SAFETY: one of the registers that the kernel saves.
    unsafe { *saved(registers.context, number) }
}

/// What the instruction wanted, by the page fault's error code (Intel SDM, volume 3, 4.7): bit 1 is a write, bit 4 an
/// instruction fetch.
pub(super) fn access(registers: Registers) -> Access {
    const PAGE_FAULT: usize = 14;
    let code = get(registers, libc::REG_ERR);
    match get(registers, libc::REG_TRAPNO) {
        PAGE_FAULT if code & 1 << 4 != 0 => Access::Execute,
        PAGE_FAULT if code & 1 << 1 != 0 => Access::Write,
        PAGE_FAULT => Access::Read,
        _ => Access::Unknown,
    }
}

/// A jump to what is no address is a general protection fault, of which nothing is told.
pub(super) fn refused_jump(registers: Registers) -> Option<(usize, bool)> {
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
    if get(registers, libc::REG_TRAPNO) != GENERAL_PROTECTION {
        return None;
    }
    let register = |modrm: u8, upper: usize| {
        let calls = matches!(modrm >> 3, 0x1a | 0x1c);
        let number = REGISTERS.get(usize::from(modrm & 7) | upper).filter(|_| calls)?;
        Some((get(registers, *number), false))
    };
    let (target, returns) = match *registers.code(&mut [0; 3]) {
        [0xff, modrm, ..] => register(modrm, 0)?,
        [0x41, 0xff, modrm] => register(modrm, 8)?,
        [0xc3 | 0xc2, ..] | [0xf2 | 0xf3, 0xc3, ..] => (top_of_stack(registers)?, true),
        _ => return None,
    };
    // With four or five levels of page tables.
    let upper = target.cast_signed() >> 56;
    (upper != 0 && upper != -1).then_some((target, returns))
}

/// The word on top of the stack, if a call lies before what it leads to. A return or a jump leaves something else there.
pub(super) fn return_address(registers: Registers) -> Option<usize> {
    const LONGEST_CALL: usize = 7;
    let address = top_of_stack(registers)?;
    let mut code = [0_u8; LONGEST_CALL];
    ((registers.read)(address.checked_sub(code.len())?, &mut code) && ends_in_call(code)).then_some(address)
}

fn top_of_stack(registers: Registers) -> Option<usize> {
    let mut word = [0_u8; size_of::<usize>()];
    (registers.read)(registers.stack(), &mut word).then(|| usize::from_ne_bytes(word))
}

/// Whether code ends in what may be a call: E8 with a displacement, or FF /2.
fn ends_in_call(code: [u8; 7]) -> bool {
    let indirect = |pair: &[u8]| matches!(pair, [0xff, modrm] if modrm >> 3 & 7 == 2);
    code.get(2) == Some(&0xe8) || code.windows(2).any(indirect)
}
