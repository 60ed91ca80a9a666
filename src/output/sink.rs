//! Where findings go: standard error, a log, or a socket.
//!
//! No descriptor of ours is open between two reports, but for a pipe's, and where the program has shut the way to its log
//! (see [`hold`]). A descriptor is looked at before every write, by device and inode, because the program may have closed
//! it and be using its number for a file of its own. No write waits for longer than [`PATIENCE_MS`], raises a signal, or
//! touches the program's `errno`.

mod way;
mod writing;

use super::lock::ReportLock;
use crate::options::Prefix;
use crate::plain::Line;
use crate::plain::guarded::{Guarded, Starting};
use crate::plain::time::Time;
use crate::sys::{self, channels};
use core::ffi::{CStr, c_int, c_long};
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
pub(crate) use way::calls;
use way::{OpenFile, Way, expand, push_escaped, push_with_variables};

/// The longest that one report waits for a reader who does not read; the next one then waits for none.
const PATIENCE_MS: i64 = 500;
/// The longest log path, with its closing zero byte.
const LONGEST: usize = 4096;

/// What the findings go to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goal {
    Stderr,
    /// A file, which is opened for each report.
    File,
    /// A pipe with a name, which stays open: its reader takes the last close for the end.
    Pipe,
    /// A socket, to which a new one sends each report.
    Socket,
}

/// What stands in front of a line that is written now.
fn text_of(prefix: Prefix) -> Line<64> {
    let mut text = Line::new();
    if prefix == Prefix::Time {
        let _ = core::fmt::Write::write_fmt(&mut text, format_args!("{} ", Time(sys::realtime())));
    }
    if prefix != Prefix::None {
        let _ = core::fmt::Write::write_fmt(&mut text, format_args!("[{}] ", sys::getpid()));
    }
    text
}

/// Puts this in front of each line from now on.
pub(crate) fn use_prefix(prefix: Prefix) {
    if prefix != Prefix::None {
        OUTPUT.prefix.store(prefix as u8, Relaxed);
    }
}

/// Puts in front of each line of a text what was asked for.
fn prefix_lines<const N: usize>(text: &mut Line<N>) {
    let prefix = OUTPUT.prefix.load(Relaxed);
    if let Some(prefix) = [Prefix::Pid, Prefix::Time].into_iter().find(|known| *known as u8 == prefix) {
        text.prefix_lines(text_of(prefix).as_bytes());
    }
}

/// The state of the sink; the holder of the report lock has it alone.
#[repr(C)] // what each process looks at, last
struct Sink {
    /// The pattern of the log's path, or the socket's name; empty for standard error.
    pattern: Line<LONGEST>,
    /// Room for what the pattern means now: the program's stack may be too small for it.
    path: Line<LONGEST>,
    goal: Goal,
    /// What is open, if `identity` says so: standard error, a pipe, or what is kept.
    fd: c_int,
    identity: Option<OpenFile>,
    /// Whether the log takes JSON records alone.
    records: bool,
    terminal: bool,
    /// Whether the last report was cut short.
    torn: bool,
    /// Whether the last report waited in vain.
    stalled: bool,
    /// Why a finding could not be written; 0 before.
    trouble: sys::Errno,
}

/// The sink, and what is known of it without the report lock.
#[repr(C)] // the end of the sink first: src/near.ld puts behind it what each process looks at, too
struct Output {
    sink: Guarded<Sink, ReportLock>,
    /// Standard error as it was at start.
    stderr: Guarded<Option<OpenFile>, Starting>,
    /// The findings of this process that could not be written.
    lost: AtomicU64,
    /// Whether there may be something to keep: the log is one that is opened for each report.
    passing: AtomicBool,
    /// What stands in front of each line of a text: none, the pid, or the time and the pid.
    prefix: AtomicU8,
    /// Whether files might only become so long (`RLIMIT_FSIZE`) when that was asked last.
    length_was_limited: AtomicBool,
}

static OUTPUT: Output = Output {
    sink: Guarded::new(Sink {
        goal: Goal::Stderr,
        fd: 0,
        identity: None,
        records: false,
        pattern: Line::new(),
        path: Line::new(),
        terminal: false,
        torn: false,
        stalled: false,
        trouble: 0,
    }),
    stderr: Guarded::new(None),
    lost: AtomicU64::new(0),
    passing: AtomicBool::new(false),
    prefix: AtomicU8::new(Prefix::None as u8),
    length_was_limited: AtomicBool::new(false),
};

#[expect(clippy::mut_from_ref, reason = "the report lock is the proof that nobody else holds the reference")]
fn sink(proof: &ReportLock) -> &mut Sink {
    // SAFETY: no function of this file keeps the reference over a call of another.
    unsafe { OUTPUT.sink.get(proof) }
}

