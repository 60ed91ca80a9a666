//! `mapsan inspect`: what a process that has the library knows of its mappings, read from outside.

use crate::failure::Failure;
use crate::form;
use crate::inspection::{self, Subject};
use crate::say;
use crate::system::clock::Now;
use crate::system::memory::KernelMapping;
use crate::system::process::Process;
use crate::system::program;
use clap::ArgMatches;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

/// Reads a process, and prints what it knows.
pub(crate) fn inspect(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let addresses: Vec<u64> = matches.get_many("address").into_iter().flatten().copied().collect();
    let pid = *matches.get_one::<u32>("process").unwrap_or(&0);
    let process = Process::open(pid)?;
    let program = process.program();
    let mappings = process.mappings()?;
    let subject = Subject {
        pid: Some(pid),
        program: &program,
        memory: &process,
        mappings: &mappings,
        list_again: &|| process.mappings(),
        now: &Now::read,
        addresses: &addresses,
    };
    let Some(inspection) = inspection::inspect(&subject)? else {
        // One that ended meanwhile says so here.
        if process.mappings()?.first() != mappings.first() {
            return Err(Failure::own(format!(
                "process {pid} began to execute another program while it was read; try again"
            )));
        }
        return Err(without_library(&process, pid, &program, &mappings));
    };
    let text = if matches.get_flag("json") {
        serde_json::to_string(&inspection).map(|text| text + "\n").unwrap_or_default()
    } else {
        form::inspection::text(&inspection)
    };
    say::print(&text).map(|()| ExitCode::SUCCESS)
}

/// Why there is nothing to read, and what to do.
fn without_library(process: &Process, pid: u32, path: &Path, mappings: &[KernelMapping]) -> Failure {
    let who = format!("process {pid} ('{}')", path.display());
    if let Some(library) = mappings.iter().find(|mapping| inspection::is_of_library(&mapping.name)) {
        return Failure::own(format!(
            "{who} has '{}', which this mapsan {} can't read: use the mapsan that came with it",
            library.name,
            env!("CARGO_PKG_VERSION")
        ));
    }
    if fs::read_link("/proc/self/exe").is_ok_and(|own| own == path) {
        return Failure::own(format!("{who} is the command itself: give the program that it runs{}", started(process)));
    }
    let emulator = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("qemu-"));
    let why = match program::inspect(&process.program_file()) {
        _ if emulator => {
            "it emulates another machine, for which the library has to be built, and given to the program by \
                          its option -E LD_PRELOAD=libmapsan.so"
                .to_owned()
        }
        Err(why) => why.reason,
        Ok(_) => {
            "it can't be added to one that runs; start it with 'mapsan run', or with LD_PRELOAD=libmapsan.so".to_owned()
        }
    };
    Failure::own(format!("{who} does not have the library: {why}"))
}

/// The processes that one has started, to be chosen from.
fn started(process: &Process) -> String {
    let children: Vec<String> = process.children().iter().map(u32::to_string).collect();
    if children.is_empty() { String::new() } else { format!(": {}", children.join(" or ")) }
}
