//! The tracker's lock in the hands of a thread, and what becomes of an event when it can't be had.

use super::lock::{Patience, Refusal, Sleeper};
use super::{Event, QUEUE, State, TRACKER, queue};
use crate::machine::this_thread;
use crate::output::{self, sink};
use crate::plain::hidden::Hidden;
use crate::plain::sync::AtomicUsize;
use crate::{enabled, sys};

/// Threads sleep on the lock's own word.
struct Futex;

impl Sleeper for Futex {
    fn sleep(&self, word: &AtomicUsize, value: usize) -> bool {
        sys::futex::sleep(word, value, i64::from(Self::NAP_MS))
    }

    #[cold]
    #[inline(never)]
    fn wake(&self, word: &AtomicUsize) {
        sys::futex::wake(word);
    }

    fn now(&self) -> u32 {
        sys::time::milliseconds()
    }
}

/// The lock, held.
pub(super) struct Held;

impl Held {
    #[inline]
    pub(super) fn take() -> Result<Held, Refusal> {
        Self::take_with(Patience::Short)
    }

    /// As [`Held::take`], for what must not be lost.
    #[inline]
    pub(super) fn take_with(patience: Patience) -> Result<Held, Refusal> {
        TRACKER.lock.take(this_thread(), patience, &Futex)?;
        let mut held = Held;
        // Left by a handler between its thread's last look and the release of the lock.
        if !QUEUE.is_empty() {
            held.catch_up();
        }
        Ok(held)
    }

    #[expect(clippy::unused_self, reason = "possession is the proof")]
    pub(super) fn state(&mut self) -> &mut State {
        // SAFETY: the lock is held.
        unsafe { &mut *TRACKER.state.get() }
    }

    #[cold]
    fn catch_up(&mut self) {
        while let Some(event) = QUEUE.pop() {
            self.state().apply(&event.get());
        }
    }

    #[inline]
    pub(super) fn leave(mut self) {
        let enter = |event: Hidden<Event>| self.state().apply(&event.get());
        queue::leave(&TRACKER.lock, &QUEUE, this_thread(), &Futex, enter);
    }
}

/// Ends tracking, because an event was lost: from here on the tracker would lie.
#[cold]
pub(super) fn give_up(refusal: Refusal) {
    if enabled::stop_tracking()
        && let Ok(lock) = output::enter()
    {
        let why = match refusal {
            Refusal::TimedOut => "its lock is held by a thread that does not give it back",
            Refusal::Mine => {
                "signal handlers that map memory came too fast for the thread that they interrupted, or a thread was \
                 cancelled inside a call"
            }
        };
        sink::say(&lock, format_args!("tracking ends for this process: {why}"));
        lock.leave();
    }
}

/// Enters what happened, now or, as the event that `later` makes, when the holder of the lock gets on.
#[inline]
pub(super) fn tell(now: impl FnOnce(&mut State), later: impl FnOnce() -> Event) {
    match Held::take() {
        Ok(mut held) => {
            now(held.state());
            held.leave();
        }
        Err(refusal) => leave_event(refusal, later),
    }
}

/// Leaves an event to the holder of the lock: the thread that this one has interrupted, or one that does not run.
#[cold]
#[inline(never)]
pub(super) fn leave_event(refusal: Refusal, event: impl FnOnce() -> Event) {
    let event = event();
    if QUEUE.push(Hidden::of(event)) {
        return;
    }
    match refusal {
        Refusal::Mine => give_up(refusal),
        Refusal::TimedOut => match Held::take_with(Patience::Long) {
            Ok(mut held) => {
                held.state().apply(&event);
                held.leave();
            }
            Err(refusal) => give_up(refusal),
        },
    }
}
