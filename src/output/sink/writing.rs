//! Writing what can be written without waiting for long, and without a signal.

use super::OUTPUT;
use super::way::Way;
use crate::plain::Line;
use crate::sys::{self, SignalSet, channels};
use core::ffi::{CStr, c_int};
use core::fmt::Write as _;
use core::sync::atomic::Ordering::Relaxed;

/// What a pipe takes in one piece (`PIPE_BUF`).
const PIPE_PIECE: usize = 4096;
/// How long one wait for a reader takes, in milliseconds.
const NAP_MS: i64 = 50;

/// Writes what is left of a block, and leaves what could not be written; waits for a reader for at most `patience`
/// milliseconds. `pending` is the signals that were pending before: those stay, and what is raised here is taken back.
pub(super) fn write(way: &Way, pending: SignalSet, patience: i64, rest: &mut &[u8]) -> sys::Result<()> {
    let written = by_kind(way, patience, rest);
    let raised = match written {
        Err(libc::EPIPE) => libc::SIGPIPE,
        Err(libc::EFBIG) => libc::SIGXFSZ,
        _ => return written,
    };
    let raised: SignalSet = 1 << raised.wrapping_sub(1);
    if pending & raised == 0 {
        sys::consume_signal(raised);
    }
    written
}

fn by_kind(way: &Way, patience: i64, rest: &mut &[u8]) -> sys::Result<()> {
    let fd = way.fd;
    let kind = way.identity.kind;
    if kind == libc::S_IFSOCK {
        return pieces(fd, patience, rest, |rest| sys::send_nowait(fd, rest));
    }
    // Each of the others may raise a signal: SIGPIPE, SIGXFSZ, or SIGTTOU, which is not raised while it is blocked.
    if !sys::can_hold_signals() && (kind != libc::S_IFREG || is_length_limited()) {
        return Err(libc::EPIPE);
    }
    match kind {
        libc::S_IFIFO => pieces(fd, patience, rest, |rest| write_pipe(fd, rest.get(..PIPE_PIECE).unwrap_or(rest))),
        libc::S_IFCHR if channels::is_terminal(fd) => write_terminal(way, patience, rest),
        _ => pieces(fd, patience, rest, |rest| sys::write(fd, rest)),
    }
}

/// Whether files may only become so long (`RLIMIT_FSIZE`); where a sandbox does not let that be asked, as it was when it was
/// asked last.
pub(super) fn is_length_limited() -> bool {
    let Ok(limit) = sys::limit(libc::RLIMIT_FSIZE) else { return OUTPUT.length_was_limited.load(Relaxed) };
    let limited = limit.rlim_cur != libc::RLIM_INFINITY;
    OUTPUT.length_was_limited.store(limited, Relaxed);
    limited
}

/// Writes piece by piece, and waits where there is no room, in all for at most `patience` milliseconds.
fn pieces(
    fd: c_int,
    patience: i64,
    rest: &mut &[u8],
    mut write: impl FnMut(&[u8]) -> sys::Result<usize>,
) -> sys::Result<()> {
    let mut waited = 0;
    while !rest.is_empty() {
        match write(rest) {
            Ok(0) => return Err(libc::EIO),
            Ok(written) => *rest = rest.get(written..).unwrap_or_default(),
            Err(libc::EINTR) => {}
            Err(libc::EAGAIN) if waited < patience => {
                sys::wait_writable(fd, NAP_MS);
                waited = NAP_MS.wrapping_add(waited);
            }
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Writes to a pipe what it takes without waiting.
fn write_pipe(fd: c_int, piece: &[u8]) -> sys::Result<usize> {
    match sys::write_nowait(fd, piece) {
        // Older kernels, and sandboxes: a pipe that polls as writable has room for one piece.
        Err(libc::EOPNOTSUPP | libc::ENOSYS) if sys::wait_writable(fd, 0) => sys::write(fd, piece),
        Err(libc::EOPNOTSUPP | libc::ENOSYS) => Err(libc::EAGAIN),
        answer => answer,
    }
}

/// Writes to a terminal, whose output may be stopped (Ctrl-S), or whose other side may not read. No flag of one write
/// keeps it from waiting, and the descriptor's own flags are shared with others: so it is opened once more.
fn write_terminal(way: &Way, patience: i64, rest: &mut &[u8]) -> sys::Result<()> {
    // Opened again, a master would be another terminal.
    if !channels::is_terminal_master(way.fd)
        && let Some(again) = open_again(way.fd)
    {
        let written = pieces(again, patience, rest, |rest| sys::write(again, rest));
        sys::close(again);
        return written;
    }
    // What polls as writable has room for a byte, at least.
    pieces(way.fd, patience, rest, |rest| {
        if sys::wait_writable(way.fd, 0) {
            sys::write(way.fd, rest.get(..1).unwrap_or_default())
        } else {
            Err(libc::EAGAIN)
        }
    })
}

/// The same terminal by a descriptor that does not wait.
fn open_again(fd: c_int) -> Option<c_int> {
    let mut path = Line::<64>::new();
    write!(path, "/proc/self/fd/{fd}\0").ok()?;
    let path = CStr::from_bytes_with_nul(path.as_bytes()).ok()?;
    sys::process::ask_own(path, &mut |path| sys::open(path, libc::O_WRONLY | libc::O_NONBLOCK | libc::O_NOCTTY, 0)).ok()
}
