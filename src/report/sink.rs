//! Where findings go: standard error, or a log of our own.
//!
//! A descriptor is looked at before every write, by device and inode, because the program may have closed it and be
//! using its number for a file of its own. No write waits for longer than [`PATIENCE_MS`], raises SIGPIPE, or touches
//! the program's `errno`.

use super::channel;
use super::line::Line;
use super::section::Section;
use crate::{process, sys};
use core::cell::UnsafeCell;
use core::ffi::{CStr, c_int};

/// The longest that one report waits for a reader who does not read.
const PATIENCE_MS: i64 = 500;
/// What a pipe takes in one piece (`PIPE_BUF`).
const PIPE_PIECE: usize = 4096;
/// The longest log path, with its closing zero byte.
const LONGEST: usize = 4096;

/// The identity of an open file.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: (u32, u32),
    inode: u64,
    mode: u32,
}

impl Identity {
    fn of(fd: c_int) -> sys::Result<Identity> {
        let statx = sys::statx_fd(fd)?;
        Ok(Identity {
            device: (statx.stx_dev_major, statx.stx_dev_minor),
            inode: statx.stx_ino,
            mode: u32::from(statx.stx_mode) & libc::S_IFMT,
        })
    }
}

/// The state of the sink; the holder of the section has it alone.
struct Sink {
    /// -1 for none.
    fd: c_int,
    identity: Option<Identity>,
    /// Standard error as it was at start.
    stderr: Option<Identity>,
    /// Whether the log takes JSON records alone.
    records: bool,
    /// The pattern of the log's path; empty for standard error.
    pattern: Line<LONGEST>,
    /// The process for which the log was opened.
    opened_by: c_int,
    terminal: bool,
}

struct Shared(UnsafeCell<Sink>);

// SAFETY: reached only with a `Section`, which one thread has at a time.
unsafe impl Sync for Shared {}

static SINK: Shared = Shared(UnsafeCell::new(Sink {
    fd: -1,
    identity: None,
    stderr: None,
    records: false,
    pattern: Line::new(),
    opened_by: 0,
    terminal: false,
}));

#[expect(clippy::mut_from_ref, reason = "the section is the proof that nobody else holds the reference")]
fn sink(_proof: &Section) -> &mut Sink {
    // SAFETY: one thread at a time has a section, and no function of this file keeps the reference.
    unsafe { &mut *SINK.0.get() }
}

/// Takes standard error as it is now.
pub(crate) fn use_stderr(proof: &Section) {
    let sink = sink(proof);
    sink.pattern.clear();
    sink.fd = libc::STDERR_FILENO;
    sink.identity = Identity::of(sink.fd).ok();
    sink.stderr = sink.identity;
    sink.terminal = sink.identity.is_some_and(|identity| identity.mode == libc::S_IFCHR) && sys::is_terminal(sink.fd);
}

/// Why a log can't be written.
pub(crate) enum Trouble {
    TooLong,
    Errno(sys::Errno),
}

/// Opens the log of this pattern (`%p` is the pid, `%e` the executable's name, `%%` a percent sign), for records alone
/// or for any text.
pub(crate) fn use_log(proof: &Section, pattern: &[u8], records: bool) -> Result<(), Trouble> {
    let sink = sink(proof);
    sink.pattern.clear();
    if !pattern.starts_with(b"/") && !channel::is_one(pattern) {
        // The log may be opened again, after the program has changed its directory.
        let mut directory = [0_u8; LONGEST];
        for byte in sys::getcwd(&mut directory).map_err(Trouble::Errno)? {
            sink.pattern.push_bytes(if *byte == b'%' { b"%%" } else { core::slice::from_ref(byte) });
        }
        sink.pattern.push_bytes(b"/");
    }
    if !sink.pattern.push_bytes(pattern) {
        return Err(Trouble::TooLong);
    }
    sink.terminal = false;
    sink.records = records;
    match open(sink.pattern.as_bytes()) {
        Ok((fd, identity)) => {
            sink.fd = fd;
            sink.identity = Some(identity);
            sink.opened_by = sys::getpid();
            Ok(())
        }
        // The command has ended before this process began: nobody reads, and that is no trouble of the program's.
        Err(Trouble::Errno(libc::ECONNREFUSED)) if channel::is_one(pattern) => {
            sink.fd = -1;
            sink.identity = None;
            Ok(())
        }
        Err(trouble) => Err(trouble),
    }
}

