//! Asking, keys and names of shared memory where no next definition is known.

use super::raw::{failed, returned};
use crate::machine::{Architecture, Machine};
use crate::plain::shm::{self, Named};
use crate::sys::int;
use core::ffi::{CStr, c_char, c_int};

/// As libc's ftok: the low 16 bits of the inode, 8 of the device, 8 of the id.
pub(super) unsafe fn raw_ftok(path: *const c_char, id: c_int) -> c_int {
    let mut found = core::mem::MaybeUninit::<libc::stat>::zeroed();
    let arguments = [int(libc::AT_FDCWD), path as usize, found.as_mut_ptr() as usize, 0];
    // SAFETY: the caller's contract: a string, or an address that the kernel answers with EFAULT.
    if unsafe { returned::<c_int>(libc::SYS_newfstatat, &arguments) } != 0 {
        return -1;
    }
    // SAFETY: zeroed, and filled by the kernel.
    let found = unsafe { found.assume_init() };
    ftok_key(found.st_ino, found.st_dev, id)
}

/// As libc's `shm_open`: a file of /dev/shm.
pub(super) unsafe fn raw_shm_open(name: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int {
    // SAFETY: the caller's contract: a string.
    let path = shm::path(Named::Object, unsafe { CStr::from_ptr(name) });
    let Some(path) = path.as_ref().and_then(|path| path.as_c_str()) else { return failed(libc::EINVAL) };
    let flags = int(flags | libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC);
    // SAFETY: a string.
    unsafe { returned(libc::SYS_openat, &[int(libc::AT_FDCWD), path.as_ptr() as usize, flags, mode as usize]) }
}

/// As libc's `shm_unlink`.
pub(super) unsafe fn raw_shm_unlink(name: *const c_char) -> c_int {
    // SAFETY: the caller's contract: a string.
    let path = shm::path(Named::Object, unsafe { CStr::from_ptr(name) });
    let Some(path) = path.as_ref().and_then(|path| path.as_c_str()) else { return failed(libc::ENOENT) };
    let path = path.as_ptr() as usize;
    let (number, arguments) = match Machine::SYS_UNLINK {
        Some(number) => (number, &[path][..]),
        None => (libc::SYS_unlinkat, &[int(libc::AT_FDCWD), path][..]),
    };
    // SAFETY: a string.
    unsafe { returned(number, arguments) }
}

/// As libc's semop: some architectures have the call with a timeout alone.
pub(super) unsafe fn raw_semop(id: c_int, operations: *mut libc::sembuf, count: usize) -> c_int {
    // SAFETY: the program's own call, without a timeout.
    unsafe { returned(libc::SYS_semtimedop, &[int(id), operations as usize, count, 0]) }
}

/// The key that ftok(3) makes of a file and an id.
#[expect(clippy::cast_possible_truncation, reason = "ftok keeps 16 bits of the inode")]
fn ftok_key(inode: u64, device: u64, id: c_int) -> c_int {
    inode as c_int & 0xffff | (device as c_int & 0xff) << 16 | id << 24
}
