//! mremap(2): the calls that fail.

use super::memory::{self, Coverage, NotMapped, ShownMapping};
use super::provenance::{note_gone, note_mapped};
use super::releases::Replacing;
use super::shortage::{self, Shortage};
use super::{Check, Frame, Loss, filter_refuses, heap, stored, tell_filter, tell_unexplained};
use crate::call::Mremap;
use crate::facts::limits::{self, Size};
use crate::facts::mapping;
use crate::finding::Report;
use crate::form::Draft;
use crate::machine::user_space;
use crate::observe::tracked;
use crate::past::failures::{self, Failed};
use crate::plain::texts::{Texts, texts};
use crate::plain::{self, page};
use crate::sys::Errno;
use crate::track::ReleasedPieces;
use mapsan_model::{Rule, Severity};

const MEANINGS: Texts = texts! {
    libc::EFAULT => "an old range that was not wholly mapped at that moment, or a mapping that can't be changed in size",
    libc::EINVAL => "an argument that this kernel does not take",
    libc::EPERM => "a mapping that mseal(2) has sealed",
};

impl Check for Mremap {
    fn find_loss(&self, taken: &ReleasedPieces, frame: Frame) -> Option<Loss> {
        self.find_loss(taken, frame)
    }

    fn tell_loss(&self, loss: &Loss, taken: &ReleasedPieces, report: &Report<'_>) -> Option<Errno> {
        Replacing::Mremap.tell(loss, taken, report)
    }

