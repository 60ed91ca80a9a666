//! Pages of another process, looked at from outside: which are there, and what is in them.

use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use std::fs::File;
use std::io::IoSliceMut;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

const PAGE: u64 = 4096;

/// Reads memory of a process; whether all of it could be read.
pub(crate) fn read(pid: i32, address: u64, buffer: &mut [u8]) -> bool {
    let (Ok(base), len) = (usize::try_from(address), buffer.len()) else { return false };
    let remote = [RemoteIoVec { base, len }];
    process_vm_readv(Pid::from_raw(pid), &mut [IoSliceMut::new(buffer)], &remote) == Ok(len)
}

/// The addresses of the pages in a range that a process has touched.
pub(crate) fn present(pid: i32, range: &Range<u64>) -> std::vec::IntoIter<u64> {
    let Ok(map) = File::open(format!("/proc/{pid}/pagemap")) else { return Vec::new().into_iter() };
    scanned(&map, range).unwrap_or_else(|| listed(&map, range)).into_iter()
}

/// By what the kernel looks for itself (`PAGEMAP_SCAN`, Linux 6.7).
fn scanned(map: &File, range: &Range<u64>) -> Option<Vec<u64>> {
    /// `struct pm_scan_arg`.
    #[repr(C)]
    #[derive(Default)]
    struct Scan {
        size: u64,
        flags: u64,
        start: u64,
        end: u64,
        walk_end: u64,
        regions: u64,
        regions_length: u64,
        most_pages: u64,
        inverted: u64,
        all_of: u64,
        any_of: u64,
        returned: u64,
    }
    /// `struct page_region`.
    #[repr(C)]
    #[derive(Clone, Copy, Default)]
    struct Region {
        start: u64,
        end: u64,
        categories: u64,
    }
    const PAGEMAP_SCAN: libc::Ioctl = 0xc060_6610;
    const PAGE_IS_PRESENT: u64 = 1 << 3;
    const REGIONS: usize = 512;
    let mut pages = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let mut regions = [Region::default(); REGIONS];
        let mut scan = Scan {
            size: size_of::<Scan>() as u64,
            start,
            end: range.end,
            regions: regions.as_mut_ptr() as u64,
            regions_length: REGIONS as u64,
            all_of: PAGE_IS_PRESENT,
            returned: PAGE_IS_PRESENT,
            ..Scan::default()
        };
        // SAFETY: a structure that names the room for as many regions as it says.
        let found = unsafe { libc::ioctl(map.as_raw_fd(), PAGEMAP_SCAN, &raw mut scan) };
        let found = usize::try_from(found).ok()?;
        let regions = regions.iter().take(found);
        pages.extend(regions.flat_map(|region| (region.start..region.end).step_by(4096)));
        if scan.walk_end <= start {
            break;
        }
        start = scan.walk_end;
    }
    Some(pages)
}

/// By the list of all pages.
fn listed(map: &File, range: &Range<u64>) -> Vec<u64> {
    const PRESENT: u64 = 1 << 63;
    let pages = (range.end - range.start) / PAGE;
    let mut entries = vec![0; usize::try_from(pages * 8).unwrap_or_default()];
    if map.read_exact_at(&mut entries, range.start / PAGE * 8).is_err() {
        return Vec::new();
    }
    let (entries, _) = entries.as_chunks::<8>();
    let present = entries.iter().zip(0_u64..).filter(|(entry, _)| u64::from_ne_bytes(**entry) & PRESENT != 0);
    present.map(|(_, index)| range.start + index * PAGE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn touched_pages_are_found_and_others_not() {
        let length = 8 * 4096;
        let (read_write, anonymous) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        // SAFETY: new memory.
        let memory = unsafe { libc::mmap(std::ptr::null_mut(), length, read_write, anonymous, -1, 0) };
        let start = memory as u64;
        // SAFETY: inside that memory.
        let third = unsafe { memory.cast::<u8>().add(2 * 4096) };
        // SAFETY: a byte of that memory.
        unsafe { third.write_volatile(7) };
        let range = start..start + 8 * 4096;
        let pid = i32::try_from(std::process::id()).unwrap();
        assert_eq!(present(pid, &range).collect::<Vec<_>>(), [start + 2 * 4096]);
        let map = File::open("/proc/self/pagemap").unwrap();
        assert_eq!(listed(&map, &range), [start + 2 * 4096]);
        let mut byte = [0];
        assert!(read(pid, start + 2 * 4096, &mut byte) && byte == [7]);
        assert!(!read(pid, 1, &mut byte));
        // SAFETY: that memory, which nothing uses any more.
        unsafe { libc::munmap(memory, length) };
    }
}
