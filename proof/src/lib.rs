//! The tracker's lock and queue, the very files of the runtime, under loom: every order in which threads can take turns.
#![cfg(test)]

mod sync {
    //! What the runtime's `sync` is there.
    pub(crate) use loom::cell::UnsafeCell;
    pub(crate) use loom::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
}

#[path = "../../src/track/lock.rs"]
mod lock;
#[path = "../../src/track/queue.rs"]
mod queue;

use lock::{Lock, Refusal};
use loom::sync::Arc;
use loom::thread;
use queue::Queue;
use sync::UnsafeCell;

/// What the lock guards: the events in the order in which they were entered.
struct Shared {
    lock: Lock,
    queue: Queue<u32>,
    entered: UnsafeCell<Vec<u32>>,
}

// SAFETY: `entered` is reached by the lock's holder alone, which loom checks.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

/// Waits as long as it takes: loom explores only orders in which somebody goes on.
fn nap(_tries: u32) -> bool {
    thread::yield_now();
    true
}

impl Shared {
    fn new() -> Arc<Shared> {
        Arc::new(Shared { lock: Lock::new(), queue: Queue::new(), entered: UnsafeCell::new(Vec::new()) })
    }

    fn enter(&self, event: u32) {
        // SAFETY: the caller holds the lock; loom fails the test if not.
        self.entered.with_mut(|entered| unsafe { (*entered).push(event) });
    }

    /// An event of thread `me`, with what signal handlers leave while it holds the lock.
    fn tell(&self, me: usize, event: u32, of_handlers: &[u32]) {
        assert_eq!(self.lock.take(me, nap), Ok(()));
        while let Some(event) = self.queue.pop() {
            self.enter(event);
        }
        for event in of_handlers {
            assert_eq!(self.lock.take(me, nap), Err(Refusal::Mine));
            assert!(self.queue.push(*event));
        }
        self.enter(event);
        queue::leave(&self.lock, &self.queue, me, nap, |event| self.enter(event));
    }
}

#[test]
fn one_holder_at_a_time_and_no_event_is_lost() {
    loom::model(|| {
        let shared = Shared::new();
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.tell(2, 20, &[]))
        };
        shared.tell(1, 10, &[11, 12]);
        other.join().unwrap();
        shared.entered.with_mut(|entered| {
            // SAFETY: both threads are done.
            let entered = unsafe { &*entered };
            assert_eq!(entered.len(), 4);
            let place = |event| entered.iter().position(|there| *there == event).unwrap();
            // A handler's events keep their order, and come before anybody else gets in.
            assert!(place(11) < place(12));
            assert!(place(20) < place(10) || place(20) > place(12));
        });
    });
}

#[test]
fn a_task_that_looks_like_a_handler_and_runs_beside_its_thread_loses_nothing() {
    loom::model(|| {
        let shared = Shared::new();
        assert_eq!(shared.lock.take(1, nap), Ok(()));
        let beside = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || assert!(shared.queue.push(7)))
        };
        shared.enter(1);
        queue::leave(&shared.lock, &shared.queue, 1, nap, |event| shared.enter(event));
        beside.join().unwrap();
        shared.tell(1, 2, &[]);
        shared.entered.with_mut(|entered| {
            // SAFETY: both are done.
            let entered = unsafe { &*entered };
            assert!(entered.contains(&7) && entered.len() == 3, "{entered:?}");
        });
    });
}

#[test]
fn nobody_waits_for_a_holder_that_is_gone() {
    loom::model(|| {
        let lock = Lock::new();
        assert_eq!(lock.take(1, nap), Ok(()));
        assert_eq!(lock.take(2, |tries| tries < 3), Err(Refusal::TimedOut));
    });
}
