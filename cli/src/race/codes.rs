//! The code of processes that are traced: the instruction before an address, and stacks.

use crate::race::code::Code;
use crate::race::instruction::{Access, Before, Stopped};
use crate::system::memory::KernelMapping;
use crate::system::pages;
use crate::system::process::Process;
use crate::system::tracer::Registers;
use crate::system::unwind::{self, Place, Unwinding};
use std::collections::HashMap;
use std::ops::Range;

/// How far from its start a function is read, and how far past an address.
const LONGEST: u64 = 1 << 20;
const BEYOND: u64 = 160;
/// How far before an address reading begins where no function is known.
const NEAR: u64 = 60;

/// The instructions at which a thread may have stopped: the one that is done, and one that is to go on.
#[derive(Clone, Debug, Default)]
struct Known {
    before: Option<Before>,
    here: Option<Before>,
    /// Their code, and where it is: another may be there later, where it is made while the program runs.
    code: Option<(u64, Vec<u8>)>,
}

impl Known {
    fn is_there(&self, pid: i32) -> bool {
        let Some((at, code)) = &self.code else { return false };
        let mut now = vec![0; code.len()];
        pages::read(pid, *at, &mut now) && now == *code
    }
}

/// All that is known of the code of processes.
#[derive(Default)]
pub(crate) struct Codes {
    mappings: HashMap<i32, Vec<KernelMapping>>,
    known: HashMap<(i32, u64), Known>,
    unwinding: Unwinding,
}

impl Codes {
    /// A process has other code now, or has ended.
    pub(crate) fn forget(&mut self, pid: i32) {
        self.mappings.remove(&pid);
        self.known.retain(|(of, _), _| *of != pid);
    }

    /// The access for which a thread has stopped, and whether a loop waits by it; where it can't be known, how many bytes should
    /// be watched for it, if that would help.
    pub(crate) fn access(&mut self, pid: i32, stopped: &Stopped<'_>) -> Result<(Access, bool), Option<usize>> {
        let address = stopped.registers.rip;
        if !self.known.get(&(pid, address)).is_some_and(|known| known.is_there(pid)) {
            let known = self.look_up(pid, address);
            self.known.insert((pid, address), known);
        }
        let Some(known) = self.known.get(&(pid, address)) else { return Err(None) };
        let done = known.before.as_ref().and_then(|before| Some((stopped.access_by(before)?, before.waits)));
        let amid = known.here.as_ref().and_then(|here| Some((stopped.access_by(here)?, false)));
        match (done, amid) {
            (Some(access), None) | (None, Some(access)) => Ok(access),
            (Some(_), Some(_)) => Err(None),
            (None, None) => Err(known.before.as_ref().map(Before::size).filter(|size| [1, 2, 4].contains(size))),
        }
    }

    fn look_up(&mut self, pid: i32, address: u64) -> Known {
        let function = self.function_start(pid, address);
        let start = function.unwrap_or(address.saturating_sub(NEAR));
        let mut bytes = vec![0; usize::try_from(address + BEYOND - start).unwrap_or_default()];
        // The last page of the code may end before that.
        while !pages::read(pid, start, &mut bytes) {
            let length = bytes.len();
            bytes.truncate(length.saturating_sub(32));
            if bytes.is_empty() {
                return Known::default();
            }
        }
        let code = Code { start, bytes: &bytes };
        let before = if function.is_some() { code.before(address) } else { code.surely_before(address) };
        let here = code.string_at(address);
        let at = before.iter().chain(&here).map(Before::at).reduce(|one, other| one.start.min(other.start)..other.end);
        let bytes_at = |at: &Range<u64>| {
            let index = |address: u64| usize::try_from(address - start).ok();
            bytes.get(index(at.start)?..index(at.end)?).map(<[u8]>::to_vec)
        };
        let code = at.and_then(|at| Some((at.start, bytes_at(&at)?)));
        Known { before, here, code }
    }

    fn function_start(&mut self, pid: i32, address: u64) -> Option<u64> {
        let mapping = self.mapping(pid, address)?.clone();
        let start = self.unwinding.function_start(address.wrapping_sub(1), &mapping)?;
        (start < address && address - start < LONGEST).then_some(start)
    }

    fn mapping(&mut self, pid: i32, address: u64) -> Option<&KernelMapping> {
        let is_there = |mappings: &Vec<KernelMapping>| {
            mappings.iter().any(|mapping| (mapping.start..mapping.end).contains(&address))
        };
        if !self.mappings.get(&pid).is_some_and(is_there) {
            self.mappings.insert(pid, mappings_of(pid));
        }
        self.mappings.get(&pid)?.iter().find(|mapping| (mapping.start..mapping.end).contains(&address))
    }

    /// What an address belongs to.
    pub(crate) fn place(&mut self, pid: i32, address: u64) -> Place {
        self.mapping(pid, address);
        self.unwinding.place(address, self.mappings.get(&pid).map_or(&[], Vec::as_slice))
    }

    /// The stack of a stopped thread, whose innermost frame is the instruction that made an access.
    pub(crate) fn stack(&mut self, pid: i32, registers: &Registers, access: u64) -> Vec<Place> {
        let mappings = mappings_of(pid);
        let registers = unwind::Registers { instruction: registers.rip, stack: registers.rsp, frame: registers.rbp };
        let read = |address| {
            let mut word = [0; 8];
            pages::read(pid, address, &mut word).then(|| u64::from_ne_bytes(word))
        };
        let mut stack = self.unwinding.stack(registers, &mappings, read);
        if let Some(innermost) = stack.first_mut() {
            let distance = innermost.address.wrapping_sub(access);
            innermost.address = access;
            if let Some((_, offset)) = &mut innermost.module {
                *offset = offset.wrapping_sub(distance);
            }
        }
        self.mappings.insert(pid, mappings);
        stack
    }
}

fn mappings_of(pid: i32) -> Vec<KernelMapping> {
    let process = u32::try_from(pid).ok().and_then(|pid| Process::open(pid).ok());
    process.and_then(|process| process.mappings().ok()).unwrap_or_default()
}
