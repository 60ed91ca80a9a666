//! System calls about stacks.

use super::{Result, filled, plain};
use crate::plain::Range;

/// Registers an alternate signal stack of our own for this thread, sigaltstack(2), unless it has one already.
pub(crate) fn register_alternate(stack: Range) -> Result<()> {
    let own = libc::stack_t {
        ss_sp: core::ptr::with_exposed_provenance_mut(stack.start),
        ss_flags: 0,
        ss_size: stack.length(),
    };
    let registered = filled(|out: *mut libc::stack_t| {
        plain(libc::SYS_sigaltstack, [(&raw const own) as usize, out as usize, 0, 0, 0, 0])
    });
    let before = registered?;
    if before.ss_flags & libc::SS_DISABLE == 0 {
        let _ = plain(libc::SYS_sigaltstack, [(&raw const before) as usize, 0, 0, 0, 0, 0]);
    }
    Ok(())
}

/// Takes the alternate signal stack of this thread away, which may not run on it. The end of the handler brings it back.
pub(crate) fn disable_alternate() {
    let none = libc::stack_t { ss_sp: core::ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
    let _ = plain(libc::SYS_sigaltstack, [(&raw const none) as usize, 0, 0, 0, 0, 0]);
}

/// The alternate signal stack that the kernel has for this thread, sigaltstack(2).
pub(crate) fn alternate() -> Option<Range> {
    let registered =
        filled(|out: *mut libc::stack_t| plain(libc::SYS_sigaltstack, [0, out as usize, 0, 0, 0, 0])).ok()?;
    let is_on = registered.ss_flags & libc::SS_DISABLE == 0;
    (is_on && registered.ss_size > 0).then(|| Range::new(registered.ss_sp as usize, registered.ss_size))
}
