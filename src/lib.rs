//! The runtime of mapsan: `libmapsan.so` and `libmapsan.a`.
//!
//! In the order of a call's path: its door, its hook, the next definition, the check of what came of it with the facts
//! that the kernel gives, the report. See ARCHITECTURE.md for the rules that hold everywhere here: no heap, no std,
//! no lock and no system call on the way of a call that succeeds.
#![cfg_attr(not(test), no_std)]
// The tests have the parts without the doors: they must not interpose themselves.
#![cfg_attr(test, allow(dead_code, reason = "the hooks are reached through the doors alone"))]

#[cfg(not(target_pointer_width = "64"))]
compile_error!("mapsan knows x86-64 and AArch64");

mod interpose;

mod hooks;

mod next;

mod call;

mod check;

mod follow;

mod track;

mod fault;

mod harden;

#[cfg(test)]
mod differential;

mod facts;

mod report;

pub mod api;
mod clib;
mod clock;
mod describe;
mod errno;
mod escape;
mod exit;
#[allow(dead_code, reason = "its users follow")]
mod hidden;
mod options;
mod placement;
mod process;
mod spread;
mod start;
mod sync;
mod sys;
mod weak;

#[cfg(not(test))]
mod panic;
