//! Signals that end programs, and their names.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// Whether a core is written of a process that dies of it, signal(7).
pub(crate) fn dumps_core(signal: i32) -> bool {
    [
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGABRT,
        libc::SIGILL,
        libc::SIGFPE,
        libc::SIGTRAP,
        libc::SIGSYS,
        libc::SIGQUIT,
        libc::SIGXCPU,
        libc::SIGXFSZ,
    ]
    .contains(&signal)
}

/// Whether a signal ended a program, or one of a fault the last program of a shell, which ends with 128 and its number then.
pub(crate) fn has_ended(status: ExitStatus) -> bool {
    let passed_on = [libc::SIGSEGV, libc::SIGBUS].map(|signal| Some(128 + signal));
    status.signal().is_some() || passed_on.contains(&status.code())
}

/// The name of a signal, as far as programs die of it.
pub(crate) fn name(signal: i32) -> String {
    let known = [
        (libc::SIGSEGV, "SIGSEGV"),
        (libc::SIGABRT, "SIGABRT"),
        (libc::SIGBUS, "SIGBUS"),
        (libc::SIGILL, "SIGILL"),
        (libc::SIGFPE, "SIGFPE"),
        (libc::SIGTRAP, "SIGTRAP"),
        (libc::SIGSYS, "SIGSYS"),
        (libc::SIGKILL, "SIGKILL"),
        (libc::SIGTERM, "SIGTERM"),
        (libc::SIGINT, "SIGINT"),
        (libc::SIGHUP, "SIGHUP"),
        (libc::SIGQUIT, "SIGQUIT"),
        (libc::SIGPIPE, "SIGPIPE"),
        (libc::SIGALRM, "SIGALRM"),
        (libc::SIGUSR1, "SIGUSR1"),
        (libc::SIGUSR2, "SIGUSR2"),
        (libc::SIGXCPU, "SIGXCPU"),
        (libc::SIGXFSZ, "SIGXFSZ"),
        (libc::SIGVTALRM, "SIGVTALRM"),
        (libc::SIGPROF, "SIGPROF"),
    ];
    known
        .iter()
        .find(|(number, _)| *number == signal)
        .map_or_else(|| format!("signal {signal}"), |(_, name)| (*name).to_owned())
}
