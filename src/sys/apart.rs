//! Memory of the library's own, apart from the program's: what the program reads or writes beyond its own mappings ends in
//! SIGSEGV there as it would without the library, and is no memory of the library's.

use super::{int, limit, plain, reserve, unmap};
use crate::plain::Range;
use crate::plain::page::{page_size, whole_pages};
use core::ptr;

/// The bytes on both sides that nobody can access: the kernel puts the program's next mapping right beside them, and a frame
/// may be larger than the stack of its thread.
const ZONE: usize = 16 << 20;

/// Zeroed memory, with what keeps it apart.
#[derive(Clone, Copy)]
pub(crate) struct Apart {
    whole: Range,
    start: usize,
}

impl Apart {
    /// Asks the kernel for that many bytes; where it has no addresses for the zones, they are left out.
    pub(crate) fn zeroed(bytes: usize) -> Option<Apart> {
        Apart::between(zone(), bytes).or_else(|| {
            let start = map(0, bytes, 0)?;
            Some(Apart { whole: Range::new(start, bytes), start })
        })
    }

    fn between(zone: usize, bytes: usize) -> Option<Apart> {
        let bytes = whole_pages(bytes);
        let length = bytes.checked_add(zone.checked_mul(2)?)?;
        let whole = Range::new(reserve(length, 0)?, length);
        let start = whole.start.wrapping_add(zone);
        if map(start, bytes, libc::MAP_FIXED).is_none() {
            unmap(whole);
            return None;
        }
        // After mlockall(2) with MCL_FUTURE the zones would count as locked memory.
        for side in [whole.start, start.wrapping_add(bytes)] {
            let _ = plain(libc::SYS_munlock, [side, zone, 0, 0, 0, 0]);
        }
        Some(Apart { whole, start })
    }

    pub(crate) fn start<T>(&self) -> *mut T {
        ptr::with_exposed_provenance_mut(self.start)
    }

    pub(crate) fn give_back(self) {
        unmap(self.whole);
    }
}

/// Zeroed memory that is never given back.
pub(crate) fn zeroed_memory(bytes: usize) -> Option<*mut u8> {
    Apart::zeroed(bytes).map(|apart| apart.start())
}

/// A page, where addresses are limited: they are the program's.
fn zone() -> usize {
    let limited = limit(libc::RLIMIT_AS).is_ok_and(|limit| limit.rlim_cur != libc::RLIM_INFINITY);
    if limited { page_size() } else { ZONE }
}

fn map(address: usize, bytes: usize, flags: i32) -> Option<usize> {
    let (prot, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | flags);
    plain(libc::SYS_mmap, [address, bytes, int(prot), int(flags), int(-1), 0]).ok()
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may overflow, and fails then")]
mod tests {
    use super::*;
    use crate::sys::memory::{is_mapped, is_readable};

    #[test]
    fn nobody_reaches_it_from_beside() {
        let page = page_size();
        for bytes in [1, page, 3 * page + 1] {
            let memory = Apart::zeroed(bytes).expect("there is memory");
            let (start, end) = (memory.start::<u8>() as usize, memory.start::<u8>() as usize + whole_pages(bytes));
            assert!(is_readable(start, end - start));
            let zone = zone();
            for beside in [start - page, start - zone, end, end + zone - page] {
                assert!(is_mapped(beside, page) == Some(true) && !is_readable(beside, page), "{bytes} {beside:#x}");
            }
            // All of it is given back: afterwards another thread's memory may lie there.
            assert_eq!(memory.whole, Range::new(start - zone, end - start + 2 * zone));
            memory.give_back();
        }
    }
}
