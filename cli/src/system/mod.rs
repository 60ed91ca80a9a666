//! Layer *asking*: the program's file and process, the library, sockets, namespaces, /proc.
//!
//! No file uses another, but for `library`, which may need a `folder`, those that have a process's `memory`, `core`, which
//! opens `regular` files, and
//! `liveness`, which names `processes`, `sysv`, which has a `segment` removed, and `segment` and `lease`, which are not to be
//! ended in the middle (`undisturbed`). A `watchpoint` has `samples`, with the registers of a `tracer`. `watch` tells a `channel`'s events, and of the `deaths` in the `tree`, and has a `ledger`; both ask `threads`
//! of a `process`, whose stacks are the work of `unwind`.

pub(crate) mod call_sites;
pub(crate) mod channel;
pub(crate) mod child;
pub(crate) mod clock;
pub(crate) mod compile;
pub(crate) mod core;
pub(crate) mod deaths;
pub(crate) mod environment;
pub(crate) mod folder;
pub(crate) mod lease;
pub(crate) mod ledger;
pub(crate) mod library;
pub(crate) mod liveness;
pub(crate) mod memory;
pub(crate) mod namespace;
pub(crate) mod pages;
pub(crate) mod posix;
#[cfg(target_arch = "x86_64")]
pub(crate) mod privileges;
pub(crate) mod process;
pub(crate) mod processes;
pub(crate) mod program;
mod refusal;
pub(crate) mod regular;
#[cfg(target_arch = "x86_64")]
pub(crate) mod samples;
pub(crate) mod segment;
pub(crate) mod segments;
pub(crate) mod signal;
pub(crate) mod sysv;
pub(crate) mod threads;
#[cfg(target_arch = "x86_64")]
pub(crate) mod tracee;
#[cfg(target_arch = "x86_64")]
pub(crate) mod tracer;
pub(crate) mod tree;
mod undisturbed;
pub(crate) mod unwind;
pub(crate) mod watch;
#[cfg(target_arch = "x86_64")]
pub(crate) mod watchpoint;
