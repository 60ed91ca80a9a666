//! ptrace(2) of processes that run as they would: their signals reach them, they stop and go on as somebody wants them to, and
//! what they start is traced, too. They were seized: nothing of that is seen by them, and all of it ends with the thread of
//! the command that traces them, without their being stopped.

use nix::sys::ptrace::{self, Options};
use nix::unistd::Pid;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::ptr;
use std::time::Duration;

pub(crate) type Registers = libc::user_regs_struct;

/// What happened to a thread.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) thread: i32,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// It has ended.
    Ended(ExitStatus),
    /// It stopped: it is about to get a signal.
    Signal(Told),
    /// It stopped, as somebody wants all threads of its process to, until they are to go on.
    Halted,
    /// It stopped for the command alone: it is new, was interrupted, or may go on after it was halted.
    Stopped,
    /// It stopped: it has started this thread or process.
    Born(Born),
    /// It stopped: its process executes a new program, and has no other threads any more.
    Executed,
}

/// What was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Born {
    /// A process, by fork(2) or vfork(2): it has all that the one has that started it.
    Process(i32),
    /// A thread or, by clone(2), a process.
    Other(i32),
}

/// A signal, and of what kind it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) signal: i32,
    /// The descriptor for which it was sent, if it was sent for one.
    pub(crate) descriptor: Option<i32>,
}

/// What is told of any thread that is traced, and what of one whose processes are, too.
const ALWAYS: Options = Options::PTRACE_O_TRACECLONE.union(Options::PTRACE_O_TRACEEXEC);
const PROCESSES: Options = Options::PTRACE_O_TRACEFORK.union(Options::PTRACE_O_TRACEVFORK);

/// Begins to trace a thread, and all that it starts; it is not stopped.
pub(crate) fn seize(thread: i32) -> io::Result<()> {
    Ok(ptrace::seize(Pid::from_raw(thread), ALWAYS | PROCESSES)?)
}

/// Says of a stopped thread whether the processes are traced that it starts by fork(2) and vfork(2) from now on.
pub(crate) fn follow_processes(thread: i32, are_followed: bool) -> io::Result<()> {
    let options = if are_followed { ALWAYS | PROCESSES } else { ALWAYS };
    Ok(ptrace::setoptions(Pid::from_raw(thread), options)?)
}

/// The next thing that has happened, if anything has; an error if nobody is left to whom something can happen.
pub(crate) fn next() -> io::Result<Option<Change>> {
    let mut status = 0;
    // SAFETY: a number to be filled in.
    let thread = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::WNOHANG) };
    match thread {
        0 => return Ok(None),
        -1 => {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::Interrupted { Ok(None) } else { Err(error) };
        }
        _ => {}
    }
    Ok(Some(Change { thread, what: what(thread, status) }))
}

fn what(thread: i32, status: i32) -> What {
    let status_of = ExitStatus::from_raw(status);
    let Some(signal) = status_of.stopped_signal() else { return What::Ended(status_of) };
    let message = || ptrace::getevent(Pid::from_raw(thread)).ok().and_then(|message| i32::try_from(message).ok());
    match status >> 16 {
        libc::PTRACE_EVENT_STOP if signal == libc::SIGTRAP => What::Stopped,
        libc::PTRACE_EVENT_STOP => What::Halted,
        libc::PTRACE_EVENT_CLONE => message().map_or(What::Stopped, |child| What::Born(Born::Other(child))),
        libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK => {
            message().map_or(What::Stopped, |child| What::Born(Born::Process(child)))
        }
        libc::PTRACE_EVENT_EXEC => What::Executed,
        _ => What::Signal(Told { signal, descriptor: descriptor(thread) }),
    }
}

