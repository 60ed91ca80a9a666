//! shmat(2).
//!
//! The kernel (`do_shmat`, Linux 6.18) looks at the sign of the id, the address, the id, the mode bits, and what is
//! mapped at the address, in this order.

use super::memory::{self, ShownMapping};
use super::provenance::note_origin;
use super::releases::Replacing;
use super::segment::{bad_id, help_with_permission, is_allowed, note_hidden, note_other_refusal, note_permissions};
use super::shortage;
use super::{Check, Frame, Loss, unexplained};
use crate::call::Shmat;
use crate::facts::mapping::{Mapping, Mappings};
use crate::facts::segment::{self, Segment};
use crate::finding::Report;
use crate::machine::user_space;
use crate::observe::tracked;
use crate::past::failures::{self, Failed};
use crate::plain::bits::Octal;
use crate::plain::page::page_size;
use crate::plain::texts::{Texts, texts};
use crate::sys::Errno;
use crate::track::{By, ReleasedPieces};
use mapsan_model::{Rule, Severity};

const MEANINGS: Texts = texts! {
    libc::EINVAL => "the address is not one at which the segment can lie",
    libc::ENOMEM => "no room in the address space, a limit such as RLIMIT_AS, or vm.max_map_count is reached",
    libc::EPERM => "SHM_EXEC needs a mount and a policy that allow it",
};

/// As above, where the segment can't be looked at.
const OF_THE_UNSEEN: Texts = texts! {
    libc::EINVAL => "no segment has this id, or it can't lie at the address; there is no permission to look at it",
};

impl Check for Shmat {
    fn find_loss(&self, taken: &ReleasedPieces, frame: Frame) -> Option<Loss> {
        self.find_loss(taken, frame)
    }

    fn tell_loss(&self, loss: &Loss, taken: &ReleasedPieces, report: &Report<'_>) -> Option<Errno> {
        Replacing::Shmat.tell(loss, taken, report)
    }

    fn failed(&self, errno: Errno, report: &Report<'_>) {
        failures::note(Failed::Shmat, report.return_address, errno);
        match errno {
            libc::EIDRM => bad_id(Rule::ShmatBadId, self.id, report),
            libc::EINVAL => self.invalid(report),
            libc::EACCES => self.denied(report),
            libc::ENOMEM => self.no_memory(report),
            _ => unexplained(Rule::ShmatFailed, errno, MEANINGS, report),
        }
    }

    fn violates(&self, report: &Report<'_>) -> Option<Errno> {
        if !crate::options::is_on(Rule::ShmatRemovedSegment) {
            return None;
        }
        let segment = segment::any_by_id(self.id).filter(|segment| segment.removed)?;
        report.offence(Rule::ShmatRemovedSegment, Severity::Warning, |draft| {
            draft.message(format_args!(
                "segment {} is already marked for removal: only Linux still lets processes attach it",
                self.id
            ));
            draft.note(format_args!("it is {segment}"));
            draft.help(format_args!("remove the segment after the last process has attached it"));
        })
    }
}

impl Shmat {
    fn invalid(&self, report: &Report<'_>) {
        if self.id < 0 {
            bad_id(Rule::ShmatBadId, self.id, report);
        } else if !memory::is_aligned(self.address) && self.flags & libc::SHM_RND == 0 {
            report.finding(Rule::ShmatUnalignedAddress, Severity::Error, |draft| {
                draft.message(format_args!(
                    "shmat address {:#x} is not a multiple of SHMLBA ({})",
                    self.address,
                    page_size()
                ));
                // Rounding down helps only where that page is free.
                match memory::look_up(crate::plain::page::page_start(self.address)) {
                    memory::Lookup::Unmapped => draft
                        .help(format_args!("pass NULL to let the kernel choose, or SHM_RND to round the address down")),
                    _ => draft.help(format_args!("pass NULL to let the kernel choose, and use what shmat returns")),
                }
            });
        } else if self.flags & libc::SHM_REMAP != 0 && crate::plain::page::page_start(self.address) == 0 {
            report.finding(Rule::ShmatRemapNull, Severity::Error, |draft| {
                draft.message(format_args!("SHM_REMAP replaces what is mapped at an address, and the address is NULL"));
                draft.help(format_args!(
                    "drop SHM_REMAP to let the kernel choose an address, or pass the address to replace"
                ));
            });
        } else {
            self.invalid_by_state(report);
        }
    }

