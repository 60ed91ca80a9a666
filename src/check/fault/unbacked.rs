//! SIGBUS in memory whose pages `inject=` has taken: it is nothing that the machine has done.

use super::words::Accessed;
use crate::call::Fault;
use crate::form::Draft;
use crate::past::unbacked::{self, Unbacked};
use mapsan_model::Injectable;

/// The memory, if the access was in such.
pub(super) fn of(fault: &Fault) -> Option<Unbacked> {
    if fault.code == libc::BUS_ADRERR { unbacked::at(fault.address) } else { None }
}

/// Says what happened.
pub(super) fn tell(unbacked: &Unbacked, fault: &Fault, draft: &mut Draft) {
    let function = Injectable::all().find(|call| call.number() == unbacked.function).map_or("mmap", Injectable::name);
    draft.message(format_args!("{} in memory of which {function} was made to give no page (inject=)", Accessed(fault)));
    draft.related(function, unbacked.site, format_args!("{function} gave it here"));
    draft.note(format_args!(
        "so it is where a mapped file has been cut, the disk is full, or the pool of huge pages is empty"
    ));
    draft.help(format_args!(
        "where the program is to survive this, handle SIGBUS around the access, or read the file instead of mapping it"
    ));
}
