//! Releases that reach out of a mapping into a guard of `harden=guard`. Without the guard they would take a part of what
//! lies there: the same mistake as `munmap-overrun` and `mmap-fixed-clobber`, which could not be seen.

use super::provenance::{note_mapped, whole};
use crate::finding::Report;
use crate::harden::{Purpose, Reached};
use crate::observe::tracked;
use crate::plain::Range;
use crate::plain::page::whole_pages;
use mapsan_model::{Rule, Severity};

/// Tells of it, after the call has succeeded, which was given the range `asked`.
pub(crate) fn tell_reached(asked: Range, reached: &Reached, report: &Report<'_>) {
    let length = asked.length();
    let range = Range::new(asked.start, whole_pages(length));
    // mmap replaces what is there, munmap takes it away.
    let rule = if report.call.function() == "munmap" { Rule::MunmapOverrun } else { Rule::MmapFixedClobber };
    report.finding(rule, Severity::Error, |draft| {
        let call = report.call.function();
        let mapping = reached.mapping;
        let known = |address| tracked::last_gone(address).map(|gone| gone.was).or_else(|| tracked::at(address));
        // What the range begins in, if that is not the mapping of the guard.
        let first = known(range.start).filter(|first| first.entry.end <= mapping.start);
        let its = known(reached.inside);
        match (reached.side, &first) {
            (Purpose::Below, None) => draft.message(format_args!(
                "{call} of {length} bytes begins {} bytes before the start of the mapping at {:#x}",
                mapping.start.wrapping_sub(range.start),
                mapping.start
            )),
            (Purpose::Below, Some(_)) => draft.message(format_args!(
                "the {length} bytes at {:#x} end {} bytes inside the next mapping",
                range.start,
                range.end.min(mapping.end).wrapping_sub(mapping.start)
            )),
            _ => draft.message(format_args!(
                "the {length} bytes at {:#x} end {} bytes past the end of the mapping there",
                range.start,
                range.end.wrapping_sub(mapping.end)
            )),
        }
        for known in first.iter().chain(&its) {
            note_mapped(known, draft);
        }
        draft.note(format_args!(
            "between mappings there is a guard of harden=guard; without it the next mapping may lie there"
        ));
        match first.as_ref().or(its.as_ref()).filter(|known| whole(known).start == range.start) {
            Some(known) => draft.help(format_args!("pass the length that was mapped: {}", known.origin.length)),
            None => {
                draft.help(format_args!("stay within the mapping: {:#x} to {:#x}", mapping.start, mapping.end));
            }
        }
    });
}
