//! At exit: what the program leaves behind, or has mapped in vain.
//!
//! Mappings and attachments are grouped by call site; segments and objects are asked of the kernel, one by one.

use super::known::{Creating, Making, Opening};
use super::mmap::still_empty;
use crate::call::{Call, Key, Outcome};
use crate::escape::Escaped;
use crate::facts::segment;
use crate::report::Report;
use crate::sys;
use crate::track::groups::Group;
use crate::track::objects::{FOLDER, Object, path_of};
use crate::track::segments::Segment;
use crate::track::{self, By, Known, Outer, keys};
use core::ffi::c_int;
use mapsan_model::{Rule, Severity};

/// A finding about a call that was made earlier.
fn finding(call: &dyn Call, value: isize, site: usize, outer: &Outer, make: impl FnOnce(&Report<'_>)) {
    let outcome = Outcome { value, errno: None };
    make(&Report { call, outcome, caller: site, refusing: false, earlier: Some(outer) });
}

/// Makes the findings about what is mapped, attached and left at this moment.
pub(crate) fn find() {
    mappings();
    segments();
    objects();
}

/// Makes the findings about mappings that start past the end of their file at this moment.
pub(crate) fn find_empty() {
    let mut at = 0;
    let next = |from: usize| {
        track::with(|state| {
            let regions = &state.regions;
            let mut at = from;
            while let Some(entry) = regions.at_or_after(at) {
                if entry.notable {
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

fn segments() {
    let mut from = 0;
    while let Some((segment, next)) = track::with(|state| state.segments.next(from)).flatten() {
        from = next;
        let own = track::with(|state| state.is_own(segment.generation)).unwrap_or(false);
        if segment.created && own && segment.removed() == 0 {
            left_segment(&segment);
        }
    }
}

/// Attachments of a segment that this process has itself.
fn own_attachments(id: c_int) -> u64 {
    track::with(|state| {
        let regions = &mut state.regions;
        regions.begin_count();
        let (mut at, mut count) = (0, 0_u64);
        while let Some(entry) = regions.at_or_after(at) {
            at = entry.end;
            let attached = regions.known(entry).is_some_and(|known| {
                known.origin.by == By::Shmat
                    && known.file.is_some_and(|file| file.inode == u64::from(id.cast_unsigned()))
            });
            count = count.wrapping_add(u64::from(attached && regions.counts(&entry)));
        }
        count
    })
    .unwrap_or(0)
}

fn left_segment(made: &Segment) {
    let Some(now) = segment::any_by_id(made.id) else { return };
    // The id may have been given to somebody else's segment by now.
    if now.removed || now.creator_pid != sys::getpid() {
        return;
    }
    let private = now.key == libc::IPC_PRIVATE;
    if private && now.attached > own_attachments(made.id) {
        return;
    }
    let severity = if private { Severity::Warning } else { Severity::Note };
    finding(&Creating(made), made.id as isize, made.site(), &Outer::NONE, |report| {
        report.finding(Rule::LeakSegment, severity, |draft| {
            draft.message(format_args!(
                "segment {} of {} bytes, created here, still exists and outlives the program",
                now.id, now.size
            ));
            if private {
                draft
                    .note(format_args!("its key is IPC_PRIVATE and nobody else is attached: nobody can find it again"));
            } else {
                draft.note(format_args!("its key is {}, nattch {}", Key(now.key), now.attached));
                if let Some(given) = keys::given(now.key) {
                    draft.place(given.site(), format_args!("the ftok that gave the key"));
                }
            }
            draft.help(format_args!(
                "remove it with shmctl({}, IPC_RMID, NULL), best right after the last attach; by hand: ipcrm -m {}",
                now.id, now.id
            ));
        });
    });
}

fn objects() {
    let mut from = 0;
    while let Some((object, next)) = track::with(|state| state.objects.next(from)).flatten() {
        from = next;
        let own = track::with(|state| state.is_own(object.generation)).unwrap_or(false);
        if own && is_there(&object) {
            left_object(&object);
        }
    }
}

fn is_there(object: &Object) -> bool {
    let path = path_of(object.name());
    let found = path.as_ref().and_then(|path| path.as_c_str()).and_then(|path| sys::statx_path(path).ok());
    found.is_some_and(|found| {
        (found.stx_dev_major, found.stx_dev_minor) == object.device && found.stx_ino == object.inode
    })
}

fn left_object(object: &Object) {
    let name = object.name();
    finding(&Opening(object), object.fd as isize, object.site(), &Outer::NONE, |report| {
        report.finding(Rule::LeakShmObject, Severity::Note, |draft| {
            draft.message(format_args!(
                "the shared memory object '/{}', created here, is never unlinked and outlives the program",
                Escaped(name)
            ));
            draft.note(format_args!("it is {FOLDER}{}", Escaped(name)));
            draft.help(format_args!("call shm_unlink(\"/{}\") when no other process has to open it", Escaped(name)));
        });
    });
}
