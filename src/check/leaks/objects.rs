//! Shared memory objects and named semaphores that this process has made and that outlive it. The kernel is asked for each of them; one finding
//! tells of all that one call has made.

use super::{LISTED, Moment, finding};
use crate::call::CreatedObject;
use crate::check::named::{lacks_owners_bits, tell_no_permissions};
use crate::facts;
use crate::observe::tracked;
use crate::plain::Outer;
use crate::plain::escape::{Escaped, Quoted};
use crate::plain::shm::{FOLDER, Named, path_of};
use crate::sys;
use crate::track::{Object, ObjectCreation};
use core::fmt::{self, Display};
use mapsan_model::{Rule, Severity};

/// Makes the findings about shared memory objects.
pub(super) fn find(moment: Moment) {
    tracked::mark_left_objects(is_there);
    if moment == Moment::Exit {
        find_unusable();
    }
    let mut from = 0;
    while let Some((object, next)) = tracked::next_left_object(from, None) {
        let first = tracked::next_left_object(0, Some(object.site())).is_some_and(|(_, after)| after == next);
        from = next;
        if first {
            left_objects(&object, moment);
        }
    }
}

/// Tells of those that their own owner may not open as the call did that made them.
fn find_unusable() {
    let mut from = 0;
    while let Some((object, next)) = tracked::next_left_object(from, None) {
        from = next;
        let path = path_of(Named::Object, object.name());
        let Some(there) = path.and_then(|path| facts::object::Object::at(&path)) else { continue };
        let ObjectCreation { named, flags, result, .. } = object.creation;
        if !lacks_owners_bits(named, there.mode, flags) {
            continue;
        }
        let rule = match named {
            Named::Object => Rule::ShmOpenNoPermissions,
            Named::Semaphore => Rule::SemOpenNoPermissions,
        };
        finding(&call_of(&object), result.get().cast_signed(), object.site(), &Outer::NONE, |report| {
            report.finding(rule, Severity::Warning, |draft| tell_no_permissions(named, &there, draft));
        });
    }
}

/// The call that made an object.
fn call_of(object: &Object) -> CreatedObject<'_> {
    let ObjectCreation { named, flags, mode, initial, .. } = object.creation;
    CreatedObject { named, name: object.bare(), flags, mode, initial }
}

fn is_there(object: &Object) -> bool {
    let path = path_of(Named::Object, object.name());
    let found = path.as_ref().and_then(|path| path.as_c_str()).and_then(|path| sys::statx_path(path).ok());
    found.is_some_and(|found| {
        let creation = &object.creation;
        (found.stx_dev_major, found.stx_dev_minor) == creation.device && found.stx_ino == creation.inode
    })
}

/// Shows the objects of a call site by their names.
struct Names(usize);

impl Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut from = 0;
        for place in 0..LISTED {
            let Some((object, next)) = tracked::next_left_object(from, Some(self.0)) else { return Ok(()) };
            from = next;
            write!(f, "{}'/{}'", if place == 0 { "" } else { ", " }, Escaped(object.bare()))?;
        }
        f.write_str(" and so on")
    }
}

fn left_objects(object: &Object, moment: Moment) {
    let (named, site) = (object.creation.named, object.site());
    finding(&call_of(object), object.creation.result.get().cast_signed(), site, &Outer::NONE, |report| {
        report.finding(Rule::LeakShmObject, Severity::Note, |draft| {
            let count = tracked::count_left_objects(site).unwrap_or(1);
            if count == 1 {
                draft.message(format_args!("the {named} {}, made here, still exists{moment}", Names(site)));
                draft.note(format_args!("it is the file {FOLDER}{}", Escaped(object.name())));
            } else {
                draft.message(format_args!("{count} {named}s made here still exist{moment}: {}", Names(site)));
                draft.note(format_args!("they are files in {}", Quoted(FOLDER.as_bytes())));
            }
            let each = if count == 1 { "it" } else { "each of them" };
            let (unlink, stays) = (named.unlink(), named.what_stays());
            draft
                .help(format_args!("call {unlink} for {each} when every process that needs it has opened it: {stays}"));
        });
    });
}
