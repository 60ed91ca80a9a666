//! The result of a `sem_open(3)` that failed, `SEM_FAILED`, used as a semaphore: it is a null pointer, and libc's functions read
//! through it.

use super::words::Accessed;
use crate::call::Fault;
use crate::check::LastFailure;
use crate::facts::Module;
use crate::form::Draft;
use crate::machine::Access;
use crate::past::failures::{self, Failed, Failure};
use crate::plain::errno::{self, ErrnoName};
use crate::plain::escape::Escaped;
use crate::plain::page::page_size;

/// The last `sem_open(3)` that failed, if the access is one of libc's to a semaphore in the first page.
pub(super) fn failed(fault: &Fault) -> Option<Failure> {
    if fault.address >= page_size() || fault.registers.access() == Access::Execute {
        return None;
    }
    let failure = failures::last(Failed::SemOpen)?;
    let instruction = fault.registers.instruction();
    let module = Module::find_without_lock(instruction)?;
    module.symbol(instruction).is_some_and(|(name, _)| name.starts_with(b"sem_")).then_some(failure)
}

/// Says what happened.
pub(super) fn tell(failure: &Failure, fault: &Fault, draft: &mut Draft) {
    let instruction = fault.registers.instruction();
    let module = Module::find_without_lock(instruction);
    let function =
        module.as_ref().and_then(|module| module.symbol(instruction)).map_or(&b"sem_wait"[..], |(name, _)| name);
    draft.message(format_args!(
        "{} in {}, whose semaphore is SEM_FAILED, the result of a sem_open that failed",
        Accessed(fault),
        Escaped(function)
    ));
    let which = LastFailure(Failed::SemOpen, failure.is_injected);
    draft.related(
        "sem_open",
        failure.site,
        format_args!("{which} ({}: {})", ErrnoName(failure.errno), errno::meaning(failure.errno)),
    );
    draft.note(format_args!("SEM_FAILED is a null pointer here"));
    draft.help(format_args!("compare what sem_open returns with SEM_FAILED before it is used"));
}
