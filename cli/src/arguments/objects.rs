//! The arguments of the subcommands that are about IPC objects.

use crate::form::objects::Column;
use clap::builder::{EnumValueParser, PossibleValue, ValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command, ValueEnum, value_parser};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

const IPC_EXAMPLES: &str = "\
Examples:
  mapsan ipc                            segments, semaphores, queues, and who has them
  mapsan ipc list --all-users           those of other users, too
  mapsan ipc list --sort resident --columns object,resident,users
  mapsan ipc list --ftok /srv/db:0x4d   which of them has the key that ftok makes of that file
  mapsan ipc list --json                for programs
  mapsan ipc rm shm:5 0x4d010203 /name  by id, key or name
  mapsan ipc gc --dry-run               what is left over: nobody is attached, and who made and used it is dead";

const LIST_EXAMPLES: &str = "\
Examples:
  mapsan ipc list --sort resident       what takes most memory first
  mapsan ipc list --columns object,creator,last,used
  mapsan ipc list --ftok /srv/db        name the file in each key that ftok makes of it, whichever project id
  mapsan ipc list --records run.json    name files and makers that a run of 'mapsan run --format json' has seen

A table is as wide as the terminal, or as COLUMNS says; elsewhere an object is a line. What can't be seen is said on \
standard error: a segment's attachments are counted by the kernel, whoever has them, and open files are not.

Exit status: 0; 2 wrong usage, 125 mapsan failed.";

const RM_EXAMPLES: &str = "\
Examples:
  mapsan ipc rm shm:5                   the segment of id 5; sem:5 is a semaphore set, msg:5 a queue
  mapsan ipc rm 0x4d010203              what has this key, as ipcs shows it
  mapsan ipc rm /name sem:/name mq:/q   a shared memory object, a named semaphore, a POSIX message queue
  mapsan ipc rm --force shm:5           though it is attached: it goes with the last that detaches

Where one word names nothing or several objects, nothing is removed. What is another user's stays, and without --force so \
does what is in use: attached, mapped, open, or waited for in semop. Who waits for a System V message queue, or will use it or \
a semaphore set again, the kernel does not tell.

Exit status: 0 if none of them is there any more, 1 if one stays; 2 wrong usage, 125 mapsan failed, 127 there is no such object.";

const GC_EXAMPLES: &str = "\
Examples:
  mapsan ipc gc --dry-run               tell what would be removed, and why the others stay
  mapsan ipc gc                         ask, and remove
  mapsan ipc gc --older-than 1day --yes for cron(8)

It removes segments of this user alone: of those the kernel remembers who made them, and counts who is attached. A process \
with CAP_IPC_OWNER that attaches in the very moment of the removal keeps its memory, but the key is gone; that is said.

Exit status: 0; 1 if one that was to be removed stays; 2 wrong usage, 125 mapsan failed.";

const WHO_EXAMPLES: &str = "\
Examples:
  mapsan who /srv/db/data               which processes have mapped this file or have it open
  mapsan who shm:5                      or a segment; also by key (0x4d010203)
  mapsan who /name                      or a shared memory object; sem:/name, mq:/name
  mapsan who 4242                       what a process shares, and with whom
  mapsan who 4242:0x7f0012345000        what is mapped there, and who else has it
  mapsan who --json /name               for programs
  mapsan who shm:5+64 --writes          who writes the word at offset 64, with stacks; also 4242:0x7f0012345040
  mapsan who /name+0x40 --writes 60     for a minute, not 10 s

A number is a process; a segment is written shm:ID. HOW says what may be done by the mapping (r, w, x; private: writes stay \
with the process) or by the descriptor. What could not be looked at is said on standard error.

Exit status: 0, 1 if no process was seen to have it; 2 wrong usage, 125 mapsan failed, 127 there is no such object, file, \
process or mapping.";

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
        .subcommand(rm())
        .subcommand(gc())
}

fn rm() -> Command {
    Command::new("rm")
        .about("Removes objects, unless they are in use")
        .after_help(RM_EXAMPLES)
        .arg(
            Arg::new("object")
                .value_name("ID|KEY|NAME")
                .required(true)
                .num_args(1..)
                .allow_negative_numbers(true)
                .help("shm:ID, sem:ID, msg:ID, or an ID that one object alone has; 0xKEY; /NAME, sem:/NAME, mq:/NAME"),
        )
        .arg(
            Arg::new("force")
                .long("force")
                .action(ArgAction::SetTrue)
                .help("though a process is attached, has it open, or waits for it"),
        )
}

fn gc() -> Command {
    Command::new("gc")
        .about("Removes segments that are left over: nobody is attached, and who made them and used them last is dead")
        .after_help(GC_EXAMPLES)
        .arg(
            Arg::new("older-than")
                .long("older-than")
                .value_name("TIME")
                .value_parser(ValueParser::new(humantime::parse_duration))
                .help("only what was not made, attached or detached for so long, such as 30min, 1h or 2days"),
        )
        .arg(
            Arg::new("dry-run")
                .long("dry-run")
                .action(ArgAction::SetTrue)
                .conflicts_with("yes")
                .help("remove nothing, tell what would be"),
        )
        .arg(Arg::new("yes").long("yes").short('y').action(ArgAction::SetTrue).help("do not ask"))
}

/// `mapsan who`.
pub(super) fn who() -> Command {
    Command::new("who")
        .about("Says which processes have an object, a file or a mapping, with which protection, and where")
        .after_help(WHO_EXAMPLES)
        .arg(
            Arg::new("what")
                .value_name("PATH|SEGMENT|NAME|PID[:ADDRESS]")
                .required(true)
                .allow_negative_numbers(true)
                .value_parser(value_parser!(OsString))
                .help("a file; shm:ID or 0xKEY; /NAME, sem:/NAME or mq:/NAME; a process, or an address in it"),
        )
        .arg(
            Arg::new("writes")
                .long("writes")
                .value_name("SECONDS")
                .num_args(0..=1)
                .default_missing_value("10")
                .value_parser(ValueParser::new(watched_time))
                .conflicts_with("json")
                .help("watch NAME+OFFSET or PID:ADDRESS so long (10 if not said): who writes the 8 bytes there"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("as JSON, for programs (docs/who.schema.json)"),
        )
}

/// For how long it is watched.
fn watched_time(text: &str) -> Result<Duration, String> {
    let time = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.ok_or_else(|| "it takes a number of seconds, such as 10 or 0.5; WHAT stands before it".to_owned())
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
