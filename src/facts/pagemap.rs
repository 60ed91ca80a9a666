//! What each page is, by /proc/self/pagemap (proc(5); the kernel's Documentation/admin-guide/mm/pagemap.rst).

use crate::plain::page::page_size;
use crate::sys::{self, process};
use core::ffi::c_int;

/// The page is swapped out, or in memory.
const SWAPPED: u64 = 1 << 62;
const PRESENT: u64 = 1 << 63;
/// It is the file's, or shared; else it is a copy of the process's own.
const FILE_OR_SHARED: u64 = 1 << 61;

/// Any access to it faults: `MADV_GUARD_INSTALL` (told since Linux 6.15).
const GUARD: u64 = 1 << 58;

/// What the kernel tells of a page.
#[derive(Clone, Copy)]
pub(crate) struct Page(u64);

impl Page {
    /// Whether it is in memory or swapped out: a read of it makes no page.
    pub(crate) fn is_there(self) -> bool {
        self.0 & (PRESENT | SWAPPED) != 0
    }

    /// Whether it is the process's own, no file's and not shared.
    pub(crate) fn is_own(self) -> bool {
        self.0 & FILE_OR_SHARED == 0
    }

    /// Whether it is a guard that madvise(2) has installed, as far as the kernel tells.
    pub(crate) fn is_guard(self) -> bool {
        self.0 & GUARD != 0
    }
}

/// The page of an address; `None` if that can't be read.
pub(crate) fn page(address: usize) -> Option<Page> {
    let fd = open().ok()?;
    let mut word = [0_u64];
    let at = address.checked_div(page_size()).unwrap_or(0).wrapping_mul(size_of::<u64>());
    let read = sys::read_words_at(fd, &mut word, at);
    sys::close(fd);
    (read == Ok(1)).then_some(Page(word[0]))
}

/// Whether the page of an address is a guard that madvise(2) has installed, as far as the kernel tells.
pub(crate) fn is_guard(address: usize) -> bool {
    page(address).is_some_and(Page::is_guard)
}

fn open() -> sys::Result<c_int> {
    process::ask_own(c"/proc/self/pagemap", &mut |path| sys::open(path, libc::O_RDONLY, 0))
}

/// The most pages that are looked at: 4 GiB of 4 KiB pages.
const MOST: usize = 1 << 20;

/// How many pages of a private file mapping are copies of the process's own, because they were written; `None` if that
/// can't be found out.
pub(crate) fn private_pages(start: usize, end: usize) -> Option<usize> {
    let fd = open().ok()?;
    let first = start.checked_div(page_size())?;
    let last = end.checked_div(page_size())?.min(first.saturating_add(MOST));
    let mut at = first;
    let mut count = 0_usize;
    let mut words = [0_u64; 64];
    while at < last {
        let wanted = last.wrapping_sub(at).min(words.len());
        let Some(room) = words.get_mut(..wanted) else { break };
        match sys::read_words_at(fd, room, at.wrapping_mul(size_of::<u64>())) {
            Ok(read) if read > 0 => at = at.wrapping_add(read),
            _ => break,
        }
        let is_own = |page: &u64| page & (SWAPPED | PRESENT) != 0 && page & FILE_OR_SHARED == 0;
        count = count.wrapping_add(room.iter().filter(|page| is_own(page)).count());
    }
    sys::close(fd);
    Some(count)
}
