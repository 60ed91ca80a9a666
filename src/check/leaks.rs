//! At exit: what the program leaves behind, or has mapped in vain.
//!
//! Mappings and attachments are grouped by call site; segments and objects are asked of the kernel, one by one.

use super::known::Making;
use super::left;
use super::mmap::still_empty;
use crate::call::{Call, Outcome};
use crate::report::Report;
use crate::track::groups::Group;
use crate::track::{self, By, Known, Outer};
use mapsan_model::{Rule, Severity};

/// A finding about a call that was made earlier.
pub(super) fn finding(call: &dyn Call, value: isize, site: usize, outer: &Outer, make: impl FnOnce(&Report<'_>)) {
    let outcome = Outcome { value, errno: None };
    make(&Report { call, outcome, caller: site, refusing: false, earlier: Some(outer) });
}

/// Makes the findings about what is mapped, attached and left at this moment.
pub(crate) fn find() {
    mappings();
    left::segments();
    left::objects();
}

/// Makes the findings about mappings that start past the end of their file at this moment.
pub(crate) fn find_empty() {
    let mut at = 0;
    let next = |from: usize| {
        track::with(|state| {
            let regions = &state.regions;
            let mut at = from;
            while let Some(entry) = regions.at_or_after(at) {
                // What was inherited over fork is the parent's to tell of.
                if entry.notable && regions.origin(&entry).is_some_and(|origin| regions.is_own(&origin)) {
                    return regions.known(entry);
                }
                at = entry.end;
            }
            None
        })?
    };
    while let Some(known) = next(at) {
        at = known.entry.end;
        if known.origin.by != By::Shmat {
            still_empty(&known, None);
        }
    }
}

fn mappings() {
    track::with(|state| state.groups.count(&mut state.regions));
    let mut after = None;
    while let Some((group, known, serial)) = track::with(|state| state.groups.next(after, &state.regions)).flatten() {
        after = Some(serial);
        let call = Making(&known);
        finding(&call, known.origin.base.cast_signed(), known.origin.site, &known.outer, |report| {
            if group.attached { attachments(&group, &known, report) } else { mapped(&group, report) }
        });
    }
}

fn mapped(group: &Group, report: &Report<'_>) {
    report.finding(Rule::LeakMapping, Severity::Note, |draft| {
        let Group { count, bytes, .. } = *group;
        match count {
            1 => draft.message(format_args!("a mapping made here is never unmapped: {bytes} bytes")),
            _ => draft.message(format_args!("{count} mappings made here are never unmapped: {bytes} bytes")),
        }
        draft.help(format_args!(
            "the kernel unmaps everything at exit; where the mapping is no longer needed earlier, call munmap"
        ));
    });
}

fn attachments(group: &Group, known: &Known, report: &Report<'_>) {
    report.finding(Rule::LeakAttach, Severity::Note, |draft| {
        let id = known.file.map_or(0, |file| file.inode);
        match group.count {
            1 => draft.message(format_args!("segment {id} is still attached at {:#x}", known.origin.base)),
            count => draft.message(format_args!("{count} segments attached here are still attached, such as {id}")),
        }
        draft.help(format_args!("the kernel detaches it at exit; detach it with shmdt when it is no longer needed"));
    });
}
