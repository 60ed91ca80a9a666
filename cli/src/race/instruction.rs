//! The instruction that has just accessed watched bytes, and what it did to them.
//!
//! The processor tells of an access when the instruction is done: the address that the thread stopped at is that of the next
//! one. Which one was before it is known by reading the code from the start of the function, since instructions have no
//! fixed length.

use crate::race::code::Code;
use crate::system::tracer::Registers;
use iced_x86::{Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register, UsedMemory};
use std::ops::Range;

/// What an instruction does to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Effect {
    Read,
    Write,
    Update,
}

impl Effect {
    /// The word of records.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Effect::Read => "read",
            Effect::Write => "write",
            Effect::Update => "update",
        }
    }

    pub(crate) fn writes(self) -> bool {
        self != Effect::Read
    }

    fn of(reads: bool, writes: bool) -> Option<Effect> {
        match (reads, writes) {
            (true, true) => Some(Effect::Update),
            (true, false) => Some(Effect::Read),
            (false, true) => Some(Effect::Write),
            (false, false) => None,
        }
    }
}

/// What is known of the bytes that an instruction accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// They are all that it accessed.
    Whole,
    /// It accessed these, and others around them.
    Part,
    /// It accessed at least one of these.
    Somewhere,
}

/// An access of memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    /// The instruction.
    pub(crate) at: u64,
    pub(crate) bytes: Range<u64>,
    pub(crate) extent: Extent,
    pub(crate) effect: Effect,
    /// Whether the processor does it in one step, whoever else accesses these bytes.
    pub(crate) is_atomic: bool,
}

/// An instruction that was found, as far as it is the same each time.
#[derive(Clone, Debug)]
pub(crate) struct Before {
    instruction: Instruction,
    /// Whether a loop waits by it.
    pub(crate) waits: bool,
}

impl Before {
    /// Where it is.
    pub(crate) fn at(&self) -> Range<u64> {
        self.instruction.ip()..self.instruction.next_ip()
    }

    /// How many bytes it accesses at once.
    pub(crate) fn size(&self) -> usize {
        self.instruction.memory_size().size()
    }

    /// Whether it is the same instruction, whatever was read before it.
    pub(crate) fn is(&self, other: &Before) -> bool {
        self.instruction == other.instruction && self.at() == other.at()
    }
}

impl Code<'_> {
    /// The instruction for strings that is at an address, if one is: such a one is told of when it is not done yet.
    pub(crate) fn string_at(&self, address: u64) -> Option<Before> {
        let instruction = self.decoder_at(address)?.decode();
        instruction.is_string_instruction().then_some(Before { instruction, waits: false })
    }

    /// The instruction that ends at an address, where it is not known where one begins: that which is found from wherever one begins
    /// to read, if it is the same one.
    pub(crate) fn surely_before(&self, address: u64) -> Option<Before> {
        /// An instruction has 15 bytes at most: nearer than that reading may begin in its middle.
        const NEAREST: u64 = 16;
        let starts = self.start..address.saturating_sub(NEAREST);
        let mut found = starts.filter_map(|start| self.from(start)?.before(address));
        let first = found.next()?;
        found.all(|other| other.is(&first)).then_some(first)
    }

    /// The instruction that ends at an address, where the code begins with one: `None` where they don't meet there.
    pub(crate) fn before(&self, address: u64) -> Option<Before> {
        let mut decoder = self.decoder_at(self.start)?;
        let mut last = None;
        while decoder.can_decode() && decoder.ip() < address {
            let instruction = decoder.decode();
            if instruction.is_invalid() {
                return None;
            }
            last = Some(instruction);
        }
        let instruction = last.filter(|last| last.next_ip() == address)?;
        Some(Before { waits: self.waits_by(&instruction), instruction })
    }
}

/// What is known of an access when the thread has stopped.
pub(crate) struct Stopped<'a> {
    pub(crate) registers: &'a Registers,
    /// Which bytes were watched.
    pub(crate) watched: Range<u64>,
}