/// Whether the sink is a terminal.
pub(crate) fn is_a_terminal(proof: &Section) -> bool {
    sink(proof).terminal
}

/// Notes that this is a forked child, which gets a log of its own when the path has `%p`.
pub(crate) fn forked(proof: &Section) {
    sink(proof).opened_by = 0;
}

/// Opens the log and moves it out of the way of the program's descriptors.
fn open(pattern: &[u8]) -> Result<(c_int, Identity), Trouble> {
    let low =
        if channel::is_one(pattern) { channel::connect(pattern).map_err(Trouble::Errno)? } else { open_file(pattern)? };
    // Programs count on getting the lowest free number; a very high one would make the kernel enlarge its table.
    let ceiling = crate::facts::limits::soft(libc::RLIMIT_NOFILE).unwrap_or(1024).min(1024);
    let wanted = c_int::try_from(ceiling.saturating_sub(24)).unwrap_or(0);
    let fd = match sys::fcntl(low, libc::F_DUPFD_CLOEXEC, wanted) {
        Ok(high) => {
            sys::close(low);
            high
        }
        Err(_) => low,
    };
    match Identity::of(fd) {
        Ok(identity) => Ok((fd, identity)),
        Err(errno) => {
            // Closed meanwhile, the number may be the program's by now.
            if errno != libc::EBADF {
                sys::close(fd);
            }
            Err(Trouble::Errno(errno))
        }
    }
}

/// Opens the file that a pattern means.
fn open_file(pattern: &[u8]) -> Result<c_int, Trouble> {
    let mut path = Line::<LONGEST>::new();
    expand(pattern, &mut path);
    let path = CStr::from_bytes_until_nul(path.as_bytes()).map_err(|_| Trouble::TooLong)?;
    let flags = libc::O_WRONLY | libc::O_APPEND | libc::O_CREAT | libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    sys::open(path, flags, 0o600).map_err(Trouble::Errno)
}

