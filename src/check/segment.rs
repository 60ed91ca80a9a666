//! What the calls of System V segments share: an id that leads to no segment, mode bits that refuse, and how a segment is
//! removed by hand.

use super::note_failure;
use crate::call::Key;
use crate::facts::segment::{self, Segment};
use crate::finding::Report;
use crate::form::Draft;
use crate::observe::tracked;
use crate::past::failures::{self, Failed};
use crate::past::keys;
use crate::past::listed_ids;
use crate::plain::bits::Octal;
use crate::plain::errno::{self, ErrnoName};
use crate::sys;
use crate::track::MetSegment;
use core::ffi::c_int;
use core::fmt::{self, Display};
use mapsan_model::{Rule, Severity};

/// Shows a number that is no id in the notation that shows what it is: `16706 (0x4142, 'AB')`.
pub(super) struct Id(pub(super) c_int);

impl Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0.to_be_bytes();
        let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
        let text = bytes.get(first..).unwrap_or_default();
        write!(f, "{}", self.0)?;
        if text.len() < 2 || self.0 < 0 {
            return Ok(());
        }
        write!(f, " ({:#x}", self.0)?;
        if text.iter().all(|byte| byte.is_ascii_graphic() && !b"'\\".contains(byte)) {
            write!(f, ", '{}'", core::str::from_utf8(text).unwrap_or_default())?;
        }
        f.write_str(")")
    }
}

/// Where an id that leads nowhere comes from.
enum IdOrigin {
    /// shmget's own failure, or another number that is no id.
    Negative,
    /// A key was passed in place of the id; the segment that has it, if there is one.
    Key(Option<Segment>),
    /// This process, or the one that forked it, removed it by the call that returns here.
    Removed(usize),
    /// A call has led to it, and others removed it since.
    RemovedElsewhere(MetSegment),
    Unknown,
}

fn id_origin(id: c_int) -> IdOrigin {
    if id < 0 {
        return IdOrigin::Negative;
    }
    let known = tracked::segment(id);
    if let Some(site) = known.and_then(|segment| segment.removed_at()) {
        return IdOrigin::Removed(site);
    }
    if let Some(segment) = known.filter(MetSegment::is_given) {
        return IdOrigin::RemovedElsewhere(segment);
    }
    // 0 is IPC_PRIVATE, the key of many segments and the id of the first: that tells nothing. Nor does a number where
    // SHM_STAT has given ids that are not remembered.
    if id == 0 || listed_ids::are_there() {
        return IdOrigin::Unknown;
    }
    let of_key = segment::find(|segment| segment.key == id);
    let is_key = || keys::is_given(id) || tracked::has_segment_with_key(id);
    if of_key.is_some() || is_key() { IdOrigin::Key(of_key) } else { IdOrigin::Unknown }
}

/// Makes the finding of an id that no segment has.
pub(super) fn bad_id(rule: Rule, id: c_int, report: &Report<'_>) {
    let origin = id_origin(id);
    let severity = match origin {
        IdOrigin::Negative | IdOrigin::Key(_) => Severity::Error,
        IdOrigin::Removed(_) => Severity::Warning,
        IdOrigin::RemovedElsewhere(_) | IdOrigin::Unknown => Severity::Note,
    };
    let function = rule.call();
    report.finding(rule, severity, |draft| match origin {
        IdOrigin::Negative if id == -1 => tell_minus_one(function, draft),
        IdOrigin::Negative => {
            draft.message(format_args!("{function} of id {id}: ids are never negative"));
            draft.help(format_args!("pass the id that shmget returned"));
        }
        IdOrigin::Key(found) => {
            draft.message(format_args!("{function} of {}, which is a key and not an id", Id(id)));
            match found {
                Some(segment) => draft.note(format_args!("the key leads to {segment}")),
                None => draft.note(format_args!("this process has used it as a key; no segment has it now")),
            }
            draft.help(format_args!("pass the id that shmget({}, ...) returns", Key(id)));
        }
        IdOrigin::Removed(site) => {
            draft.message(format_args!("{function} of segment {id}, which has already been removed"));
            draft.related("shmctl", site, format_args!("removed here"));
            match rule {
                Rule::ShmatBadId => draft.help(format_args!("remove a segment after the last process has attached it")),
                _ => draft.help(format_args!(
                    "remove each segment once, after its last use, and set the variable with its id to -1 then"
                )),
            }
        }
        IdOrigin::RemovedElsewhere(segment) => {
            draft.message(format_args!("segment {id} no longer exists"));
            if let Some(site) = segment.met_at() {
                let what = if segment.is_created() { "it was made here" } else { "shmget gave this id here" };
                draft.related("shmget", site, format_args!("{what}"));
            }
            draft.help(format_args!(
                "another process has removed it, or a call that was not seen: remove a segment after its last use"
            ));
        }
        IdOrigin::Unknown => {
            draft.message(format_args!("no segment has id {}", Id(id)));
            draft.help(format_args!(
                "compare it with the ids that ipcs -m lists; it may have been removed, or belong to another IPC \
                 namespace (a container has its own)"
            ));
        }
    });
}

fn tell_minus_one(function: &str, draft: &mut Draft) {
    draft.message(format_args!("{function} of id -1, which is what shmget returns when it fails"));
    if failures::last(Failed::Shmget).is_some() {
        note_failure(Failed::Shmget, draft);
        draft.help(format_args!("compare what shmget returns with -1 before using it, and print errno then"));
    } else {
        draft.note(format_args!("no shmget that failed was seen in this process"));
        draft.help(format_args!("pass the id that shmget returned"));
    }
}