/// Standard error as it was at start.
fn stderr() -> Option<OpenFile> {
    // SAFETY: the start has done with it before it writes to it.
    unsafe { *OUTPUT.stderr.as_started() }
}

/// Takes standard error as it is now.
pub(crate) fn use_stderr(proof: &ReportLock, starting: &Starting) {
    let sink = sink(proof);
    OUTPUT.passing.store(false, Relaxed);
    if sink.goal != Goal::Stderr {
        sink.pattern.clear();
    }
    sink.goal = Goal::Stderr;
    sink.fd = libc::STDERR_FILENO;
    sink.identity = OpenFile::of(sink.fd).ok();
    // SAFETY: let go of at once.
    *unsafe { OUTPUT.stderr.get(starting) } = sink.identity;
    sink.terminal =
        sink.identity.is_some_and(|identity| identity.kind == libc::S_IFCHR) && channels::is_terminal(sink.fd);
}

/// Why a log can't be written.
pub(crate) enum LogError {
    TooLong,
    /// A variable that the pattern names is not in the environment.
    NoVariable,
    Errno(sys::Errno),
}

/// Tries the log of this pattern (`%p` is the pid, `%e` the executable's name, `%q{VAR}` a variable as it is now, `%%` a
/// percent sign), for records alone or for any text. After an `@` stands the name of a socket in the abstract namespace.
pub(crate) fn use_log(
    proof: &ReportLock,
    pattern: &[u8],
    variable: &dyn Fn(&[u8]) -> Option<&'static [u8]>,
    records: bool,
) -> Result<(), LogError> {
    let sink = sink(proof);
    sink.pattern.clear();
    // What a variable stands for may be the beginning of a path.
    let mut filled = Line::<LONGEST>::new();
    let pattern = if pattern.starts_with(b"@") {
        pattern
    } else {
        push_with_variables(pattern, variable, &mut filled)?;
        filled.as_bytes()
    };
    if !pattern.starts_with(b"/") && !pattern.starts_with(b"@") {
        // The log is opened again after the program has changed its directory.
        let mut directory = [0_u8; LONGEST];
        push_escaped(sys::getcwd(&mut directory).map_err(LogError::Errno)?, &mut sink.pattern);
        sink.pattern.push_bytes(b"/");
    }
    if !sink.pattern.push_bytes(pattern) {
        return Err(LogError::TooLong);
    }
    sink.goal = if pattern.starts_with(b"@") { Goal::Socket } else { Goal::File };
    (sink.terminal, sink.records) = (false, records);
    sink.identity = None;
    if sink.goal == Goal::Socket && records {
        // The first record, which is written at once, tries it.
        OUTPUT.passing.store(true, Relaxed);
        return Ok(());
    }
    let mut way = sink.open_anew();
    // A socket of the file system can't be opened.
    if let Err(libc::ENXIO) = way {
        sink.goal = Goal::Socket;
        way = sink.open_anew().map_err(|errno| if errno == libc::EPROTOTYPE { errno } else { libc::ENXIO });
    }
    if sink.goal == Goal::Socket && matches!(way, Err(libc::ECONNREFUSED)) {
        // The command has ended before this process began: nobody reads, and that is no trouble of the program's.
        return Ok(());
    }
    let way = way.map_err(LogError::Errno)?;
    writing::is_length_limited();
    if way.identity.kind == libc::S_IFIFO {
        sink.goal = Goal::Pipe;
        sink.keep(way);
    } else {
        OUTPUT.passing.store(true, Relaxed);
        way.leave();
    }
    Ok(())
}

/// Whether the log is a socket.
pub(crate) fn is_socket(proof: &ReportLock) -> bool {
    sink(proof).goal == Goal::Socket
}

/// Whether the sink is a terminal.
pub(crate) fn is_a_terminal(proof: &ReportLock) -> bool {
    sink(proof).terminal
}

/// Notes that this is a forked child.
pub(crate) fn forked(proof: &ReportLock) {
    // Written to only where something is to be changed: a page that is written to is copied.
    if OUTPUT.lost.load(Relaxed) != 0 {
        OUTPUT.lost.store(0, Relaxed);
    }
    let sink = sink(proof);
    if sink.trouble != 0 {
        sink.trouble = 0;
    }
}

/// Whether [`hold`] would change anything.
#[inline]
pub(crate) fn can_hold() -> bool {
    OUTPUT.passing.load(Relaxed)
}

/// Opens the log and keeps it: the program is about to shut the way to it. With that, it may see one descriptor more.
pub(crate) fn hold(proof: &ReportLock) {
    let sink = sink(proof);
    // Perhaps the last time that it can be asked.
    writing::is_length_limited();
    if OUTPUT.passing.load(Relaxed)
        && Way::kept(sink.fd, sink.identity).is_none()
        && let Ok(way) = sink.open_anew()
    {
        sink.keep(way);
    }
    OUTPUT.passing.store(false, Relaxed);
}

