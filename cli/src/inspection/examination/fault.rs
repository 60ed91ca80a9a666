//! The fault that brought a process down: the one that it died of, or one that a handler of its own was called for, from which
//! it did not return.

use super::body::Body;
use crate::system::core::{Core, Given, Thread};
use crate::system::memory::Memory;
use crate::system::tracee::{RESTORER, Registers};
use nix::sys::signal::Signal;
use std::io;

/// Where the frame that the kernel makes for a handler (`struct rt_sigframe`) has the state and what came with the signal,
/// after what the handler returns to.
const STATE: u64 = 8;
const GIVEN: u64 = 312;
/// How far up a stack such a frame is looked for.
const FAR: u64 = 8 << 20;

/// In the state (`ucontext_t`): the registers, and of them, by their number, those that say what was refused.
const REGISTERS: u64 = 40;
const TRAP: usize = 20;
const ADDRESS: usize = 22;
const PAGE_FAULT: u64 = 14;
const GENERAL_PROTECTION: u64 = 13;
/// How many there are.
const SAVED: usize = 23;

/// The signals of faults.
const SIGNALS: [i32; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// The fault.
pub(in crate::inspection) struct Fault<'a> {
    /// What the kernel has told of it.
    pub(in crate::inspection) given: Given,
    pub(in crate::inspection) thread: &'a Thread,
    met: Met,
}

/// How the program met it.
#[derive(Clone, Copy)]
enum Met {
    /// It died of it.
    Dying,
    /// It died of a signal that was sent: a handler may have sent it again, to have it when it has returned.
    Sent,
    /// A handler was called, and given all there is to say of it, in a frame that lies here; its registers.
    Told(u64, Saved),
    /// A handler was called that was given the signal alone; its frame has the registers.
    Untold(Saved),
}

/// The registers in a frame, by their numbers in `ucontext_t`.
type Saved = [u64; SAVED];

