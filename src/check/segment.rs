//! What shmat(2) and shmctl(2) share: an id that leads to no segment, and mode bits that refuse.

use super::tell_failure;
use crate::call::{ErrnoName, Key, Octal};
use crate::errno;
use crate::facts::segment::{self, Segment};
use crate::report::{Draft, Report};
use crate::sys;
use crate::track::failures::Failed;
use crate::track::{self, keys};
use core::ffi::c_int;
use mapsan_model::{Rule, Severity};

/// Where an id that leads nowhere comes from.
enum Origin {
    /// shmget's own failure, or another number that is no id.
    Negative,
    /// A key was passed in place of the id; the segment that has it, if there is one.
    Key(Option<Segment>),
    /// This process removed it, by the call that returns here.
    Removed(usize),
    Unknown,
}

fn origin(id: c_int) -> Origin {
    if id < 0 {
        return Origin::Negative;
    }
    if let Some(site) = track::segment(id).and_then(|segment| segment.removed_at()) {
        return Origin::Removed(site);
    }
    // 0 is IPC_PRIVATE, the key of many segments and the id of the first: that tells nothing.
    let of_key = (id != 0).then(|| segment::find(|segment| segment.key == id)).flatten();
    if of_key.is_some() || keys::is_given(id) { Origin::Key(of_key) } else { Origin::Unknown }
}

/// Makes the finding of an id that no segment has.
pub(super) fn bad_id(rule: Rule, id: c_int, report: &Report<'_>) {
    let origin = origin(id);
    let severity = match origin {
        Origin::Negative | Origin::Key(_) => Severity::Error,
        Origin::Removed(_) => Severity::Warning,
        Origin::Unknown => Severity::Note,
    };
    let function = rule.info().call;
    report.finding(rule, severity, |draft| match origin {
        Origin::Negative if id == -1 => {
            draft.message(format_args!("{function} of id -1: shmget failed, and nobody looked"));
            tell_failure(Failed::Shmget, draft);
            draft.help(format_args!("compare what shmget returns with -1 before using it, and print errno then"));
        }
        Origin::Negative => {
            draft.message(format_args!("{function} of id {id}: ids are never negative"));
            draft.help(format_args!("pass the id that shmget returned"));
        }
        Origin::Key(found) => {
            draft.message(format_args!("{function} of {}, which is a key and not an id", Key(id)));
            match found {
                Some(segment) => draft.note(format_args!("the key leads to {segment}")),
                None => draft.note(format_args!("ftok gave this key in this process; no segment has it now")),
            }
            draft.help(format_args!("pass the id that shmget({}, ...) returns", Key(id)));
        }
        Origin::Removed(site) => {
            draft.message(format_args!("{function} of id {id}, which this process has removed"));
            draft.place(site, format_args!("removed here"));
            match rule {
                Rule::ShmatBadId => draft.help(format_args!("remove a segment after the last process has attached it")),
                _ => draft.help(format_args!("remove each segment once; set the variable to -1 after IPC_RMID")),
            }
        }
        Origin::Unknown => {
            draft.message(format_args!("no segment has id {id} in this IPC namespace"));
            draft.help(format_args!(
                "it has been removed, or belongs to another IPC namespace (container); see ipcs -m"
            ));
        }
    });
}

/// Tells mode, owner and caller of a segment that refuses.
pub(super) fn tell_permissions(segment: &Segment, draft: &mut Draft) {
    let (uid, gid) = (sys::geteuid(), sys::getegid());
    draft.note(format_args!(
        "segment {} has mode {}, owner uid {}, gid {}, creator uid {}",
        segment.id,
        Octal(segment.mode),
        segment.uid,
        segment.gid,
        segment.creator_uid
    ));
    draft.note(format_args!("the caller has effective uid {uid}, gid {gid}"));
}

/// The mode bits (`rwx` as 0 to 7) that apply to the caller by uid and gid.
pub(super) fn bits_for_caller(segment: &Segment) -> c_int {
    let (uid, gid) = (sys::geteuid(), sys::getegid());
    if uid == segment.uid || uid == segment.creator_uid {
        segment.mode >> 6 & 7
    } else if gid == segment.gid {
        segment.mode >> 3 & 7
    } else {
        segment.mode & 7
    }
}

/// Says that a segment can't be looked at, and why.
pub(super) fn tell_hidden(id: c_int, draft: &mut Draft) {
    // Another process may have changed it meanwhile.
    let errno = segment::by_id(id).err().unwrap_or(libc::EACCES);
    draft.note(format_args!(
        "the segment can't be looked at ({}: {}); ipcs -m lists it with its owner and mode",
        ErrnoName(errno),
        errno::meaning(errno)
    ));
}

/// Shows the command that removes a segment by hand.
pub(super) struct ByHand;

impl ByHand {
    /// Whether the user who runs this program may remove a segment, and its id means the same where that user types.
    pub(super) fn can_remove(segment: &Segment) -> bool {
        let uid = sys::geteuid();
        (uid == 0 || uid == segment.uid || uid == segment.creator_uid) && segment::is_namespace_shared()
    }
}

/// Tells that this process has tried to remove a segment and was refused; whether it was, and still would be.
pub(super) fn tell_refused_removal(made: &track::segments::Segment, now: &Segment, draft: &mut Draft) -> bool {
    let Some((site, errno)) = made.refused_at() else { return false };
    draft.place(site, format_args!("IPC_RMID of segment {} was refused here ({})", now.id, ErrnoName(errno)));
    let uid = sys::geteuid();
    if uid == 0 || uid == now.uid || uid == now.creator_uid {
        return false;
    }
    draft.note(format_args!(
        "segment {} was made by uid {} and belongs to uid {}; the process runs as uid {uid} now",
        now.id, now.creator_uid, now.uid
    ));
    draft.help(format_args!(
        "remove it before the process changes its user, or give it to the later user first, with shmctl(id, IPC_SET, &state)"
    ));
    true
}
