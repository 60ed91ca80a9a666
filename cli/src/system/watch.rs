//! The end of each process of a run, whoever waits for it, and where threads wait that don't end: seen by ptrace(2).
//!
//! What is traced runs as it would otherwise, but for two things that are undone here: a signal that is ignored would
//! interrupt calls that can't be restarted (semop(2), `epoll_wait`(2)), and a process that was stopped stays so. With the one
//! that traces, all that it traces is gone (`PTRACE_O_EXITKILL`), whatever session and parent it has.

use crate::failure::reason;
use crate::system::channel::Event;
use crate::system::deaths::{Death, Ends};
use crate::system::ledger::Ledger;
use crate::system::threads;
use crate::system::tree;
use crate::system::unwind::{Place, Unwinding};
use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::mem::{self, MaybeUninit};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The signal by which the thread that waits is woken.
const WAKING: i32 = libc::SIGURG;
/// How often it is.
const AGAIN: Duration = Duration::from_millis(10);
/// The most threads whose stacks are taken.
const STACKS: usize = 16;

/// A thread that had not ended when the time was over.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Waiting {
    pub(crate) pid: u32,
    pub(crate) thread: u32,
    pub(crate) exe: String,
    /// Whether it was running, and did not wait.
    pub(crate) runs: bool,
    pub(crate) stack: Vec<Place>,
}

/// What was seen.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Seen {
    pub(crate) deaths: Vec<Death>,
    pub(crate) waiting: Vec<Waiting>,
    /// Why nothing could be traced.
    pub(crate) untraced: Option<String>,
}

/// What watches a program that is about to be started.
pub(crate) struct Watch {
    seen: Arc<Mutex<Seen>>,
    is_over: Arc<AtomicBool>,
    waiter: Arc<AtomicI32>,
    thread: Option<JoinHandle<()>>,
    /// The side of the program, which waits there until it is watched.
    gate: Option<UnixStream>,
}

impl Watch {
    /// Begins; what becomes of the program is told, and which processes it has noted.
    pub(crate) fn begin(tell: impl Fn(Event) + Send + 'static, ledger: Option<Arc<Ledger>>) -> io::Result<Watch> {
        let (gate, own) = UnixStream::pair()?;
        let (seen, is_over, waiter) = (Arc::default(), Arc::new(AtomicBool::new(false)), Arc::new(AtomicI32::new(0)));
        let watcher = Watcher {
            seen: Arc::clone(&seen),
            is_over: Arc::clone(&is_over),
            ends: Ends::default(),
            ledger,
            program: 0,
            is_traced: false,
            is_stopped: false,
            has_ended: false,
        };
        let thread_of = Arc::clone(&waiter);
        let watch = move || {
            // SAFETY: asks for a number.
            thread_of.store(unsafe { libc::gettid() }, Relaxed);
            watcher.watch(own, &tell);
        };
        let thread = thread::Builder::new().name("watch".to_owned()).spawn(watch)?;
        Ok(Watch { seen, is_over, waiter, thread: Some(thread), gate: Some(gate) })
    }

