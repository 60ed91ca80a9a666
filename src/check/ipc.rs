//! Semaphore sets and message queues: what their calls share. An id that leads to none, and mode bits that refuse.

mod control;
mod get;
mod msgrcv;
mod msgsnd;
mod semop;

use super::note_failure;
use super::segment::Id;
use crate::call::Key;
use crate::facts;
use crate::facts::ipc::Object;
use crate::finding::Report;
use crate::form::Draft;
use crate::past::failures::{self, Failed};
use crate::past::ipc::{self, Met};
use crate::past::{keys, listed_ids};
use crate::plain::bits::Octal;
use crate::plain::ipc::Kind;
use crate::sys;
use core::ffi::c_int;
use core::fmt::{self, Display};
use mapsan_model::{Rule, Severity};

fn failed_get(kind: Kind) -> Failed {
    match kind {
        Kind::Set => Failed::Semget,
        Kind::Queue => Failed::Msgget,
    }
}

/// Where an id that leads nowhere comes from.
enum IdOrigin {
    Negative,
    /// A key was passed in its place; what has the key, if anything does.
    Key(Option<Object>),
    /// This process, or one that forked it, removed it by the call that returns here.
    Removed(usize),
    /// A call has led to it, and others removed it since.
    RemovedElsewhere(Met),
    Unknown,
}

fn id_origin(kind: Kind, id: c_int) -> IdOrigin {
    if id < 0 {
        return IdOrigin::Negative;
    }
    if let Some(met) = ipc::get(kind, id) {
        return match met.removal {
            Some((site, _)) => IdOrigin::Removed(site),
            None => IdOrigin::RemovedElsewhere(met),
        };
    }
    // 0 is IPC_PRIVATE, and the id of the first.
    if id == 0 || listed_ids::are_there() {
        return IdOrigin::Unknown;
    }
    let of_key = facts::ipc::find(kind, |object| object.key == id);
    let is_key = of_key.is_some() || keys::is_given(id) || ipc::has_key(kind, id);
    if is_key { IdOrigin::Key(of_key) } else { IdOrigin::Unknown }
}

/// Makes the finding of an id that leads to nothing.
fn bad_id(rule: Rule, kind: Kind, id: c_int, report: &Report<'_>) {
    let origin = id_origin(kind, id);
    let severity = match origin {
        IdOrigin::Negative | IdOrigin::Key(_) => Severity::Error,
        IdOrigin::Removed(_) => Severity::Warning,
        IdOrigin::RemovedElsewhere(_) | IdOrigin::Unknown => Severity::Note,
    };
    report.finding(rule, severity, |draft| tell_bad_id(rule.call(), kind, id, &origin, draft));
}

fn tell_bad_id(function: &str, kind: Kind, id: c_int, origin: &IdOrigin, draft: &mut Draft) {
    let get = kind.get();
    match origin {
        IdOrigin::Negative if id == -1 => {
            draft.message(format_args!("{function} of id -1, which is what {get} returns when it fails"));
            if failures::last(failed_get(kind)).is_some() {
                note_failure(failed_get(kind), draft);
                draft.help(format_args!("compare what {get} returns with -1 before using it, and print errno then"));
            } else {
                draft.note(format_args!("no {get} that failed was seen in this process"));
                draft.help(format_args!("pass the id that {get} returned"));
            }
        }
        IdOrigin::Negative => {
            draft.message(format_args!("{function} of id {id}: ids are never negative"));
            draft.help(format_args!("pass the id that {get} returned"));
        }
        IdOrigin::Key(found) => {
            draft.message(format_args!("{function} of {}, which is a key and not an id", Id(id)));
            match found {
                Some(object) => draft.note(format_args!("the key leads to {object}")),
                None => draft.note(format_args!("this process has used it as a key; no {kind} has it now")),
            }
            draft.help(format_args!("pass the id that {get}({}, ...) returns", Key(id)));
        }
        IdOrigin::Removed(site) => {
            draft.message(format_args!("{function} of {kind} {id}, which has already been removed"));
            draft.related(kind.control(), *site, format_args!("removed here"));
            draft.help(format_args!("remove each {kind} once, after its last use, and set the variable to -1 then"));
        }
        IdOrigin::RemovedElsewhere(met) => {
            draft.message(format_args!("{kind} {id} no longer exists"));
            let what = if met.maker.is_some() { "it was made here" } else { "its id was given here" };
            draft.related(get, met.site, format_args!("{what}"));
            draft.help(format_args!(
                "another process has removed it, or a call that was not seen: remove a {kind} after its last use"
            ));
        }
        IdOrigin::Unknown => {
            draft.message(format_args!("no {kind} has id {}", Id(id)));
            draft.help(format_args!(
                "compare it with the ids that ipcs -{} lists; it may have been removed, or belong to another IPC \
                 namespace (a container has its own)",
                kind.letter()
            ));
        }
    }
}

