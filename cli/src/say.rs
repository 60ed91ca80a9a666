//! What the command says itself, on standard error or standard output, and how it does so without harm.
//!
//! A write that fails is no reason to panic, and one to a terminal does not stop a command that runs in the background
//! (SIGTTOU under `stty tostop`), since its program would be stopped with it.

use crate::failure::{Failure, reason};
use crate::inherited;
use anstream::{AutoStream, ColorChoice};
use std::env;
use std::ffi::OsString;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::mem::MaybeUninit;
use std::ptr;

/// Says one line on standard error; who does not hear it misses it.
macro_rules! say {
    ($($text:tt)*) => { $crate::say::line(format_args!($($text)*)) };
}
pub(crate) use say;

/// Says one line.
pub(crate) fn line(text: std::fmt::Arguments<'_>) {
    let _ = to_stderr(format!("mapsan: {text}\n").as_bytes());
}

/// Writes to standard error, which is never buffered.
pub(crate) fn to_stderr(bytes: &[u8]) -> io::Result<()> {
    unstopped(|| io::stderr().write_all(bytes))
}

/// Prints to standard output, to the last byte; a reader who has seen enough ends it in order.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let closed = io::Error::from_raw_os_error(libc::EBADF);
    let written = if inherited::was_closed(libc::STDOUT_FILENO) {
        Err(closed)
    } else {
        // The choice is made here: the crate's own, with CI set, gives colours to a terminal that is dumb.
        let shows_colours = io::stdout().is_terminal() && environment_allows_colour();
        let choice = if shows_colours { ColorChoice::Always } else { ColorChoice::Never };
        let mut out = AutoStream::new(io::stdout(), choice);
        unstopped(|| out.write_all(text.as_bytes()).and_then(|()| out.flush()))
    };
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::own(format!("standard output can't be written: {}", reason(&error))))
        }
        _ => Ok(()),
    }
}

/// Whether the environment has nothing against colours.
pub(crate) fn environment_allows_colour() -> bool {
    allows_colour(env::var_os("NO_COLOR"), env::var_os("TERM"))
}

/// Whether these variables have nothing against colours: a terminal that is `dumb` shows them as signs.
fn allows_colour(no_color: Option<OsString>, term: Option<OsString>) -> bool {
    no_color.is_none_or(|value| value.is_empty()) && term.is_none_or(|term| term != "dumb")
}

/// Writes with SIGTTOU blocked, with which the terminal takes the output of a background process.
fn unstopped<T>(write: impl FnOnce() -> T) -> T {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    let mut before = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: a set of signals, all zeroes at first, which is an empty one.
    unsafe { libc::sigaddset(set.as_mut_ptr(), libc::SIGTTOU) };
    // SAFETY: two sets of signals.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), before.as_mut_ptr()) };
    let written = write();
    // SAFETY: the set that the call above has filled in.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_that_show_them() {
        let of =
            |no_color: Option<&str>, term: Option<&str>| allows_colour(no_color.map(Into::into), term.map(Into::into));
        assert!(of(None, None) && of(Some(""), Some("xterm")));
        assert!(!of(Some("1"), Some("xterm")) && !of(None, Some("dumb")));
    }
}
