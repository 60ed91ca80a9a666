//! Asking: the next definition of each call: libc's, or that of another preloaded library.
//!
//! Found once, at start ([`Definitions`]). Before that, and in a static program, the raw system call is made, and `errno` set as libc
//! would. Nothing is looked up inside a hook: an allocator may be waiting for the loader's lock.

mod execution;
mod files;
mod locks;
mod memory;
mod objects;
mod process;
mod raw;
mod relocation;
mod semaphores;
mod signals;
mod threads;
mod ways;

pub(crate) use execution::environ;
pub(crate) use files::*;
pub(crate) use relocation::is_relocated;
pub(crate) use ways::{PassedCall, next_of_passed};

use crate::call::calls::for_each_call;
use crate::clib::{Definitions, Name, hash, weak};
use core::ffi::{CStr, c_char, c_int, c_long, c_uchar, c_uint, c_void};
use core::ptr;
use core::slice;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use execution::{
    own_execvp, own_execvpe, own_popen, own_posix_spawn, own_posix_spawnp, own_system, raw_execv, raw_fexecve,
};
use libc::{
    key_t, mode_t, msqid_ds, off_t, pid_t, pthread_barrier_t, pthread_barrierattr_t, pthread_cond_t,
    pthread_condattr_t, pthread_mutex_t, pthread_mutexattr_t, pthread_rwlock_t, pthread_rwlockattr_t,
    pthread_spinlock_t, sem_t, sembuf, shmid_ds, sighandler_t, stack_t, timespec,
};
use locks::{
    own_barrier_destroy, own_barrier_init, own_cond_destroy, own_cond_init, own_mutex_destroy, own_mutex_init,
    own_rwlock_destroy, own_rwlock_init, own_sem_destroy, own_spin_destroy, own_spin_init,
};
use mapsan_model::words;
use mapsan_model::words::Words;
use memory::{own_brk, own_sbrk, raw_mmap, raw_posix_madvise};
use objects::{raw_ftok, raw_semop, raw_shm_open, raw_shm_unlink};
use process::{raw_dlclose, raw_exit, raw_syscall};
use raw::{Register, returned};
use semaphores::{own_sem_init, own_sem_open, own_sem_unlink};
use signals::{raw_sigaction, raw_signal, raw_sigset, raw_sysv_signal};
use threads::{own_pthread_create, own_thrd_create};

/// Makes of the rows: a slot for each, the lookup at start, a function that makes the call, and a comparison of its
/// signature with libc's declaration.
macro_rules! next {
    ($(
        #[doc = $page:literal]
        $name:ident($($argument:ident: $type:ty),* $(; $dots:tt $($more:ident: $more_type:ty),+)?) -> $result:ty {
            door: $door:ident $(($($detail:tt)*))?,
            $(declared: $declared:path,)?
            $(cancellation_point: $cancellation_point:literal,)?
            $(twin: $twin:ident $done:ident,)?
            $(system_call: $number:ident,)?
            $(raw: $raw:ident,)?
        }
    )+) => {
        /// One slot for each call; null until start, and for ever in a static program.
        #[allow(non_snake_case, reason = "named as the calls are")]
        #[repr(C)]
        pub(crate) struct Slots {
            $(pub(crate) $name: AtomicPtr<c_void>,)+
            /// Those of the calls that are passed on, by their numbers; null until they are first made.
            passed: [AtomicPtr<c_void>; ways::PASSED],
        }

        pub(crate) static SLOTS: Slots = Slots {
            $($name: AtomicPtr::new(ptr::null_mut()),)+
            passed: [const { AtomicPtr::new(ptr::null_mut()) }; ways::PASSED],
        };

        /// The calls, by the number of their slots: their names, terminated, and what these are looked up by.
        static NAMES: Words<{ HASHES.len() }> = words!($(concat!(stringify!($name), "\0")),+);
        static HASHES: [u32; [$(stringify!($name)),+].len()] = [$(hash(stringify!($name))),+];

        $(
            #[doc = $page]
            ///
            /// # Safety
            /// As the call itself.
            #[allow(non_snake_case, reason = "named as the calls are")]
            #[allow(dead_code, reason = "the doors of the calls that open make them themselves")]
            #[inline]
            pub(crate) unsafe fn $name($($argument: $type,)* $($($more: $more_type),+)?) -> $result {
                let next = SLOTS.$name.load(Relaxed);
                if next.is_null() {
                    // SAFETY: the caller upholds the contract.
                    unsafe {
                        otherwise!([$($number)?] [$($raw)?] ($($argument,)* $($($more),+)?))
                    }
                } else {
                    type Function = unsafe extern "C" fn($($type,)* $($($more_type),+)?) -> $result;
                    // SAFETY: the definition that the loader found under this name, which has this signature by the
                    // comparison below.
                    let next = unsafe { core::mem::transmute::<*mut c_void, Function>(next) };
                    // SAFETY: the caller upholds the contract.
                    unsafe { next($($argument,)* $($($more),+)?) }
                }
            }

            // A signature that differs from libc's does not compile.
            as_declared! { [$($declared)?] fn($($type,)* $($dots)?) -> $result }
        )+
    };
}

/// Compares a signature with libc's declaration, where there is one.
macro_rules! as_declared {
    ([] $($signature:tt)*) => {};
    ([$declared:path] $($signature:tt)*) => {
        const _: unsafe extern "C" $($signature)* = $declared;
    };
}

/// Makes a call without a next definition: the system call with these arguments, or the function that does as libc's.
macro_rules! otherwise {
    ([$number:ident] [] ($($argument:ident),* $(,)?)) => {
        returned(libc::$number, &[$($argument.register()),*])
    };
    ([] [$raw:ident] ($($argument:ident),* $(,)?)) => {
        $raw($($argument),*)
    };
}

for_each_call!(next);

/// Finds all of them; nothing happens in a static program.
pub(crate) fn resolve() {
    let definitions = Definitions::find();
    // SAFETY: the slots come first and in this order, as many as there are names.
    let slots = unsafe { slice::from_raw_parts((&raw const SLOTS).cast::<AtomicPtr<c_void>>(), HASHES.len()) };
    for (number, (slot, hash)) in slots.iter().zip(&HASHES).enumerate() {
        let name = Name { text: NAMES.get(number), hash: *hash };
        let of_libc = definitions.as_ref().map_or(ptr::null_mut(), |definitions| definitions.of_libc(&name));
        let is_made_here = ptr::eq(slot, &raw const SLOTS.madvise) && !of_libc.is_null();
        let next = if of_libc.is_null() { find_terminated(name.text) } else { of_libc };
        slot.store(if is_made_here { ptr::null_mut() } else { next }, Relaxed);
    }
}

/// Whether `madvise` is the raw system call: before start, in a static program, and where libc's own definition is next, which is
/// nothing else.
#[inline]
pub(crate) fn is_madvise_made_here() -> bool {
    SLOTS.madvise.load(Relaxed).is_null()
}

/// As [`find`], for a string with its terminator.
fn find_terminated(name: &str) -> *mut c_void {
    CStr::from_bytes_with_nul(name.as_bytes()).map_or(ptr::null_mut(), find)
}

/// The next definition of a name; null if there is none, and in a static program.
pub(crate) fn find(name: &CStr) -> *mut c_void {
    // SAFETY: dlsym(3) with RTLD_NEXT and a string; it allocates only to describe a failure.
    weak::dlsym().map_or(ptr::null_mut(), |dlsym| unsafe { dlsym(libc::RTLD_NEXT, name.as_ptr()) })
}
