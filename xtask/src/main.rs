//! `cargo xtask`: tasks of the project beyond cargo's own.

mod install;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", about = "Tasks of the project beyond cargo's own")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Builds the release and installs it: library, header, command, `CMake` package, manual pages and completions.
    Install(install::Arguments),
}

fn main() -> Result<()> {
    match Arguments::parse().task {
        Task::Install(arguments) => install::install(&arguments),
    }
}
