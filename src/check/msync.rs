//! msync(2): the calls that fail.

use super::memory::{self, NotMapped};
use super::provenance::note_gone;
use super::{Check, filter_refuses, stored, tell_filter, unexplained};
use crate::call::Msync;
use crate::finding::Report;
use crate::observe::tracked;
use crate::plain::texts::{Texts, texts};
use crate::plain::{Range, page};
use crate::sys::Errno;
use mapsan_model::{Rule, Severity};

const MEANINGS: Texts = texts! {
    libc::EINTR => "a signal that came while it waited",
    libc::EIO => "a file that could not be written (see dmesg)",
    libc::ENOMEM => "a part of the range that was not mapped at that moment",
    libc::ENOSPC => "a full filesystem",
    libc::EDQUOT => "a quota on the filesystem that is used up",
};

impl Check for Msync {
    /// The kernel looks at the flags, the address, `MS_SYNC` with `MS_ASYNC`, and the range, in this order.
    fn failed(&self, errno: Errno, report: &Report<'_>) {
        let arguments = [self.address, self.length, crate::sys::int(self.flags), 0, 0, 0];
        if filter_refuses(errno, libc::SYS_msync, arguments) {
            return tell_filter(Rule::MsyncFailed, report);
        }
        let known = libc::MS_ASYNC | libc::MS_INVALIDATE | libc::MS_SYNC;
        let both = libc::MS_ASYNC | libc::MS_SYNC;
        let explained = match errno {
            libc::EINVAL if self.flags & !known != 0 => {
                let unknown = self.flags & !known;
                report.finding(Rule::MsyncBadFlags, Severity::Error, |draft| {
                    draft.message(format_args!("the flags have unknown bits ({unknown:#x})"));
                    self.note_unaligned(draft);
                    draft.help(format_args!("pass MS_SYNC or MS_ASYNC, with or without MS_INVALIDATE"));
                });
                true
            }
            libc::EINVAL if !memory::is_aligned(self.address) => {
                self.unaligned(report);
                true
            }
            libc::EINVAL if self.flags & both == both => {
                report.finding(Rule::MsyncBadFlags, Severity::Error, |draft| {
                    draft.message(format_args!("the flags are MS_SYNC and MS_ASYNC at once, which exclude each other"));
                    draft.help(format_args!("pass MS_SYNC to wait for the write, or MS_ASYNC not to"));
                });
                true
            }
            // A bare MS_ASYNC writes nothing: programs ask so whether an address is mapped, and ENOMEM is the answer.
            libc::ENOMEM if self.is_probe() => true,
            libc::ENOMEM => self.not_mapped(report),
            libc::EBUSY => {
                report.finding(Rule::MsyncFailed, Severity::Note, |draft| {
                    draft.message(format_args!("msync with MS_INVALIDATE of memory that is locked"));
                    draft.help(format_args!("unlock it first (munlock), or sync without MS_INVALIDATE"));
                });
                true
            }
            _ => false,
        };
        if !explained {
            unexplained(Rule::MsyncFailed, errno, MEANINGS, report);
        }
    }
}

impl Msync {
    fn unaligned(&self, report: &Report<'_>) {
        report.finding(Rule::MsyncUnalignedAddress, Severity::Error, |draft| {
            if self.address == libc::MAP_FAILED as usize {
                memory::tell_map_failed("msync", draft);
                return;
            }
            if stored::tell_address_of_pointer("msync", self.address, draft) {
                return;
            }
            memory::say_unaligned("msync", self.address, draft);
            memory::note_unaligned(self.address, draft);
            let below = page::page_start(self.address);
            let into = page::page_remainder(self.address);
            draft.help(format_args!("sync from {below:#x}, with {} bytes", self.length.saturating_add(into)));
        });
    }

    fn note_unaligned(&self, draft: &mut crate::form::Draft) {
        if !memory::is_aligned(self.address) {
            draft.note(format_args!(
                "address {:#x} is not a multiple of the page size, which is not allowed either",
                self.address
            ));
        }
    }

    /// Whether part of the range is or was a mapping of the program.
    fn is_of_the_program(&self) -> bool {
        let range = Range::new(self.address, page::whole_pages(self.length));
        tracked::holds_or_held(range)
    }

    fn is_probe(&self) -> bool {
        self.flags & (libc::MS_SYNC | libc::MS_INVALIDATE) == 0 && !self.is_of_the_program()
    }

    fn not_mapped(&self, report: &Report<'_>) -> bool {
        let memory::Coverage::Hole(hole) = memory::coverage(self.address, page::whole_pages(self.length)) else {
            return false;
        };
        report.finding(Rule::MsyncNotMapped, Severity::Error, |draft| {
            draft.message(format_args!("{}", NotMapped(self.address, self.length)));
            memory::note_hole(hole, self.address, draft);
            if let Some(gone) = tracked::last_gone(hole) {
                note_gone(&gone, draft);
            }
            draft.help(format_args!("call msync before munmap, on memory that is still mapped"));
        });
        true
    }
}
