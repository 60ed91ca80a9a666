//! Symbols that need not exist where the runtime is loaded or linked.
//!
//! A weak undefined symbol is null when nobody defines it: in a static program there is no `dlsym`, before glibc 2.35
//! no `_dl_find_object`, and `mapsan_default_options` only when the program has one. In `libmapsan.so` the first two are
//! functions of [`crate::clib`], which answer as one that finds nothing where libc has none.

use crate::machine::symbol_address;
use core::ffi::{c_char, c_int, c_uint, c_void};
use core::ptr;

/// Reads the address of a weak symbol through the global offset table.
macro_rules! weak_address {
    ($symbol:literal) => {
        weak_address!(".weak ", $symbol)
    };
    ($binding:literal, $symbol:literal) => {{
        let address = symbol_address!([concat!(".weak ", $symbol), concat!($binding, $symbol)] $symbol);
        core::ptr::with_exposed_provenance::<c_void>(address)
    }};
}

/// A weak function.
macro_rules! weak_function {
    ($(#[$doc:meta])* $name:ident $symbol:literal $(, $binding:literal)? $signature:ty) => {
        $(#[$doc])*
        pub(crate) fn $name() -> Option<$signature> {
            let mut address = weak_address!($($binding,)? $symbol);
            if ptr::eq(address, absent()) {
                address = ptr::null();
            }
            // SAFETY: null is `None`; a definition of this well-known symbol has this signature.
            unsafe { core::mem::transmute::<*const c_void, Option<$signature>>(address) }
        }
    };
}

/// What `build.rs` puts in place of a function that `libmapsan.so` is not to find.
fn absent() -> *const c_void {
    if cfg!(test) { ptr::null() } else { weak_address!("mapsan_absent") }
}

/// The function that the unwinder calls to do something once.
pub(crate) fn pthread_once() -> *const c_void {
    weak_address!("pthread_once")
}

/// The loader's list of objects, `_r_debug` of `<link.h>`; null in a static program.
pub(crate) fn loader_debug() -> *const c_void {
    weak_address!("_r_debug")
}

/// The variable `environ`; null where there is none.
pub(crate) fn environ() -> *const *const c_void {
    weak_address!("environ").cast()
}

weak_function! {
    /// dlsym(3).
    dlsym "dlsym" unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void
}
weak_function! {
    /// dlclose(3), by the name that it has in glibc's archive.
    static_dlclose "__dlclose" unsafe extern "C" fn(*mut c_void) -> c_int
}
weak_function! {
    /// `_dl_find_object`, glibc 2.35.
    dl_find_object "_dl_find_object" unsafe extern "C" fn(usize, *mut c_void) -> c_int
}
weak_function! {
    /// `pthread_create(3)` under its other name, which static programs have.
    own_pthread_create "__pthread_create"
        unsafe extern "C" fn(*mut c_void, *const c_void, *const c_void, *mut c_void) -> c_int
}
weak_function! {
    /// sbrk(2) under the name that malloc calls it by.
    own_sbrk "__sbrk" unsafe extern "C" fn(isize) -> *mut c_void
}
weak_function! {
    /// open(2) by a name of libc's own, in a static program: a hidden symbol is looked for nowhere else.
    open "__open64", ".hidden " unsafe extern "C" fn(*const c_char, c_int, ...) -> c_int
}
weak_function! {
    /// openat(2), likewise.
    openat "__openat64", ".hidden " unsafe extern "C" fn(c_int, *const c_char, c_int, ...) -> c_int
}
weak_function! {
    /// What the runtimes of `AddressSanitizer` and its kin have in common.
    sanitizer "__sanitizer_set_death_callback" unsafe extern "C" fn(*const c_void)
}
weak_function! {
    /// The program's `mapsan_default_options`.
    default_options "mapsan_default_options" unsafe extern "C" fn() -> *const c_char
}

/// The address of a function that a static libc has by a second name. Not weak, so that the linker takes it out of the
/// archive; `libmapsan.so` binds the name to a function of [`crate::clib`].
macro_rules! second_name {
    ($(#[$doc:meta])* $name:ident $symbol:literal) => {
        $(#[$doc])*
        pub(crate) fn $name() -> usize {
            #[cfg(test)]
            let address = 0;
            #[cfg(not(test))]
            let address = symbol_address!([] $symbol);
            address
        }
    };
}

second_name! {
    /// setuid(2).
    setuid "__setuid"
}
second_name! {
    /// setreuid(2).
    setreuid "__setreuid"
}
second_name! {
    /// setresuid(2).
    setresuid "__setresuid"
}
second_name! {
    /// execvpe(3).
    execvpe "__execvpe"
}
second_name! {
    /// `posix_spawn(3)`.
    posix_spawn "__posix_spawn"
}
second_name! {
    /// `posix_spawnp(3)`.
    posix_spawnp "__posix_spawnp"
}
second_name! {
    /// system(3).
    system "__libc_system"
}
second_name! {
    /// popen(3).
    popen "_IO_popen"
}

/// A function that a static libc has by a second name. Not weak, so that the linker takes it out of the archive; in
/// `libmapsan.so` it is none.
macro_rules! static_function {
    ($(#[$doc:meta] $name:ident $symbol:literal $signature:ty)+) => {$(
        #[$doc]
        pub(crate) fn $name() -> Option<$signature> {
            #[cfg(test)]
            let address = 0;
            #[cfg(not(test))]
            let address = match symbol_address!([] $symbol) {
                address if address == absent() as usize => 0,
                address => address,
            };
            // SAFETY: null is `None`; libc's function of this name has this signature.
            unsafe { core::mem::transmute::<usize, Option<$signature>>(address) }
        }
    )+};
}

static_function! {
    /// `sem_open(3)`.
    sem_open "__sem_open" unsafe extern "C" fn(*const c_char, c_int, libc::mode_t, c_uint) -> *mut libc::sem_t
    /// `sem_unlink(3)`.
    sem_unlink "__sem_unlink" unsafe extern "C" fn(*const c_char) -> c_int
    /// `sem_init(3)`.
    sem_init "__new_sem_init" unsafe extern "C" fn(*mut libc::sem_t, c_int, c_uint) -> c_int
    /// `sem_destroy(3)`.
    sem_destroy "__new_sem_destroy" unsafe extern "C" fn(*mut libc::sem_t) -> c_int
    /// `pthread_spin_unlock(3)`.
    spin_unlock "pthread_spin_unlock" unsafe extern "C" fn(*mut libc::pthread_spinlock_t) -> c_int
    /// `pthread_mutex_init(3)`.
    mutex_init "__pthread_mutex_init"
        unsafe extern "C" fn(*mut libc::pthread_mutex_t, *const libc::pthread_mutexattr_t) -> c_int
    /// `pthread_mutex_destroy(3)`.
    mutex_destroy "__pthread_mutex_destroy" unsafe extern "C" fn(*mut libc::pthread_mutex_t) -> c_int
    /// `pthread_cond_init(3)`.
    cond_init "__pthread_cond_init"
        unsafe extern "C" fn(*mut libc::pthread_cond_t, *const libc::pthread_condattr_t) -> c_int
    /// `pthread_cond_destroy(3)`.
    cond_destroy "__pthread_cond_destroy" unsafe extern "C" fn(*mut libc::pthread_cond_t) -> c_int
    /// `pthread_rwlock_init(3)`.
    rwlock_init "__pthread_rwlock_init"
        unsafe extern "C" fn(*mut libc::pthread_rwlock_t, *const libc::pthread_rwlockattr_t) -> c_int
    /// `pthread_barrier_init(3)`.
    barrier_init "__pthread_barrier_init"
        unsafe extern "C" fn(*mut libc::pthread_barrier_t, *const libc::pthread_barrierattr_t, c_uint) -> c_int
    /// `pthread_barrier_destroy(3)`.
    barrier_destroy "__pthread_barrier_destroy" unsafe extern "C" fn(*mut libc::pthread_barrier_t) -> c_int
}
