//! Releases, which leave the tracker before the kernel acts: how they begin, and what came of them.

use super::held::{Tracker, enter_event, hold, leave_event};
use crate::plain::{Outer, Range};
use crate::track::{Event, LockError, Patience, ReleaseId, ReleasedPieces, Releaser};
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// A release that has begun: its range has left the regions, and comes back if the call fails.
#[derive(Clone, Copy)]
pub(crate) enum PendingRelease {
    Taken(ReleasedPieces),
    /// The lock is this thread's own, one signal further out, or its holder does not run: what is about to be released stands
    /// in the queue under this number. It stands there before the call, since another thread may map the addresses as soon
    /// as the kernel has them, and be told of before this one gets on.
    Announced(u32),
    /// Nothing is tracked.
    Untracked,
}

impl PendingRelease {
    /// What was taken; nothing is known of it while it stands in the queue.
    pub(crate) fn taken(&self) -> Option<&ReleasedPieces> {
        match self {
            PendingRelease::Taken(taken) => Some(taken),
            _ => None,
        }
    }

    /// Whether something was taken, or may be.
    pub(crate) fn may_have_taken(&self) -> bool {
        self.id().is_some()
    }

    fn id(&self) -> Option<ReleaseId> {
        match *self {
            PendingRelease::Taken(taken) if taken.pieces > 0 => Some(ReleaseId::Given(taken.release)),
            PendingRelease::Announced(number) => Some(ReleaseId::Announced(number)),
            _ => None,
        }
    }

    /// The release, for a move of mremap.
    pub(super) fn moves(&self) -> ReleaseId {
        match *self {
            PendingRelease::Taken(taken) => ReleaseId::Given(taken.release),
            PendingRelease::Announced(number) => ReleaseId::Announced(number),
            PendingRelease::Untracked => ReleaseId::Given(0),
        }
    }

    /// The call failed, or is not made.
    pub(crate) fn rollback(&self) {
        if let Some(release) = self.id() {
            enter_event(Event::Failed { release });
        }
    }

    /// The call, which [`release_for_mremap`] began, has come to pass.
    pub(crate) fn commit(&self) {
        if let Some(release) = self.id() {
            enter_event(Event::Passed { release });
        }
    }
}

#[inline(always)]
fn begin(take: impl FnOnce(&mut Tracker) -> ReleasedPieces, event: impl FnOnce(u32) -> Event) -> PendingRelease {
    match hold(Patience::Short) {
        Ok(mut held) => {
            let taken = take(held.content());
            held.leave();
            PendingRelease::Taken(taken)
        }
        Err(error) => announce(error, event),
    }
}

/// Leaves a release to the holder of the lock, which could not be taken for this reason.
#[cold]
#[inline(never)]
fn announce(error: LockError, event: impl FnOnce(u32) -> Event) -> PendingRelease {
    static ANNOUNCED: AtomicU32 = AtomicU32::new(0);
    let number = ANNOUNCED.fetch_add(1, Relaxed).wrapping_add(1);
    leave_event(error, || event(number));
    PendingRelease::Announced(number)
}

/// A range is about to be released.
#[inline(always)]
pub(super) fn release(range: Range, releaser: Releaser, outer: Option<&Outer>) -> PendingRelease {
    let event = |announcement| Event::Releases { range, releaser, announcement, keep: false };
    begin(|tracker| tracker.release(range, releaser, outer), event)
}

/// A range is about to be released by mremap, which tells by [`moved`], [`PendingRelease::commit`] or
/// [`PendingRelease::rollback`] what came of it: until then all that was taken is remembered.
///
/// [`moved`]: super::events::moved
pub(crate) fn release_for_mremap(range: Range, releaser: Releaser, outer: Option<&Outer>) -> PendingRelease {
    let event = |announcement| Event::Releases { range, releaser, announcement, keep: true };
    begin(|tracker| tracker.release_and_keep(range, releaser, outer), event)
}

/// The segment at an address is about to be detached.
pub(super) fn detach(base: usize, releaser: Releaser, outer: Option<&Outer>) -> PendingRelease {
    let event = |announcement| Event::Detaches { base, releaser, announcement };
    begin(|tracker| tracker.detach(base, releaser, outer), event)
}
