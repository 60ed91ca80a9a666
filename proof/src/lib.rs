//! The tracker's lock and queue, the very files of the runtime, under loom: every order in which threads can take turns.
#![cfg(test)]

mod plain {
    //! What the runtime's `plain` has.
    pub(crate) mod sync {
        pub(crate) use loom::cell::UnsafeCell;
        pub(crate) use loom::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
    }
}

#[path = "../../src/track/lock.rs"]
mod lock;
#[path = "../../src/track/queue.rs"]
mod queue;

use lock::{Lock, Patience, Refusal, Sleeper};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use plain::sync::{AtomicUsize, Ordering, UnsafeCell};
use queue::Queue;

/// What the lock guards: the events in the order in which they were entered.
struct Shared {
    lock: Lock,
    parking: Parking,
    queue: Queue<u32>,
    entered: UnsafeCell<Vec<u32>>,
}

// SAFETY: `entered` is reached by the lock's holder alone, which loom checks.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

/// What futex(2) does: the word is compared, and the sleep begun, as one step that no waker comes between. Nobody wakes by
/// time: loom fails a test in which a thread is never woken.
struct Parking {
    order: Mutex<()>,
    sleepers: Condvar,
}

impl Parking {
    fn new() -> Parking {
        Parking { order: Mutex::new(()), sleepers: Condvar::new() }
    }
}

impl Sleeper for Parking {
    fn sleep(&self, word: &AtomicUsize, value: usize) -> bool {
        let order = self.order.lock().unwrap();
        if word.load(Ordering::Relaxed) == value {
            drop(self.sleepers.wait(order).unwrap());
        }
        false
    }

    fn wake(&self, _word: &AtomicUsize) {
        let _order = self.order.lock().unwrap();
        self.sleepers.notify_one();
    }

    fn now(&self) -> u32 {
        0
    }
}

/// Sleeps that nobody ends.
struct Alone;

impl Sleeper for Alone {
    fn sleep(&self, _word: &AtomicUsize, _value: usize) -> bool {
        true
    }

    fn wake(&self, _word: &AtomicUsize) {}

    fn now(&self) -> u32 {
        0
    }
}

impl Shared {
    fn new() -> Arc<Shared> {
        Arc::new(Shared {
            lock: Lock::new(),
            parking: Parking::new(),
            queue: Queue::new(),
            entered: UnsafeCell::new(Vec::new()),
        })
    }

    fn enter(&self, event: u32) {
        // SAFETY: the caller holds the lock; loom fails the test if not.
        self.entered.with_mut(|entered| unsafe { (*entered).push(event) });
    }

    fn take(&self, me: usize) -> Result<(), Refusal> {
        self.lock.take(me, Patience::Long, &self.parking)
    }

    fn leave(&self, me: usize) {
        queue::leave(&self.lock, &self.queue, me, &self.parking, |event| self.enter(event));
    }

    /// An event of thread `me`, with what signal handlers leave while it holds the lock.
    fn tell(&self, me: usize, event: u32, of_handlers: &[u32]) {
        assert_eq!(self.take(me), Ok(()));
        while let Some(event) = self.queue.pop() {
            self.enter(event);
        }
        for event in of_handlers {
            assert_eq!(self.take(me), Err(Refusal::Mine));
            assert!(self.queue.push(*event));
        }
        self.enter(event);
        self.leave(me);
    }
}

/// Runs `test` through every order with so many turns taken from threads that could go on.
fn in_turns(preemptions: usize, test: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.check(test);
}

#[test]
fn one_holder_at_a_time_and_no_event_is_lost() {
    in_turns(3, || {
        let shared = Shared::new();
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.tell(4, 20, &[]))
        };
        shared.tell(2, 10, &[11, 12]);
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
        assert_eq!(shared.take(2), Ok(()));
        let beside = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || assert!(shared.queue.push(7)))
        };
        shared.enter(1);
        shared.leave(2);
        beside.join().unwrap();
        shared.tell(2, 2, &[]);
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
        assert_eq!(lock.take(2, Patience::Short, &Alone), Ok(()));
        assert_eq!(lock.take(4, Patience::Long, &Alone), Err(Refusal::TimedOut));
        assert_eq!(lock.take(6, Patience::Short, &Alone), Err(Refusal::TimedOut));
        lock.give_back(&Alone);
        assert_eq!(lock.take(6, Patience::Short, &Alone), Ok(()));
    });
}

/// Whoever sleeps is woken, also when others get in before who was woken.
#[test]
fn nobody_sleeps_for_ever() {
    in_turns(2, || {
        let shared = Shared::new();
        let others = [4, 6].map(|me| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                assert_eq!(shared.take(me), Ok(()));
                shared.enter(0);
                shared.lock.give_back(&shared.parking);
            })
        });
        assert_eq!(shared.take(2), Ok(()));
        shared.enter(0);
        shared.lock.give_back(&shared.parking);
        for other in others {
            other.join().unwrap();
        }
    });
}

/// An event that is left because the holder did not get on is entered by the holder, or by who comes next.
#[test]
fn what_is_left_to_a_holder_that_does_not_run_is_not_lost() {
    in_turns(3, || {
        let shared = Shared::new();
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || match shared.lock.take(4, Patience::Short, &Alone) {
                Ok(()) => {
                    shared.enter(7);
                    shared.leave(4);
                }
                Err(_) => assert!(shared.queue.push(7)),
            })
        };
        shared.tell(2, 1, &[]);
        other.join().unwrap();
        shared.tell(2, 2, &[]);
        shared.entered.with_mut(|entered| {
            // SAFETY: both are done.
            let entered = unsafe { &*entered };
            assert!(entered.contains(&7) && entered.len() == 3, "{entered:?}");
        });
    });
}
