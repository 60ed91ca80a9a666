//! The line that shows a call, as strace(1) does: `munmap(NULL, 0) = -1 (EINVAL)`; or the signal that ended a process:
//! `--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL} ---`.

use core::fmt;

/// The signals that may stand where other findings have a function.
pub const SIGNALS: [&str; 2] = ["SIGSEGV", "SIGBUS"];

/// Whether what stands for the function is a signal, which has fields in place of arguments and no result.
#[must_use]
pub fn is_signal(function: &str) -> bool {
    SIGNALS.contains(&function)
}

/// Hands each argument, in order, to the closure that it is given.
pub type Arguments<'a> = &'a dyn Fn(&mut dyn FnMut(fmt::Arguments<'_>));

/// Shows a call.
#[derive(Clone, Copy)]
pub struct CallLine<'a> {
    /// The function, or the signal.
    pub function: &'a str,
    /// The arguments, or the fields of `siginfo_t`.
    pub arguments: Arguments<'a>,
    /// The value that the call gave.
    pub result: &'a dyn fmt::Display,
    /// The name of the errno, if the call failed.
    pub errno: Option<&'a dyn fmt::Display>,
}

impl fmt::Display for CallLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CallLine { function, result, errno, .. } = self;
        let of_signal = is_signal(function);
        let (before, after) = if of_signal { ("--- ", " {") } else { ("", "(") };
        write!(f, "{before}{function}{after}")?;
        self.write_arguments(f)?;
        if of_signal {
            return f.write_str("} ---");
        }
        write!(f, ") = {result}")?;
        errno.map_or(Ok(()), |errno| write!(f, " ({errno})"))
    }
}

impl CallLine<'_> {
    /// Writes the arguments, with commas between them.
    fn write_arguments(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let mut result = Ok(());
        (self.arguments)(&mut |argument| {
            result = result.and_then(|()| write!(f, "{separator}{argument}"));
            separator = ", ";
        });
        result
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString as _;

    #[test]
    fn calls_and_signals() {
        let line = |function, arguments: &'static [&str], errno| {
            let hand = |each: &mut dyn FnMut(fmt::Arguments<'_>)| {
                for argument in arguments {
                    each(format_args!("{argument}"));
                }
            };
            CallLine { function, arguments: &hand, result: &-1, errno }.to_string()
        };
        assert_eq!(line("munmap", &["NULL", "0"], Some(&"EINVAL")), "munmap(NULL, 0) = -1 (EINVAL)");
        assert_eq!(line("shmdt", &[], None), "shmdt() = -1");
        assert_eq!(line("SIGBUS", &["si_signo=SIGBUS", "x"], None), "--- SIGBUS {si_signo=SIGBUS, x} ---");
    }
}
