//! Layer *entrances*: what each subcommand does.

pub(crate) mod explain;
pub(crate) mod inspect;
pub(crate) mod ipc;
pub(crate) mod pages;
mod prose;
pub(crate) mod race;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod sweep;
pub(crate) mod tables;
pub(crate) mod who;
