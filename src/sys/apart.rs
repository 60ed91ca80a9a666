//! Memory of the library's own, apart from the program's: what the program reads or writes beyond its own mappings ends there as
//! it would without the library, and no frame that is larger than the guard of its stack reaches memory of the library's.

use super::{int, plain, unmap};
use crate::plain::Range;
use crate::plain::page::whole_pages;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Where pieces begin: at a multiple of this, so that there are pages between them, and large ones can have huge pages, as
/// they would where the kernel puts them.
const ALIGNMENT: usize = 2 << 20;
/// How many places are tried.
const TRIES: usize = 16;

/// How far the places are used that were tried before.
static USED: AtomicUsize = AtomicUsize::new(0);

/// Zeroed memory, far from where the kernel puts what the program maps.
#[derive(Clone, Copy)]
pub(crate) struct Apart {
    range: Range,
}

impl Apart {
    /// Asks the kernel for that many bytes; where all places are taken that are tried, they lie where the kernel wants.
    pub(crate) fn zeroed(bytes: usize) -> Option<Apart> {
        let bytes = whole_pages(bytes);
        let size = bytes.checked_add(ALIGNMENT)? & !ALIGNMENT.wrapping_sub(1);
        let apart = (0..TRIES).find_map(|_| {
            // Before Linux 4.17 this is a mere hint.
            let place = island().checked_add(USED.fetch_add(size, Relaxed))?;
            map(place, bytes, libc::MAP_FIXED_NOREPLACE)
        });
        let start = apart.or_else(|| map(0, bytes, 0))?;
        Some(Apart { range: Range::new(start, bytes) })
    }

    pub(crate) fn start<T>(&self) -> *mut T {
        ptr::with_exposed_provenance_mut(self.range.start)
    }

    pub(crate) fn give_back(self) {
        unmap(self.range);
    }
}

/// Zeroed memory that is never given back.
pub(crate) fn zeroed_memory(bytes: usize) -> Option<*mut u8> {
    Apart::zeroed(bytes).map(|apart| apart.start())
}

/// Where the first piece lies: a 512th of the address below the library, which is 254 GiB where addresses have 47 bits. The
/// kernel fills the addresses below libraries from the top, so it comes there last. ThreadSanitizer's runtime takes what
/// lies less than 0.5 TiB below the lowest library for the program's.
fn island() -> usize {
    let library = (&raw const USED).addr();
    library.wrapping_sub(library >> 9) & !ALIGNMENT.wrapping_sub(1)
}

fn map(address: usize, bytes: usize, flags: i32) -> Option<usize> {
    let (prot, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | flags);
    plain(libc::SYS_mmap, [address, bytes, int(prot), int(flags), int(-1), 0]).ok()
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may overflow, and fails then")]
mod tests {
    use super::*;
    use crate::plain::page::page_size;
    use crate::sys::memory::{is_mapped, is_readable};

    #[test]
    fn nobody_reaches_it_from_beside() {
        let page = page_size();
        for bytes in [1, page, 3 * page + 1, ALIGNMENT] {
            let memory = Apart::zeroed(bytes).expect("there is memory");
            let (start, end) = (memory.start::<u8>() as usize, memory.start::<u8>() as usize + whole_pages(bytes));
            assert!(is_readable(start, end - start));
            assert_eq!(start % ALIGNMENT, 0);
            assert_eq!(memory.range, Range::new(start, end - start));
            for beside in [start - page, end] {
                assert_eq!(is_mapped(beside, page), Some(false), "{bytes} {beside:#x}");
            }
            // Nothing of the program's, as the code and what is mapped without a wish, is within a GiB of it.
            let other = map(0, page, 0).expect("there is memory");
            for of_program in [nobody_reaches_it_from_beside as *const () as usize, other, (&raw const page).addr()] {
                assert!(of_program.abs_diff(start) > 1 << 30, "{of_program:#x} {start:#x}");
            }
            unmap(Range::new(other, page));
            memory.give_back();
        }
    }

    #[test]
    fn a_place_that_is_taken_is_left_alone() {
        let place = island() + USED.load(Relaxed);
        let page = page_size();
        // Another test may have taken it meanwhile: then it is taken, too.
        let mine = map(place, 4 * ALIGNMENT, libc::MAP_FIXED_NOREPLACE);
        let memory = Apart::zeroed(page).expect("there is memory");
        let start = memory.start::<u8>() as usize;
        assert!(mine.is_none_or(|mine| !(mine..mine + 4 * ALIGNMENT).contains(&start)));
        memory.give_back();
        if let Some(mine) = mine {
            unmap(Range::new(mine, 4 * ALIGNMENT));
        }
    }
}
