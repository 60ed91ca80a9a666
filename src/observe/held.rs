//! The runtime's tracker: where it gets its memory from, how threads wait for it, and what is said when it can't go on.
//!
//! When an event is lost, or the lock can't be had, tracking ends for this process: from then on the tracker would lie. That
//! is said once, and no call is held up again.

use crate::clock;
use crate::finding;
use crate::machine::this_thread;
use crate::output;
use crate::past::mlockall;
use crate::plain::sync::AtomicUsize;
use crate::track::{self, Content, Event, LockError, Memory, Patience, Shared, Threads};
use crate::{enabled, sys};
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use mapsan_model::layout;

/// Memory of our own, from the kernel.
pub(crate) struct Mapped;

impl Memory for Mapped {
    fn zeroed(bytes: usize) -> Option<*mut u8> {
        sys::zeroed_memory(bytes)
    }
}

/// Threads sleep on the lock's own word.
pub(super) struct Futex;

impl Threads for Futex {
    #[inline]
    fn me(&self) -> usize {
        this_thread()
    }

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

/// The tracker with the kernel's memory.
pub(crate) type Tracker = track::Tracker<Mapped>;

/// The tracker, and what has been said of it.
#[repr(C)] // the beginning of the tracker first: src/near.ld
struct Tracking {
    tracker: Shared<Tracker>,
    /// Whether it has been said that there is no memory for all mappings.
    said_incomplete: AtomicBool,
}

static TRACKING: Tracking = Tracking { tracker: Shared::new(Tracker::new()), said_incomplete: AtomicBool::new(false) };

/// Where the tracker is, and where what lies in it, for who reads it from outside.
pub(crate) const ADDRESS: *const () = (&raw const TRACKING.tracker).cast();
pub(crate) const fn layout(
    failures: layout::Failures,
    findings: layout::Findings,
    clock: layout::Clock,
) -> layout::Layout {
    Shared::<Tracker>::layout(failures, findings, clock)
}

/// The lock in the hands of this thread.
pub(super) type Held = track::Held<'static, Tracker, Futex>;

/// Takes the lock.
#[inline]
pub(super) fn hold(patience: Patience) -> Result<Held, LockError> {
    TRACKING.tracker.hold(patience, &Futex)
}

/// The same for all who can spare the call.
fn hold_apart(patience: Patience) -> Result<Held, LockError> {
    TRACKING.tracker.hold_apart(patience, &Futex)
}

/// Enters what happened, now or, as the event that `later` makes, when the holder of the lock gets on.
#[inline]
pub(super) fn enter(now: impl FnOnce(&mut Tracker), later: impl FnOnce() -> Event) {
    if let Err(error) = TRACKING.tracker.enter(&Futex, now, later) {
        end_tracking(error);
    }
}

/// Enters an event that is at hand. For the cold paths.
pub(super) fn enter_event(event: Event) {
    enter(|tracker| tracker.apply(&event), || event);
}

/// Leaves what happened to the holder of the lock, which could not be taken for this reason.
#[cold]
#[inline(never)]
pub(super) fn leave_event(error: LockError, event: impl FnOnce() -> Event) {
    if let Err(error) = TRACKING.tracker.leave_event(error, &Futex, event) {
        end_tracking(error);
    }
}

/// Looks at what is tracked, or changes it, under the lock; `None` if that can't be had, or nothing is tracked. For the cold
/// paths.
pub(crate) fn under_lock<R>(reach: impl FnOnce(&mut Tracker) -> R) -> Option<R> {
    if !enabled::tracks() {
        return None;
    }
    match hold_apart(Patience::Long) {
        Ok(mut held) => {
            let result = reach(held.content());
            held.leave_apart();
            Some(result)
        }
        Err(LockError::OwnThread) => None,
        Err(LockError::TimedOut) => {
            end_tracking(LockError::TimedOut);
            None
        }
    }
}

/// The same for what may as well be done another time: nothing is lost where the lock can't be had soon.
pub(super) fn if_lock_is_had<R>(reach: impl FnOnce(&mut Tracker) -> R) -> Option<R> {
    if !enabled::tracks() {
        return None;
    }
    let mut held = hold_apart(Patience::Short).ok()?;
    let result = reach(held.content());
    held.leave_apart();
    Some(result)
}

/// Ends tracking, because an event was lost, or the lock; says so once.
#[cold]
fn end_tracking(error: LockError) {
    if enabled::stop_tracking()
        && let Ok(lock) = output::enter()
    {
        let why = match error {
            LockError::TimedOut => "its lock is held by a thread that does not give it back",
            LockError::OwnThread => {
                "signal handlers that map memory came too fast, or a thread was cancelled inside a call"
            }
        };
        finding::say_degraded(&lock, format_args!("tracking ends for this process: {why}"));
        lock.leave();
    }
}

/// Says once that there is no memory for all mappings.
#[cold]
#[inline(never)]
pub(super) fn say_incomplete() {
    if TRACKING.said_incomplete.load(Relaxed) {
        return;
    }
    if let Ok(lock) = output::enter() {
        if !TRACKING.said_incomplete.swap(true, Relaxed) {
            finding::say_degraded(
                &lock,
                format_args!(
                    "there is no memory to remember all mappings by (RLIMIT_AS, or vm.max_map_count): some are forgotten"
                ),
            );
        }
        lock.leave();
    }
}

/// Takes the lock before fork(2); whether it was had.
pub(crate) fn before_fork() -> bool {
    enabled::tracks() && hold_apart(Patience::Long).map(Held::keep).is_ok()
}

/// Gives the lock back after fork(2).
///
/// # Safety
/// [`before_fork`] must have had it.
pub(crate) unsafe fn after_fork(in_child: bool) {
    // SAFETY: the caller upholds the contract.
    let mut held = unsafe { TRACKING.tracker.held_again(&Futex) };
    if in_child {
        held.content().forked(clock::now());
        mlockall::ended();
    }
    held.leave_apart();
}
