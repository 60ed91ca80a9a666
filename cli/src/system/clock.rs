//! The processor's counter, by which the library knows the time of a call, and the kernel's clock beside it.

use std::thread;
use std::time::Duration;

/// Both at one moment, and at one a little later: how fast the counter goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) ticks: u64,
    /// Since the machine was started, sleep included.
    pub(crate) nanoseconds: u64,
    later: (u64, u64),
}

impl Now {
    /// `None` where the counter can't be read.
    pub(crate) fn read() -> Option<Now> {
        if !may_count() {
            return None;
        }
        let (ticks, nanoseconds) = (ticks(), since_boot()?);
        thread::sleep(Duration::from_millis(2));
        Some(Now { ticks, nanoseconds, later: (self::ticks(), since_boot()?) })
    }

    /// How many nanoseconds these ticks have taken that the counter has gone on since both stood there; `None` if it has not
    /// gone evenly since: another machine's, or a deep sleep.
    pub(crate) fn nanoseconds_of(&self, some: u64, ticks: u64, nanoseconds: u64) -> Option<u64> {
        let (in_all, passed) = (self.ticks.checked_sub(ticks)?, self.nanoseconds.checked_sub(nanoseconds)?);
        let (moment, took) = (self.later.0.checked_sub(self.ticks)?, self.later.1.checked_sub(self.nanoseconds)?);
        let as_now = scaled(passed, moment, took)?;
        // Two clocks are not read in one moment.
        if as_now.abs_diff(in_all) > (in_all >> 6).max(1 << 24) {
            return None;
        }
        scaled(some, passed, in_all)
    }
}

/// `value * by / over`.
fn scaled(value: u64, by: u64, over: u64) -> Option<u64> {
    u64::try_from(u128::from(value).checked_mul(u128::from(by))?.checked_div(u128::from(over))?).ok()
}

/// Whether this thread may read the counter.
fn may_count() -> bool {
    let mut mode = 0;
    // SAFETY: fills in a number.
    let asked = unsafe { libc::prctl(libc::PR_GET_TSC, &raw mut mode) };
    asked != 0 || mode != libc::PR_TSC_SIGSEGV
}

fn ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: reads the counter, which may be read.
    unsafe {
        std::arch::x86_64::_rdtsc()
    }
    #[cfg(target_arch = "aarch64")]
    {
        let count: u64;
        // SAFETY: reads the counter, which the kernel lets through.
        unsafe { std::arch::asm!("mrs {}, cntvct_el0", out(reg) count, options(nostack, nomem, preserves_flags)) };
        count
    }
    #[cfg(target_arch = "riscv64")]
    {
        let count: u64;
        // SAFETY: reads the counter, which the kernel lets through.
        unsafe { std::arch::asm!("rdtime {}", out(reg) count, options(nostack, nomem, preserves_flags)) };
        count
    }
}

fn since_boot() -> Option<u64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: fills in the time.
    let asked = unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time) };
    let (seconds, rest) = (u64::try_from(time.tv_sec).ok()?, u64::try_from(time.tv_nsec).ok()?);
    (asked == 0).then(|| seconds * 1_000_000_000 + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_time_while_the_counter_goes_evenly() {
        let later = (5_000_000, 1_000_000);
        let now = Now {
            ticks: 50_000_000_000,
            nanoseconds: 10_000_000_000,
            later: (50_000_000_000 + later.0, 10_000_000_000 + later.1),
        };
        assert_eq!(now.nanoseconds_of(5_000_000_000, 0, 0), Some(1_000_000_000));
        assert_eq!(now.nanoseconds_of(5_000_000_000, 0, 5_000_000_000), None, "it stood still, or was another's");
        assert_eq!(now.nanoseconds_of(1, 60_000_000_000, 0), None, "it was started anew");
    }
}
