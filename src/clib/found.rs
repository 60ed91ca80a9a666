//! Functions that only libc has: forwarded to its own definitions, which are found once, at start.

use super::objects::{Name, hash};
use super::{bind, objects};
use crate::sys;
use core::ffi::{c_char, c_int, c_ulong, c_void};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

/// Declares the functions: for each a place for its address, and what is done where there is none.
macro_rules! forwarded {
    ($($name:ident $symbol:literal ($($argument:ident: $type:ty),*) -> $result:ty, else $otherwise:expr;)+) => {
        /// One place for each function.
        struct Found {
            $($name: AtomicPtr<c_void>,)+
            /// `_dl_find_object` (glibc 2.35), whose answer is looked at first ([`super::unwinding`]).
            find_object: AtomicPtr<c_void>,
        }

        static FOUND: Found = Found {
            $($name: AtomicPtr::new(ptr::null_mut()),)+
            find_object: AtomicPtr::new(ptr::null_mut()),
        };

        /// Finds libc's own functions, at start.
        pub(crate) fn find() {
            objects::of_libc(|object| {
                $(if FOUND.$name.load(Relaxed).is_null() {
                    FOUND.$name.store(object.function(&Name { text: concat!($symbol, "\0"), hash: const { hash($symbol) } }), Relaxed);
                })+
                if FOUND.find_object.load(Relaxed).is_null() {
                    FOUND.find_object.store(object.function(&Name { text: "_dl_find_object\0", hash: const { hash("_dl_find_object") } }), Relaxed);
                }
            });
        }

        $(
        #[cfg_attr(test, expect(dead_code, reason = "the tests call libc's own"))]
        unsafe extern "C" fn $name($($argument: $type),*) -> $result {
            let mut found = FOUND.$name.load(Relaxed);
            if found.is_null() {
                // Before start.
                find();
                found = FOUND.$name.load(Relaxed);
            }
            if found.is_null() {
                return $otherwise;
            }
            // SAFETY: libc's function of this name has this signature.
            let found: unsafe extern "C" fn($($type),*) -> $result = unsafe { core::mem::transmute(found) };
            // SAFETY: the caller upholds the contract.
            unsafe { found($($argument),*) }
        }
        bind!($symbol $name);
        )+
    };
}

forwarded! {
    // It looks for the next definition after its caller's object, which is this one.
    dlsym "dlsym" (handle: *mut c_void, name: *const c_char) -> *mut c_void, else ptr::null_mut();
    dl_iterate_phdr "dl_iterate_phdr" (visit: *mut c_void, data: *mut c_void) -> c_int, else 0;
    getauxval "getauxval" (kind: c_ulong) -> c_ulong, else 0;
    on_exit "on_exit" (function: *mut c_void, argument: *mut c_void) -> c_int, else -1;
    at_quick_exit "__cxa_at_quick_exit" (function: *mut c_void, object: *const c_void) -> c_int, else -1;
    register_atfork "__register_atfork" (
        prepare: *mut c_void, parent: *mut c_void, child: *mut c_void, object: *const c_void
    ) -> c_int, else -1;
    // Needed before start, too: libc has to know where the break is.
    sbrk "__sbrk" (increment: isize) -> *mut c_void, else libc::MAP_FAILED;
    exit "exit" (status: c_int) -> (), else end(status);
    abort "abort" () -> (), else end(127);
    version "gnu_get_libc_version" () -> *const c_char, else ptr::null();
}

/// libc's own `_dl_find_object`, null where it has none.
pub(super) fn find_object() -> *mut c_void {
    FOUND.find_object.load(Relaxed)
}

fn end(status: c_int) {
    sys::exit_group(status)
}
