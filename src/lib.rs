//! The runtime of mapsan: `libmapsan.so` and `libmapsan.a`.
//!
//! In the order of a call's path: its door, its hook, the next definition, the check of what came of it with the facts
//! that the kernel gives, the report. See ARCHITECTURE.md for the rules that hold everywhere here: no heap, no std,
//! no lock and no system call on the way of a call that succeeds.
#![cfg_attr(not(test), no_std)]
// The tests have the parts without the doors: they must not interpose themselves.
#![cfg_attr(test, allow(dead_code, reason = "the hooks are reached through the doors alone"))]

#[cfg(not(target_pointer_width = "64"))]
compile_error!("mapsan knows x86-64, AArch64 and RISC-V with 64 bits");

// The order is that of the layers: each uses only those below it, and its own (ARCHITECTURE.md).

// Entrances.
pub mod api;
mod begin;
mod doors;
mod exit;
mod hooks;
mod layout;
mod signal;
mod start;

// Judging.
mod check;
mod explain;

// Acting.
mod harden;
mod inject;

// Observing.
mod observe;

// Knowing.
mod past;
mod track;

// Telling.
mod finding;
mod form;
mod output;

// Asking.
mod call;
mod facts;
mod next;

// Ground.
mod clib;
mod clock;
mod enabled;
mod machine;
mod options;
mod plain;
mod sys;

#[cfg(test)]
mod differential;

#[cfg(not(test))]
mod panic;
