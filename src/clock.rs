//! The time of a call, cheap enough for every call.
//!
//! The processor's own counter. It is read by an instruction, not by a function whose address is remembered: programs move
//! the vDSO or unmap it (checkpointers do). What its ticks are is found out only when somebody asks how long ago something
//! was, from the kernel's clock at start and now.

use crate::machine::{Architecture, Machine};
use crate::sys;
use core::mem::offset_of;
use core::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use mapsan_model::layout;

struct Clock {
    /// Whether the counter may be read: a thread can have that forbidden (`PR_SET_TSC`), children included.
    allowed: AtomicBool,
    /// Counter and clock at start.
    ticks: AtomicU64,
    nanoseconds: AtomicU64,
}

static CLOCK: Clock =
    Clock { allowed: AtomicBool::new(false), ticks: AtomicU64::new(0), nanoseconds: AtomicU64::new(0) };

/// A time is the counter without these lowest bits.
const SHIFT: u32 = Machine::TICKS_SHIFT;

/// Where it is, and where in it lies what `mapsan inspect` reads from outside.
pub(crate) const ADDRESS: *const () = (&raw const CLOCK).cast();
pub(crate) const LAYOUT: layout::Clock = layout::Clock {
    allowed: offset_of!(Clock, allowed),
    ticks: offset_of!(Clock, ticks),
    nanoseconds: offset_of!(Clock, nanoseconds),
    shift: SHIFT as usize,
};

/// Notes where counter and clock stand, at start.
pub(crate) fn start() {
    CLOCK.nanoseconds.store(sys::time::since_boot(), Relaxed);
    if !sys::time::may_count() {
        return;
    }
    CLOCK.ticks.store(Machine::ticks(), Relaxed);
    CLOCK.allowed.store(true, Release);
}

/// The counter is no longer read: the program is about to have that forbidden.
pub(crate) fn stop() {
    CLOCK.allowed.store(false, Relaxed);
}

/// Nanoseconds since the library was started; `None` where that can't be told.
pub(crate) fn since_start() -> Option<u64> {
    let started = Some(CLOCK.nanoseconds.load(Relaxed)).filter(|started| *started != 0)?;
    sys::time::since_boot().checked_sub(started)
}

/// The counter's bits that fit; the lowest are left out, so that it comes round after weeks.
#[inline]
pub(crate) fn now() -> u32 {
    if !CLOCK.allowed.load(Relaxed) {
        return 0;
    }
    #[allow(clippy::cast_possible_truncation, reason = "the upper bits are left out")]
    let bits = (Machine::ticks() >> SHIFT) as u32;
    bits
}

/// The counter and the kernel's clock, read together: all that is told at once is told of one moment.
pub(crate) struct Moment {
    ticks: u64,
    /// What has passed on either since the start.
    nanoseconds: u64,
    in_all: u64,
}

impl Moment {
    /// Now; `None` if nothing can be said of times: the counter may not be read, or it has not gone evenly (another machine, a
    /// deep sleep). Takes a millisecond.
    pub(crate) fn now() -> Option<Moment> {
        if !CLOCK.allowed.load(Acquire) {
            return None;
        }
        let (ticks, now) = (Machine::ticks(), sys::time::since_boot());
        let in_all =
            ticks.checked_sub(CLOCK.ticks.load(Relaxed)).filter(|ticks| ticks >> SHIFT < u64::from(u32::MAX))?;
        let nanoseconds = now.checked_sub(CLOCK.nanoseconds.load(Relaxed))?;
        // How fast it goes now, over a moment.
        sys::sleep_a_moment();
        let moment = (Machine::ticks().checked_sub(ticks)?, sys::time::since_boot().checked_sub(now)?);
        let at_once = scaled(nanoseconds, moment.0, moment.1)?;
        let tolerance = (in_all >> 6).max(1 << 24);
        (at_once.abs_diff(in_all) <= tolerance).then_some(Moment { ticks, nanoseconds, in_all })
    }

    /// How many milliseconds had passed since [`now`] gave `then`; `None` if it may have come round since.
    pub(crate) fn passed_since(&self, then: u32) -> Option<u64> {
        #[allow(clippy::cast_possible_truncation, reason = "as in now")]
        let units = ((self.ticks >> SHIFT) as u32).wrapping_sub(then);
        scaled(u64::from(units) << SHIFT, self.nanoseconds, self.in_all)?.checked_div(1_000_000)
    }
}

/// `value * by / over`.
fn scaled(value: u64, by: u64, over: u64) -> Option<u64> {
    u64::try_from(u128::from(value).checked_mul(u128::from(by))?.checked_div(u128::from(over))?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_passes() {
        start();
        let then = now();
        std::thread::sleep(core::time::Duration::from_millis(50));
        // Where the counter goes evenly.
        if let Some(passed) = Moment::now().and_then(|moment| moment.passed_since(then)) {
            assert!((48..20_000).contains(&passed), "{passed} ms");
        }
        let later = now();
        if let Some(moment) = Moment::now() {
            assert!(moment.passed_since(then) >= moment.passed_since(later), "one moment keeps the order");
        }
        stop();
        assert!(now() == 0 && Moment::now().is_none());
    }
}
