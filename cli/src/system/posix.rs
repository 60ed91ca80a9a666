//! POSIX shared memory objects, named semaphores (/dev/shm) and message queues (the mqueue file system).

use rustix::fs::{Dir, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};
use std::ffi::CString;
use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where glibc has shared memory objects and named semaphores.
pub(crate) const FOLDER: &str = "/dev/shm";
/// How the file of a named semaphore begins.
const SEMAPHORE: &str = "sem.";
/// What statfs(2) calls the file system of message queues.
const MQUEUE_MAGIC: i64 = 0x1980_0202;

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Family {
    Object,
    Semaphore,
    Queue,
}

/// An object, by its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Posix {
    pub(crate) family: Family,
    /// As `shm_open`, `sem_open` or `mq_open` takes it, with the slash.
    pub(crate) name: String,
    /// Its file, where it has one that can be opened.
    pub(crate) path: Option<PathBuf>,
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) mode: u32,
    pub(crate) owner: u32,
    /// Of a queue: the bytes in it.
    pub(crate) size: u64,
    pub(crate) resident: Option<u64>,
    /// When it was read, written or truncated last as a file; not by an access to mapped memory.
    pub(crate) used: i64,
    /// When it was changed last in any way, its making included.
    pub(crate) changed: i64,
}

/// The shared memory objects and named semaphores: regular files in /dev/shm itself.
pub(crate) fn list_files() -> io::Result<Vec<Posix>> {
    let mut objects = Vec::new();
    for entry in fs::read_dir(FOLDER)?.flatten() {
        // One that has gone meanwhile is none.
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_file() {
            objects.push(of_file(&entry.path(), &metadata));
        }
    }
    Ok(objects)
}

fn of_file(path: &Path, metadata: &fs::Metadata) -> Posix {
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (family, name) = match file.strip_prefix(SEMAPHORE) {
        Some(name) if !name.is_empty() => (Family::Semaphore, name),
        _ => (Family::Object, file.as_str()),
    };
    Posix {
        family,
        name: format!("/{name}"),
        path: Some(path.to_owned()),
        device: metadata.dev(),
        inode: metadata.ino(),
        mode: metadata.mode() & 0o7777,
        owner: metadata.uid(),
        size: metadata.len(),
        resident: Some(metadata.blocks().saturating_mul(512)),
        used: metadata.mtime().max(metadata.atime()),
        changed: metadata.ctime(),
    }
}

/// The message queues of this IPC namespace; an error says why they can't be listed.
pub(crate) fn list_queues() -> io::Result<Vec<Posix>> {
    let folder = match own_mount() {
        Ok(folder) => folder,
        Err(_) => mounted()?,
    };
    let mut queues = Vec::new();
    for entry in Dir::read_from(&folder)?.flatten() {
        let Ok(name) = entry.file_name().to_str() else { continue };
        let Ok(stat) = rustix::fs::statat(&folder, entry.file_name(), rustix::fs::AtFlags::SYMLINK_NOFOLLOW) else {
            continue;
        };
        if name != "." && name != ".." {
            queues.push(Posix {
                family: Family::Queue,
                name: format!("/{name}"),
                path: None,
                device: stat.st_dev,
                inode: stat.st_ino,
                mode: stat.st_mode & 0o7777,
                owner: stat.st_uid,
                size: bytes_in(&folder, name).unwrap_or(0),
                resident: None,
                used: stat.st_mtime.max(stat.st_atime),
                changed: stat.st_ctime,
            });
        }
    }
    Ok(queues)
}

/// The file system of this namespace's queues, mounted nowhere: who may mount gets it, wherever /dev/mqueue leads.
fn own_mount() -> io::Result<OwnedFd> {
    let context = fsopen("mqueue", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(context.as_fd())?;
    let mount = fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
    Ok(rustix::fs::openat(&mount, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// /dev/mqueue, where it is that file system.
fn mounted() -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let absent = || io::Error::other("no mqueue file system is mounted at /dev/mqueue");
    let folder = match rustix::fs::open("/dev/mqueue", flags, Mode::empty()) {
        Err(Errno::NOENT) => return Err(absent()),
        opened => opened?,
    };
    if rustix::fs::fstatfs(&folder)?.f_type == MQUEUE_MAGIC { Ok(folder) } else { Err(absent()) }
}

/// The bytes in a queue: its file says so (`mq_overview(7)`).
fn bytes_in(folder: &OwnedFd, name: &str) -> Option<u64> {
    let file = rustix::fs::openat(folder, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut text = String::new();
    fs::File::from(file).read_to_string(&mut text).ok()?;
    text.strip_prefix("QSIZE:")?.split_whitespace().next()?.parse().ok()
}

/// Removes a message queue, if the one of that name is still the one that was listed.
pub(crate) fn remove_queue(queue: &Posix) -> io::Result<()> {
    let name = CString::new(queue.name.as_str())?;
    // SAFETY: a zero-terminated string.
    let found = unsafe { libc::mq_open(name.as_ptr(), libc::O_RDONLY | libc::O_NONBLOCK | libc::O_CLOEXEC) };
    if found == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a descriptor that is open, and this function's.
    let found = unsafe { OwnedFd::from_raw_fd(found) };
    if rustix::fs::fstat(&found)?.st_ino != queue.inode {
        return Err(io::Error::from_raw_os_error(libc::ENOENT));
    }
    // SAFETY: a zero-terminated string.
    if unsafe { libc::mq_unlink(name.as_ptr()) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Removes a file if it still is that object, used or not.
pub(crate) fn remove_file(object: &Posix) -> io::Result<()> {
    let path = object.path.as_ref().ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))?;
    let stat = rustix::fs::lstat(path)?;
    if (stat.st_dev, stat.st_ino) != (object.device, object.inode) {
        return Err(io::Error::from_raw_os_error(libc::ENOENT));
    }
    Ok(rustix::fs::unlink(path)?)
}
