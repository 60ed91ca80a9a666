//! Releases, which leave the tracker before the kernel acts: how they begin, and what came of them.

use super::held::Held;
use super::{Event, ReleasedPieces, Releaser, State, tell_event};
use crate::plain::{Outer, Range};

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
            tell_event(Event::Failed { release: taken.release });
        }
    }

    /// The call, which [`release_for_mremap`] began, has come to pass.
    pub(crate) fn commit(&self) {
        if let PendingRelease::Taken(taken) = *self
            && taken.pieces > 0
        {
            tell_event(Event::Passed { release: taken.release });
        }
    }
}

#[allow(clippy::inline_always, reason = "each frame counts on small stacks")]
#[inline(always)]
fn begin(take: impl FnOnce(&mut State) -> ReleasedPieces) -> PendingRelease {
    match Held::take() {
        Ok(mut held) => {
            let taken = take(held.state());
            held.leave();
            PendingRelease::Taken(taken)
        }
        Err(_) => PendingRelease::Deferred,
    }
}

/// A range is about to be released.
#[allow(clippy::inline_always, reason = "each frame counts on small stacks")]
#[inline(always)]
pub(crate) fn release(range: Range, releaser: Releaser, outer: Option<&Outer>) -> PendingRelease {
    begin(|state| state.regions.release(range, releaser, outer))
}

/// A range is about to be released by mremap, which tells by [`moved`], [`PendingRelease::passed`] or [`PendingRelease::failed`] what came of
/// it: until then all that was taken is remembered, however many releases other threads make meanwhile.
pub(crate) fn release_for_mremap(range: Range, releaser: Releaser, outer: Option<&Outer>) -> PendingRelease {
    begin(|state| {
        let taken = state.regions.release(range, releaser, outer);
        state.regions.open(taken.release);
        taken
    })
}

/// A release that began as [`PendingRelease::Deferred`] has come to pass.
#[cold]
pub(crate) fn released(range: Range, releaser: Releaser) {
    tell_event(Event::Released { range, releaser });
}

/// The segment at an address is about to be detached.
pub(crate) fn detach(base: usize, releaser: Releaser, outer: Option<&Outer>) -> PendingRelease {
    begin(|state| state.regions.detach(base, releaser, outer))
}

/// A detachment that began as [`PendingRelease::Deferred`] has come to pass.
#[cold]
pub(crate) fn detached(base: usize, releaser: Releaser) {
    tell_event(Event::Detached { base, releaser });
}
