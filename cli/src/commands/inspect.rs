//! `mapsan inspect`: what a process that has the library knows of its mappings, read from outside.

use crate::failure::Failure;
use crate::form;
use crate::inspection::{self, Subject};
use crate::say;
use crate::system::process::Process;
use crate::system::program;
use clap::ArgMatches;
use std::path::Path;
use std::process::ExitCode;

/// Reads a process, and prints what it knows.
pub(crate) fn inspect(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let addresses: Vec<u64> = matches.get_many("address").into_iter().flatten().copied().collect();
    let pid = *matches.get_one::<u32>("process").unwrap_or(&0);
    let process = Process::open(pid)?;
    let program = process.program();
    let mappings = process.mappings()?;
    process.check(mappings.first().map_or(0, |mapping| mapping.start))?;
    let subject = Subject {
        pid: Some(pid),
        program: &program,
        memory: &process,
        mappings: &mappings,
        list_again: &|| process.mappings(),
        addresses: &addresses,
    };
    let Some(inspection) = inspection::inspect(&subject)? else {
        return Err(without_library(&process, pid, &program));
    };
    let text = if matches.get_flag("json") {
        serde_json::to_string(&inspection).map(|text| text + "\n").unwrap_or_default()
    } else {
        form::inspection::text(&inspection)
    };
    say::print(&text).map(|()| ExitCode::SUCCESS)
}

/// Why there is nothing to read, and what to do.
fn without_library(process: &Process, pid: u32, path: &Path) -> Failure {
    let why = match program::inspect(&process.program_file()) {
        Err(why) => why.reason,
        Ok(_) => "start it with 'mapsan run', or with LD_PRELOAD=libmapsan.so".to_owned(),
    };
    Failure::own(format!("process {pid} ('{}') does not have the library: {why}", path.display()))
}
