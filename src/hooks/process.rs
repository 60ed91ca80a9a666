//! The hooks of the end of a process, of its signals, and of the end of a shared object.

use crate::facts::alternate;
use crate::observe::libraries;
use crate::signal::disposition;
use crate::{enabled, exit, next};
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// dlclose(3): followed for faults in what it has removed.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn dlclose(handle: *mut c_void, return_address: usize) -> c_int {
    /// Calls under way: of two, nobody can say which has removed what.
    static UNDER_WAY: AtomicU32 = AtomicU32::new(0);
    if !enabled::tracks() {
        // SAFETY: the program's own call.
        return unsafe { next::dlclose(handle) };
    }
    let alone = UNDER_WAY.fetch_add(1, Relaxed) == 0;
    let removals = libraries::look_before();
    // SAFETY: the program's own call.
    let status = unsafe { next::dlclose(handle) };
    let alone = alone && UNDER_WAY.load(Relaxed) == 1;
    if status == 0 {
        libraries::look_after(removals, if alone { return_address } else { 0 });
    }
    UNDER_WAY.fetch_sub(1, Relaxed);
    status
}

/// _exit(2): the end of a process that runs no handlers.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn _exit(status: c_int, _return_address: usize) -> ! {
    let status = exit::leaving(status);
    // SAFETY: the program's own call.
    unsafe { next::_exit(status) }
}

/// _Exit(3).
///
/// # Safety
/// As the call.
#[expect(non_snake_case, reason = "the C name")]
pub(crate) unsafe extern "C" fn _Exit(status: c_int, _return_address: usize) -> ! {
    let status = exit::leaving(status);
    // SAFETY: the program's own call.
    unsafe { next::_Exit(status) }
}

/// `quick_exit(3)`: its handlers may unmap and remove, so the end is looked at after them.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn quick_exit(status: c_int, _return_address: usize) -> ! {
    exit::leaves_quickly(status);
    // SAFETY: the program's own call.
    unsafe { next::quick_exit(status) }
}

/// sigaction(2): followed for the signals of faults, whose default is our handler, and for handlers that are to run on an
/// alternate stack, which is not to be one of ours.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn sigaction(
    signal: c_int,
    new: *const libc::sigaction,
    old: *mut libc::sigaction,
    _return_address: usize,
) -> c_int {
    let concerns = disposition::concerns(signal);
    let _turn = concerns.then(disposition::turn);
    // Looked at before the call: the two may be one.
    // SAFETY: libc reads it, too, if it is there.
    let wanted = unsafe { new.as_ref() };
    if let Some(new) = wanted.filter(|new| new.sa_flags & libc::SA_ONSTACK != 0) {
        alternate::withdraw(new.sa_sigaction);
    }
    let resets = concerns && wanted.is_some_and(|new| new.sa_sigaction == libc::SIG_DFL);
    // SAFETY: the program's own call.
    let status = unsafe { next::sigaction(signal, new, old) };
    if concerns && status == 0 {
        // SAFETY: libc has just filled it in, if it is there.
        disposition::changed(signal, resets, unsafe { old.as_mut() });
    }
    status
}

/// signal(3) and its kin.
macro_rules! signal {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// As the call.
        pub(crate) unsafe extern "C" fn $name(signal: c_int, handler: usize, _return_address: usize) -> usize {
            let concerns = disposition::concerns(signal);
            let _turn = concerns.then(disposition::turn);
            // SAFETY: the program's own call.
            let before = unsafe { next::$name(signal, handler) };
            if concerns { disposition::replaced(signal, handler, before) } else { before }
        }
    )+};
}

signal! {
    /// signal(2).
    signal
    /// `bsd_signal(3)`.
    bsd_signal
    /// ssignal(3).
    ssignal
    /// `sysv_signal(3)`.
    sysv_signal
    /// `sysv_signal(3)`, as signal(2) is called in programs of strict standards.
    __sysv_signal
    /// sigset(3).
    sigset
}
