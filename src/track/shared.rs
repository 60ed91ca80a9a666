//! What threads share behind the lock, and the events that are left to its holder.
//!
//! An event that happens while its own thread holds the lock, in a signal handler, or while the holder does not run, waits
//! in the queue. One that finds no place there, and whose thread can't have the lock either, is lost: the caller is told.

use super::lock::{Lock, LockError, Patience, Threads};
use super::queue::{self, By, Queue, Waiting};
use crate::plain::hidden::{Addresses, Hidden};
use crate::plain::sync::UnsafeCell;
use core::mem::offset_of;

/// What can be shared.
pub(crate) trait Content {
    /// What happens to it.
    type Event: Addresses;

    /// Enters an event that was left in the queue.
    fn apply(&mut self, event: &Self::Event);
}

/// A content behind the lock. What a fork(2) writes to lies side by side: the lock, and the beginning of the content.
#[repr(C)]
pub(crate) struct Shared<C: Content> {
    lock: Lock,
    waiting: Waiting,
    content: UnsafeCell<C>,
    queue: Queue<Hidden<C::Event>>,
}

// SAFETY: the content is reached only by the holder of the lock.
unsafe impl<C: Content + Send> Sync for Shared<C> where C::Event: Send {}

impl<C: Content> Shared<C> {
    /// Where the word that names the lock's holder, the count of its turns, and the content lie.
    pub(super) const HOLDER: usize = offset_of!(Self, lock).wrapping_add(Lock::HOLDER);
    pub(super) const TURNS: usize = offset_of!(Self, lock).wrapping_add(Lock::TURNS);
    pub(super) const CONTENT: usize = offset_of!(Self, content);

    #[cfg(not(model_checked))]
    pub(crate) const fn new(content: C) -> Shared<C> {
        Shared { lock: Lock::new(), waiting: Waiting::new(), content: UnsafeCell::new(content), queue: Queue::new() }
    }

    #[cfg(model_checked)]
    pub(crate) fn new(content: C) -> Shared<C> {
        Shared { lock: Lock::new(), waiting: Waiting::new(), content: UnsafeCell::new(content), queue: Queue::new() }
    }

    /// Takes the lock, and enters what waits.
    #[inline(always)]
    pub(crate) fn hold<'a, T: Threads>(
        &'a self,
        patience: Patience,
        threads: &'a T,
    ) -> Result<Held<'a, C, T>, LockError> {
        self.lock.take(patience, threads)?;
        let mut held = Held { shared: self, threads };
        // Left by a handler between its thread's last look and the release of the lock.
        if !self.waiting.is_empty() {
            held.catch_up();
        }
        Ok(held)
    }

    /// The same for all who can spare the call: as a part of each of them it would take a tenth of the library.
    #[inline(never)]
    pub(crate) fn hold_apart<'a, T: Threads>(
        &'a self,
        patience: Patience,
        threads: &'a T,
    ) -> Result<Held<'a, C, T>, LockError> {
        self.hold(patience, threads)
    }

    /// The lock again, of which [`Held::keep`] has given up the proof.
    ///
    /// # Safety
    /// This thread, or in a child of fork the one that it is a copy of, must have kept it.
    pub(crate) unsafe fn held_again<'a, T: Threads>(&'a self, threads: &'a T) -> Held<'a, C, T> {
        Held { shared: self, threads }
    }

    /// Enters what happened, now or, as the event that `later` makes, when the holder of the lock gets on. An error if it is
    /// lost.
    #[inline]
    pub(crate) fn enter(
        &self,
        threads: &impl Threads,
        now: impl FnOnce(&mut C),
        later: impl FnOnce() -> C::Event,
    ) -> Result<(), LockError> {
        match self.hold_apart(Patience::Short, threads) {
            Ok(mut held) => {
                now(held.content());
                held.leave_apart();
                Ok(())
            }
            Err(error) => self.leave_event(error, threads, later),
        }
    }

    /// Leaves an event to the holder of the lock, which could not be taken for this reason: the thread that this one has
    /// interrupted, or one that does not run. An error if the event is lost.
    #[cold]
    #[inline(never)]
    pub(crate) fn leave_event(
        &self,
        error: LockError,
        threads: &impl Threads,
        event: impl FnOnce() -> C::Event,
    ) -> Result<(), LockError> {
        // Made here: it takes much of a small stack.
        let event = &event();
        let by = match error {
            LockError::OwnThread => By::Handler,
            LockError::TimedOut => By::Other,
        };
        if self.queue.push(&self.waiting, Hidden::of(*event), by) {
            return Ok(());
        }
        match error {
            LockError::OwnThread => Err(error),
            LockError::TimedOut => {
                let mut held = self.hold_apart(Patience::Long, threads)?;
                held.content().apply(event);
                held.leave_apart();
                Ok(())
            }
        }
    }
}

