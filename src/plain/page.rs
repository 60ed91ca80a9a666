//! Pages of memory.

use crate::machine::{Architecture, Machine};
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

static PAGE_SIZE: AtomicUsize = AtomicUsize::new(4096);

/// Notes the page size, once, at start.
pub(crate) fn set_page_size(bytes: usize) {
    if bytes.is_power_of_two() {
        PAGE_SIZE.store(bytes, Relaxed);
    }
}

/// The page size in bytes, a power of two.
#[inline]
pub(crate) fn page_size() -> usize {
    Machine::PAGE_SIZE.unwrap_or_else(|| PAGE_SIZE.load(Relaxed))
}

/// The start of the page that holds `address`.
pub(crate) fn page_start(address: usize) -> usize {
    address & page_size().wrapping_neg()
}

/// The distance of `address` from the start of its page.
#[inline]
pub(crate) fn page_remainder(address: usize) -> usize {
    address & page_size().wrapping_sub(1)
}

/// `length` rounded up to whole pages; 0 if that wraps.
pub(crate) fn whole_pages(length: usize) -> usize {
    page_start(length.wrapping_add(page_size().wrapping_sub(1)))
}
