//! What the fault of a process that is dead was due to.
//!
//! The library explains it as its handler would have done, for it is its own code that runs: in a process (`body`) that is given
//! the dead one's memory, piece by piece as it is touched, and the registers that `fault` has found. It makes no system call:
//! each is answered (`answers`) by what is known of the dead one, and what is not known fails.

mod answers;
mod body;
mod fault;
mod list;
mod structures;

use super::snapshot::Piece;
use super::table::Table;
use crate::system::core::Core;
use answers::{Answers, Next};
use body::{Body, Stop};
pub(super) use fault::Fault;
use nix::sys::signal::Signal;
use std::io;

/// What came of it.
pub(super) enum Explained {
    /// What the library has written, if anything.
    Written(Option<String>),
    /// What looked like a fault was none.
    NoFault,
}

/// Lets the library of a dead process explain its fault. `mapped` is what it knows to be mapped.
pub(super) fn explain(core: &Core, fault: &mut Fault<'_>, table: &Table, mapped: &[Piece]) -> io::Result<Explained> {
    let mut body = Body::make(core)?;
    let Some(registers) = fault.enter(core, &mut body)? else { return Ok(Explained::NoFault) };
    body.check_code(table.examine)?;
    // Whoever held the tracker's lock does so no longer.
    body.write(table.tracker.wrapping_add(table.layout.holder as u64), &[0; 8])?;
    body.set_registers(libc::user_regs_struct { rip: table.examine, ..registers })?;
    let mut answers = Answers::new(core, fault, mapped);
    let mut signal: Option<Signal> = None;
    loop {
        let next = match body.go_on(signal.take())? {
            Stop::Call => {
                let registers = body.tracee().registers()?;
                answers.answer(&mut body, &registers)?
            }
            Stop::Fault(which, address) if !answers.is_handled(which) => {
                let at = address.map_or_else(String::new, |address| format!(" at {address:#x}"));
                return Err(io::Error::other(format!("the memory{at} is not in the core")));
            }
            Stop::Fault(which, _) => Next::Signal(which),
        };
        match next {
            Next::GoOn => {}
            Next::Signal(which) => signal = Some(which),
            Next::End => return Ok(Explained::Written(answers.line())),
        }
    }
}
