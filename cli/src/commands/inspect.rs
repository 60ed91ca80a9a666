//! `mapsan inspect`: what a process that has the library knows of its mappings, read from outside while it runs, or from
//! the core that it has left.

use crate::failure::Failure;
use crate::form;
use crate::inspection::{self, Inspection, Subject};
use crate::say;
use crate::system::clock::Now;
use crate::system::core::Core;
use crate::system::memory::KernelMapping;
use crate::system::process::Process;
use crate::system::program;
use crate::target::Target;
use clap::ArgMatches;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Reads a process or a core, and prints what it knows.
pub(crate) fn inspect(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let addresses: Vec<u64> = matches.get_many("address").into_iter().flatten().copied().collect();
    let program = matches.get_one::<PathBuf>("program").cloned();
    let inspection = match matches.get_one::<Target>("target") {
        Some(Target::Core(path)) => of_core(path, program, &addresses)?,
        Some(Target::Process(_)) if program.is_some() => {
            return Err(Failure::usage("--program is of a core alone: of a process the kernel knows its program"));
        }
        Some(Target::Process(pid)) => of_process(*pid, &addresses)?,
        None => return Err(Failure::usage("it takes a PID or a CORE")),
    };
    let text = if matches.get_flag("json") {
        serde_json::to_string(&inspection).map(|text| text + "\n").unwrap_or_default()
    } else {
        form::inspection::text(&inspection)
    };
    say::print(&text).map(|()| ExitCode::SUCCESS)
}

fn of_process(pid: u32, addresses: &[u64]) -> Result<Inspection, Failure> {
    let process = Process::open(pid)?;
    let program = process.program();
    let mappings = process.mappings()?;
    let subject = Subject {
        pid: Some(pid),
        core: None,
        program: &program,
        memory: &process,
        mappings: &mappings,
        list_again: &|| process.mappings(),
        now: &Now::read,
        addresses,
    };
    if let Some(inspection) = inspection::inspect(&subject)? {
        return Ok(inspection);
    }
    // One that ended meanwhile says so here.
    if process.mappings()?.first() != mappings.first() {
        return Err(Failure::own(format!(
            "process {pid} began to execute another program while it was read; try again"
        )));
    }
    Err(without_library(&process, pid, &program, &mappings))
}

fn of_core(path: &Path, program: Option<PathBuf>, addresses: &[u64]) -> Result<Inspection, Failure> {
    let core = Core::open(path, program)?;
    let mappings = core.mappings();
    let subject = Subject {
        pid: core.notes.pid,
        core: Some((path, &core)),
        program: core.program(),
        memory: &core,
        mappings: &mappings,
        list_again: &|| Ok(core.mappings()),
        now: &|| None,
        addresses,
    };
    inspection::inspect(&subject)?.ok_or_else(|| {
        let why = if core.is_cut_short() {
            "it was cut short (see 'ulimit -c' and the room on its filesystem)"
        } else {
            "its program did not have the library (start it with 'mapsan run', or with LD_PRELOAD=libmapsan.so), or \
             the library's memory was not dumped (coredump_filter, core(5))"
        };
        Failure::own(format!("there is nothing of mapsan in '{}': {why}", path.display()))
    })
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
