//! A fault, where other findings have a call.

use super::Call;
use crate::machine::Registers;
use crate::plain::Range;
use crate::plain::texts::{Texts, texts};
use core::ffi::c_int;
use core::fmt;

/// SIGSEGV or SIGBUS, raised by the kernel for an access of the program's.
pub(crate) struct Fault {
    pub(crate) signal: c_int,
    /// `si_code`.
    pub(crate) code: c_int,
    /// `si_addr`, as the kernel gave it.
    pub(crate) given: usize,
    /// The byte that could not be accessed, or the first of the page that it lies in; by the registers where the kernel gives
    /// none, for a jump to what is no address.
    pub(crate) address: usize,
    /// The alternate signal stack that the program has registered for the thread.
    pub(crate) alternate: Option<Range>,
    pub(crate) registers: Registers,
}

impl Fault {
    /// `SEGV_…` of `<asm-generic/siginfo.h>`.
    pub(crate) const MAPERR: c_int = 1;
    /// A protection key forbids it.
    pub(crate) const PKUERR: c_int = 4;
    /// `SI_KERNEL`: the kernel tells nothing more.
    pub(crate) const KERNEL: c_int = 0x80;

    /// The name of `si_code`.
    fn code_name(&self) -> Option<&'static str> {
        const BUS: Texts = texts! {
            1 => "BUS_ADRALN",
            2 => "BUS_ADRERR",
            3 => "BUS_OBJERR",
            4 => "BUS_MCEERR_AR",
            5 => "BUS_MCEERR_AO",
        };
        const SEGV: Texts = texts! {
            Fault::MAPERR => "SEGV_MAPERR",
            2 => "SEGV_ACCERR",
            3 => "SEGV_BNDERR",
            Fault::PKUERR => "SEGV_PKUERR",
        };
        match (self.code, self.signal) {
            (Fault::KERNEL, _) => Some("SI_KERNEL"),
            (code, libc::SIGBUS) => BUS.of(code),
            (code, _) => SEGV.of(code),
        }
    }
}

impl Call for Fault {
    fn function(&self) -> &'static str {
        match self.signal {
            libc::SIGBUS => "SIGBUS",
            _ => "SIGSEGV",
        }
    }

    /// The fields of `siginfo_t`.
    fn arguments(&self, each: &mut dyn FnMut(fmt::Arguments<'_>)) {
        each(format_args!("si_signo={}", self.function()));
        match self.code_name() {
            Some(name) => each(format_args!("si_code={name}")),
            None => each(format_args!("si_code={}", self.code)),
        }
        match self.given {
            0 => each(format_args!("si_addr=NULL")),
            address => each(format_args!("si_addr={address:#x}")),
        }
    }

    /// What the program wanted of the memory.
    fn value(&self, _value: isize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.registers.access().name())
    }
}
