//! The limits that make a call fail, with their figures.

use super::procfile;
use crate::sys;
use core::ffi::CStr;
use core::fmt;

/// The soft limit of a resource; `None` when it is unlimited or can't be read.
pub(crate) fn soft(resource: libc::__rlimit_resource_t) -> Option<u64> {
    sys::limit(resource).ok().map(|limit| limit.rlim_cur).filter(|soft| *soft != libc::RLIM_INFINITY)
}

/// Whether a resource is known to have no limit.
pub(crate) fn is_unlimited(resource: libc::__rlimit_resource_t) -> bool {
    sys::limit(resource).is_ok_and(|limit| limit.rlim_cur == libc::RLIM_INFINITY)
}

/// Whether the limits on memory, and what is used of them, can be read.
pub(crate) fn can_be_read() -> bool {
    sys::limit(libc::RLIMIT_AS).is_ok() && address_space().is_some() && max_map_count().is_some()
}

/// A figure of /proc/self/status in bytes.
fn status(name: &[u8]) -> Option<u64> {
    procfile::field(c"/proc/self/status", name)?.checked_mul(1024)
}

/// The address space in use, which `RLIMIT_AS` limits, in bytes.
pub(crate) fn address_space() -> Option<u64> {
    status(b"VmSize:")
}

/// Private writable memory in use, which `RLIMIT_DATA` limits, in bytes.
pub(crate) fn data() -> Option<u64> {
    status(b"VmData:")
}

/// Locked memory, which `RLIMIT_MEMLOCK` limits, in bytes.
pub(crate) fn locked() -> Option<u64> {
    status(b"VmLck:")
}

/// `vm.max_map_count`: the most mappings that a process may have.
pub(crate) fn max_map_count() -> Option<u64> {
    procfile::number(c"/proc/sys/vm/max_map_count")
}

/// Memory that drivers have pinned for this process (perf rings over their limit, `io_uring` buffers), in bytes.
pub(crate) fn pinned() -> Option<u64> {
    status(b"VmPin:")
}

/// The seccomp filters of this thread, its own and inherited ones (Linux 5.9); `None` if that can't be read.
pub(crate) fn seccomp_filters() -> Option<u64> {
    procfile::field(c"/proc/self/status", b"Seccomp_filters:")
}

/// `vm.mmap_min_addr`: below it nobody may map without a privilege.
pub(crate) fn lowest_address() -> Option<u64> {
    procfile::number(c"/proc/sys/vm/mmap_min_addr")
}

/// `kernel.perf_event_mlock_kb` in bytes: what a user's perf rings may take for each processor.
pub(crate) fn perf_ring() -> Option<u64> {
    procfile::number(c"/proc/sys/kernel/perf_event_mlock_kb")?.checked_mul(1024)
}

/// The processors that are online: `0-3,6` are five.
pub(crate) fn processors() -> Option<u64> {
    procfile::find_line(c"/sys/devices/system/cpu/online", |line| {
        let mut count = 0_u64;
        for range in core::str::from_utf8(line).ok()?.trim().split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            count = count.checked_add(last.checked_sub(first)?.checked_add(1)?)?;
        }
        Some(count)
    })
}

/// What the kernel keeps back where it never promises more than there is (`vm.overcommit_memory` 2), in bytes.
pub(crate) fn overcommit_reserve() -> u64 {
    let kilobytes = |path| procfile::number(path).unwrap_or(0);
    let both =
        kilobytes(c"/proc/sys/vm/admin_reserve_kbytes").saturating_add(kilobytes(c"/proc/sys/vm/user_reserve_kbytes"));
    both.saturating_mul(1024)
}

/// How the system promises memory.
pub(crate) struct Overcommit {
    /// `vm.overcommit_memory`: 0 heuristic, 1 always, 2 never.
    pub(crate) mode: u64,
    /// `CommitLimit` and `Committed_AS` of /proc/meminfo, in bytes.
    pub(crate) limit: u64,
    pub(crate) committed: u64,
}

/// The system's promises.
pub(crate) fn overcommit() -> Option<Overcommit> {
    let kilobytes = |name: &[u8]| procfile::field(c"/proc/meminfo", name)?.checked_mul(1024);
    Some(Overcommit {
        mode: procfile::number(c"/proc/sys/vm/overcommit_memory")?,
        limit: kilobytes(b"CommitLimit:")?,
        committed: kilobytes(b"Committed_AS:")?,
    })
}

/// RAM and swap of the machine together, in bytes: more is never promised to one call by the heuristic.
pub(crate) fn total_memory() -> Option<u64> {
    let kilobytes = |name: &[u8]| procfile::field(c"/proc/meminfo", name)?.checked_mul(1024);
    kilobytes(b"MemTotal:")?.checked_add(kilobytes(b"SwapTotal:")?)
}

