//! The signal that a process met, of which it died, or at which a debugger made its core; and what its fault was due to.

use super::snapshot::Piece;
use super::table::Table;
use crate::failure::reason;
use crate::system::core::{Core, Given};
use crate::system::signal;
use serde::Serialize;
use serde_json::Value;

/// The signal that a process met.
#[derive(Debug, Serialize)]
pub(crate) struct Fault {
    pub(crate) signal: String,
    /// The address that the kernel told with it; of a jump to what is no address, or of a signal that is none of memory, there
    /// is none.
    pub(crate) address: Option<String>,
    /// The thread that it met.
    pub(crate) tid: u32,
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
pub(super) fn of_core(core: &Core, table: &Table, mapped: &[Piece]) -> Option<Fault> {
    let tid = core.notes.threads.first()?.tid;
    #[cfg(target_arch = "x86_64")]
    if let Some(mut fault) = super::examination::Fault::find(core) {
        let explained = super::examination::explain(core, &mut fault, table, mapped);
        let mut told = Fault {
            signal: signal::name(fault.given.signal()),
            address: (fault.given.code() != libc::SI_KERNEL).then(|| format!("{:#x}", fault.given.address())),
            tid,
            is_handled: fault.is_handled(),
            then: fault.is_handled().then(|| later(core)).flatten(),
            finding: None,
            note: None,
        };
        match explained {
            Ok(Some(line)) => match serde_json::from_str(&line) {
                Ok(record) => told.finding = Some(record),
                Err(_) => told.note = Some(line.trim_start_matches("mapsan: ").to_owned()),
            },
            Ok(None) => {}
            Err(why) => told.note = Some(format!("what it was due to could not be found out: {}", reason(&why))),
        }
        return Some(told);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (table, mapped);
    let given = dumped_for(core)?;
    let is_fault = given.is_fault();
    Some(Fault {
        signal: signal::name(given.signal()),
        address: is_fault.then(|| format!("{:#x}", given.address())),
        tid,
        is_handled: false,
        then: None,
        finding: None,
        note: is_fault.then(|| "what it was due to is found out on x86-64 alone".to_owned()),
    })
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
