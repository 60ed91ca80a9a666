//! Loops that wait: they read a word again and again until it is what they wait for.

use crate::race::code::Code;
use iced_x86::{FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register, UsedRegister};

impl Code<'_> {
    /// Whether a loop, which this branch closes, goes from one place to the next: what it reads is another word each time.
    fn walks(&self, branch: &Instruction, read: &Instruction) -> bool {
        let Some(mut decoder) = self.decoder_at(branch.near_branch_target()) else { return false };
        let mut body = Vec::new();
        while decoder.can_decode() && decoder.ip() < branch.ip() {
            body.push(decoder.decode());
        }
        if body.iter().any(counts_on_stack) {
            return true;
        }
        let mut moves: Vec<Register> = body.iter().filter_map(counted).collect();
        // And those that are made of them, such as an index that becomes an address.
        for _ in 0..2 {
            moves.extend(body.iter().filter_map(|instruction| made_of(instruction, &moves)).collect::<Vec<_>>());
        }
        let address = [read.memory_base(), read.memory_index()].map(Register::full_register);
        address.iter().any(|part| moves.contains(part))
    }

    /// Whether one of the ways from a branch leads to where the other one begins, with nothing done on it that others could see:
    /// then it does not matter to the loop which of them is taken.
    fn is_of_no_matter(&self, branch: &Instruction) -> bool {
        let (taken, next) = (branch.near_branch_target(), branch.next_ip());
        self.leads_quietly(next, taken) || self.leads_quietly(taken, next)
    }

    /// Whether the code at an address leads to another one by instructions that touch nothing of others.
    fn leads_quietly(&self, from: u64, to: u64) -> bool {
        /// How many instructions that are looked at.
        const LONGEST: usize = 16;
        let Some(mut decoder) = self.decoder_at(from) else { return false };
        for _ in 0..LONGEST {
            if !decoder.can_decode() {
                return false;
            }
            let next = decoder.decode();
            match next.flow_control() {
                FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch
                    if next.near_branch_target() == to =>
                {
                    return true;
                }
                FlowControl::ConditionalBranch => {}
                FlowControl::Next if is_of_thread(&next) => {}
                _ => return false,
            }
        }
        false
    }

    /// Whether what an instruction has read decides whether it is executed again.
    pub(crate) fn waits_by(&self, read: &Instruction) -> bool {
        /// How many instructions such a loop has at most, from the read on.
        const LONGEST: usize = 32;
        let Some(mut decoder) = self.decoder_at(read.next_ip()) else { return false };
        let register = read.op0_register();
        // Whether the flags come of what was read, the register holds it, and a branch may have left the loop for it.
        let (mut decides, mut holds, mut may_leave) = (is_comparison(read), register != Register::None, false);
        for _ in 0..LONGEST {
            if !decoder.can_decode() {
                return false;
            }
            let next = decoder.decode();
            let leads_back = || next.near_branch_target() <= read.ip() && read.ip() - next.near_branch_target() < 256;
            match next.flow_control() {
                FlowControl::ConditionalBranch if (decides || may_leave) && leads_back() => {
                    return !self.walks(&next, read) && (may_leave || !self.is_of_no_matter(&next));
                }
                FlowControl::ConditionalBranch => may_leave |= decides && !self.is_of_no_matter(&next),
                FlowControl::UnconditionalBranch => return may_leave && leads_back() && !self.walks(&next, read),
                FlowControl::Call | FlowControl::IndirectCall => {
                    decides = false;
                    holds = holds && is_kept_by_calls(register);
                }
                FlowControl::Next => {}
                _ => return false,
            }
            if next.rflags_modified() != 0 {
                decides = holds && is_comparison(&next) && compares(&next, register);
            }
            holds = holds && !is_overwritten(&next, register);
        }
        false
    }
}

fn is_comparison(instruction: &Instruction) -> bool {
    matches!(instruction.mnemonic(), Mnemonic::Cmp | Mnemonic::Test | Mnemonic::Bt | Mnemonic::Sub | Mnemonic::And)
}

