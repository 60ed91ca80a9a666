//! The hooks of what makes and destroys locks in the program's memory. Locking and unlocking have none.
//!
//! Nearly all locks lie where nobody shares them: such a call pays for a look at two words.

use super::injected::or_injected;
use crate::call::LockInit;
use crate::check::locks;
use crate::enabled::{CHECK, TRACK};
use crate::plain::callback::callback;
use crate::plain::errno;
use crate::plain::lock::LockKind;
use crate::{begin, next, observe, output, past};
use core::ffi::{c_int, c_uint};
use libc::{
    pthread_barrier_t, pthread_barrierattr_t, pthread_cond_t, pthread_condattr_t, pthread_mutex_t, pthread_mutexattr_t,
    pthread_rwlock_t, pthread_rwlockattr_t, pthread_spinlock_t, sem_t,
};

/// Makes a lock, by `make`.
#[inline]
pub(super) fn making(
    kind: LockKind,
    address: usize,
    attributes: usize,
    count: u32,
    return_address: usize,
    mut make: impl Fn() -> c_int,
) -> c_int {
    // What makes a semaphore goes the way of the calls that rules are about.
    if kind != LockKind::Semaphore {
        or_injected!(kind.function(), return_address, [core::ptr::without_provenance::<u8>(address)]);
    }
    if !observe::may_be_shared(address) {
        return make();
    }
    making_in_shared_memory(&LockInit { kind, address, attributes, count }, return_address, Make::of(&mut make))
}

callback! {
    /// Makes the lock.
    struct Make() -> c_int;
}

#[cold]
#[inline(never)]
fn making_in_shared_memory(call: &LockInit, return_address: usize, mut make: Make<'_>) -> c_int {
    const BOTH: u32 = CHECK | TRACK;
    if begin::enabled_when_ready() & BOTH != BOTH || output::is_inside() {
        return make.call();
    }
    let Some(memory) = observe::shared_memory_at(call.address) else { return make.call() };
    let before = errno::get();
    let owner = locks::owner_elsewhere(call);
    errno::set(before);
    let status = make.call();
    if status == 0 {
        let before = errno::get();
        locks::made(call, &memory, owner, return_address);
        errno::set(before);
    }
    status
}

/// The lock at an address has been destroyed, if the call gave 0.
#[inline]
fn destroyed(address: usize, status: c_int) -> c_int {
    if status == 0 && observe::may_be_shared(address) && past::locks::are_known() {
        past::locks::forget(address);
    }
    status
}

/// The hooks of one kind: what makes it of an address and attributes, and what destroys it.
macro_rules! hooks {
    ($($kind:ident $init:ident $destroy:ident $lock:ty, $attributes:ty;)+) => {$(
        #[doc = concat!("`", stringify!($init), "(3)`.")]
        ///
        /// # Safety
        /// As the call.
        pub(crate) unsafe extern "C" fn $init(
            lock: *mut $lock,
            attributes: *const $attributes,
            return_address: usize,
        ) -> c_int {
            making(LockKind::$kind, lock as usize, attributes as usize, 0, return_address, || {
                // SAFETY: the program's own call.
                unsafe { next::$init(lock, attributes) }
            })
        }

        hooks! { destroys $destroy $lock }
    )+};
    (destroys $destroy:ident $lock:ty) => {
        #[doc = concat!("`", stringify!($destroy), "(3)`.")]
        ///
        /// # Safety
        /// As the call.
        pub(crate) unsafe extern "C" fn $destroy(lock: *mut $lock, return_address: usize) -> c_int {
            or_injected!(stringify!($destroy), return_address, [lock]);
            // SAFETY: the program's own call.
            destroyed(lock as usize, unsafe { next::$destroy(lock) })
        }
    };
}

hooks! {
    Mutex pthread_mutex_init pthread_mutex_destroy pthread_mutex_t, pthread_mutexattr_t;
    Condition pthread_cond_init pthread_cond_destroy pthread_cond_t, pthread_condattr_t;
    Rwlock pthread_rwlock_init pthread_rwlock_destroy pthread_rwlock_t, pthread_rwlockattr_t;
}
hooks! { destroys pthread_barrier_destroy pthread_barrier_t }
hooks! { destroys pthread_spin_destroy pthread_spinlock_t }
hooks! { destroys sem_destroy sem_t }

/// `pthread_barrier_init(3)`.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn pthread_barrier_init(
    barrier: *mut pthread_barrier_t,
    attributes: *const pthread_barrierattr_t,
    count: c_uint,
    return_address: usize,
) -> c_int {
    making(LockKind::Barrier, barrier as usize, attributes as usize, count, return_address, || {
        // SAFETY: the program's own call.
        unsafe { next::pthread_barrier_init(barrier, attributes, count) }
    })
}

/// `pthread_spin_init(3)`.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn pthread_spin_init(
    lock: *mut pthread_spinlock_t,
    shared: c_int,
    return_address: usize,
) -> c_int {
    let flag = usize::try_from(shared).unwrap_or(usize::MAX);
    making(LockKind::Spin, lock as usize, flag, 0, return_address, || {
        // SAFETY: the program's own call.
        unsafe { next::pthread_spin_init(lock, shared) }
    })
}
