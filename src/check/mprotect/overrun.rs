//! A protection that was meant for one mapping, and reaches into the next.

use crate::call::{Mprotect, Prot};
use crate::check::provenance::note_mapped;
use crate::check::releases::Neighbours;
use crate::facts::mapping::Mappings;
use crate::finding::Report;
use crate::observe::tracked;
use crate::plain::Range;
use crate::plain::page::{page_remainder, whole_pages};
use crate::sys::Errno;
use crate::track::TrackedRange;
use core::ffi::c_int;
use mapsan_model::{Rule, Severity};

impl Mprotect {
    /// Tells of access that is taken away from one mapping and a part of the next.
    pub(super) fn overrun(&self, report: &Report<'_>) -> Option<Errno> {
        if page_remainder(self.address) != 0 {
            return None;
        }
        let range = Range::new(self.address, whole_pages(self.length));
        // Afterwards nobody knows what access there was.
        let start = if report.outcome.is_considered() {
            tracked::runs_over(range, u8::try_from(self.prot & 7).unwrap_or(0))
        } else {
            self.runs_into
        }?;
        let neighbours = Neighbours::around(start)?;
        // What is behind the range is as it was.
        let rest = tracked::at(range.end).filter(|rest| rest.entry.origin == neighbours.second.entry.origin)?;
        if !is_there(&rest, range.end) {
            return None;
        }
        let lost = c_int::from(rest.entry.prot) & !self.prot;
        report.offence(Rule::MprotectOverrun, Severity::Warning, |draft| {
            let Neighbours { first, second } = &neighbours;
            draft.message(format_args!(
                "the {} bytes at {:#x} reach {} bytes into the next mapping, which loses {} there",
                self.length,
                self.address,
                range.end.saturating_sub(start),
                Prot(lost)
            ));
            for known in [first, second] {
                note_mapped(known, draft);
            }
            draft.note(format_args!(
                "the first mapping ends at {start:#x}, where the next, of {} bytes, starts",
                second.origin.length
            ));
            draft.note(format_args!("what uses these bytes of the next one as before raises SIGSEGV from now on"));
            neighbours.note_doubt(draft);
            let right = start.saturating_sub(self.address);
            if first.origin.base == self.address {
                draft.help(format_args!("pass the length that was mapped: {}", first.origin.length));
            } else {
                draft.help(format_args!("pass at most {right}, the bytes from here to the end of the first mapping"));
            }
        })
    }
}

/// Whether the kernel has at an address what is known of it, as far as can be seen: raw calls are not followed.
fn is_there(known: &TrackedRange, address: usize) -> bool {
    let Some(there) = Mappings::open().and_then(|mappings| mappings.at(address)) else { return false };
    // Anonymous memory has an inode, too, where it is shared.
    there.prot() == known.entry.prot && (known.file.is_none() || there.inode != 0)
}