/// Whether the process runs as owner or creator of a segment.
pub(super) fn is_owner(segment: &Segment) -> bool {
    let uid = sys::geteuid();
    uid == segment.uid || uid == segment.creator_uid
}

/// Whether the mode of a segment is known to give the process all of these bits (`rwx` as 0 to 7): for its owner the kernel
/// looks at no other bits, and where those of the group are the same as those of others it does not matter who asks.
pub(super) fn is_allowed(segment: &Segment, bits: c_int) -> bool {
    let [owner, group, others] = [6, 3, 0].map(|shift| segment.mode >> shift & bits == bits);
    if is_owner(segment) { owner } else { group && others }
}

/// The mode bits (`rwx` as 0 to 7) that apply to the process by uid and gid, supplementary groups left out.
pub(super) fn bits_for_caller(segment: &Segment) -> c_int {
    if is_owner(segment) {
        segment.mode >> 6 & 7
    } else if sys::getegid() == segment.gid {
        segment.mode >> 3 & 7
    } else {
        segment.mode & 7
    }
}

/// Tells mode, owner and caller of a segment that refuses.
pub(super) fn note_permissions(segment: &Segment, draft: &mut Draft) {
    let (uid, gid) = (sys::geteuid(), sys::getegid());
    draft.note(format_args!(
        "segment {} has mode {}, owner uid {}, gid {}, creator uid {}",
        segment.id,
        Octal(segment.mode),
        segment.uid,
        segment.gid,
        segment.creator_uid
    ));
    draft.note(format_args!("the process has effective uid {uid}, gid {gid}"));
}

/// Says what gives permission for these bits of a segment's mode, which refuses them.
pub(super) fn help_with_permission(segment: &Segment, draft: &mut Draft) {
    let made = tracked::segment(segment.id).filter(MetSegment::is_created);
    if let Some(site) = made.and_then(|made| made.met_at()) {
        draft.related("shmget", site, format_args!("it was made here"));
    }
    if is_owner(segment) {
        draft.help(format_args!(
            "the process may change the mode itself: shmctl({}, IPC_SET, &state) with shm_perm.mode 0600; a new \
             segment gets its mode from shmget's flags",
            segment.id
        ));
    } else {
        let enough = if segment.gid == sys::getegid() { "0660" } else { "0666" };
        draft.help(format_args!(
            "make it with mode {enough}, or let its owner, uid {}, change the mode to that: shmctl({}, IPC_SET, \
             &state)",
            segment.uid, segment.id
        ));
    }
}

/// Says that it can't be the mode that refuses.
pub(super) fn note_other_refusal(draft: &mut Draft) {
    draft.note(format_args!("its mode allows it; a security module (SELinux, AppArmor) can refuse it, too"));
}

/// Says that a segment can't be looked at, and why.
pub(super) fn note_hidden(id: c_int, draft: &mut Draft) {
    match segment::by_id(id) {
        Err(refusal @ (libc::EINVAL | libc::EIDRM)) => {
            draft.note(format_args!("segment {id} has been removed meanwhile ({})", ErrnoName(refusal)));
        }
        Err(refusal) => draft.note(format_args!(
            "no permission for IPC_STAT on segment {id} ({}: {}); ipcs -m lists it with its owner and mode",
            ErrnoName(refusal),
            errno::meaning(refusal)
        )),
        // Another process has changed it meanwhile.
        Ok(segment) => draft.note(format_args!("it is {segment}")),
    }
}

/// Whether a segment may be removed by the user who runs this program, by an id that means the same where that user types.
pub(super) fn can_remove_by_hand(segment: &Segment) -> bool {
    (sys::geteuid() == 0 || is_owner(segment)) && segment::is_namespace_shared()
}

/// Shows how a segment that is left over is removed, if that is safe: after "remove it", or why not.
pub(super) struct Removal<'a>(pub(super) &'a Segment);

impl Display for Removal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Segment { id, uid, attached, .. } = *self.0;
        if attached > 0 {
            return write!(f, "it is in use, attached {}", segment::Times(attached));
        }
        if sys::geteuid() != 0 && !is_owner(self.0) {
            return write!(f, "if it is left over, uid {uid}, its owner, can remove it");
        }
        if can_remove_by_hand(self.0) {
            write!(f, "if it is left over, remove it: ipcrm -m {id}")
        } else {
            write!(f, "if it is left over, remove it: shmctl({id}, IPC_RMID, NULL)")
        }
    }
}

/// Tells that this process has tried to remove a segment and was refused; whether it was, and still would be.
pub(super) fn tell_refused_removal(made: &MetSegment, now: &Segment, draft: &mut Draft) -> bool {
    let Some((site, errno)) = made.refused_at() else { return false };
    draft.related(
        "shmctl",
        site,
        format_args!("IPC_RMID of segment {} was refused here ({})", now.id, ErrnoName(errno)),
    );
    if sys::geteuid() == 0 || is_owner(now) {
        return false;
    }
    draft.note(format_args!(
        "segment {} was made by uid {} and belongs to uid {}; the process runs as uid {} now",
        now.id,
        now.creator_uid,
        now.uid,
        sys::geteuid()
    ));
    draft.help(format_args!(
        "remove it before the process changes its user, or give it to the later user first, with shmctl(id, IPC_SET, \
         &state)"
    ));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_no_id_is_shown_as_what_it_may_be() {
        for (id, shown) in [
            (0x4142, "16706 (0x4142, 'AB')"),
            (7, "7"),
            (0x0102, "258 (0x102)"),
            (-7, "-7"),
            (0x4d53_0001, "1297285121 (0x4d530001)"),
        ] {
            assert_eq!(format!("{}", Id(id)), shown);
        }
    }
}