    fn failed(&self, errno: Errno, report: &Report<'_>) {
        failures::note(Failed::Mremap, report.return_address, errno);
        let [old, size, new_size, new] = [self.old_address, self.old_size, self.new_size, self.new_address];
        if filter_refuses(errno, libc::SYS_mremap, [old, size, new_size, crate::sys::int(self.flags), new, 0]) {
            return tell_filter(Rule::MremapFailed, report);
        }
        if matches!(errno, libc::EINVAL | libc::EFAULT)
            && (self.bad_address(errno, report) || self.bad_arguments(errno, report))
        {
            return;
        }
        report.finding(Rule::MremapFailed, Severity::Note, |draft| match errno {
            libc::ENOMEM => self.no_memory(draft),
            libc::EAGAIN => {
                shortage::tell_lock_limit(self.growth(), draft);
                shortage::tell_who_locks(None, draft);
            }
            libc::EPERM if mapping::has_flag(old, old.saturating_add(size), *b"sl") == Some(true) => {
                memory::tell_sealed("mremap", draft);
            }
            _ => tell_unexplained("mremap", errno, MEANINGS, draft),
        });
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
                    memory::tell_map_failed("mremap", draft);
                } else if !stored::tell_address_of_pointer("mremap", self.old_address, draft) {
                    memory::say_unaligned("mremap", self.old_address, draft);
                    memory::note_unaligned(self.old_address, draft);
                    if heap::is_block(self.old_address) {
                        draft.help(format_args!("change the size of memory of malloc's with realloc"));
                    } else {
                        draft.help(format_args!("pass the pointer that mmap returned"));
                    }
                }
            });
            return true;
        }
        // An aligned range that is not mapped, or spans mappings, is EFAULT; EINVAL is about the other arguments.
        if errno != libc::EFAULT {
            return false;
        }
        let length = self.old_size.max(1);
        match memory::coverage(self.old_address, length) {
            Coverage::Hole(hole) => {
                report.finding(Rule::MremapBadAddress, Severity::Error, |draft| {
                    draft.message(format_args!("mremap: {}", NotMapped(self.old_address, self.old_size)));
                    memory::note_hole(hole, self.old_address, draft);
                    if let Some(gone) = tracked::last_gone(hole) {
                        note_gone(&gone, draft);
                    }
                    draft.help(format_args!("pass the address and length of a mapping that is still there"));
                });
                true
            }
            Coverage::Whole => self.spans_mappings(report),
            Coverage::Unknown => false,
        }
    }

    fn spans_mappings(&self, report: &Report<'_>) -> bool {
        let Some(first) = memory::mapping_at(self.old_address) else {
            return false;
        };
        if first.end.wrapping_sub(self.old_address) >= page::whole_pages(self.old_size) {
            return false;
        }
        report.finding(Rule::MremapBadAddress, Severity::Error, |draft| {
            draft.message(format_args!(
                "the old range of {} bytes at {:#x} spans more than one mapping",
                self.old_size, self.old_address
            ));
            draft.note(format_args!("the first is {}", ShownMapping(&first)));
            if let Some(second) = memory::mapping_at(first.end) {
                draft.note(format_args!("the next is {}", ShownMapping(&second)));
            }
            draft.note(format_args!(
                "different protections, files or flags make a mapping of its own; since Linux 6.17 a pure move \
                 (same size, MREMAP_FIXED) may span them, growing and shrinking may not"
            ));
            let own = tracked::at(self.old_address).filter(|known| {
                let end = known.origin.base.saturating_add(page::whole_pages(known.origin.length));
                known.origin.base == self.old_address && end <= first.end
            });
            match own {
                Some(known) => {
                    note_mapped(&known, draft);
                    draft
                        .help(format_args!("pass the length that was mapped as the old size: {}", known.origin.length));
                }
                None => draft.help(format_args!("remap each mapping by itself")),
            }
        });
        true
    }

    /// EINVAL about the other arguments, which say it themselves.
    fn bad_arguments(&self, errno: Errno, report: &Report<'_>) -> bool {
        if errno != libc::EINVAL {
            return false;
        }
        let known = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED | Self::DONTUNMAP;
        let (fixed, moves) = (self.flags & libc::MREMAP_FIXED != 0, self.flags & libc::MREMAP_MAYMOVE != 0);
        let keeps = self.flags & Self::DONTUNMAP != 0;
        let new = plain::Range::new(self.new_address, page::whole_pages(self.new_size));
        let old = plain::Range::new(self.old_address, page::whole_pages(self.old_size));
        let overlaps = fixed && old.start < new.end && new.start < old.end;
        let (message, help) = if self.flags & !known != 0 {
            ("the flags have unknown bits", "pass MREMAP_MAYMOVE, with or without MREMAP_FIXED or MREMAP_DONTUNMAP")
        } else if fixed && !moves {
            ("MREMAP_FIXED needs MREMAP_MAYMOVE", "pass MREMAP_MAYMOVE|MREMAP_FIXED")
        } else if keeps && !moves {
            ("MREMAP_DONTUNMAP needs MREMAP_MAYMOVE", "pass MREMAP_MAYMOVE|MREMAP_DONTUNMAP")
        } else if keeps && self.old_size != self.new_size {
            ("MREMAP_DONTUNMAP needs the old size as the new size", "pass the same size twice")
        } else if self.new_size == 0 {
            ("the new size is 0", "pass the size that the mapping shall have; munmap ends it")
        } else if fixed && !memory::is_aligned(self.new_address) {
            ("the new address is not a multiple of the page size", "pass a page-aligned new address")
        } else if overlaps {
            ("the new range overlaps the old one", "move to a range of its own")
        } else if self.old_size == 0 && mapping_is_private(self.old_address) {
            ("an old size of 0 duplicates a shared mapping, and this one is private", "pass the size that was mapped")
        } else {
            return false;
        };
        report.finding(Rule::MremapFailed, Severity::Note, |draft| {
            draft.message(format_args!("{message}"));
            draft.help(format_args!("{help}"));
        });
        true
    }

    /// By how much the mapping would grow, in bytes.
    fn growth(&self) -> u64 {
        page::whole_pages(self.new_size).saturating_sub(page::whole_pages(self.old_size)) as u64
    }

    fn no_memory(&self, draft: &mut Draft) {
        let size = page::whole_pages(self.new_size) as u64;
        let end = self.old_address.saturating_add(page::whole_pages(self.old_size));
        let there = memory::mapping_at(self.old_address);
        let counts = there.as_ref().is_some_and(|there| !there.is_shared() && there.is_writable());
        // The kernel asks for some mappings more than a move takes.
        let cause = shortage::limit_on(self.growth(), counts, 6);
        let next = memory::mapping_at(end);
        if cause.is_none()
            && self.flags & libc::MREMAP_MAYMOVE == 0
            && let Some(next) = next
        {
            draft.message(format_args!(
                "the mapping can't grow by {} where it is: the addresses behind it are in use",
                Size(self.growth())
            ));
            draft.note(format_args!("behind it lies {}", ShownMapping(&next)));
            draft.help(format_args!("pass MREMAP_MAYMOVE and use the address that comes back"));
            return;
        }
        let cause =
            cause.or_else(|| self.no_hole(size)).or_else(|| counts.then(|| shortage::overcommit_on(self.growth()))?);
        match cause {
            Some(Shortage::MoreThanMemory(total)) => {
                draft.message(format_args!(
                    "{} more is above RAM and swap together ({}), which vm.overcommit_memory=0 promises to no call",
                    Size(self.growth()),
                    Size(total)
                ));
                draft.help(format_args!("ask for less"));
            }
            // Figures that count what is added; a place to move to has to hold it all.
            Some(Shortage::NoHole { .. }) => shortage::tell_no_memory("mremap", size, cause.as_ref(), draft),
            _ => shortage::tell_no_memory("mremap", self.growth(), cause.as_ref(), draft),
        }
    }

    fn no_hole(&self, size: u64) -> Option<Shortage> {
        if self.flags & libc::MREMAP_FIXED != 0 {
            return None;
        }
        let low = usize::try_from(limits::lowest_address().unwrap_or(0)).unwrap_or(0);
        let high = usize::try_from(user_space()).unwrap_or(usize::MAX);
        let largest = mapping::largest_hole(low, high)? as u64;
        (largest < size).then_some(Shortage::NoHole { largest, low, high, is_low: false })
    }
}

/// Whether what is mapped at an address is private.
fn mapping_is_private(address: usize) -> bool {
    memory::mapping_at(address).is_some_and(|there| !there.is_shared())
}