/// Whether reports still pass when the log is kept, and calls are let through so.
pub(crate) fn passes(proof: &ReportLock, lets: &dyn Fn(c_long, [usize; 6]) -> bool) -> bool {
    let writes = if sink(proof).goal == Goal::Socket { libc::SYS_sendto } else { libc::SYS_write };
    lets(writes, [0; 6]) && [libc::SYS_statx, libc::SYS_fstat].iter().any(|call| lets(*call, [0; 6]))
}

impl Sink {
    /// The way of a report: what is open, or is opened now. EBADF if it was closed meanwhile.
    fn way(&mut self) -> sys::Result<Way> {
        let kept = Way::kept(self.fd, self.identity);
        let is_own = |pattern: &[u8]| pattern.windows(2).any(|two| two == b"%p");
        match (self.goal, kept) {
            (Goal::Stderr, kept) => kept.ok_or(libc::ENXIO),
            // A child's own, if it can have one.
            (Goal::File, Some(kept)) if is_own(self.pattern.as_bytes()) => Ok(self.open_anew().unwrap_or(kept)),
            (_, Some(kept)) => Ok(kept),
            (Goal::Pipe, None) => self.open_anew().map(|way| self.keep(way)),
            (_, None) => self.open_anew(),
        }
    }

    /// Keeps what has been opened.
    fn keep(&mut self, way: Way) -> Way {
        (self.fd, self.identity) = (way.fd, Some(way.identity));
        way.stay()
    }

    /// Opens what the findings go to.
    fn open_anew(&mut self) -> sys::Result<Way> {
        let pattern = self.pattern.as_bytes();
        if self.goal == Goal::Socket && !pattern.contains(&b'%') {
            // The command's: each page that is left alone is one less for the processes of a run.
            return Way::to_socket(pattern);
        }
        expand(pattern, &mut self.path);
        self.open_expanded()
    }

    fn open_expanded(&self) -> sys::Result<Way> {
        let path = CStr::from_bytes_until_nul(self.path.as_bytes()).map_err(|_| libc::ENAMETOOLONG)?;
        if self.goal == Goal::Socket { Way::to_socket(path.to_bytes()) } else { Way::to_file(path) }
    }

    /// Writes what is left of a block, once.
    fn write_once(&mut self, rest: &mut &[u8], patience: i64) -> sys::Result<()> {
        // Before the check, so that nothing comes between that and the write.
        let pending = sys::pending_signals();
        let way = self.way()?;
        self.write_by(way, pending, rest, patience)
    }

    fn write_by(&mut self, way: Way, pending: u64, rest: &mut &[u8], patience: i64) -> sys::Result<()> {
        let written = self.mend(&way, pending).and_then(|()| writing::write(&way, pending, patience, rest));
        way.leave();
        written
    }

    /// Writes where the program has used up its descriptors: by a child with a table of its own.
    #[cold]
    fn write_without_descriptor(&mut self, rest: &mut &[u8], patience: i64) -> sys::Result<()> {
        // Here, since the child has another pid.
        expand(self.pattern.as_bytes(), &mut self.path);
        channels::with_own_descriptors(|| {
            sys::close(libc::STDIN_FILENO);
            let pending = sys::pending_signals();
            let way = self.open_expanded()?;
            self.write_by(way, pending, rest, patience)
        })
    }

    /// Ends the line of a report that was cut short.
    fn mend(&mut self, way: &Way, pending: u64) -> sys::Result<()> {
        if self.torn && self.goal != Goal::Socket {
            writing::write(way, pending, 0, &mut &b"\n"[..])?;
        }
        self.torn = false;
        Ok(())
    }
}

/// Writes a block, whole if that can be done.
pub(crate) fn write(proof: &ReportLock, block: &[u8]) -> sys::Result<()> {
    /// A program that closes all descriptors, again and again, may do so between the opening, the check and the
    /// write: beside a thread that does nothing else, a hundred tries in a row may fail.
    const TRIES: u32 = 1000;
    let sink = sink(proof);
    let mut rest = block;
    // Who has waited in vain does not wait again.
    let patience = if sink.stalled { 0 } else { PATIENCE_MS };
    // Standard error can't be opened anew.
    let tries = if sink.goal == Goal::Stderr { 1 } else { TRIES };
    let mut written = Err(libc::EBADF);
    for _ in 0..tries {
        written = sink.write_once(&mut rest, patience);
        if written != Err(libc::EBADF) {
            break;
        }
    }
    if written == Err(libc::EMFILE) {
        written = sink.write_without_descriptor(&mut rest, patience);
    }
    sink.stalled = written == Err(libc::EAGAIN);
    sink.torn |= written.is_err() && rest.len() < block.len();
    written
}

