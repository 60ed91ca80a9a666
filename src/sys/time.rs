//! Clocks.

use super::{filled, int, plain};
use core::ffi::c_int;

/// Whether this thread may read the processor's counter (`PR_GET_TSC`).
pub(crate) fn may_count() -> bool {
    const PR_TSC_SIGSEGV: c_int = 2;
    let forbidden =
        filled(|mode: *mut c_int| plain(libc::SYS_prctl, [int(libc::PR_GET_TSC), mode as usize, 0, 0, 0, 0]));
    forbidden != Ok(PR_TSC_SIGSEGV)
}

/// Nanoseconds since the machine started, sleep included; 0 where that can't be asked.
pub(crate) fn since_boot() -> u64 {
    nanoseconds(libc::CLOCK_BOOTTIME)
}

/// Milliseconds of the clock that stands still while the machine sleeps, modulo 2^32, for waits; 0 where that can't be asked.
pub(crate) fn milliseconds() -> u32 {
    let milliseconds = nanoseconds(libc::CLOCK_MONOTONIC).wrapping_div(1_000_000);
    u32::try_from(milliseconds & u64::from(u32::MAX)).unwrap_or(0)
}

fn nanoseconds(clock: libc::clockid_t) -> u64 {
    let time =
        filled(|time: *mut libc::timespec| plain(libc::SYS_clock_gettime, [int(clock), time as usize, 0, 0, 0, 0]));
    time.map_or(0, |time| {
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        seconds.wrapping_mul(1_000_000_000).wrapping_add(u64::try_from(time.tv_nsec).unwrap_or(0))
    })
}
