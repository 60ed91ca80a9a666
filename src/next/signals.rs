//! Asking, dispositions of signals where no next definition is known.

use super::raw::{failed, returned};
use crate::plain::errno;
use crate::sys::{self, int};
use core::ffi::c_int;

/// As libc's sigaction, whose structures are larger than the kernel's.
pub(super) unsafe fn raw_sigaction(signal: c_int, new: *const libc::sigaction, old: *mut libc::sigaction) -> c_int {
    // SAFETY: the caller's contract: null, or a structure.
    let new = unsafe { new.as_ref() }.map(|new| {
        let mask = (&raw const new.sa_mask).cast::<u64>();
        let flags = usize::try_from(new.sa_flags.cast_unsigned()).unwrap_or(0);
        // SAFETY: a sigset_t is larger, and aligned for it.
        let mask = unsafe { *mask };
        sys::Disposition::new(new.sa_sigaction, flags, mask).with_restorer()
    });
    match sys::disposition(signal, new.as_ref()) {
        Err(failure) => failed(failure),
        Ok(before) => {
            // SAFETY: the caller's contract: null, or room for a structure.
            if let Some(old) = unsafe { old.as_mut() } {
                (old.sa_sigaction, old.sa_restorer) = (before.handler, None);
                old.sa_flags = c_int::try_from(before.flags).unwrap_or(0);
                let mask = (&raw mut old.sa_mask).cast::<u64>();
                // SAFETY: a sigset_t is larger, and aligned for it.
                unsafe { *mask = before.mask };
            }
            0
        }
    }
}

/// As libc's signal.
pub(super) unsafe fn raw_signal(signal: c_int, handler: usize) -> usize {
    set_handler(signal, handler, libc::SA_RESTART)
}

/// As libc's `sysv_signal`.
pub(super) unsafe fn raw_sysv_signal(signal: c_int, handler: usize) -> usize {
    set_handler(signal, handler, libc::SA_RESETHAND | libc::SA_NODEFER)
}

/// Sets a handler; gives the one before.
fn set_handler(signal: c_int, handler: usize, flags: c_int) -> usize {
    let once = flags & libc::SA_RESETHAND != 0;
    let bit = 1_u64.checked_shl(signal.wrapping_sub(1).cast_unsigned()).unwrap_or(0);
    let flags = usize::try_from(flags.cast_unsigned()).unwrap_or(0);
    let new = sys::Disposition::new(handler, flags, if once { 0 } else { bit }).with_restorer();
    match sys::disposition(signal, Some(&new)) {
        Ok(before) => before.handler,
        Err(failure) => {
            errno::set(failure);
            libc::SIG_ERR
        }
    }
}

/// As libc's sigset: it blocks the signal, or sets its handler and lets the signal in.
pub(super) unsafe fn raw_sigset(signal: c_int, handler: usize) -> usize {
    const SIG_HOLD: usize = 2;
    let bit = 1_u64.checked_shl(signal.wrapping_sub(1).cast_unsigned()).unwrap_or(0);
    let set_mask = |mask: sys::SignalSet| {
        let mut before: sys::SignalSet = 0;
        let (new, old) = ((&raw const mask) as usize, (&raw mut before) as usize);
        let arguments = [int(libc::SIG_SETMASK), new, old, size_of_val(&mask)];
        // SAFETY: two live masks.
        let _: c_int = unsafe { returned(libc::SYS_rt_sigprocmask, &arguments) };
        before
    };
    let mask = set_mask(sys::SignalSet::MAX);
    let before = match handler {
        SIG_HOLD => sys::disposition(signal, None).map_or(libc::SIG_ERR, |before| before.handler),
        _ => set_handler(signal, handler, 0),
    };
    set_mask(if handler == SIG_HOLD { mask | bit } else { mask & !bit });
    if before != libc::SIG_ERR && mask & bit != 0 { SIG_HOLD } else { before }
}