/// Writes a finding; what can't be written is counted, and the first time that is said on standard error.
pub(crate) fn write_finding<const N: usize>(proof: &ReportLock, block: &mut Line<N>) {
    if !sink(proof).records {
        prefix_lines(block);
    }
    let Err(errno) = write(proof, block.as_bytes()) else { return };
    OUTPUT.lost.fetch_add(1, Relaxed);
    let sink = sink(proof);
    let is_first = core::mem::replace(&mut sink.trouble, errno) == 0;
    // A command that has ended is no trouble of the program's.
    let is_news = is_first && errno != libc::ECONNREFUSED;
    if is_news && sink.goal != Goal::Stderr {
        let trouble = LogError::Errno(errno);
        let line = own_line(format_args!("a finding could not be written to {} ({trouble})", GoalName(sink)));
        write_to_stderr(line.as_bytes(), PATIENCE_MS);
    }
}

/// Writes a block that is no finding; what can't be written is lost.
pub(crate) fn write_note<const N: usize>(proof: &ReportLock, block: &mut Line<N>) {
    if !sink(proof).records {
        prefix_lines(block);
    }
    let _ = write(proof, block.as_bytes());
}

/// Counts a finding that could not even be made.
pub(crate) fn count_lost() {
    OUTPUT.lost.fetch_add(1, Relaxed);
}

/// The findings of this process that could not be written.
pub(crate) fn lost() -> u64 {
    OUTPUT.lost.load(Relaxed)
}

/// Says at the end how many findings could not be written.
pub(crate) fn say_lost(proof: &ReportLock) {
    let sink = sink(proof);
    if sink.trouble == libc::ECONNREFUSED {
        return;
    }
    let (count, trouble) = (lost(), LogError::Errno(sink.trouble));
    let findings = if count == 1 { "finding" } else { "findings" };
    let line = own_line(format_args!("{count} {findings} could not be written to {} ({trouble})", GoalName(sink)));
    if sink.goal == Goal::Stderr { say_line(proof, &line) } else { write_to_stderr(line.as_bytes(), PATIENCE_MS) }
}

/// Shows what the findings go to.
struct GoalName<'a>(&'a Sink);

impl core::fmt::Display for GoalName<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0.goal {
            Goal::Stderr => f.write_str("standard error"),
            _ => crate::plain::escape::Escaped(self.0.pattern.as_bytes()).fmt(f),
        }
    }
}

/// A line of the library's own.
fn own_line(text: core::fmt::Arguments<'_>) -> Line<1024> {
    let mut line = Line::<1024>::new();
    let _ = core::fmt::Write::write_fmt(&mut line, format_args!("mapsan: {text}"));
    line.truncate(1023);
    line.push_bytes(b"\n");
    prefix_lines(&mut line);
    line
}

/// Says one line of the library's own: where findings go, or on standard error if only records go there.
pub(crate) fn say(proof: &ReportLock, text: core::fmt::Arguments<'_>) {
    say_line(proof, &own_line(text));
}

fn say_line(proof: &ReportLock, line: &Line<1024>) {
    if sink(proof).records {
        write_to_stderr(line.as_bytes(), PATIENCE_MS);
    } else {
        let _ = write(proof, line.as_bytes());
    }
}

fn write_to_stderr(mut line: &[u8], patience: i64) {
    let pending = sys::pending_signals();
    if let Some(way) = Way::kept(libc::STDERR_FILENO, stderr()) {
        let _ = writing::write(&way, pending, patience, &mut line);
    }
}

/// Says one line on standard error where the report lock could not be had, without waiting for anybody.
pub(crate) fn say_without_lock(text: core::fmt::Arguments<'_>) {
    let Some(mask) = sys::set_signal_mask(sys::SignalSet::MAX) else { return };
    write_to_stderr(own_line(text).as_bytes(), 0);
    sys::restore_signal_mask(mask);
}

/// Shows why a log can't be used.
impl core::fmt::Display for LogError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            LogError::TooLong => f.write_str("the path is too long"),
            LogError::NoVariable => {
                f.write_str("a variable that it names by %q{} is not in the environment, or too long")
            }
            LogError::Errno(libc::ELOOP) => f.write_str("ELOOP: it is a symbolic link, which is never followed"),
            LogError::Errno(libc::EAGAIN) => f.write_str("EAGAIN: its reader does not read"),
            LogError::Errno(libc::EPIPE) => f.write_str("EPIPE: it has no reader, or a sandbox forbids a safe write"),
            LogError::Errno(errno) => {
                write!(f, "{}: {}", crate::plain::errno::ErrnoName(*errno), crate::plain::errno::meaning(*errno))
            }
        }
    }
}
