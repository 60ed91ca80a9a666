//! Telling: the way of a text out of the process. The lock under which one thread at a time makes a finding, the stack on
//! which it is made, what becomes of a fault in it, and where it is written.

mod lock;
mod pause;
mod recovery;
pub(crate) mod sink;
mod stack;

pub(crate) use lock::{Refusal, ReportLock, enter, free_of_the_dead, is_inside};
pub(crate) use pause::pause;
pub(crate) use recovery::{Recovery, recover, with_fault_recovery};
pub(crate) use stack::run as on_own_stack;
