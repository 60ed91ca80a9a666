//! shmdt(2): the calls that fail.

use super::memory::{self, Lookup, ShownMapping};
use super::provenance::{note_gone, note_mapped, note_origin};
use super::{Check, heap, note_failure, stored, unexplained};
use crate::call::{Address, Shmdt};
use crate::facts::mapping::Mapping;
use crate::finding::Report;
use crate::form::Draft;
use crate::observe::tracked;
use crate::past::failures::{self, Failed};
use crate::plain::texts::Texts;
use crate::sys::Errno;
use crate::track::{By, ReleasedMapping, TrackedRange};
use mapsan_model::{Rule, Severity};

impl Check for Shmdt {
    fn failed(&self, errno: Errno, report: &Report<'_>) {
        // EINVAL is the only errno of shmdt(2); another library in the chain may give others.
        if errno != libc::EINVAL || self.address == 0 || self.address == usize::MAX {
            self.not_attached(errno, None, report);
            return;
        }
        let there = memory::look_up(self.address);
        match &there {
            Lookup::Mapping(mapping) if mapping.is_segment() => self.interior(mapping.base(), Some(mapping), report),
            // Memory that no mmap of the program made is no mapping for munmap: the heap, a stack, a loaded object.
            Lookup::Mapping(mapping) => match tracked::at(self.address).filter(|known| known.origin.by != By::Shmat) {
                Some(known) => self.not_a_segment(Some(mapping), &known, report),
                None => self.not_attached(errno, Some(&there), report),
            },
            Lookup::Unknown if let Some(known) = tracked::at(self.address) => match known.origin.by {
                By::Shmat => self.interior(known.origin.base, None, report),
                _ => self.not_a_segment(None, &known, report),
            },
            Lookup::Unmapped | Lookup::Unknown => match self.last_attachment() {
                Some(gone) if gone.gone.by != By::Madvise => self.double(&gone, report),
                _ => self.not_attached(errno, Some(&there), report),
            },
        }
    }
}

/// Notes what the kernel has at the address, or that it could not be asked.
fn note_there(mapping: Option<&Mapping>, draft: &mut Draft) {
    match mapping {
        Some(mapping) => draft.note(format_args!("it is {}", ShownMapping(mapping))),
        None => draft.note(format_args!("not confirmed by the kernel: its list of mappings can't be read")),
    }
}

impl Shmdt {
    fn not_attached(&self, errno: Errno, there: Option<&Lookup>, report: &Report<'_>) {
        if errno != libc::EINVAL {
            unexplained(Rule::ShmdtNotAttached, errno, Texts::NONE, report);
            return;
        }
        report.finding(Rule::ShmdtNotAttached, Severity::Error, |draft| {
            if self.address == usize::MAX {
                draft.message(format_args!("shmdt of (void *) -1, which is what shmat returns when it fails"));
                if failures::last(Failed::Shmat).is_some() {
                    note_failure(Failed::Shmat, draft);
                } else {
                    draft.note(format_args!("no shmat that failed was seen in this process"));
                }
                draft.help(format_args!(
                    "compare what shmat returns with (void *) -1, not with NULL, and detach only what was attached"
                ));
                return;
            }
            if stored::tell_address_of_pointer("shmdt", self.address, draft) {
                return;
            }
            draft.message(format_args!("no segment is attached at {}", Address(self.address)));
            match there {
                Some(Lookup::Mapping(there)) => {
                    draft.note(format_args!("the address lies in {}", ShownMapping(there)));
                    if let Some(gone) = self.last_attachment() {
                        note_gone(&gone, draft);
                    }
                }
                Some(Lookup::Unknown) => note_origin(self.address, draft),
                Some(Lookup::Unmapped) => {
                    draft.note(format_args!("nothing is mapped there"));
                    if let Some(gone) = self.last_attachment() {
                        note_gone(&gone, draft);
                    }
                }
                None => {}
            }
            if heap::is_block(self.address) {
                draft.help(format_args!("give memory of malloc back with free; detach only what shmat returned"));
            } else {
                draft.help(format_args!(
                    "pass the pointer that shmat returned; where nothing was attached, leave the call out"
                ));
            }
        });
    }

    fn interior(&self, base: usize, mapping: Option<&Mapping>, report: &Report<'_>) {
        report.finding(Rule::ShmdtInterior, Severity::Error, |draft| {
            // The kernel takes the place of the segment's first byte, even where that has been unmapped.
            draft.message(format_args!(
                "{:#x} is {} bytes past {base:#x}, the start of an attached segment",
                self.address,
                self.address.wrapping_sub(base)
            ));
            note_origin(self.address, draft);
            note_there(mapping, draft);
            draft.help(format_args!(
                "pass the pointer that shmat returned; use a second one to walk through the segment"
            ));
        });
    }

    fn not_a_segment(&self, mapping: Option<&Mapping>, known: &TrackedRange, report: &Report<'_>) {
        report.finding(Rule::ShmdtNotASegment, Severity::Error, |draft| {
            let function = known.origin.by.function();
            draft.message(format_args!("{:#x} belongs to a mapping that {function} made, not shmat", self.address));
            note_there(mapping, draft);
            note_mapped(known, draft);
            if let Some(gone) = self.last_attachment() {
                draft.related(
                    gone.gone.by.function(),
                    gone.gone.site,
                    format_args!("a segment that was attached at this address was detached here"),
                );
            }
            draft.help(format_args!("unmap with munmap what {function} returned"));
        });
    }

    /// The segment that was attached at this address before.
    fn last_attachment(&self) -> Option<ReleasedMapping> {
        tracked::last_gone(self.address)
            .filter(|gone| gone.was.origin.by == By::Shmat && gone.was.origin.base == self.address)
    }

    fn double(&self, gone: &ReleasedMapping, report: &Report<'_>) {
        report.finding(Rule::ShmdtDouble, Severity::Error, |draft| {
            let done = if gone.gone.by == By::Shmdt { "detached" } else { "unmapped" };
            draft.message(format_args!("the segment at {:#x} has already been {done}", self.address));
            note_gone(gone, draft);
            note_mapped(&gone.was, draft);
            draft.help(format_args!("detach each attachment once; set the pointer to NULL after shmdt"));
        });
    }
}
