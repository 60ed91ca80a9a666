//! The tracker, the very files of the runtime, alone: with nothing but plain types below it, and between threads under loom,
//! in every order in which they can take turns.
#![cfg(test)]
#![allow(dead_code, unused_imports, unused_macros, reason = "the runtime uses all of it")]
#![allow(clippy::arithmetic_side_effects, reason = "a test may overflow, and fails then")]
#![allow(clippy::inline_always, reason = "the runtime says what is part of its caller")]

mod machine {
    //! What the runtime's `machine` has for the tracker: a page size, and a hint to the processor.

    pub(crate) struct Machine;

    pub(crate) trait Architecture {
        const PAGE_SIZE: Option<usize> = Some(4096);

        fn prefetch(_address: *const u8) {}
    }

    impl Architecture for Machine {}
}

#[path = "../../src/plain/mod.rs"]
mod plain;
#[path = "../../src/track/mod.rs"]
mod track;

use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use plain::hidden::Addresses;
use plain::sync::{AtomicUsize, Ordering, UnsafeCell};
use track::{Content, LockError, Patience, Threads};

/// What is shared: the events in the order in which they were entered, in a cell by which loom sees who reaches it.
struct Entered(UnsafeCell<Vec<u32>>);

#[derive(Clone, Copy)]
struct Number(u32);

impl Addresses for Number {
    fn complemented(self) -> Number {
        Number(!self.0)
    }
}

impl Content for Entered {
    type Event = Number;

    fn apply(&mut self, event: &Number) {
        // SAFETY: the caller holds the lock; loom fails the test if not.
        self.0.with_mut(|entered| unsafe { (*entered).push(event.0) });
    }
}

/// What futex(2) does: the word is compared, and the sleep begun, as one step that no waker comes between. Nobody wakes by
/// time: loom fails a test in which a thread is never woken.
struct Parking {
    order: Mutex<()>,
    sleepers: Condvar,
}

/// A thread that sleeps there.
struct Parked<'a> {
    me: usize,
    parking: &'a Parking,
    /// Whether its sleeps last their whole time at once.
    is_late: bool,
}

impl Threads for Parked<'_> {
    fn me(&self) -> usize {
        self.me
    }

    fn sleep(&self, word: &AtomicUsize, value: usize) -> bool {
        if self.is_late {
            return true;
        }
        let order = self.parking.order.lock().unwrap();
        if word.load(Ordering::Relaxed) == value {
            drop(self.parking.sleepers.wait(order).unwrap());
        }
        false
    }

    fn wake(&self, _word: &AtomicUsize) {
        let _order = self.parking.order.lock().unwrap();
        self.parking.sleepers.notify_one();
    }

    fn now(&self) -> u32 {
        0
    }
}

struct Shared {
    tracker: track::Shared<Entered>,
    parking: Parking,
}

impl Shared {
    fn new() -> Arc<Shared> {
        let parking = Parking { order: Mutex::new(()), sleepers: Condvar::new() };
        Arc::new(Shared { tracker: track::Shared::new(Entered(UnsafeCell::new(Vec::new()))), parking })
    }

