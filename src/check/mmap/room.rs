//! ENOMEM and EAGAIN: no room in the address space, or a limit on memory, on mappings, on locked memory or huge pages.

use crate::call::Mmap;
use crate::check::memory;
use crate::check::shortage::{self, Shortage};
use crate::facts::descriptor::{self, Filesystem};
use crate::facts::limits::{self, Size};
use crate::facts::{self, mapping};
use crate::finding::Report;
use crate::form::Draft;
use crate::machine::{Architecture, Machine, user_space};
use crate::past::mlockall;
use crate::plain::page;
use mapsan_model::{Rule, Severity};

/// The addresses that `MAP_32BIT` is surely given: 1 GiB below the first 2 GiB, in whose first 32 MiB the kernel begins at a
/// random page for each call (`find_start_end`).
const LOW: (usize, usize) = (0x4200_0000, 0x8000_0000);

impl Mmap {
    pub(super) fn no_memory(&self, report: &Report<'_>) {
        // What is merely larger than the address space is asked for by runtimes, which then ask for less.
        let signed = self.length.cast_signed() as i64;
        if page::whole_pages(self.length) == 0 || signed < 0 && signed.unsigned_abs() <= user_space() {
            report.finding(Rule::MmapLengthTooLarge, Severity::Error, |draft| {
                draft.message(format_args!(
                    "length {}{} is larger than any address space",
                    self.length,
                    memory::signed(self.length)
                ));
                draft.help(format_args!("check the calculation of the length: a negative number became a huge one"));
            });
        } else if self.is_huge() {
            self.huge_pages(report);
        } else {
            self.out_of_memory(report);
        }
    }

    fn out_of_memory(&self, report: &Report<'_>) {
        report.finding(Rule::MmapOutOfMemory, Severity::Note, |draft| {
            let wanted = page::whole_pages(self.length) as u64;
            // What a fixed mapping replaces is given back first.
            let replaced = if self.flags & libc::MAP_FIXED == 0 {
                0
            } else {
                mapping::mapped_in(self.address, self.address.saturating_add(self.length)) as u64
            };
            let private_writable = !self.is_shared() && self.prot & libc::PROT_WRITE != 0;
            let more = wanted.saturating_sub(replaced);
            let cause = self
                .outside()
                .then_some(Shortage::Outside)
                .or_else(|| shortage::limit_on(more, private_writable, 0))
                .or_else(|| self.no_hole(wanted))
                .or_else(|| self.is_promised(private_writable).then(|| shortage::overcommit_on(more))?);
            shortage::tell_no_memory("mmap", wanted, cause.as_ref(), draft);
            if cause.is_none() && !self.is_anonymous() && !is_file(self.fd) {
                draft.note(format_args!("the driver behind descriptor {} may have no memory of its own", self.fd));
            }
        });
    }

    /// Whether the range asked for leaves the addresses that programs have.
    fn outside(&self) -> bool {
        let most = user_space();
        let end = (self.address as u64).saturating_add(self.length as u64);
        self.length as u64 >= most || self.wants_address() && end > most && !memory::has_wide_addresses()
    }

    /// Whether no hole of the addresses that are searched is large enough.
    fn no_hole(&self, wanted: u64) -> Option<Shortage> {
        if self.wants_address() {
            return None;
        }
        let is_low = self.flags & Machine::LOW_ADDRESSES != 0;
        let whole = || {
            let lowest = usize::try_from(limits::lowest_address().unwrap_or(0)).unwrap_or(0);
            (lowest, usize::try_from(user_space()).unwrap_or(usize::MAX))
        };
        let (low, high) = if is_low { LOW } else { whole() };
        let largest = mapping::largest_hole(low, high)? as u64;
        (largest < wanted).then_some(Shortage::NoHole { largest, low, high, is_low })
    }

    /// Whether the machine has to promise memory for it: what is only reserved or shared with a file takes none.
    fn is_promised(&self, private_writable: bool) -> bool {
        let never = limits::overcommit().is_some_and(|overcommit| overcommit.mode == 2);
        let reserves = self.flags & libc::MAP_NORESERVE != 0 && !never;
        (private_writable || self.is_anonymous() && self.is_shared()) && !reserves
    }

