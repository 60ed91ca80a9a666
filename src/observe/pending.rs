//! Releases, which leave the tracker before the kernel acts: how they begin, and what came of them.

use super::held::{Tracker, enter_event, hold};
use crate::plain::{Outer, Range};
use crate::track::{Event, Patience, ReleasedPieces, Releaser};

/// A release that has begun: its range has left the regions, and comes back if the call fails.
#[derive(Clone, Copy)]
pub(crate) enum PendingRelease {
    Taken(ReleasedPieces),
    /// The lock is this thread's own, one signal further out, or its holder does not run: the event comes after the call.
    Deferred,
    /// Nothing is tracked.
    Untracked,
}

impl PendingRelease {
    /// What was taken; nothing is known of it if it is for later.
    pub(crate) fn taken(&self) -> Option<&ReleasedPieces> {
        match self {
            PendingRelease::Taken(taken) => Some(taken),
            _ => None,
        }
    }

    /// The call failed, or is not made.
    pub(crate) fn rollback(&self) {
        if let PendingRelease::Taken(taken) = *self
            && taken.pieces > 0
        {
            enter_event(Event::Failed { release: taken.release });
        }
    }

    /// The call, which [`release_for_mremap`] began, has come to pass.
    pub(crate) fn commit(&self) {
        if let PendingRelease::Taken(taken) = *self
            && taken.pieces > 0
        {
            enter_event(Event::Passed { release: taken.release });
        }
    }
}

#[allow(clippy::inline_always, reason = "each frame counts on small stacks")]
#[inline(always)]
fn begin(take: impl FnOnce(&mut Tracker) -> ReleasedPieces) -> PendingRelease {
    match hold(Patience::Short) {
        Ok(mut held) => {
            let taken = take(held.content());
            held.leave();
            PendingRelease::Taken(taken)
        }
        Err(_) => PendingRelease::Deferred,
    }
}

/// A range is about to be released.
#[allow(clippy::inline_always, reason = "each frame counts on small stacks")]
#[inline(always)]
pub(super) fn release(range: Range, releaser: Releaser, outer: Option<&Outer>) -> PendingRelease {
    begin(|tracker| tracker.release(range, releaser, outer))
}

/// A range is about to be released by mremap, which tells by [`moved`], [`PendingRelease::commit`] or
/// [`PendingRelease::rollback`] what came of it: until then all that was taken is remembered.
///
/// [`moved`]: super::events::moved
pub(crate) fn release_for_mremap(range: Range, releaser: Releaser, outer: Option<&Outer>) -> PendingRelease {
    begin(|tracker| tracker.release_and_keep(range, releaser, outer))
}

/// A release that began as [`PendingRelease::Deferred`] has come to pass.
#[cold]
pub(super) fn released(range: Range, releaser: Releaser) {
    enter_event(Event::Released { range, releaser });
}

/// The segment at an address is about to be detached.
pub(super) fn detach(base: usize, releaser: Releaser, outer: Option<&Outer>) -> PendingRelease {
    begin(|tracker| tracker.detach(base, releaser, outer))
}

/// A detachment that began as [`PendingRelease::Deferred`] has come to pass.
#[cold]
pub(super) fn detached(base: usize, releaser: Releaser) {
    enter_event(Event::Detached { base, releaser });
}
