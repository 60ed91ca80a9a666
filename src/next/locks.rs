//! Asking, locks where no next definition is known.

use super::{
    SLOTS, find, pthread_barrier_destroy, pthread_barrier_init, pthread_cond_destroy, pthread_cond_init,
    pthread_mutex_destroy, pthread_mutex_init, pthread_rwlock_init, pthread_spin_init, sem_destroy,
};
use crate::clib::weak;
use core::ffi::{c_int, c_uint};
use core::sync::atomic::Ordering::Relaxed;
use libc::{
    pthread_barrier_t, pthread_barrierattr_t, pthread_cond_t, pthread_condattr_t, pthread_mutex_t, pthread_mutexattr_t,
    pthread_rwlock_t, pthread_rwlockattr_t, pthread_spinlock_t, sem_t,
};

/// libc's function in a static program, under its other name; in others, before start, that which is found now.
macro_rules! own {
    ($($own:ident $weak:ident $name:ident $text:literal ($($argument:ident: $type:ty),+);)+) => {$(
        #[doc = concat!("As `", stringify!($name), "(3)`.")]
        pub(super) unsafe fn $own($($argument: $type),+) -> c_int {
            if let Some(call) = weak::$weak() {
                // SAFETY: the caller upholds the contract.
                return unsafe { call($($argument),+) };
            }
            SLOTS.$name.store(find($text), Relaxed);
            if SLOTS.$name.load(Relaxed).is_null() {
                return libc::ENOSYS;
            }
            // SAFETY: the caller upholds the contract.
            unsafe { $name($($argument),+) }
        }
    )+};
}

own! {
    own_mutex_init mutex_init pthread_mutex_init c"pthread_mutex_init"
        (mutex: *mut pthread_mutex_t, attributes: *const pthread_mutexattr_t);
    own_mutex_destroy mutex_destroy pthread_mutex_destroy c"pthread_mutex_destroy" (mutex: *mut pthread_mutex_t);
    own_cond_init cond_init pthread_cond_init c"pthread_cond_init"
        (condition: *mut pthread_cond_t, attributes: *const pthread_condattr_t);
    own_cond_destroy cond_destroy pthread_cond_destroy c"pthread_cond_destroy" (condition: *mut pthread_cond_t);
    own_rwlock_init rwlock_init pthread_rwlock_init c"pthread_rwlock_init"
        (lock: *mut pthread_rwlock_t, attributes: *const pthread_rwlockattr_t);
    own_barrier_init barrier_init pthread_barrier_init c"pthread_barrier_init"
        (barrier: *mut pthread_barrier_t, attributes: *const pthread_barrierattr_t, count: c_uint);
    own_barrier_destroy barrier_destroy pthread_barrier_destroy c"pthread_barrier_destroy"
        (barrier: *mut pthread_barrier_t);
    own_sem_destroy sem_destroy sem_destroy c"sem_destroy" (semaphore: *mut sem_t);
}

/// As `pthread_spin_init(3)`, which has no second name in a static libc, and leaves what unlocking leaves.
pub(super) unsafe fn own_spin_init(lock: *mut pthread_spinlock_t, shared: c_int) -> c_int {
    if let Some(unlock) = weak::spin_unlock() {
        // SAFETY: the caller's lock, which is to be free.
        return unsafe { unlock(lock) };
    }
    SLOTS.pthread_spin_init.store(find(c"pthread_spin_init"), Relaxed);
    if SLOTS.pthread_spin_init.load(Relaxed).is_null() {
        return libc::ENOSYS;
    }
    // SAFETY: the caller upholds the contract.
    unsafe { pthread_spin_init(lock, shared) }
}

/// As `pthread_rwlock_destroy(3)`, which does nothing.
pub(super) unsafe fn own_rwlock_destroy(_lock: *mut pthread_rwlock_t) -> c_int {
    0
}

/// As `pthread_spin_destroy(3)`, which does nothing.
pub(super) unsafe fn own_spin_destroy(_lock: *mut pthread_spinlock_t) -> c_int {
    0
}
