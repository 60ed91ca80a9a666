//! Why a process can't be read, in one line: which one, why, and what to do.

use crate::failure::{Failure, reason};
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Whether /proc has the numbers that processes have here.
pub(super) fn check_numbers(pid: u32) -> Result<(), Failure> {
    let own = fs::read_link("/proc/self").map_err(|error| {
        Failure::own(format!("process {pid} can't be looked at: /proc can't be read: {}; mount it", reason(&error)))
    })?;
    if own.as_os_str() == std::process::id().to_string().as_str() {
        return Ok(());
    }
    Err(Failure::own(format!(
        "process {pid} can't be looked at: /proc belongs to another PID namespace, in which numbers mean other processes; mount \
         it anew: mount -t proc proc /proc"
    )))
}

/// It is not in /proc, or nothing can be known of it there.
pub(super) fn unlisted(pid: u32, error: &io::Error) -> Failure {
    let number = libc::pid_t::try_from(pid).ok().filter(|number| *number > 0);
    // SAFETY: sends nothing.
    let answered = number.is_some_and(|number| unsafe { libc::kill(number, 0) } == 0);
    let exists = answered || number.is_some() && io::Error::last_os_error().raw_os_error() == Some(libc::EPERM);
    if exists {
        Failure::own(format!(
            "process {pid} is hidden: /proc is mounted with hidepid, and the process belongs to another user: run this as that \
             user or as root"
        ))
    } else if matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES)) {
        Failure::own(format!("process {pid} can't be looked at in /proc: {}", reason(error)))
    } else {
        Failure::not_found(format!(
            "there is no process {pid}; 'pgrep -f NAME' finds one by its name, also one in a container, which has another number \
             in there"
        ))
    }
}

pub(super) fn is_thread(thread: u32, process: u32) -> Failure {
    Failure::own(format!("{thread} is a thread of process {process}: give {process}"))
}

pub(super) fn of_kernel(pid: u32, name: &str) -> Failure {
    let name = name.escape_debug();
    Failure::own(format!(
        "process {pid} ('{name}') is a thread of the kernel, which has no memory of its own: give a program's"
    ))
}

pub(super) fn zombie(pid: u32, name: &str, parent: u32) -> Failure {
    let name = name.escape_debug();
    Failure::own(format!(
        "process {pid} ('{name}') has ended, and nothing is left of its memory: it is a zombie until its parent, process \
         {parent}, waits for it"
    ))
}

pub(super) fn has_ended(pid: u32) -> Failure {
    Failure::own(format!("process {pid} has ended while it was read"))
}

/// It is there, but its memory is not for us.
pub(super) fn unreadable(pid: u32, folder: &Path, error: &io::Error) -> Failure {
    if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESRCH)) {
        return has_ended(pid);
    }
    if error.kind() != ErrorKind::PermissionDenied {
        return Failure::own(format!("process {pid} can't be read: {}", reason(error)));
    }
    let status = fs::read_to_string(folder.join("status")).unwrap_or_default();
    let user = status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().next()?.parse().ok());
    // SAFETY: asks for a number.
    let own = unsafe { libc::geteuid() };
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope");
    let scope = scope.ok().and_then(|scope| scope.trim().parse().ok()).unwrap_or(0);
    // What only root may look at belongs to root in there.
    let is_guarded = fs::metadata(folder.join("mem")).is_ok_and(|memory| Some(memory.uid()) != user);
    let why = why_refused(user.unwrap_or(own), own, scope, is_guarded);
    Failure::own(format!("process {pid} can't be read ({}): {why}", reason(error)))
}

/// Why, and what to do.
fn why_refused(user: u32, own: u32, yama: u32, is_guarded: bool) -> String {
    if user != own && own != 0 {
        return format!("it belongs to user {user}, and this is user {own}: run this as that user or as root");
    }
    let why = match yama {
        1 if own != 0 => {
            "kernel.yama.ptrace_scope is 1, with which a user's processes can't read each other: run this as root, or set \
             that to 0"
        }
        2 if own != 0 => "kernel.yama.ptrace_scope is 2, with which only root can read a process: run this as root",
        3 => {
            "kernel.yama.ptrace_scope is 3, with which nobody can read a process: that lasts until the machine is started \
             anew"
        }
        _ if is_guarded && own != 0 => {
            "it has or had privileges, or has forbidden it (PR_SET_DUMPABLE): run this as root"
        }
        _ => {
            "it has privileges or a user namespace that this has not: run this with CAP_SYS_PTRACE, as in the container \
             option --cap-add=SYS_PTRACE"
        }
    };
    why.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_why_and_what_to_do() {
        for (user, own, yama, is_guarded, words) in [
            (101, 65534, 1, false, "it belongs to user 101, and this is user 65534: run this as that user or as root"),
            (1000, 1000, 1, false, "ptrace_scope is 1"),
            (1000, 1000, 2, false, "ptrace_scope is 2"),
            (1000, 1000, 3, false, "ptrace_scope is 3"),
            (0, 0, 3, false, "ptrace_scope is 3"),
            (1000, 1000, 0, true, "PR_SET_DUMPABLE"),
            (1000, 1000, 0, false, "CAP_SYS_PTRACE"),
            (1000, 0, 1, false, "CAP_SYS_PTRACE"),
        ] {
            let why = why_refused(user, own, yama, is_guarded);
            assert!(why.contains(words) && why.contains(": "), "{why}");
        }
        assert_eq!(unlisted(u32::MAX, &io::Error::from_raw_os_error(libc::ENOENT)).status(), 127);
    }
}
