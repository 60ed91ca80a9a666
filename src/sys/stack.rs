//! System calls about stacks.

use super::{filled, plain};
use crate::track::Range;

/// The alternate signal stack that this thread has registered, sigaltstack(2).
pub(crate) fn alternate() -> Option<Range> {
    let registered =
        filled(|out: *mut libc::stack_t| plain(libc::SYS_sigaltstack, [0, out as usize, 0, 0, 0, 0])).ok()?;
    let is_on = registered.ss_flags & libc::SS_DISABLE == 0;
    (is_on && registered.ss_size > 0).then(|| Range::new(registered.ss_sp as usize, registered.ss_size))
}

/// The base of the segment register fs, `arch_prctl(2)`, for processors that do not tell it themselves.
#[cfg(target_arch = "x86_64")]
pub(crate) fn thread_base() -> usize {
    const ARCH_GET_FS: usize = 0x1003;
    filled(|out: *mut usize| plain(libc::SYS_arch_prctl, [ARCH_GET_FS, out as usize, 0, 0, 0, 0])).unwrap_or(0)
}
