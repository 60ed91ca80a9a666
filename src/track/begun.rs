//! Releases, which leave the tracker before the kernel acts: how they begin, and what came of them.

use super::held::Held;
use super::{Event, Releaser, State, Taken, tell_event};
use crate::plain::{Outer, Range};

/// A release that has begun: its range has left the regions, and comes back if the call fails.
#[derive(Clone, Copy)]
pub(crate) enum Begun {
    Taken(Taken),
    /// The lock is this thread's own, one signal further out, or its holder does not run: the event comes after the call.
    Later,
    /// Nothing is tracked.
    Off,
}

impl Begun {
    /// What was taken; nothing is known of it if it is for later.
    pub(crate) fn taken(&self) -> Option<&Taken> {
        match self {
            Begun::Taken(taken) => Some(taken),
            _ => None,
        }
    }

    /// The call failed, or is not made.
    pub(crate) fn failed(&self) {
        if let Begun::Taken(taken) = *self
            && taken.pieces > 0
        {
            tell_event(Event::Failed { release: taken.release });
        }
    }

    /// The call, which [`release_for_mremap`] began, has come to pass.
    pub(crate) fn passed(&self) {
        if let Begun::Taken(taken) = *self
            && taken.pieces > 0
        {
            tell_event(Event::Passed { release: taken.release });
        }
    }
}

#[allow(clippy::inline_always, reason = "each frame counts on small stacks")]
#[inline(always)]
fn begin(take: impl FnOnce(&mut State) -> Taken) -> Begun {
    match Held::take() {
        Ok(mut held) => {
            let taken = take(held.state());
            held.leave();
            Begun::Taken(taken)
        }
        Err(_) => Begun::Later,
    }
}

/// A range is about to be released.
#[allow(clippy::inline_always, reason = "each frame counts on small stacks")]
#[inline(always)]
pub(crate) fn release(range: Range, releaser: Releaser, outer: Option<&Outer>) -> Begun {
    begin(|state| state.regions.release(range, releaser, outer))
}

/// A range is about to be released by mremap, which tells by [`moved`], [`Begun::passed`] or [`Begun::failed`] what came of
/// it: until then all that was taken is remembered, however many releases other threads make meanwhile.
pub(crate) fn release_for_mremap(range: Range, releaser: Releaser, outer: Option<&Outer>) -> Begun {
    begin(|state| {
        let taken = state.regions.release(range, releaser, outer);
        state.regions.open(taken.release);
        taken
    })
}

/// A release that began as [`Begun::Later`] has come to pass.
#[cold]
pub(crate) fn released(range: Range, releaser: Releaser) {
    tell_event(Event::Released { range, releaser });
}

/// The segment at an address is about to be detached.
pub(crate) fn detach(base: usize, releaser: Releaser, outer: Option<&Outer>) -> Begun {
    begin(|state| state.regions.detach(base, releaser, outer))
}

/// A detachment that began as [`Begun::Later`] has come to pass.
#[cold]
pub(crate) fn detached(base: usize, releaser: Releaser) {
    tell_event(Event::Detached { base, releaser });
}
