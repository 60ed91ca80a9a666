//! A descriptor to write a report to, for that report alone or kept.

use super::{LONGEST, LogError};
use crate::plain::Line;
use crate::sys::channels::{self, SocketAddress};
use crate::sys::{self, process};
use core::ffi::{CStr, c_int, c_long};

/// How a log is opened.
const FLAGS: c_int =
    libc::O_WRONLY | libc::O_APPEND | libc::O_CREAT | libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
const MODE: u32 = 0o600;

/// The calls by which a way is opened, as far as their arguments are known before.
pub(crate) fn calls() -> [(c_long, [usize; 6]); 5] {
    let flags = sys::int(FLAGS | libc::O_CLOEXEC);
    [
        (libc::SYS_openat, [sys::int(libc::AT_FDCWD), 0, flags, MODE as usize, 0, 0]),
        (libc::SYS_fcntl, [0, sys::int(libc::F_DUPFD_CLOEXEC), 0, 0, 0, 0]),
        (libc::SYS_close, [0; 6]),
        (libc::SYS_socket, [sys::int(libc::AF_UNIX), 0, 0, 0, 0, 0]),
        (libc::SYS_connect, [0; 6]),
    ]
}

/// The identity of an open file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct OpenFile {
    device: (u32, u32),
    inode: u64,
    /// The kind of file, `S_IFMT`.
    pub(super) kind: u32,
}

impl OpenFile {
    /// What is open as `fd`.
    pub(super) fn of(fd: c_int) -> sys::Result<OpenFile> {
        let statx = sys::statx_fd(fd)?;
        Ok(OpenFile {
            device: (statx.stx_dev_major, statx.stx_dev_minor),
            inode: statx.stx_ino,
            kind: u32::from(statx.stx_mode) & libc::S_IFMT,
        })
    }
}

/// A descriptor that has just been looked at.
pub(super) struct Way {
    pub(super) fd: c_int,
    pub(super) identity: OpenFile,
    /// Whether it was opened for this report, and goes with it.
    passing: bool,
}

impl Way {
    /// A descriptor that stays open, if it still is what it was.
    pub(super) fn kept(fd: c_int, was: Option<OpenFile>) -> Option<Way> {
        let was = was?;
        let identity = OpenFile::of(fd).ok().filter(|now| *now == was)?;
        Some(Way { fd, identity, passing: false })
    }

    /// Lets it stay open.
    pub(super) fn stay(self) -> Way {
        Way { passing: false, ..self }
    }

    /// Closes it, unless it stays, or its number has become another file's by now.
    pub(super) fn leave(self) {
        if self.passing && OpenFile::of(self.fd) == Ok(self.identity) {
            sys::close(self.fd);
        }
    }

    /// Opens the log of this path.
    pub(super) fn to_file(path: &CStr) -> sys::Result<Way> {
        Way::out_of_the_way(sys::open(path, FLAGS, MODE)?)
    }

    /// Makes a socket that sends to this address.
    pub(super) fn to_socket(name: &[u8]) -> sys::Result<Way> {
        let address = SocketAddress::of(name).ok_or(libc::ENAMETOOLONG)?;
        Way::out_of_the_way(channels::socket_to(&address)?)
    }

    /// Moves a new descriptor out of the way of the program's: programs count on getting the lowest free number. A very
    /// high one would make the kernel enlarge its table.
    fn out_of_the_way(low: c_int) -> sys::Result<Way> {
        const HIGH: c_int = 1000;
        let mut moved = sys::fcntl(low, libc::F_DUPFD_CLOEXEC, HIGH);
        if moved == Err(libc::EINVAL) {
            let ceiling = crate::facts::limits::soft(libc::RLIMIT_NOFILE).unwrap_or(0);
            let wanted = c_int::try_from(ceiling.saturating_sub(24)).unwrap_or(0).min(HIGH);
            moved = sys::fcntl(low, libc::F_DUPFD_CLOEXEC, wanted);
        }
        let fd = match moved {
            Ok(high) => {
                sys::close(low);
                high
            }
            Err(_) => low,
        };
        match OpenFile::of(fd) {
            Ok(identity) => Ok(Way { fd, identity, passing: true }),
            Err(errno) => {
                // Closed meanwhile, the number may be the program's by now.
                if errno != libc::EBADF {
                    sys::close(fd);
                }
                Err(errno)
            }
        }
    }
}

/// Writes bytes that stand for themselves in a pattern.
pub(super) fn push_escaped(bytes: &[u8], pattern: &mut Line<LONGEST>) -> bool {
    bytes.iter().all(|byte| pattern.push_bytes(if *byte == b'%' { b"%%" } else { core::slice::from_ref(byte) }))
}

/// Writes a pattern, with the values of the variables that it names by `%q{VAR}`.
pub(super) fn push_with_variables(
    pattern: &[u8],
    variable: &dyn Fn(&[u8]) -> Option<&'static [u8]>,
    filled: &mut Line<LONGEST>,
) -> Result<(), LogError> {
    let mut rest = pattern;
    while !rest.is_empty() {
        let named = rest.strip_prefix(b"%q{").and_then(|name| {
            let end = name.iter().position(|byte| *byte == b'}')?;
            Some((name.get(..end)?, name.get(end.wrapping_add(1)..)?))
        });
        let is_pushed = if let Some((name, after)) = named {
            rest = after;
            push_escaped(variable(name).ok_or(LogError::NoVariable)?, filled)
        } else {
            let (literal, after) =
                rest.split_at_checked(if rest.starts_with(b"%%") { 2 } else { 1 }).unwrap_or((rest, b""));
            rest = after;
            filled.push_bytes(literal)
        };
        if !is_pushed {
            return Err(LogError::TooLong);
        }
    }
    Ok(())
}

/// Writes the path that a pattern means, with a closing zero byte.
pub(super) fn expand(pattern: &[u8], path: &mut Line<LONGEST>) {
    path.clear();
    let mut rest = pattern;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let filled = match (byte, after.first()) {
            (b'%', Some(b'p')) => core::fmt::Write::write_fmt(path, format_args!("{}", sys::getpid())).is_ok(),
            (b'%', Some(b'e')) => path.push_bytes(process::executable_name()),
            (b'%', Some(b'%')) => path.push_bytes(b"%"),
            _ => {
                path.push_bytes(core::slice::from_ref(byte));
                continue;
            }
        };
        if filled {
            rest = after.get(1..).unwrap_or_default();
        }
    }
    path.push_bytes(b"\0");
}
