//! The `mapsan` command: runs a program under `libmapsan.so` and explains what is wrong.
//!
//! In the order of a run: the arguments, the program, the library, the child process, its records, their symbols and
//! their rendering. `explain`, `rules` and `options` only print what the model declares.

mod arguments;
mod child;
mod compile;
mod coverage;
mod explain;
mod failure;
mod form;
mod found;
mod library;
mod memcheck;
mod namespace;
mod outputs;
mod pages;
mod program;
mod records;
mod report;
mod run;
mod segments;
mod session;
mod source;
mod suppress;
mod symbols;
mod tables;

use failure::Failure;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let words = memcheck::words(words);
    if let Some(failure) = program_in_place_of_subcommand(&words) {
        anstream::eprintln!("mapsan: {failure}");
        return ExitCode::from(failure.status());
    }
    let matches = arguments::command().get_matches_from(words);
    let outcome = match matches.subcommand() {
        Some(("run", matches)) => run::run(matches),
        Some(("report", matches)) => report::report(matches),
        Some(("explain", matches)) => explain::explain(matches).and_then(|text| print(&text)),
        Some(("rules", matches)) => print(&tables::rules(matches)),
        Some(("completions", matches)) => print(&pages::completions(matches)),
        Some(("man", matches)) => pages::manual(matches).and_then(|text| print(&text)),
        Some(("options", _)) => print(&tables::options()),
        _ => unreachable!("clap demands a subcommand"),
    };
    outcome.unwrap_or_else(|failure: Failure| {
        anstream::eprintln!("mapsan: {failure}");
        ExitCode::from(failure.status())
    })
}

/// A program where a subcommand should be.
fn program_in_place_of_subcommand(words: &[OsString]) -> Option<Failure> {
    let word = words.get(1)?.to_str()?;
    let is_program = word.contains('/') || std::path::Path::new(word).extension().is_some_and(|ending| ending == "c");
    is_program.then(|| Failure::usage(format!("to run a program under mapsan: mapsan run {word}")))
}

/// Prints to standard output; a reader who has seen enough ends it in order.
fn print(text: &str) -> Result<ExitCode, Failure> {
    match anstream::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::own(format!("standard output can't be written: {error}")))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}
