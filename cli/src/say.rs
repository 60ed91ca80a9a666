//! What the command says itself, on standard error or standard output, and how it does so without harm.
//!
//! A write that fails is no reason to panic, and one to a terminal does not stop a command that runs in the background
//! (SIGTTOU under `stty tostop`), since its program would be stopped with it.

use crate::failure::{Failure, reason};
use crate::inherited;
use std::io::{self, ErrorKind, Write};
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
        let mut out = anstream::stdout();
        unstopped(|| out.write_all(text.as_bytes()).and_then(|()| out.flush()))
    };
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::own(format!("standard output can't be written: {}", reason(&error))))
        }
        _ => Ok(()),
    }
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