    /// Lets the program that this command starts wait until it is watched.
    pub(crate) fn hold(&mut self, command: &mut Command) {
        let Some(gate) = self.gate.take() else { return };
        let wait = move || {
            let pid = std::process::id().to_ne_bytes();
            let mut answer = 0_u8;
            // SAFETY: a write of bytes that live here.
            let written = unsafe { libc::write(gate.as_raw_fd(), pid.as_ptr().cast(), pid.len()) };
            // SAFETY: a read into a byte that lives here.
            let read = unsafe { libc::read(gate.as_raw_fd(), (&raw mut answer).cast(), 1) };
            if written == 4 && read == 1 { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::EPIPE)) }
        };
        // SAFETY: the closure makes system calls alone.
        unsafe { command.pre_exec(wait) };
    }

    /// The time is over: takes the stacks of what has not ended, and kills it.
    pub(crate) fn stop(&self) {
        // SAFETY: all zeroes are a valid structure.
        let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
        action.sa_sigaction = nothing as extern "C" fn(_) as libc::sighandler_t;
        // SAFETY: the handler does nothing.
        unsafe { libc::sigaction(WAKING, &raw const action, ptr::null_mut()) };
        self.is_over.store(true, Relaxed);
        let own = std::process::id();
        while self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            // SAFETY: a system call, which wakes the thread where it waits.
            unsafe { libc::syscall(libc::SYS_tgkill, own, self.waiter.load(Relaxed), WAKING) };
            thread::sleep(AGAIN);
        }
    }

    /// What was seen, when no process is left.
    pub(crate) fn end(mut self) -> Seen {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        mem::take(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

extern "C" fn nothing(_signal: i32) {}

/// The thread that traces.
struct Watcher {
    seen: Arc<Mutex<Seen>>,
    is_over: Arc<AtomicBool>,
    ends: Ends,
    ledger: Option<Arc<Ledger>>,
    program: libc::pid_t,
    is_traced: bool,
    is_stopped: bool,
    /// Whether the program's end is told.
    has_ended: bool,
}

impl Watcher {
    fn watch(mut self, mut gate: UnixStream, tell: &dyn Fn(Event)) {
        let mut pid = [0; 4];
        if let Err(error) = gate.read_exact(&mut pid) {
            return tell(Event::Ended(Err(error)));
        }
        self.program = libc::pid_t::from_ne_bytes(pid);
        self.note(self.program);
        let options = Options::PTRACE_O_EXITKILL
            | Options::PTRACE_O_TRACECLONE
            | Options::PTRACE_O_TRACEFORK
            | Options::PTRACE_O_TRACEVFORK
            | Options::PTRACE_O_TRACEEXEC
            | Options::PTRACE_O_TRACEEXIT;
        match ptrace::seize(Pid::from_raw(self.program), options) {
            Ok(()) => self.is_traced = true,
            Err(error) => self.seen().untraced = Some(reason(&error.into())),
        }
        let _ = gate.write_all(&[1]);
        drop(gate);
        self.wait(tell);
    }

    /// Waits until no process is left.
    fn wait(&mut self, tell: &dyn Fn(Event)) {
        loop {
            if self.is_over.load(Relaxed) && !self.is_stopped {
                self.is_stopped = true;
                self.take_stacks(tell);
            }
            if self.is_stopped {
                kill_all();
            }
            let mut status = 0;
            // SAFETY: a word to be filled in.
            let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL) };
            match (pid, Errno::last()) {
                (-1, Errno::EINTR) => {}
                (-1, error) => {
                    if !self.has_ended {
                        tell(Event::Ended(Err(error.into())));
                    }
                    return tell(Event::Deserted);
                }
                _ if libc::WIFSTOPPED(status) => self.follow(pid, status),
                _ => self.note_end(pid, status, tell),
            }
        }
    }

    /// A process has ended, or a thread.
    fn note_end(&mut self, pid: libc::pid_t, status: i32, tell: &dyn Fn(Event)) {
        self.ends.forget(pid);
        if pid == self.program && !self.has_ended {
            self.has_ended = true;
            tell(Event::Ended(Ok(ExitStatus::from_raw(status))));
        }
    }

    /// A thread has stopped: notes why, and lets it go on.
    fn follow(&mut self, thread: libc::pid_t, status: i32) {
        let pid = Pid::from_raw(thread);
        let signal = libc::WSTOPSIG(status);
        match status >> 16 {
            libc::PTRACE_EVENT_STOP if is_stopping(signal) => {
                // It stays stopped, as it would be, until somebody continues it.
                // SAFETY: a request without memory.
                unsafe { libc::ptrace(libc::PTRACE_LISTEN, thread, 0, 0) };
                return;
            }
            // A new one waits here before it does anything.
            libc::PTRACE_EVENT_STOP => self.note(thread),
            libc::PTRACE_EVENT_EXEC => self.ends.becomes_another(thread),
            libc::PTRACE_EVENT_EXIT => {
                let death = match ptrace::getevent(pid) {
                    Ok(status) if !self.is_stopped => self.ends.of(thread, i32::try_from(status).unwrap_or(0)),
                    _ => None,
                };
                self.seen().deaths.extend(death);
            }
            0 => {
                self.ends.note_signal(thread, signal);
                threads::restart_interrupted(pid, || threads::ignores(thread, signal));
                // SAFETY: a request without memory. A thread that was killed meanwhile can't go on.
                unsafe { libc::ptrace(libc::PTRACE_CONT, thread, 0, signal) };
                return;
            }
            _ => {}
        }
        let _ = ptrace::cont(pid, None::<Signal>);
    }

    /// Stops all threads, and looks where they are.
    fn take_stacks(&mut self, tell: &dyn Fn(Event)) {
        if !self.is_traced {
            return;
        }
        let mut unwinding = Unwinding::default();
        let mut threads: BTreeMap<libc::pid_t, bool> = BTreeMap::new();
        for process in tree::below(std::process::id()) {
            for thread in threads::of(process) {
                threads.insert(thread, threads::is_running(thread));
            }
        }
        for (thread, runs) in threads.into_iter().take(STACKS) {
            if ptrace::interrupt(Pid::from_raw(thread)).is_err() {
                continue;
            }
            let mut status = 0;
            // SAFETY: a word to be filled in.
            let stopped = unsafe { libc::waitpid(thread, &raw mut status, libc::__WALL) };
            if stopped != thread {
                continue;
            }
            if !libc::WIFSTOPPED(status) {
                self.note_end(thread, status, tell);
                continue;
            }
            // It ends, and waits for nothing. Not even SIGKILL would let it go on.
            if status >> 16 == libc::PTRACE_EVENT_EXIT {
                let _ = ptrace::cont(Pid::from_raw(thread), None::<Signal>);
                continue;
            }
            let Some(registers) = threads::registers(Pid::from_raw(thread)) else { continue };
            let pid = threads::process_of(thread).unwrap_or(0);
            let stack = threads::stack(pid, registers, &mut unwinding);
            let exe = threads::executable(pid);
            let thread = u32::try_from(thread).unwrap_or(0);
            self.seen().waiting.push(Waiting { pid, thread, exe, runs, stack });
        }
    }

    fn note(&self, thread: libc::pid_t) {
        if let Some(ledger) = &self.ledger {
            ledger.note(thread);
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Kills all that is below the command.
fn kill_all() {
    for pid in tree::below(std::process::id()) {
        // SAFETY: a system call.
        unsafe { libc::kill(libc::pid_t::try_from(pid).unwrap_or(0), libc::SIGKILL) };
    }
}

fn is_stopping(signal: i32) -> bool {
    [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU].contains(&signal)
}
