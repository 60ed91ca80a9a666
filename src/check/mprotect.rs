//! mprotect(2): the calls that fail.

use super::known::{tell_gone, tell_origin};
use super::memory::{self, Range, Shown};
use super::{Check, tell_failure, unexplained};
use crate::call::{Call, Mprotect, Quoted};
use crate::facts;
use crate::facts::mapping::{Mapping, Mappings};
use crate::report::Report;
use crate::sys::Errno;
use crate::track;
use crate::track::failures::Failed;
use mapsan_model::{Rule, Severity};

const MEANINGS: &[(Errno, &str)] = &[
    (libc::EACCES, "the memory may not be given this access: by how its file was opened, by its mount, or by policy"),
    (
        libc::EINVAL,
        "PROT_GROWSUP and PROT_GROWSDOWN exclude each other and need a mapping that grows, or a protection is unknown",
    ),
    (
        libc::ENOMEM,
        "part of the range is not mapped or outside the address space, or a split would pass vm.max_map_count",
    ),
    (libc::EPERM, "the range holds a mapping that mseal(2) has sealed (Linux 6.10)"),
];

impl Check for Mprotect {
    fn as_call(&self) -> &dyn Call {
        self
    }

    fn failed(&self, errno: Errno, report: &Report<'_>) {
        let explained = match errno {
            libc::EINVAL if !memory::is_aligned(self.address) => {
                self.unaligned(report);
                true
            }
            libc::ENOMEM => self.not_mapped(report),
            libc::EACCES if self.prot & libc::PROT_WRITE != 0 => self.denied(report),
            _ => false,
        };
        if !explained {
            unexplained(Rule::MprotectFailed, errno, MEANINGS, report);
        }
    }
}

impl Mprotect {
    fn unaligned(&self, report: &Report<'_>) {
        report.finding(Rule::MprotectUnalignedAddress, Severity::Error, |draft| {
            if self.address == libc::MAP_FAILED as usize {
                draft.message(format_args!("mprotect of MAP_FAILED: a mapping call failed, and nobody looked"));
                tell_failure(Failed::Mmap, draft);
                draft.help(format_args!("compare what mmap returns with MAP_FAILED before using it (it is not NULL)"));
                return;
            }
            memory::say_unaligned("mprotect", self.address, draft);
            memory::tell_unaligned(self.address, draft);
            draft.help(format_args!(
                "protection is a matter of whole pages: take memory from mmap or posix_memalign, not from malloc, and \
                 round the address down to its page"
            ));
        });
    }

    fn not_mapped(&self, report: &Report<'_>) -> bool {
        let Range::Hole(hole) = memory::range(self.address, facts::whole_pages(self.length)) else {
            return false;
        };
        report.finding(Rule::MprotectNotMapped, Severity::Error, |draft| {
            draft.message(format_args!(
                "the range of {} bytes at {:#x} is not wholly mapped",
                self.length, self.address
            ));
            memory::tell_hole(hole, self.address, draft);
            if let Some(gone) = track::last_gone(hole) {
                tell_gone(&gone, draft);
            }
            if hole != self.address {
                draft.note(format_args!("the pages before the hole have been changed"));
            }
            draft.help(format_args!("map the memory first; check the length that is passed"));
        });
        true
    }

    /// Whether some shared mapping of the range that is not writable is the reason.
    fn denied(&self, report: &Report<'_>) -> bool {
        let Some(mapping) = self.first_unwritable_shared() else {
            return false;
        };
        report.finding(Rule::MprotectDenied, Severity::Warning, |draft| {
            if mapping.is_segment() {
                draft.message(format_args!("PROT_WRITE on a segment that was attached with SHM_RDONLY"));
                tell_origin(mapping.start.max(self.address), draft);
                draft.mapping(&mapping);
            draft.note(format_args!("it is {}", Shown(&mapping)));
                draft.help(format_args!("attach it without SHM_RDONLY"));
                return;
            }
            draft.message(format_args!(
                "PROT_WRITE on a shared mapping of {}, whose descriptor was read-only or which is sealed against writing",
                Quoted(mapping.name())
            ));
            tell_origin(mapping.start.max(self.address), draft);
            draft.mapping(&mapping);
            draft.note(format_args!("it is {}", Shown(&mapping)));
            draft.help(format_args!(
                "map it from a descriptor opened with O_RDWR (and not sealed), or with MAP_PRIVATE"
            ));
        });
        true
    }

    fn first_unwritable_shared(&self) -> Option<Mapping> {
        let mappings = Mappings::open()?;
        let end = self.address.checked_add(self.length)?;
        let mut address = self.address;
        while address < end {
            let mapping = mappings.at(address)?;
            if mapping.is_shared() && !mapping.is_writable() {
                return Some(mapping);
            }
            address = mapping.end;
        }
        None
    }
}
