//! A segment that an earlier program has left: it may be handed over, or left over, which nobody can tell.

use crate::call::Shmget;
use crate::check::segment::Removal;
use crate::check::span::Span;
use crate::facts::segment::{self, Segment};
use crate::finding::Report;
use crate::form::Draft;
use crate::observe::tracked;
use crate::sys;
use core::ffi::c_int;
use mapsan_model::{Rule, Severity};

impl Shmget {
    pub(super) fn left_by_another(&self, report: &Report<'_>) {
        if self.surely_creates() {
            return;
        }
        let Some(Ok(id)) = report.outcome.value().map(c_int::try_from) else { return };
        let Some(segment) = segment::any_by_id(id) else { return };
        if segment.attached != 0 || segment.creator_pid == sys::getpid() || !segment.creator_is_gone() {
            return;
        }
        // A process that forked this one made it (daemons do): it is no earlier run's.
        if tracked::segment(id).is_some_and(|known| known.is_created()) {
            return;
        }
        report.finding(Rule::ShmgetStaleSegment, Severity::Note, |draft| {
            draft.message(format_args!(
                "segment {id} existed already: pid {}, which made it, no longer runs, and nobody is attached",
                segment.creator_pid
            ));
            draft.note(format_args!("it is {segment}"));
            note_times(&segment, draft);
            if self.flags & libc::IPC_CREAT == 0 {
                draft.help(format_args!(
                    "if no other program is to read it after this one, remove it at the end: shmctl({id}, IPC_RMID, \
                     NULL)"
                ));
            } else {
                draft.help(format_args!(
                    "if another program has left it for this one, use it as it is; {}",
                    Removal(&segment)
                ));
            }
        });
    }
}

/// Tells when it was made and used, and what is in it.
fn note_times(segment: &Segment, draft: &mut Draft) {
    let ago = |time: i64| Span(sys::realtime().tv_sec.wrapping_sub(time));
    draft.note(format_args!("it was made, or changed by IPC_SET, {} ago", ago(segment.change_time)));
    if segment.attach_time == 0 {
        draft.note(format_args!("it was never attached, so its bytes are 0"));
        return;
    }
    let attached = ago(segment.attach_time);
    match segment.last_pid {
        0 => draft.note(format_args!("it was last attached {attached} ago: its bytes are what was written then")),
        pid => draft.note(format_args!(
            "it was last attached {attached} ago, and pid {pid} was the last to attach or detach it: its bytes are \
             what was written until then"
        )),
    }
}
