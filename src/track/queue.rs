//! Events that could not be entered at once, because their own thread held the lock.
//!
//! Written by signal handlers while the thread that they interrupted holds the lock, emptied by that thread before it
//! gives the lock back. A task that shares memory and thread pointer with its parent (`CLONE_VM` without a thread area
//! of its own) looks like a handler and runs beside it, so the places are claimed one by one.

use super::lock::{Lock, Patience, Threads};
use crate::plain::sync::{AtomicU32, Ordering, UnsafeCell};
use core::mem::MaybeUninit;

/// Events that wait at most: handlers run one after the other while their thread does not get on.
#[cfg(not(model_checked))]
const PLACES: usize = 512;
#[cfg(model_checked)]
const PLACES: usize = 3;

/// Who leaves an event.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// A handler that has interrupted the holder of the lock. It can't wait: the holder does not get on before it ends.
    Handler,
    /// A thread that has waited for the holder. It may not take the places that the holder's handlers will need.
    Other,
}

impl By {
    /// Events that may wait when it leaves one.
    fn limit(self) -> usize {
        match self {
            By::Handler => PLACES,
            By::Other => PLACES / 2,
        }
    }
}

const FREE: u32 = 0;
const CLAIMED: u32 = 1;
const READY: u32 = 2;

struct Place<T> {
    state: AtomicU32,
    ticket: AtomicU32,
    /// Written if the place is ready.
    event: UnsafeCell<MaybeUninit<T>>,
}

/// How much waits. It lies beside the lock, apart from the places, since every holder looks at it.
pub(crate) struct Waiting {
    tickets: AtomicU32,
    events: AtomicU32,
}

impl Waiting {
    #[cfg(not(model_checked))]
    pub(crate) const fn new() -> Waiting {
        Waiting { tickets: AtomicU32::new(0), events: AtomicU32::new(0) }
    }

    #[cfg(model_checked)]
    pub(crate) fn new() -> Waiting {
        Waiting { tickets: AtomicU32::new(0), events: AtomicU32::new(0) }
    }

    /// Whether nothing waits.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.events.load(Ordering::Acquire) == 0
    }
}

/// The places in which events wait.
pub(crate) struct Queue<T> {
    places: [Place<T>; PLACES],
}

// SAFETY: an event is written by who claimed its place and read by the lock's holder once it is ready.
unsafe impl<T: Send> Sync for Queue<T> {}

impl<T: Copy> Queue<T> {
    #[cfg(not(model_checked))]
    pub(crate) const fn new() -> Queue<T> {
        Queue {
            places: [const {
                Place {
                    state: AtomicU32::new(FREE),
                    ticket: AtomicU32::new(0),
                    event: UnsafeCell::new(MaybeUninit::uninit()),
                }
            }; PLACES],
        }
    }

    #[cfg(model_checked)]
    pub(crate) fn new() -> Queue<T> {
        Queue {
            places: core::array::from_fn(|_| Place {
                state: AtomicU32::new(FREE),
                ticket: AtomicU32::new(0),
                event: UnsafeCell::new(MaybeUninit::uninit()),
            }),
        }
    }

    /// Leaves an event; `false` if there is no place.
    #[inline(never)]
    pub(super) fn push(&self, waiting: &Waiting, event: T, by: By) -> bool {
        if waiting.events.load(Ordering::Relaxed) as usize >= by.limit() {
            return false;
        }
        let claim = |place: &&Place<T>| {
            place.state.compare_exchange(FREE, CLAIMED, Ordering::Acquire, Ordering::Relaxed).is_ok()
        };
        let ticket = waiting.tickets.fetch_add(1, Ordering::Relaxed);
        let (before, from) = self.places.split_at(ticket as usize % PLACES);
        let Some(place) = from.iter().chain(before).find(claim) else { return false };
        place.ticket.store(ticket, Ordering::Relaxed);
        // SAFETY: the place was claimed, so nobody else reads or writes it.
        place.event.with_mut(|event_place| unsafe {
            (*event_place).write(event);
        });
        waiting.events.fetch_add(1, Ordering::Relaxed);
        place.state.store(READY, Ordering::Release);
        true
    }

    /// Takes the oldest event. For the lock's holder alone.
    pub(crate) fn pop(&self, waiting: &Waiting) -> Option<T> {
        if waiting.is_empty() {
            return None;
        }
        let now = waiting.tickets.load(Ordering::Relaxed);
        // Signed: a handler may leave an event at this very moment, with a ticket that is newer than `now`.
        let order = |place: &&Place<T>| place.ticket.load(Ordering::Relaxed).wrapping_sub(now).cast_signed();
        let is_ready = |place: &&Place<T>| place.state.load(Ordering::Acquire) == READY;
        let place = self.places.iter().filter(is_ready).min_by_key(order)?;
        // SAFETY: only the lock's holder empties places.
        let event = place.event.with_mut(|event| unsafe { *event });
        // SAFETY: the place is ready, so an event has been written to it.
        let event = unsafe { event.assume_init() };
        waiting.events.fetch_sub(1, Ordering::Relaxed);
        place.state.store(FREE, Ordering::Release);
        Some(event)
    }
}

/// Gives the lock back, with the queue emptied: also of what a handler leaves at the last moment.
#[inline]
pub(crate) fn leave<T: Copy>(
    lock: &Lock,
    waiting: &Waiting,
    queue: &Queue<T>,
    threads: &impl Threads,
    enter: impl FnMut(T),
) {
    if waiting.is_empty() {
        lock.give_back(threads);
        if waiting.is_empty() || lock.take(Patience::Short, threads).is_err() {
            return;
        }
    }
    leave_with_events(lock, waiting, queue, threads, enter);
}

/// The same where events wait. Apart, because an event takes much of a small stack.
#[cold]
#[inline(never)]
fn leave_with_events<T: Copy>(
    lock: &Lock,
    waiting: &Waiting,
    queue: &Queue<T>,
    threads: &impl Threads,
    mut enter: impl FnMut(T),
) {
    // An event whose writer has not come to its end keeps nobody here: the next holder enters it.
    const ROUNDS: u32 = 3;
    for round in 1..=ROUNDS {
        while let Some(event) = queue.pop(waiting) {
            enter(event);
        }
        lock.give_back(threads);
        if round == ROUNDS || waiting.is_empty() || lock.take(Patience::Short, threads).is_err() {
            return;
        }
    }
}
