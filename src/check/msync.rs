//! msync(2): the calls that fail.

use super::known::tell_gone;
use super::memory;
use super::{Check, tell_failure, unexplained};
use crate::call::{Call, Msync};
use crate::facts;
use crate::report::Report;
use crate::sys::Errno;
use crate::track::failures::Failed;
use crate::track::{self, Range};
use mapsan_model::{Rule, Severity};

const MEANINGS: &[(Errno, &str)] = &[
    (libc::EBUSY, "MS_INVALIDATE on memory that is locked"),
    (libc::EINTR, "a signal came while it waited"),
    (libc::EIO, "the file could not be written"),
    (libc::ENOMEM, "part of the range is not mapped, which tells a program that probes an address that it is free"),
    (libc::ENOSPC, "the filesystem is full"),
];

impl Check for Msync {
    fn as_call(&self) -> &dyn Call {
        self
    }

    /// The kernel looks at the flags, the address, `MS_SYNC` with `MS_ASYNC`, and the range, in this order.
    fn failed(&self, errno: Errno, report: &Report<'_>) {
        let known = libc::MS_ASYNC | libc::MS_INVALIDATE | libc::MS_SYNC;
        let both = libc::MS_ASYNC | libc::MS_SYNC;
        let explained = match errno {
            libc::EINVAL if self.flags & !known != 0 => {
                let unknown = self.flags & !known;
                report.finding(Rule::MsyncBadFlags, Severity::Error, |draft| {
                    draft.message(format_args!("msync flags hold unknown bits ({unknown:#x})"));
                    self.tell_unaligned(draft);
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
                    draft.message(format_args!("msync flags hold MS_SYNC and MS_ASYNC, which exclude each other"));
                    draft.help(format_args!("pass MS_SYNC to wait for the write, or MS_ASYNC not to"));
                });
                true
            }
            libc::ENOMEM => self.not_mapped(report),
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
                draft.message(format_args!("msync of MAP_FAILED: a mapping call failed, and nobody looked"));
                tell_failure(Failed::Mmap, draft);
                draft.help(format_args!("compare what mmap returns with MAP_FAILED before using it (it is not NULL)"));
                return;
            }
            memory::say_unaligned("msync", self.address, draft);
            memory::tell_unaligned(self.address, draft);
            let below = facts::page_start(self.address);
            let into = facts::page_remainder(self.address);
            draft.help(format_args!("sync from {below:#x}, with {} bytes", self.length.saturating_add(into)));
        });
    }

    fn tell_unaligned(&self, draft: &mut crate::report::Draft) {
        if !memory::is_aligned(self.address) {
            draft.note(format_args!("address {:#x} is not page-aligned, either", self.address));
        }
    }

    /// Whether part of the range is or was a mapping of the program.
    fn is_of_the_program(&self) -> bool {
        let range = Range::new(self.address, facts::whole_pages(self.length));
        let touches = |start: usize, end: usize| start < range.end && range.start < end;
        track::with(|state| {
            let regions = &state.regions;
            regions.at_or_after(range.start).is_some_and(|entry| entry.start < range.end)
                || regions
                    .history
                    .newest_first()
                    .any(|gone| gone.is_real() && touches(gone.entry.start, gone.entry.end))
        })
        .unwrap_or(false)
    }

    /// A bare `MS_ASYNC` writes nothing: programs use it to ask whether an address is mapped, and ENOMEM is the answer.
    fn not_mapped(&self, report: &Report<'_>) -> bool {
        if self.flags & (libc::MS_SYNC | libc::MS_INVALIDATE) == 0 && !self.is_of_the_program() {
            return false;
        }
        let memory::Range::Hole(hole) = memory::range(self.address, facts::whole_pages(self.length)) else {
            return false;
        };
        report.finding(Rule::MsyncNotMapped, Severity::Error, |draft| {
            draft.message(format_args!(
                "the range of {} bytes at {:#x} is not wholly mapped",
                self.length, self.address
            ));
            memory::tell_hole(hole, self.address, draft);
            if let Some(gone) = track::last_gone(hole) {
                tell_gone(&gone, draft);
            }
            draft.help(format_args!("sync before unmapping, with the length that was mapped"));
        });
        true
    }
}
