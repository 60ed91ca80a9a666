//! What `mapsan inspect` is asked of.

use std::path::PathBuf;

/// What the command line names: a process, or a core.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Process(u32),
    Core(PathBuf),
}

impl Target {
    /// A number is a pid; of a core whose name is one the path says so (`./1234`).
    pub(crate) fn of(name: &str) -> Target {
        name.parse().map_or_else(|_| Target::Core(PathBuf::from(name)), Target::Process)
    }
}
