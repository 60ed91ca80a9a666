//! Entrances, the doors: the exported symbols, in assembly. Their shapes are one file for each architecture, and the calls
//! are those of the table (src/call/calls.rs).
//!
//! A door adds one argument to those of the call, the return address of the program's call, and goes to the hook. It
//! is assembly because only there the return address is exact: a Rust function may be inlined, or have moved it.

#[cfg(target_arch = "aarch64")]
#[macro_use]
mod aarch64;
#[cfg(target_arch = "riscv64")]
#[macro_use]
mod riscv64;
#[cfg(target_arch = "x86_64")]
#[macro_use]
mod x86_64;

use crate::call::calls::for_each_call;
use crate::call::passed::for_each_passed_call;
use crate::enabled::{ENABLED, HARDENED, INJECT};
use crate::hooks;
use crate::next::{self, PassedCall, SLOTS, Slots};
use crate::past::openings::{OPENINGS, Opener, Openings};
use core::mem::offset_of;

/// Makes the door of each row, and that of its twin.
macro_rules! doors {
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
        $(door! { $door $name [$($argument)* $($($more)*)?] [$($($detail)*)?] [$($raw)?] [$($twin)?] })+
    };
}

/// Makes a door by its kind, which is the name of its shape in each architecture's file.
macro_rules! door {
    (plain $name:ident $arguments:tt [] $raw:tt []) => { plain! { $name => $name $arguments } };
    (plain $name:ident $arguments:tt [] $raw:tt [$twin:ident]) => {
        plain! { $name => $name $arguments }
        plain! { $twin => $name $arguments }
    };
    (visiting $name:ident $arguments:tt [$($way:tt)*] $raw:tt []) => { visiting! { $name $arguments } };
    (listing $name:ident $arguments:tt [] $raw:tt []) => { listing! { $name } };
    (narrow $name:ident $arguments:tt [$($which:ident = $number:expr),+] $raw:tt []) => {
        narrow! { $name, $($which = $number),+ }
    };
    (opening $name:ident $arguments:tt [$opener:ident, $place:ident] [$raw:ident] []) => {
        opening! { $name $arguments, $opener, $place, $raw }
    };
}

/// Makes the door of each call that is passed on.
macro_rules! passing_doors {
    ($(
        #[doc = $page:literal]
        $name:ident $arguments:tt -> $result:ty { declared: $declared:path, raw: $raw:ident, }
    )+) => {
        $(passing! { $name })+
    };
}

for_each_call!(doors);
for_each_passed_call!(passing_doors);
