//! mremap(2): the calls that fail.

use super::memory::{self, Range, Shown};
use super::releases::Replacing;
use super::{Check, Loss, tell_failure, unexplained};
use crate::call::{Call, Mremap};
use crate::facts::limits::Bytes;
use crate::facts::{self, page_size};
use crate::report::Report;
use crate::sys::Errno;
use crate::track::Taken;
use crate::track::failures::{self, Failed};
use mapsan_model::{Rule, Severity};

const MEANINGS: &[(Errno, &str)] = &[
    (libc::EAGAIN, "the mapping is locked, and RLIMIT_MEMLOCK would be passed"),
    (libc::EFAULT, "the old range is not wholly mapped, or spans mappings"),
    (
        libc::EINVAL,
        "a flag is unknown or lacks its companion (MREMAP_FIXED and MREMAP_DONTUNMAP need MREMAP_MAYMOVE), the new \
         size is 0, the new address is unaligned or overlaps, or the old size is 0 for a mapping that is not shared",
    ),
    (
        libc::ENOMEM,
        "the mapping can't grow where it is and MREMAP_MAYMOVE is not given, or memory or a limit is exhausted",
    ),
    (libc::EPERM, "the range holds a mapping that mseal(2) has sealed (Linux 6.10)"),
];

impl Check for Mremap {
    fn as_call(&self) -> &dyn Call {
        self
    }

    fn find_loss(&self, taken: &Taken, caller: usize) -> Option<Loss> {
        self.find_loss(taken, caller)
    }

    fn tell_loss(&self, loss: &Loss, taken: &Taken, report: &Report<'_>) -> Option<Errno> {
        Replacing::Mremap.tell(loss, taken, report)
    }

    fn failed(&self, errno: Errno, report: &Report<'_>) {
        failures::note(Failed::Mremap, report.caller, errno);
        let explained = match errno {
            libc::EINVAL | libc::EFAULT => self.bad_address(errno, report),
            libc::ENOMEM => {
                self.no_memory(report);
                true
            }
            _ => false,
        };
        if !explained {
            unexplained(Rule::MremapFailed, errno, MEANINGS, report);
        }
    }
}

impl Mremap {
    /// The kernel looks at the flags first, then at the old address, the new size, and the mapping.
    fn bad_address(&self, errno: Errno, report: &Report<'_>) -> bool {
        let known = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED | Self::DONTUNMAP;
        let moves = self.flags & libc::MREMAP_MAYMOVE != 0;
        if errno == libc::EINVAL && (self.flags & !known != 0 || self.has_new_address() && !moves) {
            return false;
        }
        if !memory::is_aligned(self.old_address) {
            report.finding(Rule::MremapBadAddress, Severity::Error, |draft| {
                if self.old_address == libc::MAP_FAILED as usize {
                    draft.message(format_args!("mremap of MAP_FAILED: a mapping call failed, and nobody looked"));
                    tell_failure(Failed::Mmap, draft);
                    draft.help(format_args!(
                        "compare what mmap returns with MAP_FAILED before using it (it is not NULL)"
                    ));
                } else {
                    memory::say_unaligned("mremap", self.old_address, draft);
                    memory::tell_unaligned(self.old_address, draft);
                    draft.help(format_args!("pass the very pointer that mmap returned"));
                }
            });
            return true;
        }
        // An aligned range that is not mapped, or spans mappings, is EFAULT; EINVAL is about the other arguments.
        if errno != libc::EFAULT {
            return false;
        }
        let length = self.old_size.max(1);
        match memory::range(self.old_address, length) {
            Range::Hole(hole) => {
                report.finding(Rule::MremapBadAddress, Severity::Error, |draft| {
                    draft.message(format_args!(
                        "the old range of {} bytes at {:#x} is not wholly mapped",
                        self.old_size, self.old_address
                    ));
                    memory::tell_hole(hole, self.old_address, draft);
                    draft.help(format_args!("pass the address and length of a live mapping"));
                });
                true
            }
            Range::Whole => self.spans_mappings(report),
            Range::Unknown => false,
        }
    }

    fn spans_mappings(&self, report: &Report<'_>) -> bool {
        let Some(first) = memory::mapping_at(self.old_address) else {
            return false;
        };
        if first.end.wrapping_sub(self.old_address) >= facts::whole_pages(self.old_size) {
            return false;
        }
        report.finding(Rule::MremapBadAddress, Severity::Error, |draft| {
            draft.message(format_args!(
                "the old range of {} bytes at {:#x} spans more than one mapping",
                self.old_size, self.old_address
            ));
            draft.note(format_args!("the first is {}", Shown(&first)));
            if let Some(second) = memory::mapping_at(first.end) {
                draft.note(format_args!("the next is {}", Shown(&second)));
            }
            draft.note(format_args!(
                "different protections, files or flags make a mapping of its own; since Linux 6.17 a pure move \
                 (same size, MREMAP_FIXED) may span them, growing and shrinking may not"
            ));
            draft.help(format_args!("remap each mapping by itself"));
        });
        true
    }

    fn no_memory(&self, report: &Report<'_>) {
        report.finding(Rule::MremapFailed, Severity::Note, |draft| {
            let wanted = facts::whole_pages(self.new_size).saturating_sub(facts::whole_pages(self.old_size)) as u64;
            if self.flags & libc::MREMAP_MAYMOVE == 0 {
                draft.message(format_args!(
                    "mremap failed with ENOMEM: the mapping can't grow by {} where it is",
                    Bytes(wanted)
                ));
                let end = self.old_address.saturating_add(facts::whole_pages(self.old_size));
                if let Some(next) = memory::mapping_at(end) {
                    draft.note(format_args!("behind it lies {}", Shown(&next)));
                }
                draft.help(format_args!("pass MREMAP_MAYMOVE and use the address that comes back"));
                return;
            }
            draft.message(format_args!("mremap failed with ENOMEM: no room for {} more", Bytes(wanted)));
            if !memory::tell_memory_limit(wanted, true, draft) && !memory::tell_overcommit(wanted, draft) {
                draft.note(format_args!("no limit of the process explains it (pages of {} bytes)", page_size()));
            }
        });
    }
}
