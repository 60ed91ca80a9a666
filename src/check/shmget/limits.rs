//! New segments for which there is no room: what refuses them, with its figures.

use crate::call::{SHM_HUGETLB, Shmget};
use crate::check::memory::signed;
use crate::facts::limits::{self, Bytes};
use crate::finding::Report;
use crate::form::Draft;
use crate::plain::page::page_size;
use core::ffi::c_int;
use mapsan_model::{Rule, Severity};

/// `SHM_NORESERVE` of `<sys/shm.h>`.
const SHM_NORESERVE: c_int = 0o10000;
/// Where the size of huge pages stands in the flags, as its logarithm.
const HUGE_SHIFT: u32 = 26;
const HUGE_MASK: u32 = 0x3f;

impl Shmget {
    pub(super) fn over_shmmax(&self, most: u64, report: &Report<'_>) {
        report.finding(Rule::ShmgetSizeLimit, Severity::Note, |draft| {
            let Shmget { size, .. } = *self;
            let limit = Bytes(most);
            if size.cast_signed() < 0 {
                draft.message(format_args!("no segment can have {size} bytes{}", signed(size)));
                draft.note(format_args!("kernel.shmmax allows {limit}"));
                draft.help(format_args!("look for what makes the size negative"));
            } else {
                draft.message(format_args!(
                    "a segment of {} is larger than kernel.shmmax allows: {limit}",
                    Bytes(size as u64)
                ));
                draft.help(format_args!("ask for no more than that, or raise it: sysctl kernel.shmmax=N"));
            }
        });
    }

    /// EINVAL of `SHM_HUGETLB` with a page size that the machine lacks; whether it is that.
    pub(super) fn unknown_page_size(&self, report: &Report<'_>) -> bool {
        let size = self.huge_page().unwrap_or(0);
        let is_unknown = limits::shows_huge_pages() && size > 0 && limits::huge_pages(size).is_none();
        if self.flags & SHM_HUGETLB == 0 || !is_unknown {
            return false;
        }
        report.finding(Rule::ShmgetFailed, Severity::Note, |draft| {
            draft.message(format_args!("this machine has no huge pages of {}", Bytes(size)));
            draft.help(format_args!(
                "/sys/kernel/mm/hugepages lists the sizes; without a size in the flags, SHM_HUGETLB takes the default \
                 one"
            ));
        })
    }

    /// The size of the huge pages that are asked for.
    fn huge_page(&self) -> Option<u64> {
        match self.flags.cast_unsigned() >> HUGE_SHIFT & HUGE_MASK {
            0 => limits::default_huge_page(),
            logarithm => 1_u64.checked_shl(logarithm),
        }
    }

    pub(super) fn no_huge_pages(&self, report: &Report<'_>) {
        report.finding(Rule::ShmgetSizeLimit, Severity::Note, |draft| {
            let pool = self.huge_page().and_then(|size| Some((size, limits::huge_pages(size)?)));
            let Some((size, pool)) = pool else {
                draft.message(format_args!("there are too few huge pages for {}", Bytes(self.size as u64)));
                draft.note(format_args!("how many there are can't be read here"));
                return;
            };
            let wanted = (self.size as u64).div_ceil(size);
            let left = pool.free.saturating_sub(pool.reserved);
            draft.message(format_args!(
                "{wanted} huge pages of {} are asked for, and {left} are available",
                Bytes(size)
            ));
            if pool.total == 0 {
                draft.note(format_args!("the pool of these pages is empty"));
            } else {
                draft.note(format_args!(
                    "the pool has {}, {} of them free, {} of these reserved",
                    pool.total, pool.free, pool.reserved
                ));
            }
            if left >= wanted {
                draft
                    .note(format_args!("that is enough now: they were in use then, or a cgroup (hugetlb) limits them"));
            }
            draft.help(format_args!(
                "enlarge the pool (sysctl vm.nr_hugepages=N), or make the segment without SHM_HUGETLB"
            ));
        });
    }

    pub(super) fn no_memory(&self, report: &Report<'_>) {
        report.finding(Rule::ShmgetSizeLimit, Severity::Note, |draft| {
            draft.message(format_args!("there is no memory for a segment of {}", Bytes(self.size as u64)));
            self.tell_overcommit(draft);
        });
    }

    /// What the kernel promises; `SHM_NORESERVE` helps only against the heuristic.
    fn tell_overcommit(&self, draft: &mut Draft) {
        let wanted = (self.size as u64).next_multiple_of(page_size() as u64);
        let unreserved = self.flags & SHM_NORESERVE != 0;
        match limits::overcommit() {
            Some(overcommit) if overcommit.mode == 2 => {
                draft.note(format_args!(
                    "vm.overcommit_memory is 2 (never): of {} that may be promised, {} are",
                    Bytes(overcommit.limit),
                    Bytes(overcommit.committed)
                ));
                draft.help(format_args!(
                    "ask for less, or raise vm.overcommit_ratio; SHM_NORESERVE does not count in this mode"
                ));
            }
            Some(overcommit) if overcommit.mode == 0 && !unreserved => {
                if let Some(total) = limits::total_memory().filter(|total| wanted > *total) {
                    draft.note(format_args!(
                        "vm.overcommit_memory is 0 (heuristic), which promises no call more than RAM and swap \
                         together: {}",
                        Bytes(total)
                    ));
                    draft.help(format_args!("ask for less, or pass SHM_NORESERVE if only part of it is used"));
                } else {
                    draft.note(format_args!(
                        "RAM and swap have room for it: a cgroup or the kernel's own memory may not"
                    ));
                }
            }
            _ => draft.note(format_args!("a cgroup's limit, or the kernel's own memory, may be exhausted")),
        }
    }
}