    pub(super) fn huge_pages(&self, report: &Report<'_>) {
        report.finding(Rule::MmapHugePages, Severity::Note, |draft| {
            let by_flag = self.flags & libc::MAP_HUGETLB != 0;
            let size = match self.huge_page_bits() {
                _ if !by_flag => descriptor::huge_page(self.fd),
                0 => limits::default_huge_page(),
                bits => 1_u64.checked_shl(bits),
            };
            let size = size.unwrap_or(0);
            if by_flag && !self.is_anonymous() && descriptor::filesystem(self.fd) == Filesystem::Other {
                draft.message(format_args!("MAP_HUGETLB with a file that is not on hugetlbfs"));
                draft.help(format_args!(
                    "leave MAP_HUGETLB out, or map a file of hugetlbfs or a memfd with MFD_HUGETLB"
                ));
                return;
            }
            let what = if by_flag { "MAP_HUGETLB" } else { "a file of huge pages" };
            let wanted = self.length as u64;
            match limits::huge_pages(size) {
                _ if size == 0 => {
                    draft.message(format_args!("{what} is refused: the size of huge pages can't be read"));
                }
                None if limits::shows_huge_pages() => {
                    draft.message(format_args!("{what} is refused: this machine has no huge pages of {}", Size(size)));
                }
                None => draft.message(format_args!("{what} is refused: huge pages of {}", Size(size))),
                Some(_) if !self.offset.cast_unsigned().is_multiple_of(size) => {
                    draft.message(format_args!(
                        "offset {} is not a multiple of the huge page ({})",
                        self.offset,
                        Size(size)
                    ));
                }
                Some(_) if self.wants_address() && !(self.address as u64).is_multiple_of(size) => draft.message(
                    format_args!("address {:#x} is not a multiple of the huge page ({})", self.address, Size(size)),
                ),
                Some(pool) => {
                    let pages = wanted.div_ceil(size);
                    draft.message(format_args!(
                        "{what} needs {pages} huge page{} of {}, and {} {} available",
                        if pages == 1 { "" } else { "s" },
                        Size(size),
                        pool.free.saturating_sub(pool.reserved),
                        if pool.free.saturating_sub(pool.reserved) == 1 { "is" } else { "are" }
                    ));
                    draft.note(format_args!(
                        "the pool has {} pages of this size, {} free, {} of these reserved",
                        pool.total, pool.free, pool.reserved
                    ));
                }
            }
            self.help_with_huge_pages(by_flag, size, draft);
        });
    }

    fn help_with_huge_pages(&self, by_flag: bool, size: u64, draft: &mut Draft) {
        let is_memfd = || facts::Path::of_descriptor(self.fd).is_some_and(|path| path.bytes().starts_with(b"/memfd:"));
        if size > 0 && limits::huge_pages(size).is_some() && !self.offset.cast_unsigned().is_multiple_of(size) {
            draft.help(format_args!("pass an offset that is a multiple of the huge page"));
        } else if by_flag && size > 0 && limits::huge_pages(size).is_none() && limits::shows_huge_pages() {
            draft.help(format_args!("ask for a size that /sys/kernel/mm/hugepages has, or map without MAP_HUGETLB"));
        } else if by_flag && limits::default_huge_page() == Some(size) {
            draft.help(format_args!(
                "reserve pages (sysctl vm.nr_hugepages=N), or map without MAP_HUGETLB and advise MADV_HUGEPAGE"
            ));
        } else if by_flag {
            draft.help(format_args!(
                "reserve pages (nr_hugepages in /sys/kernel/mm/hugepages/hugepages-{}kB), or map without MAP_HUGETLB",
                size / 1024
            ));
        } else if is_memfd() {
            draft.help(format_args!(
                "reserve pages (sysctl vm.nr_hugepages=N), or make the memfd without MFD_HUGETLB (memfd_create)"
            ));
        } else {
            draft.help(format_args!("reserve pages (sysctl vm.nr_hugepages=N), or use a file outside of hugetlbfs"));
        }
    }

    /// Whether locked memory is what was refused: the call asks for it, or an earlier mlockall does.
    pub(super) fn is_locked(&self) -> bool {
        // Nothing else gives EAGAIN for anonymous memory.
        self.flags & libc::MAP_LOCKED != 0 || self.is_anonymous() || mlockall::future_site().is_some()
    }

    pub(super) fn lock_limit(&self, report: &Report<'_>) {
        report.finding(Rule::MmapLockLimit, Severity::Note, |draft| {
            shortage::tell_lock_limit(page::whole_pages(self.length) as u64, draft);
            let by_flag = self.flags & libc::MAP_LOCKED != 0;
            shortage::tell_who_locks(by_flag.then_some("MAP_LOCKED"), draft);
        });
    }
}

/// Whether a descriptor is a regular file.
fn is_file(fd: core::ffi::c_int) -> bool {
    descriptor::file(fd).is_ok_and(|file| file.kind == descriptor::FileKind::Regular)
}
