//! Asking, calls of memory where no next definition is known.

use super::raw::{failed, returned};
use crate::clib::weak;
use crate::sys::{self, int};
use core::ffi::{c_int, c_void};

/// As libc's mmap, which refuses an offset that is not a multiple of 4096 (or of the page size) itself.
pub(super) unsafe fn raw_mmap(
    address: *mut c_void,
    length: usize,
    prot: c_int,
    flags: c_int,
    fd: c_int,
    offset: i64,
) -> *mut c_void {
    // As the register holds it; every target has 64 bits.
    let offset = usize::try_from(offset.cast_unsigned()).unwrap_or(usize::MAX);
    if crate::plain::page::page_remainder(offset) != 0 {
        return failed(libc::EINVAL);
    }
    let arguments = [address as usize, length, int(prot), int(flags), int(fd), offset];
    // SAFETY: the caller upholds the contract.
    unsafe { returned(libc::SYS_mmap, &arguments) }
}

/// As libc's `posix_madvise`, which returns its errno and ignores the advice that would destroy what is there.
pub(super) unsafe fn raw_posix_madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int {
    if advice == libc::POSIX_MADV_DONTNEED {
        return 0;
    }
    // SAFETY: the caller upholds the contract.
    let raw = unsafe { sys::syscall(libc::SYS_madvise, [address as usize, length, int(advice), 0, 0, 0]) };
    sys::answer(raw).err().unwrap_or(0)
}

/// As libc's brk, by its sbrk.
pub(super) unsafe fn own_brk(end: *mut c_void) -> c_int {
    // SAFETY: asks where the break is.
    let now = unsafe { own_sbrk(0) };
    // SAFETY: the program's own call, in other words.
    let before = unsafe { own_sbrk((end as usize).wrapping_sub(now as usize).cast_signed()) };
    if before == libc::MAP_FAILED { -1 } else { 0 }
}

/// libc's sbrk under its other name, which is there before the next definition has been looked up, and in a static
/// program: libc has to know where the break is, so that the raw call will not do.
pub(super) unsafe fn own_sbrk(increment: isize) -> *mut c_void {
    let Some(sbrk) = weak::own_sbrk() else {
        return failed(libc::ENOMEM);
    };
    // SAFETY: the program's own call.
    unsafe { sbrk(increment) }
}
