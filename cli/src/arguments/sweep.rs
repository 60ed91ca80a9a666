//! `sweep`.

use super::{
    all_frames, baselines, error_exitcode, format, gen_suppressions, no_project_file, option_argument, output, program,
    seconds, source_root,
};
use crate::run::options;
use crate::sweep::plan::{Choice, Part};
use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use mapsan_model::Key;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  mapsan sweep ./prog input.txt         make each mmap, shmget, shmat… of the run fail, one at a time
  mapsan sweep -- ./test.sh             a server, by its own test
  mapsan sweep --check 'diff - expected' ./prog     what a run has done is right if diff says so
  mapsan sweep --persistent --memory ./prog         and as when memory is gone for good, and the disk full
  mapsan sweep --database known.json --error-exitcode 9 ./prog      for CI: only what is new is run
  mapsan sweep --partition 2/8 --database part2.json ./prog         the second of eight machines

The runs have pipes as standard output and standard error, and as standard input what a terminal or a pipe has given the first
one: a program that asks isatty(3) finds no terminal, in the plain runs either.

Exit status: 0 when swept to the end, --error-exitcode's if there were findings, 130 after Ctrl-C; 2 wrong usage,
125 the program can't be run plainly, 126 it is not executable, 127 it was not found.";

/// The command.
pub(super) fn sweep() -> Command {
    // What a word of a place means here is another thing there.
    let others = [Key::Only, Key::Skip, Key::Inject];
    let about =
        "Runs a program again and again, and makes one call fail in each run: which failures does it not survive?";
    Command::new("sweep")
        .about(about)
        .override_usage("mapsan sweep [OPTIONS] [--] PROGRAM [ARG]...")
        .after_help(EXAMPLES)
        .arg(program())
        .args(failures())
        .args(places())
        .args(runs())
        .args(results())
        .arg(error_exitcode())
        .arg(format())
        .arg(output("standard error"))
        .arg(gen_suppressions())
        .args(baselines())
        .args([source_root(), no_project_file(), all_frames()])
        .args(options::keys().filter(move |key| !others.contains(key)).map(option_argument))
}

fn flag(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}

fn number(name: &'static str) -> Arg {
    Arg::new(name).long(name).value_name("N").value_parser(value_parser!(u32).range(1..))
}

/// Which failures are tried.
fn failures() -> [Arg; 4] {
    let memory = "add runs in which the call succeeds and touching its memory gives SIGBUS, as when the disk is full or the \
                  file was cut";
    let all_errnos = "try each errno that the manual page gives the call, not those alone that matter";
    [
        number("each").default_value("1").help("the first N calls of each place fail, a run each"),
        flag("persistent")
            .help("add a run in which the call and all later ones of that function fail, as when memory is gone"),
        flag("memory").help(memory),
        flag("all-errnos").help(all_errnos),
    ]
}

/// Where.
fn places() -> [Arg; 2] {
    let help =
        "leave out the places that PATTERN names: a call, a function, a file or a module; * and ? stand for anything";
    [
        patterns("skip-sites", "skip").help(help),
        patterns("only-sites", "only").help("sweep only the places that PATTERN names, likewise"),
    ]
}

/// How each run is made and judged.
fn runs() -> [Arg; 4] {
    let check = "ask COMMAND (of sh) whether a run was right, in place of comparing the output: it gets that as its input, \
                 and the exit status as MAPSAN_STATUS; 0 says yes";
    [
        number("jobs").short('j').help("runs at once [default: one for each core]"),
        Arg::new("timeout")
            .long("timeout")
            .value_name("SECONDS")
            .value_parser(ValueParser::new(time))
            .help("a run that takes longer hangs [default: ten times the plain run, at least 3 s]"),
        Arg::new("isolate")
            .long("isolate")
            .value_name("WHAT")
            .value_parser(["cwd"])
            .help("cwd: each run in a copy of the working directory"),
        Arg::new("check").long("check").value_name("COMMAND").help(check),
    ]
}

/// What becomes of the results, and who makes which runs.
fn results() -> [Arg; 3] {
    let database = "keep what was found in FILE, and make only the runs that are not in it; several files, one after the \
                    other, are one";
    [
        Arg::new("database").long("database").value_name("FILE").value_parser(value_parser!(PathBuf)).help(database),
        flag("plan").help("print the runs to come, a record a line, and make none of them"),
        Arg::new("partition")
            .long("partition")
            .value_name("K/N")
            .value_parser(ValueParser::new(Part::read))
            .help("make part K of N of the runs, so that several machines share them"),
    ]
}

/// Patterns, several times.
fn patterns(id: &'static str, name: &'static str) -> Arg {
    Arg::new(id).long(name).value_name("PATTERN").action(ArgAction::Append)
}

/// Takes a time that is none.
fn time(text: &str) -> Result<Duration, String> {
    let time = seconds(text)?.filter(|time| !time.is_zero());
    time.ok_or_else(|| "it takes a number of seconds, such as 10 or 0.5".to_owned())
}

/// What the user has chosen to be swept.
pub(crate) fn choice(matches: &ArgMatches) -> Choice {
    let words = |name: &str| matches.get_many::<String>(name).into_iter().flatten().cloned().collect();
    Choice {
        each: matches.get_one("each").copied().unwrap_or(1),
        persistent: matches.get_flag("persistent"),
        memory: matches.get_flag("memory"),
        all_errnos: matches.get_flag("all-errnos"),
        skip: words("skip-sites"),
        only: words("only-sites"),
        part: matches.get_one("partition").copied(),
    }
}

/// How many runs are made at once.
pub(crate) fn jobs(matches: &ArgMatches) -> usize {
    let given = matches.get_one::<u32>("jobs").and_then(|jobs| usize::try_from(*jobs).ok());
    given.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from))
}
