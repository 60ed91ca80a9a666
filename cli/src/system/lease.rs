//! A file of /dev/shm that is held back while it is removed: as long as a lease is held, who opens it waits (fcntl(2),
//! `F_SETLEASE`).

use crate::system::undisturbed::undisturbed;
use rustix::fs::{CWD, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// For how long a process may be on its way from the name to the file.
const ON_THE_WAY: Duration = Duration::from_millis(2);

/// A file that nobody else has open or mapped.
pub(crate) struct Leased {
    file: OwnedFd,
    path: PathBuf,
}

/// Why a file can't be held back.
#[derive(Debug)]
pub(crate) enum LeaseError {
    /// A process has it open or mapped, seen or unseen: the kernel counts them all.
    InUse,
    /// It is another file by now, or gone.
    Replaced,
    Failed(io::Error),
}

impl From<Errno> for LeaseError {
    fn from(error: Errno) -> LeaseError {
        match error {
            Errno::NOENT | Errno::LOOP => LeaseError::Replaced,
            Errno::AGAIN => LeaseError::InUse,
            other => LeaseError::Failed(other.into()),
        }
    }
}

impl Leased {
    /// Takes the lease, which the kernel gives only where nobody else has the file open or mapped.
    pub(crate) fn take(path: &Path, device: u64, inode: u64) -> Result<Leased, LeaseError> {
        // Who waits for it is told of by SIGIO, which would end the command.
        // SAFETY: ignores a signal that nothing else here waits for.
        unsafe { libc::signal(libc::SIGIO, libc::SIG_IGN) };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&file)?;
        if (stat.st_dev, stat.st_ino) != (device, inode) {
            return Err(LeaseError::Replaced);
        }
        let leased = Leased { file, path: path.to_owned() };
        match leased.fcntl(libc::F_SETLEASE, libc::F_WRLCK) {
            Ok(_) => Ok(leased),
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => Err(LeaseError::InUse),
            Err(error) => Err(LeaseError::Failed(error)),
        }
    }

    /// Takes its name away, so that nobody finds it any more, and gives it back if a process came in between: `false`.
    pub(crate) fn remove(&self) -> io::Result<bool> {
        undisturbed(|| self.remove_name())
    }

    fn remove_name(&self) -> io::Result<bool> {
        let inode = rustix::fs::fstat(&self.file)?.st_ino;
        let hidden = self.path.with_file_name(format!(".mapsan-{}-{inode}", std::process::id()));
        rustix::fs::renameat_with(CWD, &self.path, CWD, &hidden, RenameFlags::NOREPLACE)?;
        // Who had found the name before it went has come to the lease by then.
        thread::sleep(ON_THE_WAY);
        let is_other = rustix::fs::lstat(&hidden)?.st_ino != inode;
        if is_other || self.is_awaited() {
            rustix::fs::renameat_with(CWD, &hidden, CWD, &self.path, RenameFlags::NOREPLACE)?;
            return Ok(false);
        }
        rustix::fs::unlink(&hidden)?;
        Ok(true)
    }

    /// Whether a process waits for it: then the kernel has taken the lease back.
    fn is_awaited(&self) -> bool {
        !self.fcntl(libc::F_GETLEASE, 0).is_ok_and(|kind| kind == libc::F_WRLCK)
    }

    fn fcntl(&self, command: i32, argument: i32) -> io::Result<i32> {
        // SAFETY: both commands take a number.
        let result = unsafe { libc::fcntl(self.file.as_raw_fd(), command, argument) };
        if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
    }
}
