//! The hooks of the start of programs: the command is told of each, so that it knows of those of which it then hears nothing.
//!
//! A child of vfork(2) may be here, in its parent's memory: nothing is changed there that would not be right for both.

use crate::finding::{Execution, write_execution};
use crate::next;
use crate::past::locks;
use core::ffi::{c_char, c_int, c_long, c_void};
use core::ptr::with_exposed_provenance;

/// A list of strings, as programs get them.
type Strings = *const *const c_char;

/// Makes a call that comes back only if it has failed, and tells of it before, and that it has failed.
macro_rules! replacing {
    ($execution:expr, $environment:expr, $call:expr) => {
        // SAFETY: the program's own call.
        replace($execution, $environment, || unsafe { $call })
    };
}

fn replace<T>(execution: Execution, environment: Strings, call: impl FnOnce() -> T) -> T {
    locks::is_replaced();
    let told = write_execution(execution, environment);
    let status = call();
    if told {
        write_execution(Execution::Failed, environment);
    }
    status
}

/// execve(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn execve(
    path: *const c_char,
    arguments: Strings,
    environment: Strings,
    _return_address: usize,
) -> c_int {
    replacing!(Execution::Own(path), environment, next::execve(path, arguments, environment))
}

/// execv(3).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn execv(path: *const c_char, arguments: Strings, _return_address: usize) -> c_int {
    replacing!(Execution::Own(path), next::environ(), next::execv(path, arguments))
}

/// execvp(3).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn execvp(file: *const c_char, arguments: Strings, _return_address: usize) -> c_int {
    replacing!(Execution::Own(file), next::environ(), next::execvp(file, arguments))
}

/// execvpe(3).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn execvpe(
    file: *const c_char,
    arguments: Strings,
    environment: Strings,
    _return_address: usize,
) -> c_int {
    replacing!(Execution::Own(file), environment, next::execvpe(file, arguments, environment))
}

/// execl(3), whose arguments the door has made an array.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn execl(path: *const c_char, arguments: Strings, return_address: usize) -> c_int {
    // SAFETY: the program's own call, of which this is another form.
    unsafe { execv(path, arguments, return_address) }
}

/// execlp(3), likewise.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn execlp(file: *const c_char, arguments: Strings, return_address: usize) -> c_int {
    // SAFETY: the program's own call, of which this is another form.
    unsafe { execvp(file, arguments, return_address) }
}

/// execle(3), likewise; the environment stands behind the end of the arguments.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn execle(path: *const c_char, arguments: Strings, return_address: usize) -> c_int {
    let mut end = arguments;
    // SAFETY: the arguments end with a null pointer.
    while !unsafe { *end }.is_null() {
        end = end.wrapping_add(1);
    }
    // SAFETY: the caller's contract: the environment follows.
    let environment = unsafe { *end.wrapping_add(1) }.cast();
    // SAFETY: the program's own call, of which this is another form.
    unsafe { execve(path, arguments, environment, return_address) }
}

/// fexecve(3).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn fexecve(
    fd: c_int,
    arguments: Strings,
    environment: Strings,
    _return_address: usize,
) -> c_int {
    replacing!(Execution::Unnamed(arguments), environment, next::fexecve(fd, arguments, environment))
}

/// execveat(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn execveat(
    folder: c_int,
    path: *const c_char,
    arguments: Strings,
    environment: Strings,
    flags: c_int,
    _return_address: usize,
) -> c_int {
    replacing!(
        of_execveat(path, arguments, flags),
        environment,
        next::execveat(folder, path, arguments, environment, flags)
    )
}

/// What execveat(2) starts.
fn of_execveat(path: *const c_char, arguments: Strings, flags: c_int) -> Execution {
    if flags & libc::AT_EMPTY_PATH == 0 { Execution::Own(path) } else { Execution::Unnamed(arguments) }
}

/// execve(2) by syscall(2): the path, the environment, and the call.
pub(super) fn raw_execve(path: usize, environment: usize, call: impl FnOnce() -> c_long) -> c_long {
    replace(Execution::Own(with_exposed_provenance(path)), with_exposed_provenance(environment), call)
}

/// execveat(2) by syscall(2): the path, the arguments, the environment and the flags, and the call.
pub(super) fn raw_execveat([path, arguments, environment, flags]: [usize; 4], call: impl FnOnce() -> c_long) -> c_long {
    // The kernel looks at 32 bits of them, of which the flag is one.
    let flags = c_int::try_from(flags & 0x7FFF_FFFF).unwrap_or(0);
    let execution = of_execveat(with_exposed_provenance(path), with_exposed_provenance(arguments), flags);
    replace(execution, with_exposed_provenance(environment), call)
}

/// `posix_spawn(3)` and its sister.
macro_rules! spawning {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// As the call.
        pub(crate) unsafe extern "C" fn $name(
            pid: *mut libc::pid_t,
            file: *const c_char,
            actions: *const c_void,
            attributes: *const c_void,
            arguments: Strings,
            environment: Strings,
            _return_address: usize,
        ) -> c_int {
            let mut child = 0;
            let place = if pid.is_null() { &raw mut child } else { pid };
            // SAFETY: the program's own call, with a place for the pid if it has none.
            let status = unsafe { next::$name(place, file, actions, attributes, arguments, environment) };
            if status == 0 {
                // SAFETY: libc has just filled it in.
                write_execution(Execution::Child(file, unsafe { *place }), environment);
            }
            status
        }
    )+};
}

spawning! {
    /// `posix_spawn(3)`.
    posix_spawn
    /// `posix_spawnp(3)`.
    posix_spawnp
}

/// system(3).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn system(command: *const c_char, _return_address: usize) -> c_int {
    if !command.is_null() {
        write_execution(Execution::Shell, next::environ());
    }
    // SAFETY: the program's own call.
    unsafe { next::system(command) }
}

/// popen(3).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn popen(
    command: *const c_char,
    kind: *const c_char,
    _return_address: usize,
) -> *mut c_void {
    write_execution(Execution::Shell, next::environ());
    // SAFETY: the program's own call.
    unsafe { next::popen(command, kind) }
}
