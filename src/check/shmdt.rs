//! shmdt(2): the calls that fail.

use super::known::{tell_gone, tell_mapped, tell_origin};
use super::memory::{self, Shown, There};
use super::{Check, tell_failure, unexplained};
use crate::call::{Address, Call, Shmdt};
use crate::facts::mapping::Mapping;
use crate::report::Report;
use crate::sys::Errno;
use crate::track::failures::Failed;
use crate::track::{self, By, KnownGone};
use mapsan_model::{Rule, Severity};

impl Check for Shmdt {
    fn as_call(&self) -> &dyn Call {
        self
    }

    fn failed(&self, errno: Errno, report: &Report<'_>) {
        // EINVAL is the only errno of shmdt(2); another library in the chain may give others.
        if errno != libc::EINVAL || self.address == 0 || self.address == usize::MAX {
            self.not_attached(errno, None, report);
            return;
        }
        let there = memory::there(self.address);
        match &there {
            There::Mapping(mapping) if mapping.is_segment() => self.interior(mapping, report),
            There::Mapping(mapping) if is_heap_or_stack(mapping) => self.not_attached(errno, Some(&there), report),
            There::Mapping(mapping) => self.not_a_segment(mapping, report),
            There::Nothing | There::Unknown => match self.last_attachment() {
                Some(gone) => self.double(&gone, report),
                None => self.not_attached(errno, Some(&there), report),
            },
        }
    }
}

/// Whether the kernel names it as memory that no mmap of the program made.
fn is_heap_or_stack(mapping: &Mapping) -> bool {
    mapping.name() == b"[heap]" || mapping.name().starts_with(b"[stack")
}

impl Shmdt {
    fn not_attached(&self, errno: Errno, there: Option<&There>, report: &Report<'_>) {
        if errno != libc::EINVAL {
            unexplained(Rule::ShmdtNotAttached, errno, &[], report);
            return;
        }
        report.finding(Rule::ShmdtNotAttached, Severity::Error, |draft| {
            if self.address == usize::MAX {
                draft.message(format_args!("shmdt of (void *) -1: shmat failed, and nobody looked"));
                tell_failure(Failed::Shmat, draft);
                draft
                    .help(format_args!("compare what shmat returns with (void *) -1 before using it (it is not NULL)"));
                return;
            }
            draft.message(format_args!("no segment is attached at {}", Address(self.address)));
            match there {
                Some(There::Mapping(there)) => draft.note(format_args!("the address lies in {}", Shown(there))),
                Some(There::Unknown) => tell_origin(self.address, draft),
                Some(There::Nothing) | None => draft.note(format_args!("nothing is mapped there")),
            }
            draft.help(format_args!("pass the very pointer that shmat returned"));
        });
    }

    fn interior(&self, mapping: &Mapping, report: &Report<'_>) {
        report.finding(Rule::ShmdtInterior, Severity::Error, |draft| {
            let base = mapping.base();
            draft.message(format_args!(
                "{:#x} is {} bytes inside an attached segment, whose base is {base:#x}",
                self.address,
                self.address.wrapping_sub(base)
            ));
            tell_origin(self.address, draft);
            draft.note(format_args!("it is {}", Shown(mapping)));
            draft.help(format_args!("pass the very pointer that shmat returned; keep it when walking with another"));
        });
    }

    fn not_a_segment(&self, mapping: &Mapping, report: &Report<'_>) {
        report.finding(Rule::ShmdtNotASegment, Severity::Error, |draft| {
            draft.message(format_args!("{:#x} belongs to a mapping that shmat did not make", self.address));
            draft.note(format_args!("it is {}", Shown(mapping)));
            tell_origin(self.address, draft);
            if let Some(gone) = self.last_attachment() {
                draft.place(
                    gone.gone.site,
                    format_args!("a segment that was attached at this address was detached here"),
                );
            }
            draft.help(format_args!("unmap what mmap returned with munmap"));
        });
    }

    /// The segment that was attached at this address before.
    fn last_attachment(&self) -> Option<KnownGone> {
        track::last_gone(self.address)
            .filter(|gone| gone.was.origin.by == By::Shmat && gone.was.origin.base == self.address)
    }

    fn double(&self, gone: &KnownGone, report: &Report<'_>) {
        report.finding(Rule::ShmdtDouble, Severity::Error, |draft| {
            draft.message(format_args!("the segment at {:#x} is detached already", self.address));
            tell_gone(gone, draft);
            tell_mapped(&gone.was, draft);
            draft.help(format_args!("detach each attachment once; set the pointer to NULL after shmdt"));
        });
    }
}