impl<'a> Fault<'a> {
    /// Looks for it.
    pub(in crate::inspection) fn find(core: &'a Core) -> Option<Fault<'a>> {
        let thread = core.notes.threads.first()?;
        let given = core.notes.signal.as_ref();
        if let Some(given) = given.filter(|given| given.is_fault()) {
            return Some(Fault { given: given.clone(), thread, met: Met::Dying });
        }
        let is_sent = given.is_some_and(|given| SIGNALS.contains(&given.signal()));
        let unknown = Given::of(libc::SIGSEGV, libc::SI_KERNEL, 0);
        let sent = is_sent.then_some(Fault { given: unknown, thread, met: Met::Sent });
        core.notes.threads.iter().find_map(|thread| handled(core, thread)).or(sent)
    }

    /// Whether a handler of the program's was called for it.
    pub(in crate::inspection) fn is_handled(&self) -> bool {
        matches!(self.met, Met::Told(..) | Met::Untold(_))
    }

    /// Where the instruction that met it lies, and where the stack pointer was then.
    pub(in crate::inspection) fn instruction_and_stack(&self) -> (u64, u64) {
        let [.., instruction, _, _, stack, _, _, _, _, _, _, _] = self.thread.registers;
        match self.met {
            Met::Dying | Met::Sent => (instruction, stack),
            Met::Told(_, saved) | Met::Untold(saved) => (saved[16], saved[15]),
        }
    }

    /// The signal.
    fn signal(&self) -> io::Result<Signal> {
        Ok(Signal::try_from(self.given.signal())?)
    }

    /// Leaves the process as a handler would find it that is called for the fault; the registers for that, but for the address
    /// of the handler; `None` if it was no fault.
    pub(super) fn enter(&mut self, core: &Core, body: &mut Body<'_>) -> io::Result<Option<Registers>> {
        let own = body.tracee().registers()?;
        let of_thread = of_thread(self.thread, &own);
        let registers = match &self.met {
            Met::Told(frame, _) => Some(Registers {
                rdi: self.given.signal().unsigned_abs().into(),
                rsi: frame.wrapping_add(GIVEN),
                rdx: frame.wrapping_add(STATE),
                rsp: *frame,
                eflags: 0x202,
                fs_base: of_thread.fs_base,
                ..own
            }),
            Met::Dying | Met::Sent => self.fault_again(core, body, of_thread)?,
            Met::Untold(saved) => {
                let registers = of_frame(saved, of_thread);
                self.fault_again(core, body, registers)?
            }
        };
        for signal in [Signal::SIGSEGV, Signal::SIGBUS] {
            body.tracee().handle(signal, None)?;
            body.tracee().forget(signal)?;
        }
        Ok(registers)
    }

    /// Executes the instruction that faulted once more, so that the processor says what it wanted of the memory, which a core does
    /// not tell, and the kernel makes the frame; `None` if it does not fault, and is not known to have.
    fn fault_again(&mut self, core: &Core, body: &mut Body<'_>, registers: Registers) -> io::Result<Option<Registers>> {
        let (signal, address) = (self.signal()?, self.given.address());
        let is_told = self.given.code() != libc::SI_KERNEL;
        let page = |address: u64| address >> 12;
        if is_told && page(address) != page(registers.rip) {
            body.forbid(address)?;
        }
        body.tracee().handle(signal, None)?;
        body.tracee().handle(Signal::SIGSEGV, None)?;
        body.set_registers(registers)?;
        let met = body.step()?;
        let is_same = met.is_some_and(|(_, met)| !is_told || met == address);
        let is_known = matches!(self.met, Met::Dying);
        if !is_same && !is_known {
            return Ok(None);
        }
        if met.is_none() {
            // It has done something else: back to where it was.
            body.set_registers(registers)?;
        }
        let landed = body.tracee().land(met.map_or(signal, |(met, _)| met))?;
        body.allow();
        if !is_told {
            // Where there was no room for a handler's frame, the kernel has told no more than that.
            let state = body.bytes(landed.rdx + REGISTERS, 8 * SAVED)?;
            let mut saved = [0; SAVED];
            saved.iter_mut().zip(state.as_chunks::<8>().0).for_each(|(to, word)| *to = u64::from_ne_bytes(*word));
            match untold(core, self.thread, &saved) {
                Some(given) => self.given = given,
                None if is_known => {}
                None => return Ok(None),
            }
        }
        body.write(landed.rsi, &self.given.bytes)?;
        if !is_same {
            body.write(landed.rdx + REGISTERS + 8 * TRAP as u64, &0_u64.to_ne_bytes())?;
        }
        Ok(Some(Registers { rdi: self.given.signal().unsigned_abs().into(), orig_rax: u64::MAX, ..landed }))
    }
}

/// The registers of a thread; segments are those of any process.
fn of_thread(thread: &Thread, own: &Registers) -> Registers {
    /// Trap after each instruction.
    const TRAP_FLAG: u64 = 1 << 8;
    let [
        r15,
        r14,
        r13,
        r12,
        rbp,
        rbx,
        r11,
        r10,
        r9,
        r8,
        rax,
        rcx,
        rdx,
        rsi,
        rdi,
        _,
        rip,
        _,
        eflags,
        rsp,
        _,
        fs_base,
        gs_base,
        ..,
    ] = thread.registers;
    let eflags = eflags & !TRAP_FLAG;
    let orig_rax = u64::MAX;
    Registers {
        r15,
        r14,
        r13,
        r12,
        rbp,
        rbx,
        r11,
        r10,
        r9,
        r8,
        rax,
        rcx,
        rdx,
        rsi,
        rdi,
        orig_rax,
        rip,
        eflags,
        rsp,
        fs_base,
        gs_base,
        ..*own
    }
}

/// The registers that a frame has, as a thread's.
fn of_frame(saved: &Saved, thread: Registers) -> Registers {
    let [r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags, ..] = *saved;
    Registers { r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags, ..thread }
}

/// The innermost frame, on the stack of a thread, of a handler that was called for a fault and runs: it takes no other meanwhile,
/// unless it was set with `SA_NODEFER`. What handlers leave behind that have returned looks the same.
fn handled<'a>(core: &'a Core, thread: &'a Thread) -> Option<Fault<'a>> {
    if !SIGNALS.iter().any(|signal| thread.blocks(*signal)) {
        return None;
    }
    let stack = thread.registers[19] & !7;
    let piece = core.piece_at(stack)?;
    let length = (piece.end - stack).min(FAR);
    let bytes = core.bytes(stack, usize::try_from(length).ok()?)?;
    let words: Vec<u64> = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_ne_bytes(*word)).collect();
    words.iter().enumerate().find_map(|(index, word)| {
        if !is_code(core, *word) || core.bytes(*word, RESTORER.len())? != RESTORER {
            return None;
        }
        let first = index + usize::try_from((STATE + REGISTERS) / 8).ok()?;
        let saved: Saved = words.get(first..first + SAVED)?.try_into().ok()?;
        let frame = stack.wrapping_add(8 * index as u64);
        let told = Given::read(&core.bytes(frame.wrapping_add(GIVEN), 128)?).filter(Given::is_fault);
        let is_its = |told: &Given| match saved[TRAP] {
            PAGE_FAULT => saved[ADDRESS] == told.address(),
            GENERAL_PROTECTION => told.code() == libc::SI_KERNEL,
            _ => told.signal() == libc::SIGBUS,
        };
        match told.filter(is_its) {
            Some(given) => Some(Fault { given, thread, met: Met::Told(frame, saved) }),
            None => Some(Fault { given: untold(core, thread, &saved)?, thread, met: Met::Untold(saved) }),
        }
    })
}

