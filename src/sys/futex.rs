//! futex(2), also on a word of the size of an address, of which the kernel compares the lower half.

use super::{int, plain};
use crate::plain::sync::{AtomicUsize, Ordering};
use core::ptr;

/// The half of a word that the kernel compares, and where it lies.
fn half(word: &AtomicUsize, value: usize) -> (usize, usize) {
    // Both architectures have the lower half first.
    (ptr::from_ref(word) as usize, value & u32::MAX as usize)
}

/// Sleeps until [`wake`], unless the word is not `value`; whether it has slept the whole time instead.
pub(crate) fn sleep(word: &AtomicUsize, value: usize, milliseconds: i64) -> bool {
    let timeout = libc::timespec {
        tv_sec: milliseconds.wrapping_div(1000),
        tv_nsec: milliseconds.wrapping_rem(1000).wrapping_mul(1_000_000),
    };
    let operation = int(libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG);
    let (address, lower) = half(word, value);
    match plain(libc::SYS_futex, [address, operation, lower, (&raw const timeout) as usize, 0, 0]) {
        Err(libc::ENOSYS | libc::EPERM) => (0..milliseconds).all(|_| word.load(Ordering::Relaxed) == value && spin()),
        other => other == Err(libc::ETIMEDOUT),
    }
}

/// Wakes one thread that sleeps on the word.
pub(crate) fn wake(word: &AtomicUsize) {
    let operation = int(libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG);
    let _ = plain(libc::SYS_futex, [half(word, 0).0, operation, 1, 0, 0, 0]);
}

/// Sleeps until `word` no longer holds `value`, or `milliseconds` have passed, or somebody wakes the waiters. Whether the
/// word has had the value all the time, as far as can be told.
pub(crate) fn futex_wait(word: &core::sync::atomic::AtomicU32, value: u32, milliseconds: i64) -> bool {
    let timeout = libc::timespec {
        tv_sec: milliseconds.wrapping_div(1000),
        tv_nsec: milliseconds.wrapping_rem(1000).wrapping_mul(1_000_000),
    };
    let operation = int(libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG);
    let answer = plain(
        libc::SYS_futex,
        [ptr::from_ref(word) as usize, operation, value as usize, (&raw const timeout) as usize, 0, 0],
    );
    match answer {
        Err(libc::ENOSYS | libc::EPERM) => (0..milliseconds).all(|_| word.load(Ordering::Relaxed) == value && spin()),
        other => !matches!(other, Ok(_) | Err(libc::EAGAIN | libc::EINTR)),
    }
}

/// Passes about a millisecond where a sandbox does not let a thread sleep; true.
#[cold]
pub(super) fn spin() -> bool {
    for _ in 0..20_000 {
        core::hint::spin_loop();
    }
    true
}

/// Wakes one waiter of [`futex_wait`].
pub(crate) fn futex_wake(word: &core::sync::atomic::AtomicU32) {
    let operation = int(libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG);
    let _ = plain(libc::SYS_futex, [ptr::from_ref(word) as usize, operation, 1, 0, 0, 0]);
}
