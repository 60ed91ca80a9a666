//! Descriptors and the files behind them.

use super::procfile;
use crate::plain::Line;
use crate::plain::texts::{Texts, texts};
use crate::sys::{self, Result, access};
use core::ffi::{CStr, c_int};
use core::fmt::{self, Write as _};

/// The access mode and status flags (`O_…`) of a descriptor; EBADF if it is not open.
pub(crate) fn flags(fd: c_int) -> Result<c_int> {
    sys::fcntl(fd, libc::F_GETFL, 0)
}

/// What kind of thing a descriptor refers to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    Regular,
    Directory,
    Pipe,
    Socket,
    CharacterDevice,
    BlockDevice,
    /// An epoll, eventfd, timerfd or the like, which has no type in `stat`.
    Anonymous,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FileKind::Regular => "a file",
            FileKind::Directory => "a directory",
            FileKind::Pipe => "a pipe",
            FileKind::Socket => "a socket",
            FileKind::CharacterDevice => "a character device",
            FileKind::BlockDevice => "a block device",
            FileKind::Anonymous => "a kernel object without a file (epoll, eventfd, timerfd or the like)",
        })
    }
}

/// A kernel object that has no file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum KernelObject {
    Epoll,
    Event,
    Timer,
    Signals,
    Inotify,
    Fanotify,
    Process,
    Perf,
    BpfMap,
    IoUring,
    Userfaultfd,
    Other,
}

impl KernelObject {
    /// The names by which /proc/self/fd shows them.
    const NAMES: [(&'static [u8], KernelObject); 12] = [
        (b"anon_inode:[eventpoll]", KernelObject::Epoll),
        (b"anon_inode:[eventfd]", KernelObject::Event),
        (b"anon_inode:[timerfd]", KernelObject::Timer),
        (b"anon_inode:[signalfd]", KernelObject::Signals),
        (b"anon_inode:inotify", KernelObject::Inotify),
        (b"anon_inode:[fanotify]", KernelObject::Fanotify),
        (b"anon_inode:[pidfd]", KernelObject::Process),
        (b"pidfd:", KernelObject::Process),
        (b"anon_inode:[perf_event]", KernelObject::Perf),
        (b"anon_inode:bpf-map", KernelObject::BpfMap),
        (b"anon_inode:[io_uring]", KernelObject::IoUring),
        (b"anon_inode:[userfaultfd]", KernelObject::Userfaultfd),
    ];

    /// What `fd` refers to, if it is such an object.
    pub(crate) fn of(fd: c_int) -> Option<KernelObject> {
        let mut link = Line::<32>::new();
        write!(link, "/proc/self/fd/{fd}\0").ok()?;
        let mut target = [0; 64];
        let link = CStr::from_bytes_with_nul(link.as_bytes()).ok()?;
        let length = sys::process::ask_own(link, &mut |link| sys::readlink(link, &mut target).map(<[u8]>::len)).ok()?;
        let target = target.get(..length)?;
        let known = KernelObject::NAMES.iter().find(|(name, _)| target.starts_with(name));
        let is_object = || target.starts_with(b"anon_inode:").then_some(KernelObject::Other);
        known.map(|(_, object)| *object).or_else(is_object)
    }

    /// Whether such objects can be mapped.
    pub(crate) fn has_mmap(self) -> bool {
        matches!(self, KernelObject::Perf | KernelObject::BpfMap | KernelObject::IoUring | KernelObject::Other)
    }
}

impl fmt::Display for KernelObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KernelObject::Epoll => "an epoll",
            KernelObject::Event => "an eventfd",
            KernelObject::Timer => "a timerfd",
            KernelObject::Signals => "a signalfd",
            KernelObject::Inotify => "an inotify",
            KernelObject::Fanotify => "a fanotify",
            KernelObject::Process => "a pidfd",
            KernelObject::Perf => "a perf event",
            KernelObject::BpfMap => "a BPF map",
            KernelObject::IoUring => "an io_uring",
            KernelObject::Userfaultfd => "a userfaultfd",
            KernelObject::Other => "a kernel object without a file",
        })
    }
}

/// Whether a socket listens for connections.
pub(crate) fn listens(fd: c_int) -> bool {
    access::socket_option(fd, libc::SO_ACCEPTCONN) == Ok(1)
}

/// A number that /proc/self/fdinfo tells of a descriptor, such as the `map_type:` of a BPF map.
pub(crate) fn detail(fd: c_int, name: &[u8]) -> Option<u64> {
    let mut path = Line::<40>::new();
    write!(path, "/proc/self/fdinfo/{fd}\0").ok()?;
    procfile::field(CStr::from_bytes_with_nul(path.as_bytes()).ok()?, name)
}

/// Whether a file lies on a mount that allows no execution.
pub(crate) fn is_noexec(fd: c_int) -> bool {
    access::mount_flags(fd).is_ok_and(|flags| flags & libc::ST_NOEXEC != 0)
}

/// Whether a file can only grow (chattr +a).
pub(crate) fn is_append_only(fd: c_int) -> bool {
    sys::statx_fd(fd).is_ok_and(|found| found.stx_attributes & 0x20 != 0)
}

/// The size of the huge pages of a hugetlbfs file, in bytes.
pub(crate) fn huge_page(fd: c_int) -> Option<u64> {
    sys::filesystem(fd).ok().and_then(|found| u64::try_from(found.f_bsize).ok())
}

/// The file behind a descriptor.
#[derive(Clone, Copy)]
pub(crate) struct File {
    pub(crate) kind: FileKind,
    /// Of a device: its major and minor number.
    pub(crate) device: (u32, u32),
    /// In bytes; 0 for what has no size.
    pub(crate) size: u64,
    /// The mount it was reached by, as /proc/self/mountinfo numbers it (Linux 5.8).
    pub(crate) mount: u64,
}

/// Looks at the file behind `fd`.
pub(crate) fn file(fd: c_int) -> Result<File> {
    sys::statx_fd(fd).map(|statx| File {
        kind: match u32::from(statx.stx_mode) & libc::S_IFMT {
            libc::S_IFREG => FileKind::Regular,
            libc::S_IFDIR => FileKind::Directory,
            libc::S_IFIFO => FileKind::Pipe,
            libc::S_IFSOCK => FileKind::Socket,
            libc::S_IFCHR => FileKind::CharacterDevice,
            libc::S_IFBLK => FileKind::BlockDevice,
            _ => FileKind::Anonymous,
        },
        device: (statx.stx_rdev_major, statx.stx_rdev_minor),
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
        const NAMES: Texts = texts! {
            libc::F_SEAL_SEAL => "F_SEAL_SEAL",
            libc::F_SEAL_SHRINK => "F_SEAL_SHRINK",
            libc::F_SEAL_GROW => "F_SEAL_GROW",
            libc::F_SEAL_WRITE => "F_SEAL_WRITE",
            libc::F_SEAL_FUTURE_WRITE => "F_SEAL_FUTURE_WRITE",
            0x20 => "F_SEAL_EXEC",
        };
        let mut separator = "";
        for (seal, name) in NAMES.iter() {
            if self.0 & seal != 0 {
                write!(f, "{separator}{name}")?;
                separator = "|";
            }
        }
        Ok(())
    }
}