/// The register that an instruction counts on.
fn counted(instruction: &Instruction) -> Option<Register> {
    let counts = match instruction.mnemonic() {
        Mnemonic::Inc | Mnemonic::Dec => true,
        Mnemonic::Add | Mnemonic::Sub => instruction.op1_kind() != OpKind::Register,
        _ => false,
    };
    let register = instruction.op0_register().full_register();
    (counts && register != Register::None).then_some(register)
}

/// The register that an instruction makes of one of these.
fn made_of(instruction: &Instruction, of: &[Register]) -> Option<Register> {
    let makes = matches!(
        instruction.mnemonic(),
        Mnemonic::Mov | Mnemonic::Movsxd | Mnemonic::Movsx | Mnemonic::Movzx | Mnemonic::Lea | Mnemonic::Add
    );
    let sources = [instruction.op1_register(), instruction.memory_base(), instruction.memory_index()];
    let is_of_them = sources.map(Register::full_register).iter().any(|source| of.contains(source));
    let made = instruction.op0_register().full_register();
    (makes && instruction.op0_kind() == OpKind::Register && is_of_them).then_some(made)
}

/// Whether an instruction touches registers and the stack alone.
fn is_of_thread(instruction: &Instruction) -> bool {
    let touches_memory = (0..instruction.op_count()).any(|operand| instruction.op_kind(operand) == OpKind::Memory);
    (!touches_memory || is_of_stack(instruction)) && !instruction.is_string_instruction()
}

/// Whether the memory of an instruction, if it has one, is the stack's.
fn is_of_stack(instruction: &Instruction) -> bool {
    matches!(instruction.memory_base(), Register::RBP | Register::RSP)
}

/// Whether an instruction counts a variable on the stack on.
fn counts_on_stack(instruction: &Instruction) -> bool {
    let counts = matches!(instruction.mnemonic(), Mnemonic::Inc | Mnemonic::Dec | Mnemonic::Add | Mnemonic::Sub);
    counts && is_of_stack(instruction) && instruction.op0_kind() == OpKind::Memory
}

/// Whether a register has something else in it afterwards that does not come of what was there.
fn is_overwritten(instruction: &Instruction, register: Register) -> bool {
    let mut factory = InstructionInfoFactory::new();
    let used = factory.info(instruction).used_registers();
    let of = used.iter().filter(|used| used.register().full_register() == register.full_register());
    let accesses: Vec<OpAccess> = of.map(UsedRegister::access).collect();
    let writes = accesses.contains(&OpAccess::Write);
    let reads =
        accesses.iter().any(|access| matches!(access, OpAccess::Read | OpAccess::CondRead | OpAccess::ReadWrite));
    register != Register::None && writes && !reads
}

fn compares(instruction: &Instruction, register: Register) -> bool {
    let operands = [instruction.op0_register(), instruction.op1_register()];
    operands.iter().any(|operand| operand.full_register() == register.full_register())
}

