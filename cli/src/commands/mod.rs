//! Layer *entrances*: what each subcommand does.

#[cfg(not(target_arch = "x86_64"))]
pub(crate) mod elsewhere;
pub(crate) mod explain;
pub(crate) mod inspect;
pub(crate) mod ipc;
pub(crate) mod pages;
mod prose;
#[cfg(target_arch = "x86_64")]
pub(crate) mod race;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod sweep;
pub(crate) mod tables;
pub(crate) mod who;

#[cfg(not(target_arch = "x86_64"))]
pub(crate) use elsewhere as race;