    fn thread(&self, me: usize) -> Parked<'_> {
        Parked { me, parking: &self.parking, is_late: false }
    }

    /// A thread for which the holder of the lock does not get on.
    fn late_thread(&self, me: usize) -> Parked<'_> {
        Parked { is_late: true, ..self.thread(me) }
    }

    /// An event of thread `me`, with what signal handlers enter while it holds the lock.
    fn enter(&self, me: usize, event: u32, of_handlers: &[u32]) {
        let thread = self.thread(me);
        let now = |entered: &mut Entered| {
            for event in of_handlers {
                self.enter_in_handler(me, *event);
            }
            entered.apply(&Number(event));
        };
        assert_eq!(self.tracker.enter(&thread, now, || Number(event)), Ok(()));
    }

    /// An event of a handler that has interrupted thread `me`, which holds the lock: it can't be entered at once.
    fn enter_in_handler(&self, me: usize, event: u32) {
        let now = |_: &mut Entered| panic!("the lock is held");
        assert_eq!(self.tracker.enter(&self.thread(me), now, || Number(event)), Ok(()));
    }

    /// What has been entered, when all threads are done.
    fn entered(&self) -> Vec<u32> {
        let thread = self.thread(2);
        let mut held = self.tracker.hold(Patience::Long, &thread).ok().unwrap();
        // SAFETY: the lock is held.
        let entered = held.content().0.with_mut(|entered| unsafe { (*entered).clone() });
        held.leave();
        entered
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
            thread::spawn(move || shared.enter(4, 20, &[]))
        };
        shared.enter(2, 10, &[11, 12]);
        other.join().unwrap();
        let entered = shared.entered();
        assert_eq!(entered.len(), 4);
        let place = |event| entered.iter().position(|there| *there == event).unwrap();
        // A handler's events keep their order, and come before anybody else gets in.
        assert!(place(11) < place(12));
        assert!(place(20) < place(10) || place(20) > place(12));
    });
}

#[test]
fn a_task_that_looks_like_a_handler_and_runs_beside_its_thread_loses_nothing() {
    loom::model(|| {
        let shared = Shared::new();
        let thread = shared.thread(2);
        let mut held = shared.tracker.hold(Patience::Long, &thread).ok().unwrap();
        let beside = {
            let shared = Arc::clone(&shared);
            let left = LockError::OwnThread;
            thread::spawn(move || assert_eq!(shared.tracker.leave_event(left, &shared.thread(2), || Number(7)), Ok(())))
        };
        held.content().apply(&Number(1));
        held.leave();
        beside.join().unwrap();
        let mut entered = shared.entered();
        entered.sort_unstable();
        assert_eq!(entered, [1, 7]);
    });
}

#[test]
fn nobody_waits_for_a_holder_that_is_gone() {
    loom::model(|| {
        let shared = Shared::new();
        let holder = shared.thread(2);
        let held = shared.tracker.hold(Patience::Short, &holder).ok().unwrap();
        let waits = |me, patience| shared.tracker.hold(patience, &shared.late_thread(me)).err();
        assert_eq!(waits(4, Patience::Long), Some(LockError::TimedOut));
        assert_eq!(waits(6, Patience::Short), Some(LockError::TimedOut));
        held.leave();
        assert_eq!(waits(6, Patience::Short), None);
    });
}

/// An event for which there is neither a place nor the lock is told to be lost.
#[test]
fn what_is_lost_is_told() {
    loom::model(|| {
        let shared = Shared::new();
        let holder = shared.thread(2);
        let held = shared.tracker.hold(Patience::Short, &holder).ok().unwrap();
        let enter =
            |me, event| shared.tracker.enter(&shared.late_thread(me), |_| panic!("the lock is held"), || Number(event));
        for event in 0..3 {
            assert_eq!(enter(2, event), Ok(()));
        }
        assert_eq!((enter(2, 3), enter(4, 4)), (Err(LockError::OwnThread), Err(LockError::TimedOut)));
        held.leave();
        assert_eq!(shared.entered(), [0, 1, 2]);
    });
}

/// Whoever sleeps is woken, also when others get in before who was woken.
#[test]
fn nobody_sleeps_for_ever() {
    in_turns(2, || {
        let shared = Shared::new();
        let others = [4, 6].map(|me| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.enter(me, 0, &[]))
        });
        shared.enter(2, 0, &[]);
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
            let now = |entered: &mut Entered| entered.apply(&Number(7));
            thread::spawn(move || assert_eq!(shared.tracker.enter(&shared.late_thread(4), now, || Number(7)), Ok(())))
        };
        shared.enter(2, 1, &[]);
        other.join().unwrap();
        let mut entered = shared.entered();
        entered.sort_unstable();
        assert_eq!(entered, [1, 7]);
    });
}
