//! How processes end: which were ended by a fault of their own, also where a handler of theirs made an exit of it.

use crate::system::memory::Memory;
use crate::system::process::Process;
use crate::system::threads;
use crate::system::unwind::{Place, Registers, Unwinding};
use nix::sys::ptrace;
use nix::unistd::Pid;
use object::{Object, ObjectSymbol};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::fs;

/// The signals of faults.
const FAULTS: [i32; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGSYS];
/// How far above a handler's own stack the registers are looked for that the kernel has put there.
const HANDLERS: usize = 256 * 1024;
/// The longest message of libc's that is read.
const MESSAGE: usize = 256;

/// A process that a fault has ended.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Death {
    pub(crate) pid: u32,
    pub(crate) exe: String,
    pub(crate) signal: i32,
    pub(crate) how: How,
    /// Where.
    pub(crate) stack: Vec<Place>,
}

/// What made an end of the fault.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum How {
    /// The signal.
    Signal,
    /// A handler of the program's, which ended it with this status, or by this signal.
    Handler(i32),
    /// libc, which has found this.
    Libc(String),
}

/// The last signal of a fault that a thread has got.
#[derive(Clone, Copy)]
struct Fault {
    signal: i32,
    /// Whether something that the thread did raised it: it was not sent.
    is_own: bool,
    registers: Registers,
}

/// What is known of threads that may end.
#[derive(Default)]
pub(crate) struct Ends {
    faults: HashMap<libc::pid_t, Fault>,
    /// The last that was not sent.
    own: HashMap<libc::pid_t, Fault>,
    /// Processes that are told.
    told: BTreeSet<u32>,
    unwinding: Unwinding,
}

impl Ends {
    /// A thread gets a signal.
    pub(crate) fn note_signal(&mut self, thread: libc::pid_t, signal: i32) {
        if !FAULTS.contains(&signal) && signal != libc::SIGABRT {
            return;
        }
        let info = ptrace::getsiginfo(Pid::from_raw(thread));
        let Some((info, registers)) = info.ok().zip(threads::registers(Pid::from_raw(thread))) else { return };
        let fault = Fault { signal, is_own: info.si_code > 0, registers };
        self.faults.insert(thread, fault);
        if fault.is_own {
            self.own.insert(thread, fault);
        }
    }

    /// A process executes another program.
    pub(crate) fn becomes_another(&mut self, process: libc::pid_t) {
        self.forget(process);
    }

    /// A thread is gone.
    pub(crate) fn forget(&mut self, thread: libc::pid_t) {
        self.faults.remove(&thread);
        self.own.remove(&thread);
    }

    /// A thread ends, its process perhaps with it, by this status as wait(2) tells it.
    pub(crate) fn of(&mut self, thread: libc::pid_t, status: i32) -> Option<Death> {
        let last = self.faults.get(&thread).copied();
        let own = self.own.get(&thread).copied();
        let pid = threads::process_of(thread)?;
        let signal = status & 0x7f;
        let (fault, how) = match (signal, last) {
            (libc::SIGABRT, Some(last)) if last.signal == signal => match libc_message(pid) {
                Some(message) => (last, How::Libc(message)),
                None => (own.filter(|own| is_handling(thread, *own))?, How::Handler(status)),
            },
            (signal, Some(last)) if last.signal == signal && last.is_own => (last, How::Signal),
            _ => (own.filter(|own| is_handling(thread, *own))?, How::Handler(status)),
        };
        if !self.told.insert(pid) {
            return None;
        }
        let stack = threads::stack(pid, fault.registers, &mut self.unwinding);
        Some(Death { pid, exe: threads::executable(pid), signal: fault.signal, how, stack })
    }
}

/// Whether a thread is still in the handler of a fault: the signal is blocked, and what the kernel has put on the stack for the
/// return, the stack's pointer and the instruction's side by side, is still above.
fn is_handling(thread: libc::pid_t, fault: Fault) -> bool {
    let Some(now) = threads::registers(Pid::from_raw(thread)).filter(|_| threads::blocks(thread, fault.signal)) else {
        return false;
    };
    let Some(process) = threads::process_of(thread).and_then(|pid| Process::open(pid).ok()) else { return false };
    let mappings = process.mappings().unwrap_or_default();
    let Some(stack) = mappings.iter().find(|mapping| (mapping.start..mapping.end).contains(&now.stack)) else {
        return false;
    };
    let length = usize::try_from(stack.end - now.stack).unwrap_or(HANDLERS).min(HANDLERS);
    let bytes = process.bytes(now.stack, length).unwrap_or_default();
    let words: Vec<u64> =
        bytes.chunks_exact(8).filter_map(|word| Some(u64::from_ne_bytes(word.try_into().ok()?))).collect();
    words.windows(2).any(|pair| pair == [fault.registers.stack, fault.registers.instruction])
}

/// Why libc has aborted a process of its own accord: a heap or a stack that was overwritten; `None` where the program did, by
/// abort(3), assert(3) or an exception.
fn libc_message(pid: u32) -> Option<String> {
    let process = Process::open(pid).ok()?;
    let mappings = process.mappings().ok()?;
    let is_libc = |name: &str| name.rsplit('/').next().is_some_and(|name| name.starts_with("libc.so"));
    let libc = mappings.iter().find(|mapping| mapping.offset == 0 && is_libc(&mapping.name))?;
    let file = fs::read(&libc.name).ok()?;
    let object = object::File::parse(&*file).ok()?;
    let symbol = object.dynamic_symbols().find(|symbol| symbol.name() == Ok("__abort_msg"))?.address();
    let pointer = u64::from_ne_bytes(process.bytes(libc.start + symbol, 8)?.try_into().ok()?);
    if pointer == 0 {
        return None;
    }
    // A size of four bytes, then the text.
    let bytes: Vec<u8> = (0..MESSAGE as u64).map_while(|at| Some(process.bytes(pointer + 4 + at, 1)?[0])).collect();
    let text = String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next()?).trim().to_owned();
    (!text.is_empty() && !is_assertion(&text)).then_some(text)
}

/// Whether a message is that of an assertion of the program's: it names a line. malloc's own do, too.
fn is_assertion(text: &str) -> bool {
    let names_line = text.split(':').any(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()));
    names_line && !text.contains("malloc.c:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assertions_of_the_program_are_told_from_what_libc_finds() {
        for (text, is_one) in [
            ("prog: a.c:12: main: Assertion `p' failed.", true),
            ("malloc(): corrupted top size", false),
            ("*** stack smashing detected ***: terminated", false),
            ("prog: malloc.c:2617: sysmalloc: Assertion `x' failed.", false),
        ] {
            assert_eq!(is_assertion(text), is_one, "{text}");
        }
    }
}