fn is_code(core: &Core, address: u64) -> bool {
    core.piece_at(address).is_some_and(|piece| piece.protection & libc::PROT_EXEC.cast_unsigned() != 0)
}

/// What the kernel would have told a handler of the fault for which it made a frame; `None` if it can't have been made for one.
fn untold(core: &Core, thread: &Thread, saved: &Saved) -> Option<Given> {
    const IS_THERE: u64 = 1;
    const WRITES: u64 = 2;
    const FETCHES: u64 = 16;
    const IS_KEYED: u64 = 32;
    const ERROR: usize = 19;
    let address = saved[ADDRESS];
    match saved[TRAP] {
        GENERAL_PROTECTION => Some(Given::of(libc::SIGSEGV, libc::SI_KERNEL, 0)),
        PAGE_FAULT => {
            let error = saved[ERROR];
            let wanted = match error {
                _ if error & FETCHES != 0 => libc::PROT_EXEC,
                _ if error & WRITES != 0 => libc::PROT_WRITE,
                _ => libc::PROT_READ,
            };
            let (signal, why) = match core.piece_at(address) {
                _ if error & IS_KEYED != 0 => (libc::SIGSEGV, SEGV_PKUERR),
                _ if error & IS_THERE != 0 => (libc::SIGSEGV, SEGV_ACCERR),
                None => (libc::SIGSEGV, SEGV_MAPERR),
                Some(piece) if piece.protection & wanted.cast_unsigned() == 0 => (libc::SIGSEGV, SEGV_ACCERR),
                Some(piece) if core.is_past_end(piece, address) => (libc::SIGBUS, libc::BUS_ADRERR),
                // What is there now allows it: only which signal a handler keeps out tells what it was.
                Some(_) => match SIGNALS.map(|signal| thread.blocks(signal)) {
                    [true, false] => (libc::SIGSEGV, SEGV_ACCERR),
                    [false, true] => (libc::SIGBUS, libc::BUS_ADRERR),
                    _ => return None,
                },
            };
            Some(Given::of(signal, why, address))
        }
        _ => None,
    }
}

/// `<asm-generic/siginfo.h>`.
const SEGV_MAPERR: i32 = 1;
const SEGV_ACCERR: i32 = 2;
const SEGV_PKUERR: i32 = 4;
