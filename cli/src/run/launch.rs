//! The start of a program under the library.

use crate::failure::{Failure, reason};
use crate::run::options::Options;
use crate::run::prepare::Prepared;
use crate::system::child;
use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Starts a program whose records go to `log_path`, with what `adapt` makes of it; its pid.
pub(crate) fn launch(
    prepared: &Prepared,
    options: &Options,
    log_path: &str,
    adapt: impl FnOnce(&mut Command),
) -> Result<u32, Failure> {
    let mut command = command(prepared, options, log_path);
    adapt(&mut command);
    child::start(command).map_err(|error| {
        let path = prepared.program.path.display();
        Failure::not_executable(format!("'{path}' can't be executed: {}", reason(&error)))
    })
}

/// The program as it is started.
fn command(prepared: &Prepared, options: &Options, log_path: &str) -> Command {
    let Prepared { program, name, arguments, preload, .. } = prepared;
    let mut command = Command::new(&program.path);
    command.arg0(name).args(arguments).env("MAPSAN_OPTIONS", options.for_library(log_path));
    if program.cover.as_ref().map_or_else(|why| why.bears_preload, |_| true) {
        command.env("LD_PRELOAD", preload);
    }
    if program.cover.as_ref().is_ok_and(|cover| cover.has_asan) {
        let mut asan =
            env::var_os("ASAN_OPTIONS").map(|given| given.into_string().unwrap_or_default()).unwrap_or_default();
        asan.push_str(":verify_asan_link_order=0");
        command.env("ASAN_OPTIONS", asan.trim_start_matches(':'));
    }
    command
}
