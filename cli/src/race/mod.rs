//! Layer *running*: data races on shared memory, between the processes and threads of a run, found by hardware watchpoints
//! while it runs; and who writes a word of processes that run already.
//!
//! In the order in which each uses those after it: follow, written, writers, judge, engine, window, threads, words, suspicion, callee, codes, instruction,
//! objects.

mod callee;
mod codes;
pub(crate) mod engine;
pub(crate) mod follow;
mod instruction;
pub(crate) mod judge;
pub(crate) mod objects;
pub(crate) mod suspicion;
mod threads;
mod window;
mod words;
pub(crate) mod writers;
pub(crate) mod written;