/// Makes the finding of a set or queue that was removed while, or shortly before, a call of this thread used it.
fn removed(rule: Rule, kind: Kind, id: c_int, waited: bool, report: &Report<'_>) {
    report.finding(rule, Severity::Note, |draft| {
        if waited {
            draft.message(format_args!("{kind} {id} was removed while the call waited"));
        } else {
            draft.message(format_args!("{kind} {id} was removed by another thread of this process"));
        }
        match ipc::get(kind, id).and_then(|met| met.removal) {
            Some((site, _)) => draft.related(kind.control(), site, format_args!("removed here")),
            None => draft.note(format_args!("another process removed it, or a call that was not seen")),
        }
        draft.help(format_args!(
            "this is right where it ends the threads and processes that wait; otherwise remove it after its last use"
        ));
    });
}

/// Whether another thread of this process has removed what this call site had used before: workers are stopped so.
fn is_stopped_by_removal(kind: Kind, id: c_int, report: &Report<'_>) -> bool {
    let by_another = |met: Met| met.removal.is_some_and(|(_, thread)| thread != crate::machine::this_thread());
    ipc::get(kind, id).is_some_and(by_another) && ipc::was_used(kind, id, report.return_address)
}

/// Whether the process runs as owner or creator.
fn is_owner(object: &Object) -> bool {
    [object.uid, object.creator_uid].contains(&sys::geteuid())
}

/// Tells mode, owner and caller of what refuses.
fn note_permissions(object: &Object, draft: &mut Draft) {
    let Object { kind, id, mode, uid, gid, creator_uid, .. } = *object;
    draft.note(format_args!(
        "{kind} {id} has mode {}, owner uid {uid}, gid {gid}, creator uid {creator_uid}",
        Octal(mode)
    ));
    draft.note(format_args!("the process has effective uid {}, gid {}", sys::geteuid(), sys::getegid()));
}

/// Says what gives permission.
fn help_with_permission(object: &Object, draft: &mut Draft) {
    let Object { kind, id, uid, .. } = *object;
    if let Some(met) = ipc::get(kind, id).filter(|met| met.maker.is_some()) {
        draft.related(kind.get(), met.site, format_args!("it was made here"));
    }
    let number = if kind == Kind::Set { ", 0" } else { "" };
    let set = format_args!("{}({id}{number}, IPC_SET, ...)", kind.control());
    if is_owner(object) {
        draft.help(format_args!(
            "the process may change the mode itself: {set}; a new one gets it from {}'s flags",
            kind.get()
        ));
    } else {
        let enough = if object.gid == sys::getegid() { "0660" } else { "0666" };
        draft.help(format_args!("make it with mode {enough}, or let its owner, uid {uid}, change the mode: {set}"));
    }
}

/// Tells of a set or queue by its id whose use is refused.
fn tell_denied(kind: Kind, id: c_int, does: &str, draft: &mut Draft) {
    draft.message(format_args!("no permission to {does} {kind} {id}"));
    match facts::ipc::any_by_id(kind, id) {
        Some(object) => {
            note_permissions(&object, draft);
            help_with_permission(&object, draft);
        }
        None => draft.note(format_args!("ipcs -{} lists it with its owner and mode", kind.letter())),
    }
}

/// Shows how what is left over is removed, if that is safe: after "remove it", or why not.
struct Removal<'a>(&'a Object);

impl Display for Removal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Object { kind, id, uid, .. } = *self.0;
        if sys::geteuid() != 0 && !is_owner(self.0) {
            write!(f, "if it is left over, uid {uid}, its owner, can remove it")
        } else if facts::segment::is_namespace_shared() {
            write!(f, "if it is left over, remove it: ipcrm -{} {id}", kind.letter())
        } else {
            write!(f, "if it is left over, remove it: {} with IPC_RMID", kind.control())
        }
    }
}

/// Tells of memory that is needed: `NULL`, or not there.
fn tell_bad_memory(address: usize, need: fmt::Arguments<'_>, draft: &mut Draft) {
    match (address, super::memory::look_up(address)) {
        (0, _) => draft.message(format_args!("{need}, and the address is NULL")),
        (_, super::memory::Lookup::Unmapped) => {
            draft.message(format_args!("{need}, and nothing is mapped at {address:#x}"));
        }
        _ => draft
            .message(format_args!("{need}, and the memory at {address:#x} can't be used for that, or not all of it")),
    }
}
