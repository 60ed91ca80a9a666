//! Asking, POSIX semaphores where no next definition is known.

use super::raw::failed;
use super::{SLOTS, find, sem_init, sem_open, sem_unlink};
use crate::clib::weak;
use core::ffi::{c_char, c_int, c_uint};
use core::sync::atomic::Ordering::Relaxed;
use libc::{mode_t, sem_t};

/// libc's function in a static program, under its other name; in others, before start, that which is found now.
macro_rules! own {
    ($(#[$doc:meta] $own:ident $name:ident $text:literal ($($argument:ident: $type:ty),+) -> $result:ty, else $otherwise:expr;)+) => {$(
        #[$doc]
        pub(super) unsafe fn $own($($argument: $type),+) -> $result {
            if let Some(call) = weak::$name() {
                // SAFETY: the caller upholds the contract.
                return unsafe { call($($argument),+) };
            }
            SLOTS.$name.store(find($text), Relaxed);
            if SLOTS.$name.load(Relaxed).is_null() {
                let _ = failed::<c_int>(libc::ENOSYS);
                return $otherwise;
            }
            // SAFETY: the caller upholds the contract.
            unsafe { $name($($argument),+) }
        }
    )+};
}

own! {
    /// As `sem_open(3)`.
    own_sem_open sem_open c"sem_open" (name: *const c_char, flags: c_int, mode: mode_t, value: c_uint) -> *mut sem_t,
        else libc::SEM_FAILED;
    /// As `sem_unlink(3)`.
    own_sem_unlink sem_unlink c"sem_unlink" (name: *const c_char) -> c_int, else -1;
    /// As `sem_init(3)`.
    own_sem_init sem_init c"sem_init" (semaphore: *mut sem_t, shared: c_int, value: c_uint) -> c_int, else -1;
}
