//! Entrances, of faults: SIGSEGV and SIGBUS that end the program, explained before they do.
//!
//! The handler is there only while the program's own disposition is `SIG_DFL` ([`disposition`]), so whatever it is called
//! for ends the process. It looks at the fault on the report's stack, says what it has to do with the program's mappings,
//! if anything, and hands the signal back to the kernel, which ends the process as it would have: same signal, same
//! registers, core dump included.

pub(crate) mod disposition;

use crate::call::Fault;
use crate::check::fault;
use crate::facts::alternate;
use crate::finding::{self, Details, FaultReport};
use crate::form::Draft;
use crate::machine::{Registers, is_own};
use crate::output::{self, Recovery};
use crate::{enabled, facts, sys};
use core::ffi::{c_int, c_void};

/// The handler.
pub(super) extern "C" fn handle(signal: c_int, info: &libc::siginfo_t, context: *mut c_void) {
    // SAFETY: both signals carry an address when the kernel raises them; when somebody sends them, it is not looked at.
    let address = unsafe { info.si_addr() } as usize;
    // SAFETY: what the kernel hands to a handler with SA_SIGINFO, for as long as the handler runs.
    let registers = unsafe { Registers::of(context, address, sys::memory::fill) };
    // Nothing of libc's works without it; what took it away has been told before.
    if !sys::threads::has_control_block() {
        end(signal, info, registers);
        return;
    }
    // The report reads a stack that may be broken.
    if output::recover(registers) == Recovery::Recovered {
        return;
    }
    // A signal that somebody sent is no fault, and one inside a report is one too many.
    if info.si_code > 0 && enabled::bits() != 0 && !output::is_inside() {
        explain(signal, info, registers);
    }
    end(signal, info, registers);
}

/// Explains the fault of a process that is dead, as [`handle`] would have done, and ends this one: `mapsan inspect` calls it,
/// with what [`handle`] is given, in the memory of the dead one, where it is the only thread, and answers its system calls.
/// The signal is handed to nobody.
extern "C" fn examine(signal: c_int, info: &libc::siginfo_t, context: *mut c_void) -> ! {
    sys::sandbox::forget_filters();
    // SAFETY: as said.
    unsafe { finding::begin_anew() };
    // What the unwinder meets may be broken.
    disposition::take();
    // SAFETY: the kernel has raised the signal, so it carries an address.
    let address = unsafe { info.si_addr() } as usize;
    // SAFETY: a state that the kernel has saved; it is used until the end of the process.
    let registers = unsafe { Registers::of(context, address, sys::memory::fill) };
    if enabled::bits() != 0 {
        explain(signal, info, registers);
    }
    sys::exit_group(0)
}

/// Where [`examine`] is.
pub(crate) const EXAMINE: *const () = examine as *const ();

/// Says what the fault has to do with the program's mappings.
#[cold]
#[inline(never)]
fn explain(signal: c_int, info: &libc::siginfo_t, registers: Registers) {
    let (given, address) = (registers.told(), registers.address());
    let Some(fault_report) = FaultReport::open() else { return };
    facts::module::take_no_locks();
    let made = fault_report.run(&mut || {
        let alternate = alternate::of_program();
        // A fault in guarded work would be handled on top of it, where the state of this one lies.
        sys::stack::disable_alternate();
        let fault = Fault { signal, code: info.si_code, given, address, alternate, registers };
        // A fault of this library's own is not the program's, unless it was called with too little stack.
        let is_own = is_own(registers.instruction());
        let cause = if is_own { fault::cause_by_stack(&fault) } else { fault::cause(&fault) };
        let Some(cause) = cause else {
            if !is_own && let Some(unexplained) = fault::unexplained(&fault) {
                fault_report.say(format_args!("{unexplained}"));
            }
            return false;
        };
        let mut details = |draft: &mut Draft| cause.tell(&fault, draft);
        finding::of_fault(&fault_report, &fault, cause.rule(), cause.severity(), Details::of(&mut details))
    });
    fault_report.close(made);
}

/// Lets the kernel end the process by the same signal: at the instruction that faulted, as soon as the handler returns.
fn end(signal: c_int, info: &libc::siginfo_t, registers: Registers) {
    let default = sys::Disposition::new(libc::SIG_DFL, 0, 0);
    let _ = sys::disposition(signal, Some(&default));
    // Not here, among this library's own frames: a core is to have the program's.
    sys::set_signal_mask(sys::SignalSet::MAX);
    // Without it the process would go on if the cause of the fault is gone by now, or if the signal was sent.
    let _ = sys::queue_signal(signal, info);
    registers.unblock(signal);
}
