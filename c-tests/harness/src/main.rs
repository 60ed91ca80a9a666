//! Judges one rule's program: run without the library, with it, and what the library said.
//!
//! `CTest` runs it once for each program and way; see c-tests/README.md for what the programs promise.

mod golden;
mod objects;
mod program;
mod run;
mod sweep;
mod verdict;

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use mapsan_model::{Rule, When};
use program::Program;
use run::{Outcome, Way};
use std::path::PathBuf;
use std::process::ExitCode;

/// What `CTest` takes as "skipped".
const SKIPPED: u8 = 77;

/// Judges one program of c-tests/rules.
#[derive(Parser)]
struct Arguments {
    /// The folder of the rule: its name is the rule's.
    folder: PathBuf,
    /// Whether the program is the one that breaks the rule.
    kind: Kind,
    /// How it gets the library.
    way: Way,
    /// The program, compiled without the library.
    #[arg(long)]
    plain: PathBuf,
    /// The program, linked with the library.
    #[arg(long)]
    linked: PathBuf,
    /// libmapsan.so.
    #[arg(long)]
    library: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Gives exactly one finding.
    Bad,
    /// Gives none.
    Good,
}

fn main() -> ExitCode {
    match judge(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("FAILED: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn judge(arguments: &Arguments) -> Result<ExitCode> {
    let name = match arguments.kind {
        Kind::Bad => "bad.c",
        Kind::Good => "good.c",
    };
    objects::take_own_folder();
    let program = Program::read(&arguments.folder.join(name))?;
    let rule = arguments.folder.file_name().and_then(|name| name.to_str()).context("the folder has no name")?;
    let plain = run::plain(&arguments.plain)?;
    if plain.outcome == Outcome::Exited(i32::from(SKIPPED)) {
        println!("SKIPPED: {}", plain.stdout.trim());
        return Ok(ExitCode::from(SKIPPED));
    }
    if Rule::from_name(rule).is_some_and(|rule| rule.asked().at(When::Sweep)) {
        match arguments.kind {
            Kind::Good => sweep::is_good(&arguments.plain, &program, &arguments.library)?,
            Kind::Bad => sweep::is_bad(&arguments.folder, rule, &arguments.plain, &program, &arguments.library)?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    let binary = if arguments.way == Way::Linked { &arguments.linked } else { &arguments.plain };
    let covered = run::covered(binary, arguments.way, &arguments.library, &program.options, "json")?;
    verdict::same_behaviour(&plain, &covered)?;
    let records = verdict::records(&covered.log)?;
    verdict::frames_the_run(&records, &covered)?;
    if arguments.kind == Kind::Good || !rule.starts_with("leak-") {
        verdict::nothing_left(&plain)?;
        verdict::nothing_left(&covered)?;
    }
    match arguments.kind {
        Kind::Good => verdict::no_finding(&records)?,
        Kind::Bad => {
            verdict::one_finding(&records, rule, binary, program.faulty_line()?)?;
            if arguments.way == Way::Hardened {
                return Ok(ExitCode::SUCCESS);
            }
            let text = run::covered(binary, arguments.way, &arguments.library, &program.options, "text")?;
            verdict::same_behaviour(&plain, &text)?;
            let block = golden::normalise(&text.log, binary, &program.varying)?;
            golden::compare(&arguments.folder.join("bad.expected"), &block)?;
        }
    }
    if arguments.kind == Kind::Good && plain.outcome != Outcome::Exited(0) {
        bail!("a good program ends with 0, and this one {}", plain.outcome);
    }
    Ok(ExitCode::SUCCESS)
}