/// The pool of huge pages of one size.
pub(crate) struct HugePages {
    pub(crate) total: u64,
    pub(crate) free: u64,
    pub(crate) reserved: u64,
}

/// The default size of huge pages in bytes.
pub(crate) fn default_huge_page() -> Option<u64> {
    procfile::field(c"/proc/meminfo", b"Hugepagesize:")?.checked_mul(1024)
}

/// Whether this machine shows its pools of huge pages.
pub(crate) fn shows_huge_pages() -> bool {
    sys::statx_path(c"/sys/kernel/mm/hugepages").is_ok()
}

/// The pool of huge pages of `bytes`; `None` if this machine has none of that size, or shows none.
pub(crate) fn huge_pages(bytes: u64) -> Option<HugePages> {
    let read = |file: &str| {
        let mut path = crate::plain::Line::<96>::new();
        let kilobytes = bytes.wrapping_div(1024);
        fmt::Write::write_fmt(&mut path, format_args!("/sys/kernel/mm/hugepages/hugepages-{kilobytes}kB/{file}\0"))
            .ok()?;
        procfile::number(CStr::from_bytes_until_nul(path.as_bytes()).ok()?)
    };
    Some(HugePages { total: read("nr_hugepages")?, free: read("free_hugepages")?, reserved: read("resv_hugepages")? })
}

/// Shows a size as people say it: `8 TiB`, `9.9 MiB`, `4097 bytes`.
#[derive(Clone, Copy)]
pub(crate) struct Size(pub(crate) u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u32, &str); 6] = [(60, "EiB"), (50, "PiB"), (40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
        let bytes = self.0;
        let fits = |&&(shift, _): &&(u32, &str)| bytes >> shift > 0;
        let Some((shift, unit)) = UNITS.iter().find(fits) else {
            return if bytes == 1 { f.write_str("1 byte") } else { write!(f, "{bytes} bytes") };
        };
        let whole = bytes >> shift;
        let rest = bytes & !(u64::MAX << shift);
        // Tenths, rounded down: what is used is never shown as more than there is. Ten times less than 2^60 fits.
        let tenths = rest.wrapping_mul(10) >> shift;
        match (rest, tenths) {
            (0, _) => write!(f, "{whole} {unit}"),
            _ if *shift == 10 && whole < 64 => write!(f, "{bytes} bytes"),
            // Exactly, as long as that is short.
            _ if *shift == 20 && whole < 2 && bytes.is_multiple_of(1024) => write!(f, "{} KiB", bytes >> 10),
            (_, tenths) => write!(f, "{whole}.{tenths} {unit}"),
        }
    }
}

/// Shows a number of bytes, with their [`Size`] where that is easier to read than a number of many digits.
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0;
        match bytes {
            1 => f.write_str("1 byte"),
            // As Size, which has no unit for those.
            _ if bytes < 10 << 10 || (bytes < 64 << 10 && !bytes.is_multiple_of(1024)) => write!(f, "{bytes} bytes"),
            _ => write!(f, "{bytes} bytes ({})", Size(bytes)),
        }
    }
}

/// Hands the mount point of mount `id` (as statx(2) numbers it) to `each`, as /proc/self/mountinfo writes it.
pub(crate) fn with_mount_point<T>(id: u64, mut each: impl FnMut(&[u8]) -> T) -> Option<T> {
    procfile::find_line(c"/proc/self/mountinfo", |line| {
        let mut fields = line.split(|byte| *byte == b' ');
        let number: u64 = core::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
        // Fields: id, parent, major:minor, root, mount point.
        (number == id).then(|| fields.nth(3).map(&mut each))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_said_as_people_say_them() {
        let shown =
            [0, 1, 4096, 4097, 100_000, 9_961_472 + 400_000, 1 << 43, u64::MAX].map(|size| Size(size).to_string());
        assert_eq!(shown, ["0 bytes", "1 byte", "4 KiB", "4097 bytes", "97.6 KiB", "9.8 MiB", "8 TiB", "15.9 EiB"]);
        let shown = [1, 4096, 10_240, 12_000, 65_537, (64 << 20) - 96].map(|size| Bytes(size).to_string());
        assert_eq!(
            shown,
            [
                "1 byte",
                "4096 bytes",
                "10240 bytes (10 KiB)",
                "12000 bytes",
                "65537 bytes (64.0 KiB)",
                "67108768 bytes (63.9 MiB)"
            ]
        );
        assert!(processors().unwrap() > 0);
    }
}
