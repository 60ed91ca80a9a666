//! Calls that no rule is about, where they are made to fail.

use crate::call::{Argument, OtherCall};
use crate::inject;
use crate::plain::errno;
use core::ffi::c_int;
use mapsan_model::Injectable;

/// What a call of this function gives that is made to fail: -1 with `errno` set, or the errno, if that is what it gives.
#[cold]
#[inline(never)]
pub(super) fn injected(function: &'static str, arguments: &[Argument], return_address: usize) -> Option<c_int> {
    let failure = inject::failure(&OtherCall { function, arguments }, return_address)?;
    if Injectable::from_name(function).is_some_and(Injectable::gives_errno) {
        return Some(failure);
    }
    errno::set(failure);
    Some(-1)
}

/// Gives what a call is made to fail with, if it is.
macro_rules! or_injected {
    ($function:expr, $return_address:expr, [$($argument:expr),* $(,)?]) => {
        if $crate::enabled::bits() & $crate::enabled::INJECT != 0
            && let Some(status) =
                $crate::hooks::injected::injected($function, &[$($crate::call::Argument::from($argument)),*], $return_address)
        {
            return status;
        }
    };
}
pub(super) use or_injected;
