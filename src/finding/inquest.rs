//! Looking at a fault, from the handler: the section is held, and the report's stack is used from the first question on.

use super::last;
use crate::output::{Section, enter, on_own_stack};
use crate::sys::{self, SignalSet};

/// A fault is being looked at.
pub(crate) struct Inquest {
    section: Section,
}

impl Inquest {
    /// Takes the section, with the signals of faults let in, so that guarded work can be rescued; `None` if it can't be had.
    pub(crate) fn open() -> Option<Inquest> {
        let section = enter().ok()?;
        let faults = sys::FAULT_SIGNALS.iter().fold(0, |set: SignalSet, signal| set | 1 << signal.wrapping_sub(1));
        sys::set_signal_mask(!faults);
        Some(Inquest { section })
    }

    /// Looks, on the report's stack; what `look` says.
    pub(crate) fn run(&self, look: &mut dyn FnMut() -> bool) -> bool {
        let mut found = false;
        on_own_stack(&self.section, &mut || found = look());
        found
    }

    /// The proof that the section is held.
    pub(super) fn section(&self) -> &Section {
        &self.section
    }

    /// Gives the section back and tells debugger and program if a finding was `made`.
    pub(crate) fn close(self, made: bool) {
        self.section.leave();
        if made {
            last::announce();
        }
    }
}