/// The lock, held by this thread.
pub(crate) struct Held<'a, C: Content, T> {
    shared: &'a Shared<C>,
    threads: &'a T,
}

impl<C: Content, T: Threads> Held<'_, C, T> {
    /// The content. Not by a closure: what is told of a mapping would lie on a small stack twice.
    #[inline]
    pub(crate) fn content(&mut self) -> &mut C {
        let content = self.shared.content.with_mut(|content| content);
        // SAFETY: the lock is held, and its proof is borrowed as long as the content.
        unsafe { &mut *content }
    }

    #[cold]
    fn catch_up(&mut self) {
        while let Some(event) = self.shared.queue.pop(&self.shared.waiting) {
            self.content().apply(&event.get());
        }
    }

    /// Gives the lock back, with the queue emptied.
    #[inline(always)]
    pub(crate) fn leave(mut self) {
        let (shared, threads) = (self.shared, self.threads);
        let enter = |event: Hidden<C::Event>| self.content().apply(&event.get());
        queue::leave(&shared.lock, &shared.waiting, &shared.queue, threads, enter);
    }

    /// As [`Held::leave`], for all who can spare the call.
    #[inline(never)]
    pub(crate) fn leave_apart(self) {
        self.leave();
    }

    /// Gives up the proof and keeps the lock, over fork(2).
    pub(crate) fn keep(self) {
        let Held { .. } = self;
    }
}

#[cfg(all(test, not(model_checked)))]
#[allow(clippy::arithmetic_side_effects, reason = "a test may overflow, and fails then")]
mod tests {
    use super::*;
    use crate::plain::sync::AtomicUsize;

    struct Count(usize);

    #[derive(Clone, Copy)]
    struct One;

    impl Addresses for One {
        fn complemented(self) -> One {
            One
        }
    }

    impl Content for Count {
        type Event = One;

        fn apply(&mut self, _event: &One) {
            self.0 += 1;
        }
    }

    /// A thread whose every sleep lasts its whole time: the holder of the lock does not get on.
    struct Thread(usize);

    impl Threads for Thread {
        fn me(&self) -> usize {
            self.0
        }

        fn sleep(&self, _word: &AtomicUsize, _value: usize) -> bool {
            true
        }

        fn wake(&self, _word: &AtomicUsize) {}

        fn now(&self) -> u32 {
            0
        }
    }

    /// However much others leave to a holder that does not run, its own handlers, which run when it does, find a place.
    #[test]
    fn others_leave_room_for_the_handlers_of_a_holder_that_does_not_run() {
        let shared = Shared::new(Count(0));
        let (holder, other) = (Thread(2), Thread(4));
        let held = shared.hold(Patience::Short, &holder).ok().unwrap();
        let enter = |thread| shared.enter(thread, |_: &mut Count| panic!("the lock is held"), || One);
        let of_others = (0..10_000).take_while(|_| enter(&other).is_ok()).count();
        let of_handlers = (0..10_000).take_while(|_| enter(&holder).is_ok()).count();
        assert!(of_others > 0 && of_handlers > 100, "{of_others} events of others, {of_handlers} of handlers");
        held.leave();
        let mut held = shared.hold(Patience::Short, &other).ok().unwrap();
        assert_eq!(held.content().0, of_others + of_handlers);
    }
}
