//! Descriptors and the files behind them.

use crate::sys::{self, Result};
use core::ffi::c_int;
use core::fmt;

/// The access mode and status flags (`O_…`) of a descriptor; EBADF if it is not open.
pub(crate) fn flags(fd: c_int) -> Result<c_int> {
    sys::fcntl(fd, libc::F_GETFL, 0)
}

/// What kind of thing a descriptor refers to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Regular,
    Directory,
    Pipe,
    Socket,
    CharacterDevice,
    BlockDevice,
    /// An epoll, eventfd, timerfd or the like, which has no type in `stat`.
    Anonymous,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Regular => "a file",
            Kind::Directory => "a directory",
            Kind::Pipe => "a pipe",
            Kind::Socket => "a socket",
            Kind::CharacterDevice => "a character device",
            Kind::BlockDevice => "a block device",
            Kind::Anonymous => "a kernel object without a file (epoll, eventfd, timerfd or the like)",
        })
    }
}

/// The file behind a descriptor.
#[derive(Clone, Copy)]
pub(crate) struct File {
    pub(crate) kind: Kind,
    /// In bytes; 0 for what has no size.
    pub(crate) size: u64,
    /// The mount it was reached by, as /proc/self/mountinfo numbers it (Linux 5.8).
    pub(crate) mount: u64,
}

/// Looks at the file behind `fd`.
pub(crate) fn file(fd: c_int) -> Result<File> {
    sys::statx_fd(fd).map(|statx| File {
        kind: match u32::from(statx.stx_mode) & libc::S_IFMT {
            libc::S_IFREG => Kind::Regular,
            libc::S_IFDIR => Kind::Directory,
            libc::S_IFIFO => Kind::Pipe,
            libc::S_IFSOCK => Kind::Socket,
            libc::S_IFCHR => Kind::CharacterDevice,
            libc::S_IFBLK => Kind::BlockDevice,
            _ => Kind::Anonymous,
        },
        size: statx.stx_size,
        mount: statx.stx_mnt_id,
    })
}

/// The filesystems whose files behave unlike others under mmap.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filesystem {
    Hugetlbfs,
    /// procfs and sysfs: files that are made when they are read.
    Kernel(&'static str),
    Other,
}

/// The filesystem that `fd` lies on.
pub(crate) fn filesystem(fd: c_int) -> Filesystem {
    match sys::filesystem_magic(fd) {
        Ok(libc::HUGETLBFS_MAGIC) => Filesystem::Hugetlbfs,
        Ok(libc::PROC_SUPER_MAGIC) => Filesystem::Kernel("procfs"),
        Ok(0x6265_6572) => Filesystem::Kernel("sysfs"),
        _ => Filesystem::Other,
    }
}

/// The seals of a memfd, fcntl(2) `F_GET_SEALS`; `None` for what can't be sealed.
pub(crate) fn seals(fd: c_int) -> Option<c_int> {
    sys::fcntl(fd, libc::F_GET_SEALS, 0).ok()
}

/// `F_SEAL_WRITE` and `F_SEAL_FUTURE_WRITE`, which refuse shared writable mappings.
pub(crate) const WRITE_SEALS: c_int = libc::F_SEAL_WRITE | libc::F_SEAL_FUTURE_WRITE;

/// Shows seals by name.
pub(crate) struct Seals(pub(crate) c_int);

impl fmt::Display for Seals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [(c_int, &str); 6] = [
            (libc::F_SEAL_SEAL, "F_SEAL_SEAL"),
            (libc::F_SEAL_SHRINK, "F_SEAL_SHRINK"),
            (libc::F_SEAL_GROW, "F_SEAL_GROW"),
            (libc::F_SEAL_WRITE, "F_SEAL_WRITE"),
            (libc::F_SEAL_FUTURE_WRITE, "F_SEAL_FUTURE_WRITE"),
            (0x20, "F_SEAL_EXEC"),
        ];
        let mut separator = "";
        for (seal, name) in NAMES {
            if self.0 & seal != 0 {
                write!(f, "{separator}{name}")?;
                separator = "|";
            }
        }
        Ok(())
    }
}
