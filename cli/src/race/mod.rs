//! Layer *running*: data races on shared memory, between the processes and threads of a run, found by hardware watchpoints
//! while it runs; and who writes a word of processes that run already.
//!
//! In the order in which each uses those after it: follow, written, writers, judge, macros, engine, window, threads, words, suspicion, callee, codes, instruction,
//! loops, code, objects.

mod callee;
mod code;
mod codes;
pub(crate) mod engine;
pub(crate) mod follow;
mod instruction;
pub(crate) mod judge;
mod loops;
mod macros;
pub(crate) mod objects;
pub(crate) mod suspicion;
mod threads;
mod window;
mod words;
pub(crate) mod writers;
pub(crate) mod written;
