//! Calls on ranges of memory that change nothing of what is mapped, and are not followed. Hardened mode is concerned: its
//! guards must neither be seen by them nor count against the limits that they meet; and they may be made to fail. Otherwise their doors lead
//! straight to the next definition.

use super::injected::or_injected;
use crate::call::calls::for_each_call;
use crate::enabled::{self, HARDENED};
use crate::plain::Range;
use crate::plain::page::whole_pages;
use crate::{harden, next};
use core::ffi::{c_int, c_uchar, c_uint, c_void};

/// Hands each row on with what makes a hook.
macro_rules! ranges {
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
        $(range! { $door $page $name($($argument: $type),*) [$($($detail)*)?] })+
    };
}

/// Makes the hook of a row whose door is a visiting one: `$way` is that of hardened mode.
macro_rules! range {
    (visiting $page:literal $name:ident(
        $address:ident: $pointer:ty, $length:ident: $size:ty $(, $argument:ident: $type:ty)*
    ) [$way:path]) => {
        #[doc = $page]
        ///
        /// # Safety
        /// As the call.
        pub(crate) unsafe extern "C" fn $name(
            $address: $pointer, $length: $size $(, $argument: $type)*, return_address: usize
        ) -> c_int {
            or_injected!(stringify!($name), return_address, [$address, $length $(, $argument)*]);
            // SAFETY: the program's own call.
            let call = || unsafe { next::$name($address, $length $(, $argument)*) };
            if enabled::bits() & HARDENED == 0 {
                return call();
            }
            $way(Range::new($address as usize, whole_pages($length)), call)
        }
    };
    ($other_door:ident $($row:tt)*) => {};
}

for_each_call!(ranges);
