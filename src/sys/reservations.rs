//! Addresses that the library holds, and mappings that it moves between them (hardened mode).

use super::{Result, int, plain};
use crate::plain::Range;
use core::ffi::c_int;

const RESERVATION: c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;

/// Addresses that nobody can access, where the kernel likes, or as `flags` ask besides.
pub(crate) fn reserve(bytes: usize, flags: c_int) -> Option<usize> {
    plain(libc::SYS_mmap, [0, bytes, int(libc::PROT_NONE), int(RESERVATION | flags), int(-1), 0]).ok()
}

/// Makes a range that nobody can access, if nothing is mapped there.
pub(crate) fn reserve_at(range: Range) -> bool {
    let flags = int(RESERVATION | libc::MAP_FIXED_NOREPLACE);
    let made = plain(libc::SYS_mmap, [range.start, range.length(), int(libc::PROT_NONE), flags, int(-1), 0]);
    match made {
        Ok(address) if address == range.start => true,
        // Before Linux 4.17 the address is a mere hint.
        Ok(address) => {
            let _ = plain(libc::SYS_munmap, [address, range.length(), 0, 0, 0, 0]);
            false
        }
        Err(_) => false,
    }
}

/// Unmaps a range of our own.
pub(crate) fn unmap(range: Range) {
    let _ = plain(libc::SYS_munmap, [range.start, range.length(), 0, 0, 0, 0]);
}

/// Moves what is mapped in a range to `start`, over a reservation of our own.
pub(crate) fn move_mapping(range: Range, start: usize) -> Result<()> {
    let flags = int(libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED);
    plain(libc::SYS_mremap, [range.start, range.length(), range.length(), flags, start, 0]).map(|_| ())
}