impl Stopped<'_> {
    /// What the instruction before did to the watched bytes, of which it has accessed at least one; `None` if that can't be known.
    pub(crate) fn access_by(&self, before: &Before) -> Option<Access> {
        let instruction = &before.instruction;
        if instruction.is_string_instruction() {
            return self.access_of_string(instruction);
        }
        let mut factory = InstructionInfoFactory::new();
        let info = factory.info(instruction);
        let changed = |register: Register| {
            let full = register.full_register();
            register != Register::None
                && info.used_registers().iter().any(|used| {
                    used.register().full_register() == full
                        && !matches!(used.access(), OpAccess::Read | OpAccess::CondRead)
                })
        };
        let (mut reads, mut writes, mut bytes) = (false, false, None);
        for memory in info.used_memory() {
            let is_lost = changed(memory.base()) || changed(memory.index());
            let place = if is_lost { self.lost_place(instruction, memory)? } else { self.place(memory)? };
            if !overlap(&place, &self.watched) {
                continue;
            }
            let access = memory.access();
            // What a mask leaves out is not accessed.
            let is_masked = matches!(access, OpAccess::CondRead | OpAccess::CondWrite);
            let found =
                if is_lost || is_masked { (self.watched.clone(), Extent::Somewhere) } else { (place, Extent::Whole) };
            if bytes.replace(found.clone()).is_some_and(|other| other != found) {
                return None;
            }
            reads |=
                matches!(access, OpAccess::Read | OpAccess::CondRead | OpAccess::ReadWrite | OpAccess::ReadCondWrite);
            writes |=
                matches!(access, OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite);
        }
        let (bytes, extent) = bytes?;
        let is_atomic = instruction.has_lock_prefix() || instruction.mnemonic() == Mnemonic::Xchg;
        Some(Access { at: instruction.ip(), bytes, extent, effect: Effect::of(reads, writes)?, is_atomic })
    }

    /// What an instruction for strings, which stops in its middle or at its end, did last. It has come from lower addresses, and
    /// accessed one of the watched bytes: so it accessed the last one of them that it has passed.
    fn access_of_string(&self, instruction: &Instruction) -> Option<Access> {
        /// How far it may have come since.
        const FAR: u64 = 4096;
        /// It goes downwards.
        const DIRECTION: u64 = 1 << 10;
        let Registers { rdi, rsi, eflags, .. } = *self.registers;
        if eflags & DIRECTION != 0 {
            return None;
        }
        let passed = |register: u64| {
            let is_near = register.checked_sub(self.watched.start).is_some_and(|far| (1..=FAR).contains(&far));
            is_near.then(|| register.min(self.watched.end) - 1)
        };
        let (writes, reads) = match instruction.mnemonic() {
            Mnemonic::Movsb | Mnemonic::Movsw | Mnemonic::Movsd | Mnemonic::Movsq => (passed(rdi), passed(rsi)),
            Mnemonic::Stosb | Mnemonic::Stosw | Mnemonic::Stosd | Mnemonic::Stosq => (passed(rdi), None),
            Mnemonic::Lodsb | Mnemonic::Lodsw | Mnemonic::Lodsd | Mnemonic::Lodsq => (None, passed(rsi)),
            Mnemonic::Scasb | Mnemonic::Scasw | Mnemonic::Scasd | Mnemonic::Scasq => (None, passed(rdi)),
            Mnemonic::Cmpsb | Mnemonic::Cmpsw | Mnemonic::Cmpsd | Mnemonic::Cmpsq => {
                let (one, other) = (passed(rsi), passed(rdi));
                (None, if one.is_some() && other.is_some() { None } else { one.or(other) })
            }
            _ => return None,
        };
        let (effect, last) = match (writes, reads) {
            (Some(last), None) => (Effect::Write, last),
            (None, Some(last)) => (Effect::Read, last),
            // Both or neither came by: it can't be known which of them accessed it.
            _ => return None,
        };
        let (at, bytes, extent) = (instruction.ip(), last..last + 1, Extent::Part);
        Some(Access { at, bytes, extent, effect, is_atomic: false })
    }

    fn place(&self, memory: &UsedMemory) -> Option<Range<u64>> {
        let start = memory.virtual_address(0, |register, _, _| self.register(register))?;
        let length = u64::try_from(memory.memory_size().size()).ok()?;
        Some(start..start.checked_add(length)?)
    }

    /// Where it was when the register that said so is overwritten by what was read: the watched bytes, if it reads as many or
    /// more. One of them it has accessed, or the thread had not stopped.
    fn lost_place(&self, instruction: &Instruction, memory: &UsedMemory) -> Option<Range<u64>> {
        let is_load =
            matches!(instruction.mnemonic(), Mnemonic::Mov | Mnemonic::Movzx | Mnemonic::Movsx | Mnemonic::Movsxd)
                && instruction.op0_kind() == OpKind::Register;
        let size = u64::try_from(memory.memory_size().size()).ok()?;
        (is_load && size >= self.watched.end - self.watched.start).then(|| self.watched.clone())
    }

    fn register(&self, register: Register) -> Option<u64> {
        let registers = self.registers;
        Some(match register {
            Register::None | Register::ES | Register::CS | Register::SS | Register::DS => 0,
            Register::FS => registers.fs_base,
            Register::GS => registers.gs_base,
            Register::RIP | Register::EIP => registers.rip,
            _ => {
                let value = match register.full_register() {
                    Register::RAX => registers.rax,
                    Register::RBX => registers.rbx,
                    Register::RCX => registers.rcx,
                    Register::RDX => registers.rdx,
                    Register::RSI => registers.rsi,
                    Register::RDI => registers.rdi,
                    Register::RBP => registers.rbp,
                    Register::RSP => registers.rsp,
                    Register::R8 => registers.r8,
                    Register::R9 => registers.r9,
                    Register::R10 => registers.r10,
                    Register::R11 => registers.r11,
                    Register::R12 => registers.r12,
                    Register::R13 => registers.r13,
                    Register::R14 => registers.r14,
                    Register::R15 => registers.r15,
                    _ => return None,
                };
                if register.is_gpr32() { value & 0xffff_ffff } else { value }
            }
        })
    }
}

