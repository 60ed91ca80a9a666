//! Asking, the making of threads where no next definition is known.

use super::{SLOTS, find, pthread_create};
use crate::clib::weak;
use core::ffi::{c_int, c_void};
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

// Nothing here calls thrd_create. In a static program it brings libc's pthread_create along, which the linker would not
// look for, because this library defines that name.
#[cfg(not(test))]
mod bring {
    use core::ffi::{c_int, c_void};

    unsafe extern "C" {
        fn thrd_create(thread: *mut c_void, start: *const c_void, argument: *mut c_void) -> c_int;
    }

    #[used]
    static THREADS: unsafe extern "C" fn(*mut c_void, *const c_void, *mut c_void) -> c_int = thrd_create;
}
