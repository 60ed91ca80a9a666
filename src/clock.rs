//! The time of a call, cheap enough for every call.
//!
//! The coarse monotonic clock of the vDSO, found by its own symbol table: libc's function may belong to a library that
//! fakes the time, and there is no system call to spare.

use crate::facts::module::vdso_function;
use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

#[cfg(target_arch = "x86_64")]
const NAME: &[u8] = b"__vdso_clock_gettime";
#[cfg(target_arch = "aarch64")]
const NAME: &[u8] = b"__kernel_clock_gettime";

static CLOCK: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Finds the clock, once, at start. Without a vDSO all times are 0.
pub(crate) fn find() {
    // SAFETY: getauxval(3) reads what the kernel left on the stack.
    let header = usize::try_from(unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) }).unwrap_or(0);
    if header != 0
        && let Some(address) = vdso_function(header, NAME)
    {
        CLOCK.store(ptr::with_exposed_provenance_mut(address), Relaxed);
    }
}

/// Milliseconds since the machine started, modulo 2^32 (49 days); 0 if there is no clock.
#[inline]
pub(crate) fn milliseconds() -> u32 {
    let clock = CLOCK.load(Relaxed);
    if clock.is_null() {
        return 0;
    }
    // SAFETY: the vDSO's function of this name has this signature (vdso(7)).
    let clock: unsafe extern "C" fn(c_int, *mut libc::timespec) -> c_int = unsafe { core::mem::transmute(clock) };
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a live timespec; this clock is answered without a system call.
    unsafe { clock(libc::CLOCK_MONOTONIC_COARSE, &raw mut now) };
    let milliseconds = now.tv_sec.wrapping_mul(1000).wrapping_add(now.tv_nsec.wrapping_div(1_000_000));
    u32::try_from(milliseconds & i64::from(u32::MAX)).unwrap_or(0)
}
