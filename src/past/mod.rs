//! Knowing: what single calls gave or failed with, for later calls that use it: a failed result, a key, a lock on all memory.
//!
//! Apart from the tracker, since each is a table or a word of its own, which no event of a mapping changes: read without
//! the tracker's lock, by signal handlers, too, and as true when tracking has ended.

pub(crate) mod failures;
pub(crate) mod ipc;
pub(crate) mod keys;
pub(crate) mod listed_ids;
pub(crate) mod locks;
pub(crate) mod mlockall;
pub(crate) mod openings;
pub(crate) mod program_break;
pub(crate) mod semaphores;
