//! Memory that the program may have taken away, or shut.

use super::{Result, close, int, plain, read_memory, small};
use crate::machine::this_thread;
use crate::plain::Range;
use crate::plain::page::page_size;
use crate::plain::placement::written_by_fork;
use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What is remembered while a report is under way.
struct Readable {
    /// The thread that remembers which pages it has found readable; 0 for none.
    thread: AtomicUsize,
    /// Those pages, as complements (no scan takes them for addresses).
    pages: [AtomicUsize; 128],
}

// The report lock is taken over a fork.
written_by_fork! {
    READABLE: Readable = Readable { thread: AtomicUsize::new(0), pages: [const { AtomicUsize::new(0) }; 128] };
}

/// From here on this thread asks for each page once: it makes a report.
pub(crate) fn remember_pages() {
    READABLE.thread.store(this_thread(), Relaxed);
    for page in &READABLE.pages {
        page.store(0, Relaxed);
    }
}

/// The report is done: what was readable may be so no longer.
pub(crate) fn forget_pages() {
    READABLE.thread.store(0, Relaxed);
}

/// Zeroed memory that processes share which come of this one by fork(2); it is never given back.
pub(crate) fn shared(bytes: usize) -> Result<usize> {
    map(bytes, libc::MAP_SHARED | libc::MAP_ANONYMOUS, -1)
}

/// The first bytes of a file, shared with all who map it; they are never given back.
pub(crate) fn map_shared(fd: c_int, bytes: usize) -> Result<usize> {
    map(bytes, libc::MAP_SHARED, fd)
}

/// What the kernel calls the pages of [`replace_by_empty`].
pub(crate) const EMPTY: &[u8] = b"/memfd:mapsan-injected (deleted)";

/// Puts pages of an empty file in the place of a range's, of which none is there: each access raises SIGBUS.
pub(crate) fn replace_by_empty(range: Range, prot: c_int, sharing: c_int) -> Result<()> {
    let name = c"mapsan-injected".as_ptr() as usize;
    let close_on_exec = usize::try_from(libc::MFD_CLOEXEC).unwrap_or(0);
    let fd = small(Ok(plain(libc::SYS_memfd_create, [name, close_on_exec, 0, 0, 0, 0])?));
    let mapped = int(sharing | libc::MAP_FIXED | libc::MAP_NORESERVE);
    let replaced = plain(libc::SYS_mmap, [range.start, range.length(), int(prot), mapped, int(fd), 0]);
    close(fd);
    replaced.map(|_| ())
}

fn map(bytes: usize, flags: c_int, fd: c_int) -> Result<usize> {
    plain(libc::SYS_mmap, [0, bytes, int(libc::PROT_READ | libc::PROT_WRITE), int(flags), int(fd), 0])
}

/// Whether all of a range can be read, now. No fault is raised where it can't, and none by a file that has become shorter.
pub(crate) fn is_readable(start: usize, length: usize) -> bool {
    let size = page_size();
    let Some(end) = start.checked_add(length) else { return false };
    let mut page = start & !size.wrapping_sub(1);
    while page < end {
        if !is_page_readable(page, size) {
            return false;
        }
        let Some(next) = page.checked_add(size) else { return false };
        page = next;
    }
    true
}

fn is_page_readable(page: usize, size: usize) -> bool {
    let index = page.checked_div(size).unwrap_or(0) & READABLE.pages.len().wrapping_sub(1);
    let Some(place) = READABLE.pages.get(index) else { return false };
    if READABLE.thread.load(Relaxed) != this_thread() {
        return ask(page);
    }
    if place.load(Relaxed) == !page {
        return true;
    }
    let there = ask(page);
    if there {
        place.store(!page, Relaxed);
    }
    there
}

/// Asks the kernel to read a signal mask there, for an operation that does not exist: EFAULT if it can't, else EINVAL. Where a
/// sandbox lets nothing be asked, memory of loaded objects is taken for readable, as it nearly always is.
fn ask(page: usize) -> bool {
    match plain(libc::SYS_rt_sigprocmask, [int(-1), page, 0, size_of::<super::SignalSet>(), 0, 0]) {
        Err(libc::EINVAL) => true,
        Err(libc::EFAULT) => false,
        _ => read_memory(page, &mut [0]) != Err(libc::EFAULT),
    }
}

