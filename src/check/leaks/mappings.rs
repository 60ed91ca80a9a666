//! Mappings and attachments that are still there. They are counted by call site, as far as the kernel has them.

use super::{Moment, finding};
use crate::check::provenance::MappingCall;
use crate::facts::Module;
use crate::facts::mapping::{self, Mapping, Mappings};
use crate::finding::Report;
use crate::form::{Draft, RelatedCall};
use crate::observe::tracked;
use crate::plain::page;
use crate::sys;
use crate::track::{By, LeakSite, TrackedRange};
use mapsan_model::{Rule, Severity};

/// Makes the findings about mappings and attachments.
pub(super) fn find(moment: Moment) {
    // The table of groups is not touched for nothing when each of many processes ends.
    let Some(first) = tracked::next_own(0) else { return };
    tracked::begin_leak_count();
    count(first);
    let mut after = None;
    while let Some((leak, known, serial)) = tracked::next_leak_site(after) {
        after = Some(serial);
        let call = MappingCall(&known);
        finding(&call, known.origin.base.cast_signed(), known.origin.site, &known.outer, |report| {
            if leak.attached {
                attachments(&leak, &known, moment, report);
            } else {
                mapped(&leak, &known, moment, report);
            }
        });
    }
}

/// Counts what this process has mapped and attached itself, as far as the kernel has it: raw calls are not followed.
fn count(first: TrackedRange) {
    let add = |known: &TrackedRange, bytes: usize| {
        tracked::count_leak(&known.entry, bytes);
    };
    let list = Mappings::open();
    if list.as_ref().is_some_and(Mappings::is_slow) {
        drop(list);
        mapping::for_each(|there| {
            let mut next = tracked::next_own(there.start);
            while let Some(known) = next.filter(|known| known.entry.start < there.end) {
                let (start, end) = (known.entry.start.max(there.start), known.entry.end.min(there.end));
                if is_still(&known, there) {
                    add(&known, end.saturating_sub(start));
                }
                next = tracked::next_own(known.entry.end);
            }
        });
        return;
    }
    let mut next = Some(first);
    while let Some(known) = next {
        let entry = known.entry;
        let bytes = list.as_ref().map_or_else(|| there_unlisted(&known), |list| there_of(&known, list));
        if bytes > 0 {
            add(&known, bytes);
        }
        next = tracked::next_own(entry.end);
    }
}

/// How many bytes of a range are there.
fn there_of(known: &TrackedRange, list: &Mappings) -> usize {
    let entry = known.entry;
    let (mut at, mut bytes) = (entry.start, 0_usize);
    while let Some(there) = list.at_or_after(at).filter(|there| at < entry.end && there.start < entry.end) {
        let (start, end) = (there.start.max(at), there.end.min(entry.end));
        at = end;
        if is_still(known, &there) {
            bytes = bytes.saturating_add(end.saturating_sub(start));
        }
    }
    bytes
}

/// As [`there_of`], where the list can't be read: all of it, if the kernel has something in each page.
fn there_unlisted(known: &TrackedRange) -> usize {
    let length = known.entry.end.saturating_sub(known.entry.start);
    let is_there = Module::find_without_lock(known.entry.start).is_none()
        && sys::memory::is_mapped(known.entry.start, length) == Some(true);
    if is_there { length } else { 0 }
}

/// Whether what the kernel has can be what was mapped.
fn is_still(known: &TrackedRange, there: &Mapping) -> bool {
    let origin = &known.origin;
    // A program that moves its own text or data is not to unmap it.
    if Module::find_without_lock(known.entry.start).is_some() {
        return false;
    }
    let plain = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    let is_plain = origin.flags & (plain | libc::MAP_SHARED | libc::MAP_HUGETLB) == plain;
    match origin.by {
        By::Shmat => there.is_segment() && known.file.is_none_or(|file| file.inode == there.inode),
        By::Mmap if is_plain => there.inode == 0 && there.name() != b"[heap]" && !there.name().starts_with(b"[stack"),
        By::Mmap if known.file.is_some() => there.inode != 0,
        // Moved, and back at its place perhaps: [vdso] and the like are nobody's to unmap.
        By::Mremap => there.is_anonymous() || !there.name().starts_with(b"["),
        _ => true,
    }
}

fn mapped(leak: &LeakSite, known: &TrackedRange, moment: Moment, report: &Report<'_>) {
    report.finding(Rule::LeakMapping, Severity::Note, |draft| {
        let LeakSite { count, partial, bytes, whole, .. } = *leak;
        let all = partial == count;
        match count {
            1 if all => draft.message(format_args!(
                "a mapping made here was unmapped only in part: {bytes} of its {whole} bytes are left{moment}"
            )),
            1 => draft.message(format_args!("a mapping made here is still there{moment}: {bytes} bytes")),
            _ if all => draft.message(format_args!(
                "{count} mappings made here were unmapped only in part: {bytes} of {whole} bytes are left{moment}"
            )),
            _ => draft.message(format_args!("{count} mappings made here are still there{moment}: {bytes} bytes")),
        }
        if partial > 0 && !all {
            draft.note(format_args!("{partial} of them were unmapped in part"));
        }
        if partial > 0 && tell_parts(known, count, draft) {
            return;
        }
        draft.help(format_args!(
            "the kernel unmaps everything at exit; where the mapping is no longer needed earlier, call munmap"
        ));
    });
}

/// Tells what is left of a mapping, and where the rest was unmapped; whether that looks like a length too short.
fn tell_parts(known: &TrackedRange, count: usize, draft: &mut Draft) -> bool {
    let Some(gone) = tracked::last_gone_of(&known.entry) else { return false };
    let (base, length) = (known.origin.base, known.origin.length);
    let released = gone.gone.entry.end.saturating_sub(gone.gone.entry.start);
    let of = if count == 1 { "it" } else { "the first" };
    draft.note(format_args!(
        "of {of}, {} of {} bytes are left, from {:#x} on",
        known.entry.end.saturating_sub(known.entry.start),
        page::whole_pages(length),
        known.entry.start
    ));
    let place = RelatedCall {
        outer: gone.outer,
        start: gone.gone.entry.start,
        length: released,
        ..RelatedCall::at(gone.gone.by.function(), gone.gone.site)
    };
    draft.related_call(place, format_args!("a part of {of} was released here"));
    let too_short = gone.gone.by == By::Munmap && gone.gone.entry.start == base;
    if too_short {
        draft.help(format_args!(
            "if that munmap was meant to release all of it, pass the length that was mapped ({length})"
        ));
    }
    too_short
}

fn attachments(leak: &LeakSite, known: &TrackedRange, moment: Moment, report: &Report<'_>) {
    report.finding(Rule::LeakAttach, Severity::Note, |draft| {
        match (leak.count, known.file) {
            (1, Some(file)) => draft
                .message(format_args!("segment {} is still attached at {:#x}{moment}", file.inode, known.entry.start)),
            (1, None) => draft.message(format_args!("a segment is still attached at {:#x}{moment}", known.origin.base)),
            (count, Some(file)) => draft.message(format_args!(
                "{count} attachments made here are still there{moment}, the first of segment {}",
                file.inode
            )),
            (count, None) => {
                draft.message(format_args!("{count} attachments made here are still there{moment}"));
            }
        }
        draft.help(format_args!("the kernel detaches it at exit; detach it with shmdt when it is no longer needed"));
    });
}
