//! The arguments of the subcommands that are about IPC objects.

use crate::form::objects::Column;
use clap::builder::{EnumValueParser, PossibleValue};
use clap::{Arg, ArgAction, ArgMatches, Command, ValueEnum, value_parser};
use std::ffi::OsString;
use std::path::PathBuf;

const IPC_EXAMPLES: &str = "\
Examples:
  mapsan ipc                            segments, semaphores, queues, and who has them
  mapsan ipc list --all-users           those of other users, too
  mapsan ipc list --sort resident --columns object,resident,users
  mapsan ipc list --ftok /srv/db:0x4d   which of them has the key that ftok makes of that file
  mapsan ipc list --json                for programs";

const LIST_EXAMPLES: &str = "\
Examples:
  mapsan ipc list --sort resident       what takes most memory first
  mapsan ipc list --columns object,creator,last,used
  mapsan ipc list --ftok /srv/db        name the file in each key that ftok makes of it, whichever project id
  mapsan ipc list --records run.json    name files and makers that a run of 'mapsan run --format json' has seen

A table is as wide as the terminal, or as COLUMNS says; elsewhere an object is a line. What can't be seen is said on
standard error: a segment's attachments are counted by the kernel, whoever has them, and open files are not.

Exit status: 0; 2 wrong usage, 125 mapsan failed.";

/// `mapsan ipc`.
pub(super) fn ipc() -> Command {
    Command::new("ipc")
        .about("Lists segments, semaphores, queues and shared memory objects, and who has them")
        .after_help(IPC_EXAMPLES)
        .args_conflicts_with_subcommands(true)
        .args(listing())
        .subcommand(
            Command::new("list")
                .about("Lists them: System V and POSIX, of this IPC namespace and /dev/shm")
                .after_help(LIST_EXAMPLES)
                .args(listing()),
        )
}

fn listing() -> [Arg; 6] {
    [
        Arg::new("all-users")
            .long("all-users")
            .action(ArgAction::SetTrue)
            .help("those of other users, too, not this user's alone"),
        Arg::new("columns")
            .long("columns")
            .value_name("COLUMNS")
            .value_delimiter(',')
            .value_parser(EnumValueParser::<Column>::new())
            .help("which columns, comma-separated, in this order"),
        Arg::new("sort")
            .long("sort")
            .value_name("COLUMN")
            .value_parser(EnumValueParser::<Column>::new())
            .help("by a column: names and numbers of processes upwards, what is large, late or much first"),
        Arg::new("ftok")
            .long("ftok")
            .value_name("FILE[:ID]")
            .action(ArgAction::Append)
            .value_parser(value_parser!(OsString))
            .help(
                "name this file in the keys that ftok makes of it, with any project id, or with ID (1 to 255, 0x4d, M)",
            ),
        Arg::new("records")
            .long("records")
            .value_name("FILE")
            .action(ArgAction::Append)
            .value_parser(value_parser!(PathBuf))
            .help("records of a run ('mapsan run --format json'), for what the kernel does not remember"),
        Arg::new("json")
            .long("json")
            .action(ArgAction::SetTrue)
            .conflicts_with("columns")
            .help("as JSON, for programs (docs/ipc.schema.json)"),
    ]
}

/// The columns that are asked for, none twice.
pub(crate) fn columns_of(matches: &ArgMatches) -> Vec<Column> {
    let mut columns = Vec::new();
    for column in matches.get_many::<Column>("columns").into_iter().flatten() {
        if !columns.contains(column) {
            columns.push(*column);
        }
    }
    columns
}

impl ValueEnum for Column {
    fn value_variants<'a>() -> &'a [Column] {
        &Column::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(self.meaning()))
    }
}
