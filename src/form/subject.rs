//! What a finding or record is about.

use crate::call::{Call, Outcome};
use crate::machine::Registers;
use crate::plain::Outer;
use mapsan_model::{Rule, Severity};

/// The room for one block or record, in bytes.
pub(crate) const OUTPUT: usize = 48 * 1024;

/// A finding, but for its words.
pub(crate) struct Finding<'a> {
    pub(crate) rule: Rule,
    pub(crate) severity: Severity,
    pub(crate) subject: Subject<'a>,
}

/// What a finding or record is about.
pub(crate) struct Subject<'a> {
    pub(crate) call: &'a dyn Call,
    pub(crate) outcome: Outcome,
    /// The return address of the program's call; the instruction of a fault.
    pub(crate) return_address: usize,
    pub(crate) trace: Trace<'a>,
}

/// How the frames of a finding are had.
#[derive(Clone, Copy)]
pub(crate) enum Trace<'a> {
    /// By unwinding from here to the call and on.
    Unwound,
    /// From what is remembered of the calls around an earlier call.
    Earlier(&'a Outer),
    /// By unwinding from the handler to the faulting instruction and on.
    Fault(Registers),
}
