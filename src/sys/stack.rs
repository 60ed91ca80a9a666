//! System calls about stacks.

use super::{filled, plain};
use crate::plain::Range;

/// The alternate signal stack that this thread has registered, sigaltstack(2).
pub(crate) fn alternate() -> Option<Range> {
    let registered =
        filled(|out: *mut libc::stack_t| plain(libc::SYS_sigaltstack, [0, out as usize, 0, 0, 0, 0])).ok()?;
    let is_on = registered.ss_flags & libc::SS_DISABLE == 0;
    (is_on && registered.ss_size > 0).then(|| Range::new(registered.ss_sp as usize, registered.ss_size))
}
