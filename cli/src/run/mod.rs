//! Layer *running*: a run in parts that other commands can use, too. A program is prepared once, launched, followed until
//! its processes have ended, and judged.
//!
//! In the order in which each uses those after it: verdict, comparison, follow, leftovers, locks, coverage, launch, injection, prepare, project, options.

pub(crate) mod comparison;
mod coverage;
pub(crate) mod follow;
pub(crate) mod injection;
pub(crate) mod launch;
pub(crate) mod leftovers;
mod locks;
pub(crate) mod options;
pub(crate) mod prepare;
pub(crate) mod project;
pub(crate) mod verdict;
