//! Ground: what the library needs of the C library, without what may stand in its place.
//!
//! By name the loader would bind to the first definition of the process: that of the program, or of a sanitizer linked into
//! it, which may not be ready yet (statically linked sanitizers start in `.preinit_array`) and may call back. So no function of
//! that kind is undefined in `libmapsan.so`: `build.rs` binds each name to a function of this folder. Those of [`memory`] do
//! the work; those of [`found`] forward to libc's own; those here stand for what must not happen.
//!
//! In a static program (`libmapsan.a`) the linker has chosen, and nothing here is used but [`memory`].

mod definitions;
mod found;
mod memory;
mod objects;
mod unwinding;
pub(crate) mod weak;

pub(crate) use definitions::Definitions;
pub(crate) use found::find;
pub(crate) use objects::{Name, hash, program_is_ready};
pub(crate) use unwinding::{find_object, finds_itself};

/// Gives a function the name under which `build.rs` knows it.
macro_rules! bind {
    ($($symbol:literal $function:path)+) => {$(
        #[cfg(not(test))]
        core::arch::global_asm!(
            concat!(".pushsection .text.mapsan_", $symbol, ",\"ax\",@progbits"),
            concat!(".globl mapsan_", $symbol),
            concat!(".hidden mapsan_", $symbol),
            concat!("mapsan_", $symbol, ":"),
            crate::machine::jump!(),
            ".popsection",
            sym $function,
        );
    )+};
}
use bind;

use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr;
use core::sync::atomic::{
    AtomicI32,
    Ordering::{Acquire, Release},
};

// What only a static libc is asked for (`next::ways`, `next::execution`): elsewhere the next definition is found.
bind! {
    "__setuid" no_change
    "__setreuid" no_change
    "__setresuid" no_change
    "__execvpe" no_change
    "__posix_spawn" no_change
    "__posix_spawnp" no_change
    "__libc_system" no_change
    "_IO_popen" no_change
}

#[cfg_attr(test, expect(dead_code, reason = "the tests have libc's"))]
extern "C" fn no_change() -> c_int {
    -1
}

// What the copy of libgcc's unwinder names. It has a lock and allocates for frames that a program registers with it, which
// nobody can do with this copy; it fills its table once, with the same values by whomever.
bind! {
    "pthread_once" once
    "pthread_mutex_lock" no_lock
    "pthread_mutex_unlock" no_lock
    "__pthread_key_create" no_lock
    "malloc" no_memory
    "free" nothing_to_free
}

// What `weak` takes for a function that is not there, and nobody calls.
#[cfg(not(test))]
core::arch::global_asm!(
    ".pushsection .text.mapsan_absent,\"ax\",@progbits",
    ".weak mapsan_absent",
    ".hidden mapsan_absent",
    "mapsan_absent:",
    crate::machine::trap!(),
    ".popsection",
);

/// `pthread_once(3)`, for a function that may run on two threads at once: whoever goes on finds its work done.
#[cfg_attr(test, expect(dead_code, reason = "the tests run without the library's own unwinder"))]
unsafe extern "C" fn once(control: *mut c_int, function: extern "C" fn()) -> c_int {
    // SAFETY: the caller's control, an aligned word of its own.
    let control = unsafe { AtomicI32::from_ptr(control) };
    if control.load(Acquire) == 0 {
        function();
        control.store(1, Release);
    }
    0
}

/// The major and minor number of the C library's version, if it is glibc.
pub(crate) fn version() -> Option<(u32, u32)> {
    unsafe extern "C" {
        fn gnu_get_libc_version() -> *const c_char;
    }
    // SAFETY: without arguments, and without effect.
    let text = unsafe { gnu_get_libc_version() };
    if text.is_null() {
        return None;
    }
    // SAFETY: a string that libc has for ever.
    let (major, minor) = unsafe { CStr::from_ptr(text) }.to_str().ok()?.split_once('.')?;
    let minor = minor.split('.').next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Whether the unwinder calls [`once`]: so it does in `libmapsan.so`.
#[cfg(not(test))]
pub(crate) fn is_once_own() -> bool {
    unsafe extern "C" {
        fn mapsan_pthread_once();
    }
    // Two names of one function, which the compiler takes for two.
    ptr::eq(weak::pthread_once(), core::hint::black_box(mapsan_pthread_once as *const ()).cast())
}

#[cfg_attr(test, expect(dead_code, reason = "as above"))]
extern "C" fn no_lock(_mutex: *mut c_void) -> c_int {
    0
}

#[cfg_attr(test, expect(dead_code, reason = "as above"))]
extern "C" fn no_memory(_size: usize) -> *mut c_void {
    ptr::null_mut()
}

#[cfg_attr(test, expect(dead_code, reason = "as above"))]
extern "C" fn nothing_to_free(_memory: *mut c_void) {}
