//! The signal that a process met, of which it died, or at which a debugger made its core; and what its fault was due to.

#[cfg(target_arch = "x86_64")]
use super::examination::Explained;
use super::sites::{Site, Sites};
use super::snapshot::Piece;
use super::table::Table;
use crate::failure::reason;
use crate::system::core::{Core, Given};
use crate::system::signal;
use serde::Serialize;
use serde_json::Value;
use std::rc::Rc;

/// The signal that a process met.
#[derive(Debug, Serialize)]
pub(crate) struct Fault {
    pub(crate) signal: String,
    /// The address that the kernel told with it; of a jump to what is no address, or of a signal that is none of memory, there
    /// is none.
    pub(crate) address: Option<String>,
    /// The thread that it met, and where that was.
    pub(crate) tid: u32,
    pub(crate) site: Option<Rc<Site>>,
    /// Whether a handler of the program's was called for it.
    pub(crate) is_handled: bool,
    /// The signal that it met after that, such as the one of the handler's `abort()`.
    pub(crate) then: Option<String>,
    /// The finding that the library makes of it, as a record.
    pub(crate) finding: Option<Value>,
    /// What else there is to say of it.
    pub(crate) note: Option<String>,
}

/// Finds out which signal a process met; `None` if it met none. `mapped` is what the library knows to be mapped.
pub(super) fn of_core(core: &Core, table: &Table, mapped: &[Piece], sites: &mut Sites<'_>) -> Option<Fault> {
    let tid = core.notes.threads.first()?.tid;
    #[cfg(target_arch = "x86_64")]
    if let Some(mut fault) = super::examination::Fault::find(core) {
        let explained = super::examination::explain(core, &mut fault, table, mapped);
        let (instruction, stack) = fault.instruction_and_stack();
        let mut told = Fault {
            signal: signal::name(fault.given.signal()),
            address: (fault.given.code() != libc::SI_KERNEL).then(|| format!("{:#x}", fault.given.address())),
            tid: fault.thread.tid,
            site: Some(sites.at(instruction)),
            is_handled: fault.is_handled(),
            then: fault.is_handled().then(|| later(core)).flatten(),
            finding: None,
            note: None,
        };
        match explained {
            Ok(Explained::NoFault) => return signal_alone(core, tid),
            Ok(Explained::Written(Some(line))) => match serde_json::from_str(&line) {
                Ok(record) => told.finding = Some(record),
                // What would find its cause in another run is no matter where a handler has changed what is there.
                Err(_) if told.is_handled && is_writable(core, fault.given.address()) => {
                    told.note =
                        Some("the memory that is there now can be accessed: it was changed after that".to_owned());
                }
                Err(_) => told.note = Some(line.trim_start_matches("mapsan: ").to_owned()),
            },
            Ok(Explained::Written(None)) if is_of_stack(core, fault.given.address(), stack) => {
                told.note = Some(format!(
                    "the stack pointer is {stack:#x}, and there is no memory for a stack there: it is used up (a recursion \
                     without end, large local variables), or no stack at all"
                ));
            }
            Ok(Explained::Written(None)) => {}
            Err(why) => told.note = Some(format!("what it was due to could not be found out: {}", reason(&why))),
        }
        return Some(told);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (table, mapped, sites);
    signal_alone(core, tid)
}

/// The signal for which a core is written, of which no more is known.
fn signal_alone(core: &Core, tid: u32) -> Option<Fault> {
    let given = dumped_for(core)?;
    let is_fault = given.is_fault();
    Some(Fault {
        signal: signal::name(given.signal()),
        address: is_fault.then(|| format!("{:#x}", given.address())),
        tid,
        site: None,
        is_handled: false,
        then: None,
        finding: None,
        note: is_fault.then(|| "what it was due to is found out on x86-64 alone".to_owned()),
    })
}

/// Whether an address lies at the stack pointer, where nothing can be written.
#[cfg(target_arch = "x86_64")]
fn is_of_stack(core: &Core, address: u64, stack: u64) -> bool {
    /// How far from the stack pointer a function may access its locals.
    const NEAR: u64 = 64 * 1024;
    address.abs_diff(stack) < NEAR && !is_writable(core, address)
}

#[cfg(target_arch = "x86_64")]
fn is_writable(core: &Core, address: u64) -> bool {
    core.piece_at(address).is_some_and(|piece| piece.protection & libc::PROT_WRITE.cast_unsigned() != 0)
}

/// The signal for which a core is written. A debugger stops a process by another, and then makes its core.
fn dumped_for(core: &Core) -> Option<&Given> {
    core.notes.signal.as_ref().filter(|given| signal::dumps_core(given.signal()))
}

/// The name of the signal that came after a fault that was handled.
#[cfg(target_arch = "x86_64")]
fn later(core: &Core) -> Option<String> {
    dumped_for(core).map(|given| signal::name(given.signal()))
}