/// Whether functions leave a register as it was (System V ABI for x86-64).
fn is_kept_by_calls(register: Register) -> bool {
    use Register::{R12, R13, R14, R15, RBP, RBX};
    [RBX, RBP, R12, R13, R14, R15].contains(&register.full_register())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_that_wait_are_known() {
        // By the instruction that ends after so many bytes.
        let waits = |bytes: &[u8], length: u64| {
            let code = Code { start: 0x1000, bytes };
            let mut instructions = code.decoder_at(code.start).unwrap().into_iter();
            let read = instructions.find(|instruction| instruction.next_ip() == code.start + length).unwrap();
            code.waits_by(&read)
        };
        // mov eax, [rdx]; test eax, eax; je back
        assert!(waits(&[0x8b, 0x02, 0x85, 0xc0, 0x74, 0xfa], 2));
        // cmp dword [rdx], 0; je back
        assert!(waits(&[0x83, 0x3a, 0x00, 0x74, 0xfb], 3));
        // mov eax, [rdx]; test eax, eax; jne out; pause; jmp back
        assert!(waits(&[0x8b, 0x02, 0x85, 0xc0, 0x75, 0x04, 0xf3, 0x90, 0xeb, 0xf6], 2));
        // mov eax, [rdx]; add rdx, 4; test eax, eax; je back
        assert!(!waits(&[0x8b, 0x02, 0x48, 0x83, 0xc2, 0x04, 0x85, 0xc0, 0x74, 0xf6], 2));
        // mov eax, [rbp]; cmp eax, ebx; je out; mov eax, [rip]; add eax, 1; mov [rip], eax; test al, al; jne back
        let counter = [
            0x8b, 0x45, 0x00, 0x39, 0xd8, 0x74, 0x13, 0x8b, 0x05, 0, 0, 0, 0, 0x83, 0xc0, 0x01, 0x89, 0x05, 0, 0, 0, 0,
            0x84, 0xc0, 0x75, 0xe6,
        ];
        assert!(waits(&counter, 3));
        // movsxd rcx, eax; mov ecx, [rbx+rcx*4]; add eax, 1; test ecx, ecx; je back
        let scan = [0x48, 0x63, 0xc8, 0x8b, 0x0c, 0x8b, 0x83, 0xc0, 0x01, 0x85, 0xc9, 0x74, 0xf3];
        assert!(!waits(&scan, 6));
        // add ebx, 1; movsxd rax, ebx; lea r12, [r13+rax*4]; mov eax, [r12+0x2c]; test eax, eax; jne back
        let table = [
            0x83, 0xc3, 0x01, 0x48, 0x63, 0xc3, 0x4d, 0x8d, 0x64, 0x85, 0x00, 0x41, 0x8b, 0x44, 0x24, 0x2c, 0x85, 0xc0,
            0x75, 0xec,
        ];
        assert!(!waits(&table, 16));
        // mov eax, [rdx]; add dword [rbp-4], 1; test eax, eax; je back
        assert!(!waits(&[0x8b, 0x02, 0x83, 0x45, 0xfc, 0x01, 0x85, 0xc0, 0x74, 0xf6], 2));
        // mov eax, [rdx]; add eax, 1; mov [rdx], eax; jmp back
        assert!(!waits(&[0x8b, 0x02, 0x83, 0xc0, 0x01, 0x89, 0x02, 0xeb, 0xf7], 2));
        // mov eax, [rdx]; mov eax, [rcx]; test eax, eax; je back
        assert!(!waits(&[0x8b, 0x02, 0x8b, 0x01, 0x85, 0xc0, 0x74, 0xf8], 2));
        // mov eax, [rdx]; xor eax, 1; test eax, eax; je back
        assert!(waits(&[0x8b, 0x02, 0x83, 0xf0, 0x01, 0x85, 0xc0, 0x74, 0xf7], 2));
        // mov eax, [rdx]; cmp eax, ebx; je back; add ecx, 1; cmp eax, ecx; je back
        let counts = [0x8b, 0x02, 0x39, 0xd8, 0x74, 0xfa, 0x83, 0xc1, 0x01, 0x39, 0xc8, 0x74, 0xf3];
        assert!(!waits(&counts, 2));
        // mov eax, [rdx]; cmp eax, ebx; je back; mov [rdi], ecx; jmp back
        assert!(waits(&[0x8b, 0x02, 0x39, 0xd8, 0x74, 0xfa, 0x89, 0x0f, 0xeb, 0xf6], 2));
        // mov eax, [rdx]; cmp ecx, eax; jb on; test ebx, ebx; jne back; ret; on: add ecx, 1; jmp to the test
        let merges = [0x8b, 0x02, 0x39, 0xc1, 0x72, 0x05, 0x85, 0xdb, 0x75, 0xf6, 0xc3, 0x83, 0xc1, 0x01, 0xeb, 0xf6];
        assert!(!waits(&merges, 2));
        // and eax, 7; cmp ecx, eax; jb on; mov eax, [rip]; test al, al; jne back; ret; on: add ecx, 1; jmp behind the jb
        let loops_on = [
            0x8b, 0x02, 0x83, 0xe0, 0x07, 0x39, 0xc1, 0x72, 0x0b, 0x8b, 0x05, 0, 0, 0, 0, 0x84, 0xc0, 0x75, 0xed, 0xc3,
            0x83, 0xc1, 0x01, 0xeb, 0xf0,
        ];
        assert!(!waits(&loops_on, 2));
        // mov eax, [rdx]; test ecx, ecx; je back
        assert!(!waits(&[0x8b, 0x02, 0x85, 0xc9, 0x74, 0xfa], 2));
    }
}
