//! Knowing: what calls gave or failed with, for later calls that use it.

pub(crate) mod failures;
pub(crate) mod openings;
pub(crate) mod program_break;
