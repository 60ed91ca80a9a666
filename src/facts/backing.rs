//! The file behind a mapping, found again.
//!
//! The descriptor that it was mapped by may be closed or another file's by now, and so may its name: device and inode
//! decide.

use super::mapping::Mapping;
use crate::clock;
use crate::plain::Line;
use crate::sys;
use core::ffi::{CStr, c_int};
use core::fmt::Write as _;

/// A device number as the kernel packs it into 32 bits.
pub(crate) fn device(major: u32, minor: u32) -> u32 {
    major << 20 | minor & 0xf_ffff
}

/// Which file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId {
    /// As [`device`] packs it.
    pub(crate) device: u32,
    pub(crate) inode: u64,
}

impl FileId {
    /// Whether a descriptor is this file.
    pub(crate) fn is_of(self, fd: c_int) -> bool {
        sys::statx_fd(fd).is_ok_and(|found| {
            self.inode == found.stx_ino && self.device == device(found.stx_dev_major, found.stx_dev_minor)
        })
    }
}

/// The file, open for questions.
pub(crate) struct Backing {
    fd: c_int,
    /// Whether it was opened for this.
    own: bool,
}

impl Drop for Backing {
    fn drop(&mut self) {
        if self.own {
            sys::close(self.fd);
        }
    }
}

/// Room on a filesystem, in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    pub(crate) free: u64,
    pub(crate) total: u64,
    /// Whether its files are memory, so that a read of a page that is not there takes room, too.
    pub(crate) is_memory: bool,
}

/// When the contents of a file were last changed.
#[derive(Clone, Copy)]
pub(crate) struct Changed {
    /// Nanoseconds since then, by the file's time stamp.
    pub(crate) passed: u64,
    /// Whether that was after the program had started; `Some(false)` if nothing of the file was changed since, `None` if the two
    /// lie too close together.
    pub(crate) is_since_start: Option<bool>,
}

/// `HUGETLBFS_MAGIC` of `<linux/magic.h>`, of which libc has no more than the other.
const HUGETLBFS: i64 = 0x958_458f6;

impl Backing {
    /// Finds the file: by the descriptor `fd` that it was mapped by, by the mapping's name, or by `/proc/self/map_files`
    /// (which takes a privilege).
    pub(crate) fn find(file: FileId, fd: c_int, there: Option<&Mapping>) -> Option<Backing> {
        if fd >= 0 && file.is_of(fd) {
            return Some(Backing { fd, own: false });
        }
        open(there?).into_iter().flatten().find(|found| file.is_of(found.fd))
    }

    /// Finds the file of a mapping that was not made by a call that was seen: by its name, or by `/proc/self/map_files`. The
    /// inode decides alone, since some filesystems show another device in the kernel's list than to stat(2).
    pub(crate) fn of(there: &Mapping) -> Option<Backing> {
        open(there)
            .into_iter()
            .flatten()
            .find(|found| there.inode != 0 && sys::statx_fd(found.fd).is_ok_and(|file| file.stx_ino == there.inode))
    }

    /// Its size now, in bytes; `None` if it is not a regular file, since others have none.
    pub(crate) fn size(&self) -> Option<u64> {
        let found = sys::statx_fd(self.fd).ok()?;
        (u32::from(found.stx_mode) & libc::S_IFMT == libc::S_IFREG).then_some(found.stx_size)
    }

    /// Whether it is known to be a device or another file without a size.
    pub(crate) fn is_special(&self) -> bool {
        sys::statx_fd(self.fd).is_ok_and(|found| u32::from(found.stx_mode) & libc::S_IFMT != libc::S_IFREG)
    }

    /// When its contents were last changed; `None` if the time stamps do not tell, as those of a clock that was set.
    pub(crate) fn changed(&self) -> Option<Changed> {
        /// Time stamps are as fine as the kernel's ticks; and the loader has mapped files before the library started.
        const TICKS: u64 = 20_000_000;
        const LOADING: u64 = 1_000_000_000;
        let nanoseconds = |seconds: i64, rest: u32| {
            let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
            seconds.checked_mul(1_000_000_000)?.checked_add(u64::from(rest))
        };
        let now = sys::realtime();
        let now = nanoseconds(now.tv_sec, u32::try_from(now.tv_nsec).ok()?)?;
        let found = sys::statx_fd(self.fd).ok()?;
        let ago = |stamp: libc::statx_timestamp| now.checked_sub(nanoseconds(stamp.tv_sec, stamp.tv_nsec)?);
        let (passed, passed_at_all) = (ago(found.stx_mtime)?, ago(found.stx_ctime)?);
        let is_since_start = clock::since_start().and_then(|running| {
            let after = passed.saturating_add(TICKS) < running;
            let before = passed_at_all > running.saturating_add(LOADING);
            (after || before).then_some(after)
        });
        Some(Changed { passed, is_since_start })
    }

    /// The room on its filesystem: what this process may still use, and all there is. `None` where the filesystem does
    /// not count (such as tmpfs without a limit).
    pub(crate) fn room(&self) -> Option<Room> {
        let found = sys::filesystem(self.fd).ok()?;
        let unit = u64::try_from(found.f_bsize).ok()?;
        let is_memory = [libc::TMPFS_MAGIC, HUGETLBFS].contains(&found.f_type);
        let room =
            Room { free: found.f_bavail.saturating_mul(unit), total: found.f_blocks.saturating_mul(unit), is_memory };
        (room.total > 0).then_some(room)
    }
}

/// What a mapping's name and its entry in `/proc/self/map_files` lead to.
fn open(there: &Mapping) -> [Option<Backing>; 2] {
    let mut name = Line::<257>::new();
    name.push_bytes(there.name());
    name.push_bytes(b"\0");
    let mut entry = Line::<80>::new();
    let _ = write!(entry, "/proc/self/map_files/{:x}-{:x}\0", there.start, there.end);
    [name.as_bytes(), entry.as_bytes()].map(|path| {
        let path = CStr::from_bytes_with_nul(path).ok()?;
        Some(Backing { fd: sys::open(path, libc::O_PATH, 0).ok()?, own: true })
    })
}
