//! Looking at a fault, from the handler: the report lock is held, and the report's stack is used from the first question on.

use super::last;
use crate::options;
use crate::output::{ReportLock, enter, on_own_stack, sink};
use crate::sys::{self, SignalSet};
use core::fmt;
use mapsan_model::Severity;

/// A fault is being looked at.
pub(crate) struct FaultReport {
    lock: ReportLock,
}

impl FaultReport {
    /// Takes the report lock, with the signals of faults let in, so that guarded work can be rescued; `None` if it can't be had.
    pub(crate) fn open() -> Option<FaultReport> {
        let lock = enter().ok()?;
        let faults = sys::FAULT_SIGNALS.iter().fold(0, |set: SignalSet, signal| set | 1 << signal.wrapping_sub(1));
        sys::set_signal_mask(!faults);
        Some(FaultReport { lock })
    }

    /// Looks, on the report's stack; what `look` says.
    pub(crate) fn run(&self, look: &mut impl FnMut() -> bool) -> bool {
        let mut found = false;
        on_own_stack(&self.lock, &mut || found = look());
        found
    }

    /// Says something beside the findings, if these go down to notes.
    pub(crate) fn say(&self, text: fmt::Arguments<'_>) {
        if options::settings().level == Severity::Note {
            sink::say(&self.lock, text);
        }
    }

    /// The proof that the report lock is held.
    pub(super) fn lock(&self) -> &ReportLock {
        &self.lock
    }

    /// Gives the report lock back and tells debugger and program if a finding was `made`.
    pub(crate) fn close(self, made: bool) {
        self.lock.leave();
        if made {
            last::announce();
        }
    }
}
