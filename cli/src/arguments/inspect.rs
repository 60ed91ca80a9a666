//! The command line of `mapsan inspect`.

use crate::target::Target;
use clap::builder::ValueParser;
use clap::{Arg, ArgAction, Command, value_parser};
use std::convert::Infallible;
use std::path::PathBuf;

const INSPECT_EXAMPLES: &str = "\
Examples:
  mapsan run ./server &                 starts a process that has the library
  mapsan inspect $(pgrep -x server)     what it has mapped, attached and released, and what was found
  mapsan inspect 1234 0x7f0012340000    of process 1234, what is and was at an address
  mapsan inspect core                   what the fault was due to that left this core, and all that
  mapsan inspect --json 1234            for programs

Of a process it takes the rights of a debugger: the same user and kernel.yama.ptrace_scope=0, or
root. A fault is explained by the library itself, in a process that is given the core's memory and
makes no system call: it takes x86-64, ptrace(2), and the files of the library, libc and the loader
as they were.

Exit status: 0; 2 wrong usage, 125 the process or core can't be read or does not have the library,
127 there is no such process or file.";

pub(super) fn inspect() -> Command {
    Command::new("inspect")
        .about(
            "Tells what a process that has the library, or had it and left a core, has mapped and released, where, and \
             what was found; of a core, first what its fault was due to",
        )
        .after_help(INSPECT_EXAMPLES)
        .arg(
            Arg::new("target")
                .value_name("PID|CORE")
                .required(true)
                .value_parser(|name: &str| Ok::<Target, Infallible>(Target::of(name)))
                .help("a process that has the library, which goes on undisturbed; or the core that one has left"),
        )
        .arg(
            Arg::new("address")
                .value_name("ADDRESS")
                .num_args(0..)
                .value_parser(ValueParser::new(address))
                .help("tell what is and was there, and nothing else; in hexadecimal, such as 0x7f0012340000"),
        )
        .arg(
            Arg::new("program")
                .long("program")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("where the program of a core is now, if it has moved"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("as JSON, for programs (docs/inspection.schema.json)"),
        )
}

/// Takes an address, as debuggers and findings write it.
fn address(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u64::from_str_radix(digits, 16).map_err(|_| "it takes an address in hexadecimal, such as 0x7f0012340000".to_owned())
}
