//! The threads of processes, as /proc tells of them, and their stacks.

use crate::system::memory::Memory;
use crate::system::process::Process;
use crate::system::unwind::{Place, Registers, Unwinding};
#[cfg(target_arch = "x86_64")]
use nix::sys::ptrace;
use nix::unistd::Pid;
use std::fs;

/// A field of /proc/TID/status.
fn status_field(thread: libc::pid_t, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    Some(status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?.trim().to_owned())
}

/// The process of a thread.
pub(crate) fn process_of(thread: libc::pid_t) -> Option<u32> {
    status_field(thread, "Tgid")?.parse().ok()
}

/// Whether a thread runs, and does not wait.
pub(crate) fn is_running(thread: libc::pid_t) -> bool {
    status_field(thread, "State").is_some_and(|state| state.starts_with('R'))
}

/// Whether a thread has ended, though it may still be seen.
pub(crate) fn has_ended(thread: libc::pid_t) -> bool {
    status_field(thread, "State").is_none_or(|state| state.starts_with(['Z', 'X']))
}

/// Whether a set of signals, by its name in /proc, has one.
fn has(thread: libc::pid_t, set: &str, signal: i32) -> bool {
    let mask = status_field(thread, set).and_then(|mask| u64::from_str_radix(&mask, 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 != 0
}

/// Whether a signal does nothing to a thread.
pub(crate) fn ignores(thread: libc::pid_t, signal: i32) -> bool {
    let by_default = [libc::SIGCHLD, libc::SIGURG, libc::SIGWINCH, libc::SIGCONT].contains(&signal);
    has(thread, "SigIgn", signal) || by_default && !has(thread, "SigCgt", signal)
}

/// Makes a call again that gives EINTR, in a thread that has stopped for a signal that does nothing, if that is so: where nobody
/// traces, such a signal interrupts nothing.
#[cfg(target_arch = "x86_64")]
pub(crate) fn restart_interrupted(thread: Pid, does_nothing: impl FnOnce() -> bool) {
    /// syscall.
    const LENGTH: u64 = 2;
    let interrupted = (-i64::from(libc::EINTR)).cast_unsigned();
    if let Ok(mut registers) = ptrace::getregs(thread)
        && registers.rax == interrupted
        && registers.orig_rax.cast_signed() >= 0
        && does_nothing()
    {
        registers.rax = registers.orig_rax;
        registers.rip -= LENGTH;
        let _ = ptrace::setregs(thread, registers);
    }
}

/// What the call was is not known there.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn restart_interrupted(_: Pid, _: impl FnOnce() -> bool) {}

/// Whether a thread has blocked a signal.
pub(crate) fn blocks(thread: libc::pid_t, signal: i32) -> bool {
    has(thread, "SigBlk", signal)
}

/// That a thread has run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// For how many nanoseconds.
    pub(crate) time: u64,
    /// How often it has gone on a processor.
    pub(crate) times: u64,
}

/// How a thread has run until now (/proc/TID/schedstat, `CONFIG_SCHED_INFO`).
pub(crate) fn run(thread: libc::pid_t) -> Option<Run> {
    let text = fs::read_to_string(format!("/proc/{thread}/schedstat")).ok()?;
    let mut fields = text.split_whitespace().map(|field| field.parse().ok());
    let (time, _waited, times) = (fields.next()??, fields.next()?, fields.next()??);
    Some(Run { time, times })
}

/// The executable of a process.
pub(crate) fn executable(pid: u32) -> String {
    let exe = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    exe.to_string_lossy().trim_end_matches(" (deleted)").to_owned()
}

/// The threads of a process.
pub(crate) fn of(pid: u32) -> Vec<libc::pid_t> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks.filter_map(|task| task.file_name().to_str()?.parse().ok()).collect()
}

/// The registers of a thread that is stopped.
pub(crate) fn registers(thread: Pid) -> Option<Registers> {
    #[cfg(target_arch = "x86_64")]
    {
        let all = ptrace::getregs(thread).ok()?;
        Some(Registers { instruction: all.rip, stack: all.rsp, frame: all.rbp })
    }
    // Stacks are unwound on x86-64 alone.
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = thread;
        None
    }
}

/// The stack of a thread of a process, from these registers on.
pub(crate) fn stack(pid: u32, registers: Registers, unwinding: &mut Unwinding) -> Vec<Place> {
    let Ok(process) = Process::open(pid) else { return Vec::new() };
    let mappings = process.mappings().unwrap_or_default();
    let read = |address| process.bytes(address, 8).and_then(|bytes| Some(u64::from_ne_bytes(bytes.try_into().ok()?)));
    unwinding.stack(registers, &mappings, read)
}
