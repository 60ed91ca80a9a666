//! The `mapsan` command: runs a program under `libmapsan.so` and explains what is wrong.
//!
//! The layers, from the top down; each uses those below it alone (ARCHITECTURE.md has them as a table, which a test reads):
//! entrances (`commands`, `memcheck`), `arguments`, running (`sweep`, `run`), telling (`outputs`, `form`), knowing (`findings`,
//! `inspection`, `ipc`), asking (`system`), and the ground (`say`, `failure`, `inherited`, `path`, `pattern`, `replacement`, `spelling`, `target`, `values`).

mod arguments;
mod commands;
mod failure;
mod findings;
mod form;
mod inherited;
mod inspection;
mod ipc;
mod memcheck;
mod outputs;
mod path;
mod pattern;
#[cfg(target_arch = "x86_64")]
mod race;
mod replacement;
mod run;
mod say;
mod spelling;
mod sweep;
mod system;
mod target;
mod values;

use commands::{explain, inspect, pages, report, tables};
use failure::Failure;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

fn main() -> ExitCode {
    let words = memcheck::words(std::env::args_os().collect());
    outcome(words).unwrap_or_else(|failure| {
        say::say!("{failure}");
        ExitCode::from(failure.status())
    })
}

fn outcome(words: Vec<OsString>) -> Result<ExitCode, Failure> {
    if let Some(failure) = program_in_place_of_subcommand(&words) {
        return Err(failure);
    }
    let matches = match arguments::command().try_get_matches_from(words) {
        Ok(matches) => matches,
        Err(error) if error.use_stderr() => {
            // The parser has its own words, of several lines, and colours where they can be shown.
            let colour = io::stderr().is_terminal() && say::environment_allows_colour();
            let _ = say::to_stderr(rendered(&error, colour).as_bytes());
            return Ok(ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)));
        }
        Err(help) => return print(&rendered(&help, true)),
    };
    match matches.subcommand() {
        Some(("run", matches)) => commands::run::run(matches),
        Some(("race", matches)) => commands::race::race(matches),
        Some(("sweep", matches)) => commands::sweep::sweep(matches),
        Some(("report", matches)) => report::report(matches),
        Some(("inspect", matches)) => inspect::inspect(matches),
        Some(("ipc", matches)) => commands::ipc::ipc(matches),
        Some(("who", matches)) => commands::who::who(matches),
        Some(("explain", matches)) => print(&explain::explain(matches, io::stdout().is_terminal())?),
        Some(("rules", matches)) => print(&tables::rules(matches)),
        Some(("completions", matches)) => print(&pages::completions(matches)),
        Some(("man", matches)) => print(&pages::manual(matches)?),
        Some(("options", _)) => print(&tables::options()),
        _ => unreachable!("clap demands a subcommand"),
    }
}

/// What the parser has to say.
fn rendered(error: &clap::Error, colour: bool) -> String {
    let text = error.render();
    if colour { text.ansi().to_string() } else { text.to_string() }
}

/// A program where a subcommand should be.
fn program_in_place_of_subcommand(words: &[OsString]) -> Option<Failure> {
    let word = words.get(1)?.to_str()?;
    let is_program = word.contains('/') || std::path::Path::new(word).extension().is_some_and(|ending| ending == "c");
    is_program.then(|| Failure::usage(format!("to run a program under mapsan: mapsan run {word}")))
}

/// Prints to standard output.
fn print(text: &str) -> Result<ExitCode, Failure> {
    say::print(text).map(|()| ExitCode::SUCCESS)
}
