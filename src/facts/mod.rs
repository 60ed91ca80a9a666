//! Asking: what the kernel says, asked at the moment when a check needs it.
//!
//! Nothing here is remembered: a fact that is quoted in a finding was read for that finding. Facts that need a large
//! buffer ([`Path`], [`mapping::count`]) are for the time when a finding is made, on the report's own stack.

pub(crate) mod alternate;
pub(crate) mod backing;
pub(crate) mod descriptor;
pub(crate) mod environment;
mod folder;
pub(crate) mod holders;
pub(crate) mod ipc;
pub(crate) mod limits;
pub(crate) mod lock;
pub(crate) mod mapping;
pub(crate) mod module;
pub(crate) mod object;
pub(crate) mod pagemap;
mod path;
pub(crate) mod process;
mod procfile;
pub(crate) mod reach;
pub(crate) mod segment;
mod site;
pub(crate) mod started;
pub(crate) mod threads;

pub(crate) use module::Module;
pub(crate) use path::Path;
pub(crate) use site::{Site, base_name};
