//! Asking, the making of threads where no next definition is known.

use super::{SLOTS, find, pthread_create, thrd_create};
use crate::clib::weak;
use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::Ordering::Relaxed;

/// libc's `pthread_create` in a static program, under its other name; in others, before start, that which is found now.
pub(super) unsafe fn own_pthread_create(
    thread: *mut c_void,
    attributes: *const c_void,
    start: *const c_void,
    argument: *mut c_void,
) -> c_int {
    if let Some(create) = weak::own_pthread_create() {
        // SAFETY: the caller upholds the contract.
        return unsafe { create(thread, attributes, start, argument) };
    }
    SLOTS.pthread_create.store(find(c"pthread_create"), Relaxed);
    if SLOTS.pthread_create.load(Relaxed).is_null() {
        return libc::EAGAIN;
    }
    // SAFETY: the caller upholds the contract.
    unsafe { pthread_create(thread, attributes, start, argument) }
}

/// libc's `thrd_create`, in a static program by what it calls itself; in others, before start, that which is found now.
pub(super) unsafe fn own_thrd_create(thread: *mut c_void, start: *const c_void, argument: *mut c_void) -> c_int {
    /// What libc takes for attributes then: the start function gives an int (`ATTR_C11_THREAD`).
    const C11: *const c_void = ptr::without_provenance(usize::MAX);
    /// Of `<threads.h>`, as glibc and musl number them.
    const ERROR: c_int = 2;
    const NO_MEMORY: c_int = 3;
    if let Some(create) = weak::own_pthread_create() {
        // SAFETY: the caller upholds the contract.
        return match unsafe { create(thread, C11, start, argument) } {
            0 => 0,
            libc::ENOMEM => NO_MEMORY,
            _ => ERROR,
        };
    }
    SLOTS.thrd_create.store(find(c"thrd_create"), Relaxed);
    if SLOTS.thrd_create.load(Relaxed).is_null() {
        return ERROR;
    }
    // SAFETY: the caller upholds the contract.
    unsafe { thrd_create(thread, start, argument) }
}

// Nothing here calls timer_create. In a static program it brings libc's pthread_create along, which the linker would not
// look for, because this library defines that name.
#[cfg(not(test))]
mod bring {
    use core::ffi::{c_int, c_void};

    type Create = unsafe extern "C" fn(c_int, *mut c_void, *mut c_void) -> c_int;

    unsafe extern "C" {
        fn timer_create(clock: c_int, event: *mut c_void, timer: *mut c_void) -> c_int;
    }

    #[used]
    static THREADS: Create = timer_create;
}
