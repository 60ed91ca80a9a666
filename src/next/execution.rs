//! Asking, the start of programs where no next definition is known. What is more than a system call a static program has
//! under another name, by which libc calls it itself.

use super::raw::{Register, returned};
use crate::clib::weak;
use core::ffi::{c_char, c_int, c_void};
use core::mem::transmute;
use core::ptr;

/// The environment that libc hands on.
pub(crate) fn environ() -> *const *const c_char {
    let place = weak::environ().cast::<*const *const c_char>();
    // SAFETY: null, or libc's variable.
    if place.is_null() { ptr::null() } else { unsafe { *place } }
}

/// As libc's execv.
pub(super) unsafe fn raw_execv(path: *const c_char, arguments: *const *const c_char) -> c_int {
    // SAFETY: the caller upholds the contract.
    unsafe { returned(libc::SYS_execve, &[path.register(), arguments.register(), environ().register()]) }
}

/// As libc's fexecve.
pub(super) unsafe fn raw_fexecve(
    fd: c_int,
    arguments: *const *const c_char,
    environment: *const *const c_char,
) -> c_int {
    let (file, flags) = (c"".as_ptr(), libc::AT_EMPTY_PATH);
    let registers = [fd.register(), file.register(), arguments.register(), environment.register(), flags.register()];
    // SAFETY: the caller upholds the contract.
    unsafe { returned(libc::SYS_execveat, &registers) }
}

/// As libc's execvp.
pub(super) unsafe fn own_execvp(file: *const c_char, arguments: *const *const c_char) -> c_int {
    // SAFETY: the caller upholds the contract.
    unsafe { own_execvpe(file, arguments, environ()) }
}

/// libc's execvpe.
pub(super) unsafe fn own_execvpe(
    file: *const c_char,
    arguments: *const *const c_char,
    environment: *const *const c_char,
) -> c_int {
    type Function = unsafe extern "C" fn(*const c_char, *const *const c_char, *const *const c_char) -> c_int;
    // SAFETY: a function of this signature, or null.
    let Some(call) = (unsafe { transmute::<usize, Option<Function>>(weak::execvpe()) }) else { return -1 };
    // SAFETY: the caller upholds the contract.
    unsafe { call(file, arguments, environment) }
}

type Spawn = unsafe extern "C" fn(
    *mut libc::pid_t,
    *const c_char,
    *const c_void,
    *const c_void,
    *const *const c_char,
    *const *const c_char,
) -> c_int;

/// libc's `posix_spawn` and its sister.
macro_rules! spawn {
    ($(#[$doc:meta] $name:ident $own:ident)+) => {$(
        #[$doc]
        pub(super) unsafe fn $name(
            pid: *mut libc::pid_t,
            file: *const c_char,
            actions: *const c_void,
            attributes: *const c_void,
            arguments: *const *const c_char,
            environment: *const *const c_char,
        ) -> c_int {
            // SAFETY: a function of this signature, or null.
            let Some(call) = (unsafe { transmute::<usize, Option<Spawn>>(weak::$own()) }) else { return libc::ENOSYS };
            // SAFETY: the caller upholds the contract.
            unsafe { call(pid, file, actions, attributes, arguments, environment) }
        }
    )+};
}

spawn! {
    /// libc's `posix_spawn`.
    own_posix_spawn posix_spawn
    /// libc's `posix_spawnp`.
    own_posix_spawnp posix_spawnp
}

/// libc's system.
pub(super) unsafe fn own_system(command: *const c_char) -> c_int {
    type Function = unsafe extern "C" fn(*const c_char) -> c_int;
    // SAFETY: a function of this signature, or null.
    let Some(call) = (unsafe { transmute::<usize, Option<Function>>(weak::system()) }) else { return -1 };
    // SAFETY: the caller upholds the contract.
    unsafe { call(command) }
}

/// libc's popen.
pub(super) unsafe fn own_popen(command: *const c_char, kind: *const c_char) -> *mut c_void {
    type Function = unsafe extern "C" fn(*const c_char, *const c_char) -> *mut c_void;
    // SAFETY: a function of this signature, or null.
    let Some(call) = (unsafe { transmute::<usize, Option<Function>>(weak::popen()) }) else { return ptr::null_mut() };
    // SAFETY: the caller upholds the contract.
    unsafe { call(command, kind) }
}
