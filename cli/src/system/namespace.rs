//! `--ipc private`: an IPC namespace and a /dev/shm of the run's own, so that its segments, semaphores, queues and objects
//! are nobody else's, and all that are left are its.

use crate::failure::{Failure, reason};
use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::path::Path;
use std::ptr;

/// Where glibc has shared memory objects and named semaphores.
const OBJECTS: &CStr = c"/dev/shm";
/// Where the queues of an IPC namespace are shown, if they are.
const QUEUES: &CStr = c"/dev/mqueue";

/// Moves the command, and so all that it starts, into a new IPC namespace, and gives it a mount namespace in which /dev/shm
/// can be another: as root at once, else in a user namespace in which the user keeps the own ids.
pub(crate) fn enter() -> Result<(), Failure> {
    // SAFETY: changes the namespaces of this process, which has one thread here.
    if unsafe { libc::unshare(libc::CLONE_NEWIPC | libc::CLONE_NEWNS) } == 0 {
        return Ok(());
    }
    let first = io::Error::last_os_error();
    // SAFETY: takes nothing and can't fail.
    let uid = unsafe { libc::geteuid() };
    // SAFETY: takes nothing and can't fail.
    let gid = unsafe { libc::getegid() };
    // SAFETY: as above.
    if unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWIPC | libc::CLONE_NEWNS) } != 0 {
        return Err(refused(&first, &io::Error::last_os_error()));
    }
    let written = fs::write("/proc/self/setgroups", "deny")
        .and_then(|()| fs::write("/proc/self/uid_map", format!("{uid} {uid} 1\n")))
        .and_then(|()| fs::write("/proc/self/gid_map", format!("{gid} {gid} 1\n")));
    written.map_err(|error| refused(&first, &error))
}

/// Puts an empty /dev/shm, of the same size, in the place of the one that all share, for this mount namespace; an error
/// says why that can't be. None of the paths that the run needs may lie there.
pub(crate) fn hide_objects<'a>(needed: impl Iterator<Item = &'a Path>) -> Result<(), String> {
    let folder = fs::canonicalize("/dev/shm").map_err(|error| reason(&error))?;
    for path in needed {
        // A file that is still to be written has a folder.
        let real = [Some(path), path.parent()].into_iter().flatten().find_map(|path| fs::canonicalize(path).ok());
        if real.is_some_and(|real| real.starts_with(&folder)) {
            return Err(format!("the run needs '{}', which is in it", path.display()));
        }
    }
    let size = size_of_file_system().map_err(|error| reason(&error))?;
    let options = CString::new(format!("mode=1777,size={size}")).unwrap_or_default();
    // What is mounted from now on is not seen outside; what is mounted outside is still seen here.
    mount(None, c"/", None, libc::MS_SLAVE | libc::MS_REC, None).map_err(|error| reason(&error))?;
    let flags = libc::MS_NOSUID | libc::MS_NODEV;
    mount(Some(c"tmpfs"), OBJECTS, Some(c"tmpfs"), flags, Some(&options)).map_err(|error| reason(&error))?;
    if Path::new("/dev/mqueue").exists() {
        // Else it goes on showing the queues of the namespace from which it came; the queues are the run's own either way.
        let _ = mount(Some(c"mqueue"), QUEUES, Some(c"mqueue"), flags | libc::MS_NOEXEC, None);
    }
    Ok(())
}

/// How many bytes /dev/shm takes; 0 where it has no limit, which tmpfs(5) understands so.
fn size_of_file_system() -> io::Result<u64> {
    let mut system = MaybeUninit::<libc::statfs>::zeroed();
    // SAFETY: a zero-terminated string, and a structure to be filled in.
    if unsafe { libc::statfs(OBJECTS.as_ptr(), system.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeroed, and filled in by the call.
    let system = unsafe { system.assume_init() };
    Ok(system.f_blocks.saturating_mul(u64::try_from(system.f_bsize).unwrap_or(0)))
}

fn mount(
    source: Option<&CStr>,
    target: &CStr,
    kind: Option<&CStr>,
    flags: libc::c_ulong,
    options: Option<&CStr>,
) -> io::Result<()> {
    let pointer = |text: Option<&CStr>| text.map_or(ptr::null(), CStr::as_ptr);
    let options = pointer(options).cast();
    // SAFETY: strings that end in zero, or none, which mount(2) takes where it needs none.
    if unsafe { libc::mount(pointer(source), target.as_ptr(), pointer(kind), flags, options) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn refused(first: &io::Error, second: &io::Error) -> Failure {
    Failure::own(format!(
        "--ipc private: no IPC namespace can be made ({first}), nor one in a user namespace ({second}); run it as \
         root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces)"
    ))
}
