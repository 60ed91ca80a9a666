//! POSIX shared memory objects and named semaphores, as the kernel has them: files.

use super::folder;
use super::path::read_string;
use super::procfile;
use crate::plain::shm::{self, FOLDER, Named, ObjectPath};
use crate::sys;
use core::ffi::{CStr, c_int};

/// The name of an object or semaphore, as the program has passed it.
pub(crate) struct ObjectName {
    /// One byte more than the longest that can be one, so that what is too long shows.
    bytes: [u8; shm::NAME + 4],
    length: usize,
}

impl ObjectName {
    /// The name at an address that may not be mapped.
    pub(crate) fn at(address: usize) -> Option<ObjectName> {
        let mut name = ObjectName { bytes: [0; _], length: 0 };
        name.length = match read_string(address, &mut name.bytes) {
            Some(length) => length,
            None if name.bytes.iter().all(|byte| *byte != 0) => name.bytes.len(),
            None => return None,
        };
        Some(name)
    }

    /// What was passed; of a very long name the beginning.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Without its leading slashes.
    pub(crate) fn bare(&self) -> &[u8] {
        shm::without_slashes(self.bytes())
    }

    /// Whether there may be more of it than is kept.
    pub(crate) fn is_cut(&self) -> bool {
        self.length == self.bytes.len()
    }

    /// The file that is what has the name, if the name can be one.
    pub(crate) fn path(&self, named: Named) -> Option<ObjectPath> {
        shm::flaw(named, self.bytes()).is_none().then(|| shm::path_of(named, self.bare()))?
    }
}

/// The file that is an object or a semaphore.
pub(crate) struct Object {
    pub(crate) size: u64,
    /// Mode bits, 0 to 07777.
    pub(crate) mode: c_int,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) device: (u32, u32),
    pub(crate) inode: u64,
    /// Since it was made, in seconds; `None` where the kernel does not keep that.
    pub(crate) age: Option<i64>,
}

impl Object {
    /// The object that is this file.
    pub(crate) fn at(path: &ObjectPath) -> Option<Object> {
        let found = sys::statx_path(path.as_c_str()?).ok()?;
        let has_birth = found.stx_mask & libc::STATX_BTIME != 0;
        Some(Object {
            size: found.stx_size,
            mode: c_int::from(found.stx_mode & 0o7777),
            uid: found.stx_uid,
            gid: found.stx_gid,
            device: (found.stx_dev_major, found.stx_dev_minor),
            inode: found.stx_ino,
            age: has_birth.then(|| sys::realtime().tv_sec.wrapping_sub(found.stx_btime.tv_sec).max(0)),
        })
    }
}

/// Where objects lie, for calls.
const FOLDER_PATH: &CStr = c"/dev/shm/";

/// The folder in which objects lie.
pub(crate) struct Folder {
    /// Mode bits, 0 to 07777.
    pub(crate) mode: c_int,
    pub(crate) uid: u32,
}

/// The folder in which objects lie; `None` if there is none.
pub(crate) fn folder() -> Option<Folder> {
    let found = sys::statx_path(FOLDER_PATH).ok()?;
    Some(Folder { mode: c_int::from(found.stx_mode & 0o7777), uid: found.stx_uid })
}

/// Hands each object's bare name to `each`, until that returns a value.
pub(crate) fn find_name<T>(each: impl FnMut(&[u8]) -> Option<T>) -> Option<T> {
    folder::find_name(FOLDER_PATH, each)
}

/// `fs.protected_regular` (Linux 4.19): whether `O_CREAT` of a file of another user is refused in folders like /dev/shm.
pub(crate) fn protected_regular() -> u64 {
    procfile::number(c"/proc/sys/fs/protected_regular").unwrap_or(0)
}

/// The process's umask (Linux 4.7).
pub(crate) fn umask() -> Option<c_int> {
    let octal = |line: &[u8]| {
        let digits = core::str::from_utf8(line.strip_prefix(b"Umask:")?).ok()?;
        c_int::from_str_radix(digits.trim(), 8).ok()
    };
    procfile::find_line(c"/proc/self/status", octal)
}

/// The start of every object's path.
pub(crate) const PREFIX: &[u8] = FOLDER.as_bytes();
