//! The program's process: it gets what the command got, and its end becomes the command's.

use crate::inherited::{self, disposition};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::mem::MaybeUninit;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitCode, ExitStatus};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

/// Signals that somebody sends to the command and means for the program.
const FORWARDED: [i32; 6] = [libc::SIGTERM, libc::SIGHUP, libc::SIGUSR1, libc::SIGUSR2, libc::SIGALRM, libc::SIGCONT];
/// Signals that the terminal sends to both; the command waits for what the program makes of them.
const SHARED: [i32; 2] = [libc::SIGINT, libc::SIGQUIT];

/// How the signals stood before the first start, which changes them.
static BEFORE: OnceLock<Vec<(i32, libc::sighandler_t)>> = OnceLock::new();

/// The program's pid, for the signal handler; 0 before it is started and when it has ended.
static PROGRAM: AtomicI32 = AtomicI32::new(0);

/// The signal by which somebody wants the command to wait no longer, for what the program has left running, or for other runs; 0
/// for none.
static INTERRUPTED: AtomicI32 = AtomicI32::new(0);

extern "C" fn forward(signal: i32, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    let program = PROGRAM.load(Relaxed);
    if program <= 0 {
        if [libc::SIGTERM, libc::SIGHUP].contains(&signal) {
            INTERRUPTED.store(signal, Relaxed);
        }
        return;
    }
    // SAFETY: the kernel passes a valid structure to an SA_SIGINFO handler.
    let code = unsafe { (*info).si_code };
    // What the kernel sends (a hangup of the terminal) the program gets by itself.
    if code <= 0 {
        // SAFETY: a system call that may be made in a handler.
        unsafe { libc::kill(program, signal) };
    }
}

extern "C" fn interrupt(signal: i32) {
    INTERRUPTED.store(signal, Relaxed);
}

/// Starts the program, and sets the command to wait for it; its pid.
pub(crate) fn start(mut command: Command) -> io::Result<u32> {
    prepare(&mut command);
    // A signal that comes before it is known whose it is waits.
    let held = hold_forwarded();
    let pid = command.spawn().map(|child| child.id());
    if let Ok(pid) = pid {
        PROGRAM.store(i32::try_from(pid).unwrap_or(0), Relaxed);
    }
    set_mask(&held);
    pid
}

/// A program's process that waits for the command before it executes the program: until it may, or the command has ended.
pub(crate) struct Held {
    pub(crate) pid: u32,
    go: PipeWriter,
    failed: PipeReader,
}

/// Starts the program as [`start`] does, but for the last step; the command must have no other thread yet.
pub(crate) fn start_held(mut command: Command) -> io::Result<Held> {
    prepare(&mut command);
    let (mut wait, go) = io::pipe()?;
    let (failed, mut fail) = io::pipe()?;
    let held = hold_forwarded();
    // SAFETY: the child is a copy of a process of one thread, and may do what that could.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        drop((go, failed));
        let _ = wait.read(&mut [0]);
        let error = command.exec().raw_os_error().unwrap_or(libc::EIO);
        let _ = fail.write_all(&error.to_ne_bytes());
        // SAFETY: ends the child.
        unsafe { libc::_exit(127) };
    }
    let error = io::Error::last_os_error();
    PROGRAM.store(pid.max(0), Relaxed);
    set_mask(&held);
    let pid = u32::try_from(pid).map_err(|_| error)?;
    Ok(Held { pid, go, failed })
}

impl Held {
    /// Lets it execute the program; an error if that can't be executed.
    pub(crate) fn release(self) -> io::Result<()> {
        let Held { go, mut failed, .. } = self;
        drop(go);
        let mut error = [0; 4];
        match failed.read_exact(&mut error) {
            Ok(()) => Err(io::Error::from_raw_os_error(i32::from_ne_bytes(error))),
            Err(_) => Ok(()),
        }
    }
}

/// Has the child find signals and descriptors as the command found them, and the command pass signals on.
fn prepare(command: &mut Command) {
    let before = BEFORE.get_or_init(|| {
        let own = FORWARDED.iter().chain(&SHARED).map(|signal| (*signal, disposition(*signal)));
        own.chain(inherited::signals()).collect()
    });
    let mut mask = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: only asks for the mask.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), mask.as_mut_ptr()) };
    // SAFETY: filled in by the call.
    let mask = unsafe { mask.assume_init() };
    listen();
    let restore = move || {
        for (signal, handler) in before {
            // Handlers of the command end with exec by themselves; what was ignored stays so.
            let inherited = if *handler == libc::SIG_IGN { libc::SIG_IGN } else { libc::SIG_DFL };
            // SAFETY: signal(2) may be called between fork and exec.
            unsafe { libc::signal(*signal, inherited) };
        }
        for fd in (0..3).filter(|fd| inherited::was_closed(*fd)) {
            // SAFETY: closes a descriptor of the child's, which nothing uses between fork and exec.
            unsafe { libc::close(fd) };
        }
        set_mask(&mask);
        Ok(())
    };
    // SAFETY: the closure makes system calls alone.
    unsafe { command.pre_exec(restore) };
}