    fn invalid_by_state(&self, report: &Report<'_>) {
        let Some(segment) = segment::any_by_id(self.id) else {
            if segment::exists(self.id) {
                unexplained(Rule::ShmatFailed, libc::EINVAL, OF_THE_UNSEEN, report);
            } else {
                bad_id(Rule::ShmatBadId, self.id, report);
            }
            return;
        };
        let start = crate::plain::page::page_start(self.address);
        let end = start.checked_add(crate::plain::page::whole_pages(segment.size));
        let (Some(end), true) = (end, self.address != 0) else {
            self.no_room(&segment, report);
            return;
        };
        let there = Mappings::open().and_then(|mappings| mappings.at_or_after(start));
        match there.filter(|there| self.flags & libc::SHM_REMAP == 0 && there.start < end) {
            Some(there) => self.in_use(&there, start, &segment, report),
            None => self.no_room(&segment, report),
        }
    }

    fn in_use(&self, there: &Mapping, start: usize, segment: &Segment, report: &Report<'_>) {
        report.finding(Rule::ShmatAddressInUse, Severity::Note, |draft| {
            let end = start.saturating_add(segment.size);
            draft.message(format_args!(
                "segment {} needs the {} bytes at {start:#x}, and something is mapped there",
                self.id, segment.size
            ));
            note_origin(there.start.max(start), draft);
            draft.mapping(there);
            draft.note(format_args!("it is {}", ShownMapping(there)));
            // What the program has reserved for this by one call of its own, without a right, may be replaced.
            let reserved =
                tracked::at(start).is_some_and(|known| known.origin.by == By::Mmap && known.entry.end >= end);
            if reserved && there.prot() == 0 && there.start <= start && there.end >= end {
                draft.help(format_args!("if this is memory reserved for it, SHM_REMAP replaces it; else pass NULL"));
            } else {
                draft.help(format_args!("pass NULL to let the kernel choose an address, and use what shmat returns"));
            }
        });
    }

    /// The address is free, and there is not enough room above it.
    fn no_room(&self, segment: &Segment, report: &Report<'_>) {
        let end = (self.address as u64).saturating_add(segment.size as u64);
        if self.address == 0 || end < user_space() {
            unexplained(Rule::ShmatFailed, libc::EINVAL, MEANINGS, report);
            return;
        }
        report.finding(Rule::ShmatFailed, Severity::Note, |draft| {
            draft.message(format_args!(
                "segment {} of {} bytes does not fit between {:#x} and the end of the address space",
                self.id, segment.size, self.address
            ));
            draft.help(format_args!("pass NULL to let the kernel choose an address"));
        });
    }

    fn denied(&self, report: &Report<'_>) {
        report.finding(Rule::ShmatDenied, Severity::Note, |draft| {
            let reads = self.flags & libc::SHM_RDONLY != 0;
            let runs = self.flags & libc::SHM_EXEC != 0;
            let (wants, bits) = match (reads, runs) {
                (true, false) => ("reading", 4),
                (true, true) => ("reading and executing", 5),
                (false, false) => ("reading and writing", 6),
                (false, true) => ("reading, writing and executing", 7),
            };
            let Some(segment) = segment::any_by_id(self.id) else {
                draft.message(format_args!("segment {} may not be attached for {wants}", self.id));
                note_hidden(self.id, draft);
                return;
            };
            let refused = !is_allowed(&segment, bits);
            if refused {
                draft.message(format_args!(
                    "the mode of segment {} ({}) refuses {wants}",
                    self.id,
                    Octal(segment.mode)
                ));
            } else {
                draft.message(format_args!("segment {} may not be attached for {wants}", self.id));
            }
            note_permissions(&segment, draft);
            if !refused {
                note_other_refusal(draft);
            } else if !reads && !runs && segment::by_id(self.id).is_ok() {
                // IPC_STAT needs the permission to read, too.
                draft.help(format_args!("attach it with SHM_RDONLY, which its mode allows"));
            } else if runs && is_allowed(&segment, bits & 6) {
                draft.help(format_args!("attach it without SHM_EXEC, which its mode allows"));
            } else {
                help_with_permission(&segment, draft);
            }
        });
    }

    fn no_memory(&self, report: &Report<'_>) {
        report.finding(Rule::ShmatFailed, Severity::Note, |draft| {
            let size = segment::any_by_id(self.id).map_or(0, |segment| segment.size as u64);
            shortage::tell_no_memory("shmat", size, shortage::limit_on(size, false, 0).as_ref(), draft);
        });
    }
}