/// Writes the path that a pattern means, with a closing zero byte.
fn expand(pattern: &[u8], path: &mut Line<LONGEST>) {
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

/// The descriptor to write to, checked and, where it can be, opened anew; EBADF if it was closed meanwhile.
fn checked(sink: &mut Sink) -> Result<(c_int, Identity), Trouble> {
    let is_log = sink.pattern.len() > 0;
    let forked = is_log
        && sink.opened_by != sys::getpid()
        && !channel::is_one(sink.pattern.as_bytes())
        && sink.pattern.as_bytes().windows(2).any(|two| two == b"%p");
    let found = Identity::of(sink.fd).ok().filter(|now| Some(*now) == sink.identity);
    match found {
        Some(identity) if !forked => return Ok((sink.fd, identity)),
        // Standard error was closed, or is another file: there is no other.
        None if !is_log => return Err(Trouble::Errno(libc::ENXIO)),
        _ => {}
    }
    match (open(sink.pattern.as_bytes()), found) {
        (Ok((fd, identity)), _) => {
            if found.is_some() {
                sys::close(sink.fd); // the parent's log, ours by inheritance
            }
            sink.fd = fd;
            sink.identity = Some(identity);
            sink.opened_by = sys::getpid();
            Ok((fd, identity))
        }
        // A child that may no longer open files writes to its parent's log rather than nowhere.
        (Err(_), Some(identity)) => Ok((sink.fd, identity)),
        (Err(trouble), None) => Err(trouble),
    }
}

/// Writes a block; `false` if not all of it could be written.
pub(crate) fn write(proof: &Section, block: &[u8]) -> bool {
    /// A program that closes all descriptors, again and again, may do so between the opening, the check and the
    /// write: beside a thread that does nothing else, a hundred tries in a row may fail.
    const TRIES: u32 = 1000;
    let mut rest = block;
    // Standard error can't be opened anew.
    let tries = if sink(proof).pattern.len() > 0 { TRIES } else { 1 };
    for _ in 0..tries {
        // Before the check, so that nothing comes between that and the write.
        let pending = sys::pending_signals();
        let written = match checked(sink(proof)) {
            Ok((fd, identity)) => write_to(fd, identity, pending, &mut rest),
            Err(Trouble::Errno(errno)) => Err(errno),
            Err(Trouble::TooLong) => return false,
        };
        if written != Err(libc::EBADF) {
            return written.is_ok();
        }
    }
    false
}

/// Writes what is left of a block, and leaves what could not be written; `pending` is the signals that were pending
/// before.
fn write_to(fd: c_int, identity: Identity, pending: u64, rest: &mut &[u8]) -> sys::Result<()> {
    let written = write_all(fd, identity.mode, rest);
    // A SIGPIPE of our own making is taken back; one that was pending before stays.
    let sigpipe = 1_u64 << libc::SIGPIPE.wrapping_sub(1);
    if written == Err(libc::EPIPE) && pending & sigpipe == 0 {
        sys::consume_signal(sigpipe);
    }
    written
}

fn write_all(fd: c_int, mode: u32, rest: &mut &[u8]) -> sys::Result<()> {
    let mut waited = 0;
    while !rest.is_empty() {
        let answer = match mode {
            libc::S_IFIFO => write_pipe(fd, rest.get(..PIPE_PIECE).unwrap_or(rest)),
            libc::S_IFSOCK => sys::send_nowait(fd, rest),
            _ => sys::write(fd, rest),
        };
        match answer {
            Ok(0) => return Err(libc::EIO),
            Ok(written) => *rest = rest.get(written..).unwrap_or_default(),
            Err(libc::EINTR) => {}
            Err(libc::EAGAIN) if waited < PATIENCE_MS => {
                let nap = 50;
                sys::wait_writable(fd, nap);
                waited = nap.wrapping_add(waited);
            }
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Writes to a pipe what it takes without waiting.
fn write_pipe(fd: c_int, piece: &[u8]) -> sys::Result<usize> {
    if !sys::can_hold_signals() {
        return Err(libc::EPIPE);
    }
    match sys::write_nowait(fd, piece) {
        // Older kernels, and sandboxes: a pipe that polls as writable has room for one piece.
        Err(libc::EOPNOTSUPP | libc::ENOSYS) if sys::wait_writable(fd, 0) => sys::write(fd, piece),
        Err(libc::EOPNOTSUPP | libc::ENOSYS) => Err(libc::EAGAIN),
        answer => answer,
    }
}

/// Says one line of the library's own: where findings go, or on standard error if only records go there.
pub(crate) fn say(proof: &Section, text: core::fmt::Arguments<'_>) {
    let mut line = Line::<1024>::new();
    let _ = core::fmt::Write::write_fmt(&mut line, format_args!("mapsan: {text}"));
    line.truncate(1023);
    line.push_bytes(b"\n");
    let sink = sink(proof);
    if sink.records {
        let pending = sys::pending_signals();
        let stderr = Identity::of(libc::STDERR_FILENO).ok().filter(|now| Some(*now) == sink.stderr);
        if let Some(identity) = stderr {
            let _ = write_to(libc::STDERR_FILENO, identity, pending, &mut line.as_bytes());
        }
    } else {
        write(proof, line.as_bytes());
    }
}

/// Shows why a log can't be used.
impl core::fmt::Display for Trouble {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Trouble::TooLong => f.write_str("the path is too long"),
            Trouble::Errno(libc::ELOOP) => f.write_str("ELOOP: it is a symbolic link, which is never followed"),
            Trouble::Errno(errno) => {
                write!(f, "{}: {}", crate::call::ErrnoName(*errno), crate::errno::meaning(*errno))
            }
        }
    }
}