fn set_mask(mask: &libc::sigset_t) {
    // SAFETY: a valid mask.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, ptr::null_mut()) };
}

/// Waits for all children until there are none, and tells how the program ended when it has.
pub(crate) fn reap(program: u32, mut ended: impl FnMut(io::Result<ExitStatus>)) {
    let mut waits_for_program = true;
    loop {
        match next_end() {
            Ok(pid) => {
                let is_program = waits_for_program && u32::try_from(pid) == Ok(program);
                if is_program {
                    // As long as it is a zombie its number is nobody else's.
                    PROGRAM.store(0, Relaxed);
                }
                let mut status = 0;
                // SAFETY: a child that has ended, which only this thread waits for.
                let reaped = unsafe { libc::waitpid(pid, &raw mut status, libc::__WALL) };
                if is_program {
                    waits_for_program = false;
                    ended(if reaped == pid {
                        Ok(ExitStatus::from_raw(status))
                    } else {
                        Err(io::Error::last_os_error())
                    });
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                if waits_for_program {
                    ended(Err(error));
                }
                return;
            }
        }
    }
}

/// Waits for a child that has ended, and leaves it a zombie; its pid.
fn next_end() -> io::Result<libc::pid_t> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let how = libc::WEXITED | libc::WNOWAIT | libc::__WALL;
    // SAFETY: a structure to be filled in.
    if unsafe { libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), how) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeroed, and filled in by the call.
    let info = unsafe { info.assume_init() };
    // SAFETY: waitid(2) fills this field in.
    Ok(unsafe { info.si_pid() })
}

/// From now on Ctrl-C is meant for the command: the program has ended.
pub(crate) fn take_interrupts() {
    let handler = interrupt as extern "C" fn(_) as libc::sighandler_t;
    let of_others = |signal: &i32| {
        let before = BEFORE.get().into_iter().flatten();
        before.into_iter().any(|(other, was)| other == signal && *was == libc::SIG_IGN)
    };
    for signal in SHARED.iter().filter(|signal| !of_others(signal)) {
        // SAFETY: the handler stores a word.
        unsafe { libc::signal(*signal, handler) };
    }
}

/// Whether somebody wants the command to wait no longer.
pub(crate) fn is_interrupted() -> bool {
    interruption().is_some()
}

/// By which signal.
pub(crate) fn interruption() -> Option<i32> {
    Some(INTERRUPTED.load(Relaxed)).filter(|signal| *signal != 0)
}

/// From now on what would end the command is noted, by one that has no program of its own.
pub(crate) fn note_interruptions() {
    let handler = interrupt as extern "C" fn(_) as libc::sighandler_t;
    let ending = [libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGHUP];
    for signal in ending.into_iter().filter(|signal| disposition(*signal) != libc::SIG_IGN) {
        // SAFETY: the handler stores a word.
        unsafe { libc::signal(signal, handler) };
    }
}

/// Blocks the signals that are forwarded; the mask before.
fn hold_forwarded() -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    let mut before = MaybeUninit::<libc::sigset_t>::zeroed();
    for signal in FORWARDED {
        // SAFETY: a set of signals, all zeroes at first, which is an empty one.
        unsafe { libc::sigaddset(set.as_mut_ptr(), signal) };
    }
    // SAFETY: two sets of signals.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), before.as_mut_ptr()) };
    // SAFETY: filled in by the call.
    unsafe { before.assume_init() }
}

fn listen() {
    for signal in SHARED {
        // SAFETY: signal(2) with a fixed disposition.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    for signal in FORWARDED {
        if disposition(signal) == libc::SIG_IGN {
            continue;
        }
        // SAFETY: all zeroes are a valid structure.
        let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
        action.sa_sigaction = forward as extern "C" fn(_, _, _) as libc::sighandler_t;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        // SAFETY: the handler makes one system call.
        unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) };
    }
}

/// Ends the command as the program ended.
pub(crate) fn end_as(status: ExitStatus) -> ExitCode {
    let Some(signal) = status.signal() else {
        return ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(125));
    };
    let no_core = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: one core, the program's own, is enough.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const no_core) };
    // SAFETY: signal(2) with the default disposition.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
    // SAFETY: sends the signal to this process itself.
    unsafe { libc::raise(signal) };
    // The signal is blocked, or is one that does not end a process.
    ExitCode::from(u8::try_from(signal).map_or(125, |signal| signal.saturating_add(128)))
}