/// Whether all pages of a range are mapped, by msync(2) with `MS_ASYNC`, which does nothing else since Linux 2.6.19; `None` if
/// the kernel does not say.
pub(crate) fn is_mapped(start: usize, length: usize) -> Option<bool> {
    match plain(libc::SYS_msync, [start, length, int(libc::MS_ASYNC), 0, 0, 0]) {
        Ok(_) => Some(true),
        Err(libc::ENOMEM) => Some(false),
        Err(_) => None,
    }
}

/// Whether the kernel has this advice of madvise(2), of which no memory is concerned here; also where it does not say.
pub(crate) fn knows_advice(advice: c_int) -> bool {
    plain(libc::SYS_madvise, [0, 0, int(advice), 0, 0, 0]) != Err(libc::EINVAL)
}

/// Whether the page of an address can be read, asked of the kernel in any case.
pub(crate) fn is_readable_by_kernel(address: usize) -> bool {
    ask(address & !page_size().wrapping_sub(1))
}

/// Copies from memory that may not be readable; whether all of the buffer could be filled.
pub(crate) fn fill(address: usize, buffer: &mut [u8]) -> bool {
    read_memory(address, buffer) == Ok(buffer.len())
}

/// A value of memory that may not be readable; only for types of which every pattern is a value.
pub(crate) fn value<T: Copy>(address: usize) -> Option<T> {
    if !is_readable(address, size_of::<T>()) {
        return None;
    }
    let mut value = MaybeUninit::<T>::uninit();
    let from = ptr::with_exposed_provenance::<u8>(address);
    // SAFETY: readable, as the kernel has just said; the two do not overlap.
    unsafe { ptr::copy_nonoverlapping(from, value.as_mut_ptr().cast(), size_of::<T>()) };
    // SAFETY: filled, with a pattern that is valid by the caller's choice of the type.
    Some(unsafe { value.assume_init() })
}

/// The bytes of a string that may not be readable, at most `most`, without its zero byte.
///
/// # Safety
/// What is readable there must stay so as long as the result is used.
pub(crate) unsafe fn string<'a>(address: usize, most: usize) -> Option<&'a [u8]> {
    let size = page_size();
    let mut length = 0_usize;
    while length < most {
        let at = address.checked_add(length)?;
        let rest = size.wrapping_sub(at & size.wrapping_sub(1)).min(most.wrapping_sub(length));
        if !is_readable(at, rest) {
            return None;
        }
        // SAFETY: readable, as the kernel has just said.
        let piece = unsafe { core::slice::from_raw_parts(ptr::with_exposed_provenance::<u8>(at), rest) };
        if let Some(end) = piece.iter().position(|byte| *byte == 0) {
            // SAFETY: all of it has been read above.
            return Some(unsafe {
                core::slice::from_raw_parts(ptr::with_exposed_provenance(address), length.wrapping_add(end))
            });
        }
        length = length.wrapping_add(rest);
    }
    None
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may overflow, and fails then")]
mod tests {
    use super::*;

    #[test]
    fn what_is_shut_is_not_read() {
        let page = page_size();
        // SAFETY: a new mapping.
        let memory = unsafe { libc::mmap(ptr::null_mut(), 2 * page, 3, 0x22, -1, 0) } as usize;
        assert!(is_readable(memory, 2 * page) && value::<u64>(memory) == Some(0));
        // SAFETY: the second page of it.
        unsafe { libc::mprotect(ptr::with_exposed_provenance_mut(memory + page), page, 0) };
        assert!(is_readable(memory, page) && !is_readable(memory, page + 1));
        assert_eq!(value::<u64>(memory + page - 4), None);
        // SAFETY: the mapping stays.
        assert_eq!(unsafe { string(memory + 5, 100) }, Some(&b""[..]));
        // SAFETY: the first page of it.
        unsafe { ptr::with_exposed_provenance_mut::<u8>(memory).write_bytes(b'a', page) };
        // SAFETY: the mapping stays.
        assert_eq!(unsafe { string(memory + page - 5, 100) }, None);
        assert!(!is_readable(0, 1) && !is_readable(usize::MAX - 10, 100));
    }
}
