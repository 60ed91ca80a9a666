//! What must not be left half done: a segment that is shut, a file under another name.

use std::mem::MaybeUninit;
use std::ptr;

/// Does something without being stopped or ended by a signal in the middle of it, SIGKILL aside.
pub(crate) fn undisturbed<T>(act: impl FnOnce() -> T) -> T {
    let mut all = MaybeUninit::<libc::sigset_t>::zeroed();
    let mut before = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: a set of signals to be filled in.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: two sets of signals.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), before.as_mut_ptr()) };
    let result = act();
    // SAFETY: the set that the call above has filled in.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    result
}
