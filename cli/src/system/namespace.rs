//! `--ipc private`: an IPC namespace of the run's own, so that its segments are nobody else's, and all that are left are its.

use crate::failure::Failure;
use std::fs;
use std::io;

/// Moves the command, and so all that it starts, into a new IPC namespace: as root at once, else in a user namespace in
/// which the user keeps the own ids.
pub(crate) fn enter() -> Result<(), Failure> {
    // SAFETY: changes the namespace of this process, which has one thread here.
    if unsafe { libc::unshare(libc::CLONE_NEWIPC) } == 0 {
        return Ok(());
    }
    let first = io::Error::last_os_error();
    // SAFETY: takes nothing and can't fail.
    let uid = unsafe { libc::geteuid() };
    // SAFETY: takes nothing and can't fail.
    let gid = unsafe { libc::getegid() };
    // SAFETY: as above.
    if unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWIPC) } != 0 {
        return Err(refused(&first, &io::Error::last_os_error()));
    }
    let written = fs::write("/proc/self/setgroups", "deny")
        .and_then(|()| fs::write("/proc/self/uid_map", format!("{uid} {uid} 1\n")))
        .and_then(|()| fs::write("/proc/self/gid_map", format!("{gid} {gid} 1\n")));
    written.map_err(|error| refused(&first, &error))
}

fn refused(first: &io::Error, second: &io::Error) -> Failure {
    Failure::own(format!(
        "--ipc private: no IPC namespace can be made ({first}), nor one in a user namespace ({second}); run it as \
         root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces)"
    ))
}
