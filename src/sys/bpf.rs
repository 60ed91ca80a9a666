//! Classic BPF over `struct seccomp_data`, as the kernel runs it (`seccomp_check_filter`, `bpf_prog_run`, Linux 6.18).

use libc::{
    BPF_A, BPF_ABS, BPF_ADD, BPF_ALU, BPF_AND, BPF_DIV, BPF_IMM, BPF_JA, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JMP, BPF_JSET,
    BPF_LD, BPF_LDX, BPF_LEN, BPF_LSH, BPF_MEM, BPF_MISC, BPF_MUL, BPF_NEG, BPF_OR, BPF_RET, BPF_RSH, BPF_ST, BPF_STX,
    BPF_SUB, BPF_TXA, BPF_X, BPF_XOR, SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, sock_filter,
};

/// `struct seccomp_data` in 32-bit words, as filters read it.
pub(super) type Data = [u32; 16];
/// Its size in bytes.
const DATA_SIZE: u32 = 64;

/// What a filter answers. An instruction that the kernel would not have let in kills.
pub(super) fn run(program: &[sock_filter], data: &Data) -> u32 {
    let (mut a, mut x, mut memory, mut at) = (0_u32, 0_u32, [0_u32; libc::BPF_MEMWORDS as usize], 0_usize);
    while let Some(instruction) = program.get(at) {
        at = at.wrapping_add(1);
        let (code, k) = (u32::from(instruction.code), instruction.k);
        let operand = if code & BPF_X == 0 { k } else { x };
        match code & 0x07 {
            class @ (BPF_LD | BPF_LDX) => {
                let value = match code & 0xE0 {
                    BPF_IMM => Some(k),
                    BPF_ABS => data.get(k as usize >> 2).copied(),
                    BPF_MEM => memory.get(k as usize).copied(),
                    BPF_LEN => Some(DATA_SIZE),
                    _ => None,
                };
                let Some(value) = value else { break };
                if class == BPF_LD { a = value } else { x = value }
            }
            class @ (BPF_ST | BPF_STX) => {
                let Some(word) = memory.get_mut(k as usize) else { break };
                *word = if class == BPF_ST { a } else { x };
            }
            BPF_ALU => match calculate(code & 0xF0, a, operand) {
                Some(result) => a = result,
                None => return SECCOMP_RET_KILL_THREAD,
            },
            BPF_JMP => {
                let holds = match code & 0xF0 {
                    BPF_JA => {
                        at = at.wrapping_add(k as usize);
                        continue;
                    }
                    BPF_JEQ => a == operand,
                    BPF_JGT => a > operand,
                    BPF_JGE => a >= operand,
                    BPF_JSET => a & operand != 0,
                    _ => break,
                };
                at = at.wrapping_add(usize::from(if holds { instruction.jt } else { instruction.jf }));
            }
            BPF_RET => return if code & 0x18 == BPF_A { a } else { k },
            BPF_MISC if code & 0xF8 == BPF_TXA => a = x,
            BPF_MISC => x = a,
            _ => break,
        }
    }
    SECCOMP_RET_KILL_PROCESS
}

/// The result of a `BPF_ALU` operation; `None` for a division by 0, which ends the filter, and for what the kernel does not
/// let in.
fn calculate(operation: u32, a: u32, operand: u32) -> Option<u32> {
    match operation {
        BPF_ADD => Some(a.wrapping_add(operand)),
        BPF_SUB => Some(a.wrapping_sub(operand)),
        BPF_MUL => Some(a.wrapping_mul(operand)),
        BPF_DIV => a.checked_div(operand),
        BPF_OR => Some(a | operand),
        BPF_AND => Some(a & operand),
        BPF_LSH => Some(a.wrapping_shl(operand)),
        BPF_RSH => Some(a.wrapping_shr(operand)),
        BPF_NEG => Some(a.wrapping_neg()),
        BPF_XOR => Some(a ^ operand),
        _ => None,
    }
}
