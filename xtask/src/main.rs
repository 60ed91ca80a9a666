//! `cargo xtask`: tasks of the project beyond cargo's own.

mod bench;
mod book;
mod compare;
mod compatibility;
mod dist;
mod install;
mod links;
mod subjects;

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
    /// Removes what install puts there, with the same options.
    Uninstall(install::Arguments),
    /// Builds what is handed out: a tarball that is used where it is unpacked, and a Debian package.
    Dist(dist::Arguments),
    /// Measures what the library costs, and what others that see these calls cost; writes the figures into
    /// docs/performance.md.
    Bench,
    /// Runs wrong programs under mapsan, memcheck, the compiler's sanitizers and strace; writes the table into README.md.
    Compare {
        /// Mistakes by the names of their rules; prints their rows and writes nothing.
        names: Vec<String>,
        /// Writes c-tests/mistakes.json anew: which mistakes there are, and at which line.
        #[arg(long)]
        list: bool,
    },
    /// Makes the book of the documents, recipes and rules in target/book, by mdBook.
    Book {
        /// Writes what mdBook reads, and checks its links, alone.
        #[arg(long)]
        sources: bool,
    },
    /// Runs real programs with the library and without; writes docs/compatibility.md.
    Compatibility {
        /// Only those whose names hold this; prints their rows and writes nothing.
        name: Option<String>,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().task {
        Task::Install(arguments) => install::install(&arguments),
        Task::Uninstall(arguments) => install::uninstall(&arguments),
        Task::Dist(arguments) => dist::dist(&arguments),
        Task::Bench => bench::bench(),
        Task::Compare { names, list } => compare::compare(&names, list),
        Task::Book { sources } => book::book(sources),
        Task::Compatibility { name } => compatibility::compatibility(name.as_deref()),
    }
}