/// The descriptor that the signal of a stopped thread is about.
fn descriptor(thread: i32) -> Option<i32> {
    /// `siginfo_t` of such a signal.
    #[repr(C)]
    struct OfDescriptor {
        numbers: [i32; 4],
        band: libc::c_long,
        descriptor: i32,
    }
    const POLL_IN: i32 = 1;
    const SI_SIGIO: i32 = -5;
    let info = ptrace::getsiginfo(Pid::from_raw(thread)).ok()?;
    // Of a signal that has codes of its own the kernel says so: 1 is CLD_EXITED of SIGCHLD.
    let code = if info.si_signo == libc::SIGCHLD { SI_SIGIO } else { POLL_IN };
    if info.si_code != code {
        return None;
    }
    // SAFETY: the structure is no larger than `siginfo_t`, and has numbers alone.
    let info: OfDescriptor = unsafe { ptr::read((&raw const info).cast()) };
    Some(info.descriptor)
}

/// Whether a thread is traced, or is a child of the command: one that has ended is, until that was told.
pub(crate) fn is_there(thread: i32) -> bool {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let how = libc::WEXITED | libc::WSTOPPED | libc::WNOHANG | libc::WNOWAIT | libc::__WALL;
    // SAFETY: a structure to be filled in.
    unsafe { libc::waitid(libc::P_PID, thread.cast_unsigned(), info.as_mut_ptr(), how) == 0 }
}

/// Waits until something may have happened; the signal of children is blocked (see [`block_children`]).
pub(crate) fn wait(time: Duration) {
    let set = children();
    let time =
        libc::timespec { tv_sec: i64::try_from(time.as_secs()).unwrap_or(1), tv_nsec: i64::from(time.subsec_nanos()) };
    // SAFETY: a set and a time to be read, and no room for what is told with the signal.
    unsafe { libc::sigtimedwait(&raw const set, ptr::null_mut(), &raw const time) };
}

/// Leaves the signal of children to who waits for it: in this thread, and in those that it makes. A thread that has not blocked it
/// takes it when the one that traces is at work, which then waits while somebody has stopped.
pub(crate) fn block_children() {
    let set = children();
    // SAFETY: a set to be read.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) };
}

/// Makes this thread the one that waits for what is traced, and wakes at the time.
pub(crate) fn prepare_thread() {
    block_children();
    // SAFETY: takes a number.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1_000) };
}

fn children() -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: all zeroes at first, which is an empty set.
    unsafe { libc::sigaddset(set.as_mut_ptr(), libc::SIGCHLD) };
    // SAFETY: all zeroes at first, and changed by the call.
    unsafe { set.assume_init() }
}

/// Lets a stopped thread go on, with a signal or without. One that was killed meanwhile needs it no more.
pub(crate) fn go_on(thread: i32, signal: i32) {
    request(libc::PTRACE_CONT, thread, signal);
}

/// Leaves a halted thread halted until its process is to go on.
pub(crate) fn listen(thread: i32) {
    request(libc::PTRACE_LISTEN, thread, 0);
}

/// Has a thread stop, for the command alone.
pub(crate) fn interrupt(thread: i32) {
    request(libc::PTRACE_INTERRUPT, thread, 0);
}

/// Ends the tracing of a stopped thread, which goes on with a signal or without.
pub(crate) fn let_go(thread: i32, signal: i32) {
    request(libc::PTRACE_DETACH, thread, signal);
}

fn request(request: libc::c_uint, thread: i32, data: i32) {
    // SAFETY: requests that take a number.
    unsafe { libc::ptrace(request, thread, 0_usize, i64::from(data)) };
}

/// The registers of a stopped thread.
pub(crate) fn registers(thread: i32) -> io::Result<Registers> {
    Ok(ptrace::getregs(Pid::from_raw(thread))?)
}

/// Sets the registers of a stopped thread.
pub(crate) fn set_registers(thread: i32, registers: Registers) -> io::Result<()> {
    Ok(ptrace::setregs(Pid::from_raw(thread), registers)?)
}

/// The time of the processor that this thread has taken.
pub(crate) fn own_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn who_has_ended_is_there_until_that_was_told() {
        let mut child = Command::new("true").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        assert!(is_there(pid));
        let how = libc::WEXITED | libc::WNOWAIT;
        // SAFETY: waits for the end of that child, and leaves it a zombie.
        assert_eq!(unsafe { libc::waitid(libc::P_PID, child.id(), ptr::null_mut(), how) }, 0);
        assert!(is_there(pid));
        child.wait().unwrap();
        assert!(!is_there(pid));
    }
}
