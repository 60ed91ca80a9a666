//! What takes watchpoints, on machines of which neither these nor the instructions are known.

use crate::failure::Failure;
use clap::ArgMatches;
use std::process::ExitCode;

/// `mapsan race`.
pub(crate) fn race(_: &ArgMatches) -> Result<ExitCode, Failure> {
    Err(refusal("mapsan race"))
}

pub(super) fn refusal(what: &str) -> Failure {
    Failure::own(format!("{what} works on x86-64 alone: this is {}", std::env::consts::ARCH))
}
