//! What the fault of a process that is dead was due to.
//!
//! The library explains it as its handler would have done, for it is its own code that runs: in a process (`body`) that is given
//! the dead one's memory, piece by piece as it is touched, and the registers that `fault` has found. It makes no system call:
//! each is answered (`answers`) by what is known of the dead one, and what is not known fails.

mod answers;
mod body;
mod fault;
mod list;

use super::snapshot::Piece;
use super::table::Table;
use crate::system::core::Core;
use answers::{Answers, Next};
use body::{Body, Stop};
pub(super) use fault::Fault;
use nix::sys::signal::Signal;
use std::io;

/// Lets the library of a dead process explain its fault; what it writes, if anything. `mapped` is what it knows to be mapped.
pub(super) fn explain(
    core: &Core,
    fault: &mut Fault<'_>,
    table: &Table,
    mapped: &[Piece],
) -> io::Result<Option<String>> {
    let mut body = Body::make(core)?;
    let registers = fault.enter(core, &mut body)?;
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
            Stop::Fault(which) => Next::Signal(which),
        };
        match next {
            Next::GoOn => {}
            Next::Signal(which) => signal = Some(which),
            Next::End => return Ok(answers.line()),
        }
    }
}
