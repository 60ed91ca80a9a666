//! Memory of the library's own, apart from the program's: what the program reads or writes beyond its own mappings ends there as
//! it would without the library, and no frame that is larger than the guard of its stack reaches memory of the library's.

use super::{int, plain, reserve_at, unmap};
use crate::plain::Range;
use crate::plain::page::{page_size, whole_pages};
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Where pieces begin: at a multiple of this, so that there are pages between them, and large ones can have huge pages, as
/// they would where the kernel puts them.
const ALIGNMENT: usize = 2 << 20;
/// How many places are tried.
const TRIES: usize = 16;
/// How far the first piece lies from where the kernel puts mappings, at least.
const LEAST: usize = 256 << 20;

/// Where the first piece lies: 0 as long as that was not asked, 1 if the kernel is to choose.
static ISLAND: AtomicUsize = AtomicUsize::new(0);
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
        let start = on_island(bytes).or_else(|| map(0, bytes, 0).ok())?;
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

fn on_island(bytes: usize) -> Option<usize> {
    let island = island()?;
    let size = bytes.checked_add(ALIGNMENT)? & !ALIGNMENT.wrapping_sub(1);
    for _ in 0..TRIES {
        // Before Linux 4.17 this is a mere hint.
        let place = island.checked_add(USED.fetch_add(size, Relaxed))?;
        match map(place, bytes, libc::MAP_FIXED_NOREPLACE) {
            Ok(start) => return Some(start),
            Err(libc::EEXIST) => {}
            Err(_) => break,
        }
    }
    None
}

/// Where the first piece lies.
fn island() -> Option<usize> {
    let mut island = ISLAND.load(Relaxed);
    if island == 0 {
        island = below((&raw const ISLAND).addr()).or_else(below_mappings).unwrap_or(1);
        match ISLAND.compare_exchange(0, island, Relaxed, Relaxed) {
            // What the kernel puts below, where nothing else is free, does not end at a piece.
            Ok(_) if island != 1 => {
                reserve_at(Range::new(island.wrapping_sub(page_size()), page_size()));
            }
            Ok(_) => {}
            Err(of_another) => island = of_another,
        }
    }
    (island != 1).then_some(island)
}

/// A 512th of the address below an object that the loader has mapped, which is 254 GiB where addresses have 47 bits: the
/// kernel fills the addresses below from the top, so it comes there last. `ThreadSanitizer`'s runtime takes what lies less than
/// 0.5 TiB below the lowest library for the program's. An object at a low address has the heap behind it.
fn below(object: usize) -> Option<usize> {
    let far = object >> 9;
    (far >= LEAST).then(|| object.wrapping_sub(far) & !ALIGNMENT.wrapping_sub(1))
}

/// The same of where the kernel puts mappings: the library lies in a program that is linked statically to a low address.
#[cold]
fn below_mappings() -> Option<usize> {
    let page = map(0, page_size(), 0).ok()?;
    unmap(Range::new(page, page_size()));
    below(page)
}

fn map(address: usize, bytes: usize, flags: i32) -> super::Result<usize> {
    let (prot, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | flags);
    plain(libc::SYS_mmap, [address, bytes, int(prot), int(flags), int(-1), 0])
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may overflow, and fails then")]
mod tests {
    use super::*;
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
                assert!(!is_readable(beside, page), "{bytes} {beside:#x}");
            }
            // Nothing of the program's, as the code and what is mapped without a wish, is within a GiB of it.
            let other = map(0, page, 0).expect("there is memory");
            let code = nobody_reaches_it_from_beside as *const () as usize;
            for of_program in [code, other, (&raw const page).addr()] {
                assert!(of_program.abs_diff(start) > 1 << 30, "{of_program:#x} {start:#x}");
            }
            unmap(Range::new(other, page));
            memory.give_back();
        }
        let below = island().expect("there is one") - page;
        assert!(is_mapped(below, page) == Some(true) && !is_readable(below, page));
    }

    #[test]
    fn a_place_that_is_taken_is_left_alone() {
        let place = island().expect("there is one") + USED.fetch_add(2 * ALIGNMENT, Relaxed);
        let taken = map(place, ALIGNMENT, libc::MAP_FIXED_NOREPLACE).expect("it is free");
        assert_eq!(map(place, ALIGNMENT, libc::MAP_FIXED_NOREPLACE), Err(libc::EEXIST));
        unmap(Range::new(taken, ALIGNMENT));
    }

    #[test]
    fn a_low_object_has_its_heap_behind_it() {
        assert_eq!(below(0x40_0000), None);
        assert_eq!(below(0x7f00_0000_0000), Some(0x7ec0_8000_0000));
        assert!(below_mappings().is_some());
    }
}
