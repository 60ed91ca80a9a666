//! Segments that this process has made and that outlive it. The kernel is asked for each of them; one finding tells of all
//! that one call has made.

use super::{LISTED, Moment, finding};
use crate::call::Key;
use crate::check::provenance::{CreatingCall, creating_call};
use crate::check::segment::{can_remove_by_hand, tell_refused_removal};
use crate::check::shmget::tell_no_permissions;
use crate::facts::mapping::Mappings;
use crate::facts::segment::{self, Times};
use crate::finding::write_segment_use;
use crate::form::{Draft, SegmentUse};
use crate::observe::tracked;
use crate::past::keys;
use crate::plain::Outer;
use crate::sys;
use crate::track::MetSegment;
use core::ffi::c_int;
use core::fmt::{self, Display};
use mapsan_model::{Rule, Severity};

/// Segments that are told one by one; of more only the number is.
const TOLD: usize = 6;

/// Makes the findings about segments.
pub(super) fn find(moment: Moment) {
    tracked::mark_left_segments(|segment| is_left(segment, moment));
    if moment == Moment::Exit {
        find_unusable();
    }
    let mut after = None;
    while let Some(segment) = tracked::next_left_segment(after, None) {
        after = Some(segment.id);
        if tracked::next_left_segment(None, Some(segment.site())).is_some_and(|first| first.id == segment.id) {
            left_segments(&segment, moment);
        }
    }
}

/// Tells of those that nobody may attach, as far as that was not told when they were made.
fn find_unusable() {
    let mut after = None;
    while let Some(made) = tracked::next_left_segment(after, None) {
        after = Some(made.id);
        let Some(now) = segment::any_by_id(made.id) else { continue };
        if now.mode & 0o400 != 0 || !creating_call(&made).tries_key() {
            continue;
        }
        finding(&CreatingCall(&made), made.id as isize, made.site(), &Outer::NONE, |report| {
            report.finding(Rule::ShmgetNoPermissions, Severity::Warning, |draft| tell_no_permissions(now.mode, draft));
        });
    }
}

/// Whether a segment of this process exists and is its to tell of.
fn is_left(made: &MetSegment, moment: Moment) -> bool {
    let Some(now) = segment::any_by_id(made.id) else { return false };
    // The id may have been given to somebody else's segment by now.
    if now.removed || now.creator_pid != sys::getpid() {
        return false;
    }
    let own = own_attachments(made.id);
    if moment == Moment::Exit {
        let left = SegmentUse::Left { key: now.key, size: now.size, own, attached: now.attached };
        write_segment_use(&CreatingCall(made), made.id as isize, made.id, &left, made.site());
    }
    // A private segment that others hold has been handed on.
    now.key != libc::IPC_PRIVATE || now.attached <= own
}

/// Attachments of a segment that this process has itself, inherited ones included.
fn own_attachments(id: c_int) -> u64 {
    let inode = u64::from(id.cast_unsigned());
    tracked::begin_attachment_count();
    let (mut at, mut count) = (0, 0_u64);
    let mut mappings = None;
    while let Some(entry) = tracked::next_uncounted_attachment(id, at) {
        at = entry.end;
        // A raw call may have detached it.
        let list = mappings.get_or_insert_with(Mappings::open);
        let there = list.as_ref().map(|list| list.at(entry.start));
        let gone = there.is_some_and(|there| !there.is_some_and(|there| there.is_segment() && there.inode == inode));
        count = count.wrapping_add(u64::from(!gone));
    }
    count
}

/// Shows the segments of a call site by their ids.
struct Ids(usize);

impl Display for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut after = None;
        for place in 0..LISTED {
            let Some(segment) = tracked::next_left_segment(after, Some(self.0)) else { return Ok(()) };
            after = Some(segment.id);
            write!(f, "{}{}", if place == 0 { "" } else { ", " }, segment.id)?;
        }
        f.write_str(" and so on")
    }
}

fn left_segments(first: &MetSegment, moment: Moment) {
    let site = first.site();
    finding(&CreatingCall(first), first.id as isize, site, &Outer::NONE, |report| {
        report.finding(Rule::LeakSegment, Severity::Note, |draft| {
            let count = tracked::count_left_segments(site).unwrap_or(1);
            if count == 1 {
                draft.message(format_args!(
                    "segment {} of {} bytes, made here, still exists{moment}",
                    first.id, first.size
                ));
            } else {
                draft.message(format_args!("{count} segments made here still exist{moment}: {}", Ids(site)));
            }
            let refused = tell_segments(site, count, draft);
            if !refused {
                let each = if count == 1 {
                    "it is not meant to stay, remove it"
                } else {
                    "they are not meant to stay, remove each"
                };
                draft.help(format_args!(
                    "if {each} with shmctl(id, IPC_RMID, NULL) when the last process has attached it: it lives until \
                     the last detach{}",
                    RemovedByHand(site)
                ));
            }
        });
    });
}

/// Shows how often a segment is attached, or that it never was.
struct Attachments<'a>(&'a segment::Segment);

impl Display for Attachments<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.attach_time {
            0 => f.write_str("it was never attached"),
            _ => write!(f, "it is attached {}", Times(self.0.attached)),
        }
    }
}

/// Tells of the segments of a call site, one by one; whether the removal of one was refused.
fn tell_segments(site: usize, count: usize, draft: &mut Draft) -> bool {
    let mut after = None;
    let mut refused = false;
    for _ in 0..TOLD {
        let Some(made) = tracked::next_left_segment(after, Some(site)) else { break };
        after = Some(made.id);
        let Some(now) = segment::any_by_id(made.id) else { continue };
        let times = Attachments(&now);
        let by_itself = now.attached > 0 && count == 1 && now.attached == own_attachments(now.id);
        let whose = if by_itself { ", by this process" } else { "" };
        match (count, now.key) {
            (1, libc::IPC_PRIVATE) => {
                draft.note(format_args!("its key is IPC_PRIVATE: it can be found by its id alone; {times}{whose}"));
            }
            (1, key) => draft.note(format_args!("its key is {}; {times}{whose}", Key(key))),
            (_, key) => {
                draft.note(format_args!("segment {} of {} bytes has key {}; {times}", now.id, now.size, Key(key)));
            }
        }
        if now.id == 0 && now.attach_time == 0 {
            draft.note(format_args!("0 is a valid id: only -1 means that shmget failed"));
        }
        if count == 1
            && let Some(given) = keys::given(now.key)
        {
            draft.related("ftok", given.site(), format_args!("the ftok that gave the key"));
        }
        refused |= !refused && tell_refused_removal(&made, &now, draft);
    }
    if count > TOLD {
        draft.note(format_args!("{} more are like these", count.wrapping_sub(TOLD)));
    }
    refused
}

/// Shows how the segments of a call site are removed by hand: nothing, where that is not safe for all of them.
struct RemovedByHand(usize);

impl Display for RemovedByHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut after = None;
        while let Some(segment) = tracked::next_left_segment(after, Some(self.0)) {
            after = Some(segment.id);
            let now = segment::any_by_id(segment.id);
            if !now.is_some_and(|now| now.attached <= own_attachments(now.id) && can_remove_by_hand(&now)) {
                return Ok(());
            }
        }
        f.write_str("; by hand: ipcrm")?;
        let mut after = None;
        for _ in 0..LISTED {
            let Some(segment) = tracked::next_left_segment(after, Some(self.0)) else { break };
            after = Some(segment.id);
            write!(f, " -m {}", segment.id)?;
        }
        Ok(())
    }
}
