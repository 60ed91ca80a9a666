//! What happens, as the tracker is told: entered at once, or left to the holder of its lock.

use super::count;
use super::held::{Held, enter, enter_event, hold, leave_event, say_incomplete, under_lock};
use super::pending::PendingRelease;
use crate::enabled;
use crate::plain::errno::Errno;
use crate::plain::hidden::Hidden;
use crate::plain::{Outer, Range};
use crate::track::{
    Advice, Advised, Event, LockError, NewMapping, Object, ObjectCreation, Patience, Protection, ShmgetSuccess,
};
use core::ffi::c_int;

/// A range has been mapped. True if the kernel is to be asked how many mappings there are.
#[inline(always)]
pub(super) fn mapped(range: Range, made: NewMapping, outer: Option<&Outer>) -> bool {
    // By hand, not by `enter`: this is the way of every mapping, and an event takes much of a small stack.
    match hold(Patience::Short) {
        Ok(mut held) => {
            held.content().mapped(range, made, outer);
            leave(held)
        }
        Err(error) => mapped_later(error, range, made),
    }
}

#[cold]
#[inline(never)]
fn mapped_later(error: LockError, range: Range, made: NewMapping) -> bool {
    leave_event(error, || Event::Mapped { range, made });
    false
}

/// A range has another protection, given by a call that returns to `site`; where the next mapping starts that it runs into, and
/// takes access away from. Whether the kernel is to be asked how many mappings there are is noted.
pub(super) fn protected(protection: &Protection) -> Option<usize> {
    match hold(Patience::Short) {
        Ok(mut held) => {
            let runs_into = held.content().protect(*protection);
            leave(held);
            runs_into
        }
        Err(error) => {
            leave_event(error, || Event::Protected(*protection));
            None
        }
    }
}

/// Gives the lock back after a call that may have added mappings; whether the kernel is to be asked how many there are.
#[inline(always)]
pub(super) fn leave(mut held: Held) -> bool {
    if held.content().wants_more() {
        return leave_with_more(held);
    }
    held.leave();
    false
}

#[cold]
#[inline(never)]
fn leave_with_more(mut held: Held) -> bool {
    let is_incomplete = held.content().is_incomplete();
    let is_due = held.content().count_is_due();
    held.leave();
    if is_incomplete {
        say_incomplete();
    }
    if is_due {
        count::note_due();
    }
    is_due
}

/// madvise has changed what forked children get of a range, or where guards are.
pub(super) fn advised(range: Range, done: Advised, site: usize) {
    enter_event(Event::Advised(Advice { range, site, done, generation: 0, after: 0 }));
}

/// mremap has moved or resized what `pending` took from `old`.
pub(crate) fn moved(pending: &PendingRelease, old: Range, new: Range, made: &NewMapping, outer: Option<&Outer>) {
    let release = pending.moves();
    enter(|tracker| tracker.moved(release, old, new, made, outer), || Event::Moved { release, old, new, made: *made });
}

/// mremap has mapped what is at `old` a second time, at `new`.
pub(super) fn duplicated(old: Range, new: Range, made: &NewMapping, outer: Option<&Outer>) {
    enter(|tracker| tracker.duplicated(old, new, made, outer), || Event::Duplicated { old, new, made: *made });
}

/// mremap has shrunk, in place, what starts at `start`.
pub(super) fn shrunk(start: usize, length: usize) {
    enter_event(Event::Shrunk { start, length });
}

/// The program asked for an address in a range and was not given it, but `base`, if anything.
#[cold]
#[inline(never)]
pub(crate) fn requested(range: Range, address: usize, base: Option<usize>) {
    enter_event(Event::Requested { range, address, base });
}

/// Nobody knows what is in this range now.
#[cold]
pub(super) fn forget(range: Range) {
    enter_event(Event::Forgotten { range });
}

/// shmget has led to a segment.
pub(super) fn shmget_succeeded(got: ShmgetSuccess) {
    enter_event(Event::ShmgetSucceeded(got));
}

/// A segment's size is known now.
pub(super) fn size_learned(id: c_int, size: usize) {
    enter_event(Event::SizeLearned { id, size });
}

/// A segment has been removed.
pub(super) fn removed(id: c_int, site: usize) {
    enter_event(Event::Removed { id, site: Hidden::new(site) });
}

/// The removal of a segment was refused.
pub(super) fn removal_refused(id: c_int, site: usize, errno: Errno) {
    enter_event(Event::RemovalRefused { id, site: Hidden::new(site), errno });
}

/// This process has attached a segment; whether it is known to be the first time.
pub(super) fn attached(id: c_int) -> bool {
    under_lock(|tracker| tracker.attached(id)).unwrap_or(false)
}

/// `shm_open` has made an object.
pub(super) fn object_made(object: &mut Object) {
    under_lock(|tracker| tracker.object_made(object));
}

/// `shm_unlink` has removed the object with this name: how it was made, if that is known.
pub(super) fn object_unlinked(name: &[u8]) -> Option<ObjectCreation> {
    under_lock(|tracker| tracker.objects().unlinked(name))?
}

/// What is mapped at an address is in use by a thread: its release needs a look.
pub(crate) fn watch_release(address: usize) {
    if enabled::tracks() {
        enter_event(Event::WatchesRelease { address });
    }
}

/// Bytes past the end of what is mapped at an address are not the program's, or no longer to be told from older ones.
pub(crate) fn mark_tail_unreliable(address: usize) {
    enter_event(Event::TailUnreliable { address });
}
