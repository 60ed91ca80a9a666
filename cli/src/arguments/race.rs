//! `mapsan race` on the command line.

use super::{
    all_frames, baselines, error_exitcode, format, gen_suppressions, no_project_file, option_argument, output, program,
    seconds, source_root, waiting,
};
#[cfg(target_arch = "x86_64")]
use crate::race::{engine::Demand, objects::Choice};
#[cfg(target_arch = "x86_64")]
use clap::ArgMatches;
use clap::builder::ValueParser;
use clap::{Arg, ArgAction, Command, value_parser};
use mapsan_model::Key;
#[cfg(target_arch = "x86_64")]
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  mapsan race ./server                  watch what its processes do to the memory that they share
  mapsan race --error-exitcode 9 ./test fail a CI job when processes race
  mapsan race --object /ring ./server   only the object /ring (segments are shm:ID, others as in /proc/PID/maps)
  mapsan race --budget 50 ./test        look harder: the program may take half as long again
  mapsan race --seconds 60 ./server     watch for a minute, and let it run on untraced
What is not found may be there all the same: a few words are watched at a time. Compile with cc -g: without lines atomics
that are written by plain stores can't be told from flags.

Exit status: the program's own, or the signal it died of; --error-exitcode's if there were findings;
2 wrong usage, 125 mapsan failed, 126 the program is not executable, 127 it was not found.";

/// `mapsan race`.
pub(super) fn race() -> Command {
    let keys = [Key::Level, Key::Disable, Key::Severity, Key::Fail, Key::Suppressions, Key::Color, Key::Verbosity];
    Command::new("race")
        .about("Finds data races on memory that the processes of a run share, without recompiling")
        .override_usage("mapsan race [OPTIONS] [--] PROGRAM [ARG]...")
        .after_help(EXAMPLES)
        .arg(program())
        .args(watching())
        .arg(error_exitcode())
        .arg(format())
        .arg(output("standard error"))
        .args(waiting())
        .arg(gen_suppressions())
        .args(baselines())
        .args([source_root(), no_project_file(), all_frames()])
        .args(keys.map(option_argument))
}

/// What is watched, and how hard.
fn watching() -> [Arg; 5] {
    let budget = Arg::new("budget")
        .long("budget")
        .value_name("PERCENT")
        .default_value("10")
        .value_parser(ValueParser::new(percent))
        .help("by how much of its time the program may be held up, from 0.1 to 1000");
    let words = Arg::new("words")
        .long("words")
        .value_name("N")
        .default_value("4")
        .value_parser(value_parser!(u8).range(1..=4))
        .help("how many words are watched at once, of the 4 that a processor can");
    let object = Arg::new("object").long("object").value_name("NAME").action(ArgAction::Append).help(
        "watch this object alone: a name as shm_open takes it, shm:ID, or a path as in /proc/PID/maps; several times",
    );
    let seconds = Arg::new("seconds")
        .long("seconds")
        .value_name("N")
        .value_parser(ValueParser::new(seconds))
        .help("watch so long, and let the program run on untraced");
    let threads = Arg::new("threads")
        .long("threads")
        .action(ArgAction::SetTrue)
        .help("watch shared objects, too, that one process alone has mapped, for its threads");
    [budget, words, object, seconds, threads]
}

/// Takes a number of percents.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').parse().ok().filter(|number| (0.1..=1000.0).contains(number));
    number.ok_or_else(|| "it takes a number from 0.1 to 1000".to_owned())
}

/// What is to be watched, and how hard.
#[cfg(target_arch = "x86_64")]
pub(crate) fn demand(matches: &ArgMatches) -> Demand {
    let names = matches.get_many("object").into_iter().flatten().cloned().collect();
    Demand {
        budget: matches.get_one("budget").copied().unwrap_or(10.0),
        words: matches.get_one::<u8>("words").copied().map_or(4, usize::from),
        choice: Choice { names, alone: matches.get_flag("threads") },
        time: matches.get_one::<Option<Duration>>("seconds").copied().flatten(),
    }
}