/// Whether two ranges have a byte in common.
pub(crate) fn overlap(one: &Range<u64>, other: &Range<u64>) -> bool {
    one.start < other.end && other.start < one.end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registers() -> Registers {
        // SAFETY: numbers alone.
        unsafe { std::mem::zeroed() }
    }

    /// The access of the last instruction of some code at 0x1000.
    fn access(code: &[u8], set: impl FnOnce(&mut Registers), watched: Range<u64>) -> Option<Access> {
        let mut registers = registers();
        registers.rip = 0x1000 + code.len() as u64;
        set(&mut registers);
        let before = Code { start: 0x1000, bytes: code }.before(registers.rip)?;
        Stopped { registers: &registers, watched }.access_by(&before)
    }

    #[test]
    fn operands_are_read_as_they_were() {
        // add dword [rbx+4], 1
        let code = [0x83, 0x43, 0x04, 0x01];
        let found = access(&code, |registers| registers.rbx = 0x5000, 0x5000..0x5008).unwrap();
        assert_eq!((found.bytes, found.effect, found.is_atomic), (0x5004..0x5008, Effect::Update, false));
        // lock add dword [rbx+4], 1
        let code = [0xf0, 0x83, 0x43, 0x04, 0x01];
        assert!(access(&code, |registers| registers.rbx = 0x5000, 0x5000..0x5008).unwrap().is_atomic);
        // xchg [rdx], eax
        assert!(access(&[0x87, 0x02], |registers| registers.rdx = 0x5000, 0x5000..0x5008).unwrap().is_atomic);
        // mov [rip+0x10], rax
        let code = [0x48, 0x89, 0x05, 0x10, 0, 0, 0];
        assert_eq!(access(&code, |_| {}, 0x1010..0x1018).unwrap().bytes, 0x1017..0x101f);
        assert_eq!(access(&code, |_| {}, 0x1000..0x1008), None);
    }

    #[test]
    fn a_place_that_is_overwritten_is_one_of_the_watched_bytes() {
        // mov eax, [rax]
        let loaded = |registers: &mut Registers| registers.rax = 7;
        let found = access(&[0x8b, 0x00], loaded, 0x5004..0x5008).unwrap();
        assert_eq!((found.bytes, found.effect, found.extent), (0x5004..0x5008, Effect::Read, Extent::Somewhere));
        assert_eq!(access(&[0x8b, 0x00], loaded, 0x5000..0x5008), None);
        // mov rax, [rax]
        let found = access(&[0x48, 0x8b, 0x00], loaded, 0x5000..0x5008).unwrap();
        assert_eq!(found.bytes, 0x5000..0x5008);
        // pop [rsp]: two places, of which one is lost
        assert_eq!(access(&[0x8f, 0x04, 0x24], loaded, 0x5000..0x5008), None);
    }

    #[test]
    fn without_a_beginning_all_must_agree() {
        let code = |end: &[u8]| [&[0x90; 40], end].concat();
        // lock add dword [rbx+4], 1
        let locked = code(&[0xf0, 0x83, 0x43, 0x04, 0x01]);
        let found = Code { start: 0x1000, bytes: &locked }.surely_before(0x102d).unwrap();
        assert_eq!(found.at(), 0x1028..0x102d);
        // Read from the second byte, the first one, movabs rax, ends in the middle of what follows.
        let movabs = [&[0x48, 0xb8][..], &[0x48; 7], &[0x8b], &[0x90; 16], &[0x8b, 0x00]].concat();
        assert!(Code { start: 0x1000, bytes: &movabs }.surely_before(0x101b).is_none());
    }

    #[test]
    fn code_that_does_not_meet_the_address_is_nobody_s() {
        assert!(Code { start: 0x1000, bytes: &[0x48, 0x8b, 0x00] }.before(0x1002).is_none());
    }

    #[test]
    fn strings_are_where_they_came_to() {
        // rep movsb
        let write = access(&[0xf3, 0xa4], |registers| registers.rdi = 0x5010, 0x5008..0x5010).unwrap();
        assert_eq!((write.effect, write.bytes, write.extent), (Effect::Write, 0x500f..0x5010, Extent::Part));
        let read = access(&[0xf3, 0xa4], |registers| registers.rsi = 0x500c, 0x5008..0x5010).unwrap();
        assert_eq!((read.effect, read.bytes), (Effect::Read, 0x500b..0x500c));
        let near = |registers: &mut Registers| (registers.rsi, registers.rdi) = (0x5010, 0x5020);
        assert_eq!(access(&[0xf3, 0xa4], near, 0x5008..0x5010), None);
        let downwards = |registers: &mut Registers| (registers.rdi, registers.eflags) = (0x5010, 0x400);
        assert_eq!(access(&[0xf3, 0xa4], downwards, 0x5008..0x5010), None);
    }
}
