//! Layer *arguments*: the command line. The flags that set an option of the library are made from the model's declarations.

#[cfg(test)]
mod documents;
mod inspect;
mod names;
mod objects;
mod pages;
mod race;
mod sweep;

pub(crate) use objects::columns_of;
#[cfg(target_arch = "x86_64")]
pub(crate) use race::demand;
pub(crate) use sweep::{choice, jobs};

use crate::failure::Failure;
use crate::findings::aside::{Aside, Notes};
use crate::form;
use crate::form::contract::ShownFrames;
use crate::outputs::Destination;
use crate::path::SourceRoot;
use crate::pattern;
use crate::run::comparison::Comparison;
use crate::run::follow::Wait;
use crate::run::options;
use crate::run::project::Project;
use crate::spelling::nearest;
use crate::values;
use clap::builder::{PossibleValue, PossibleValuesParser, ValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command, crate_version, value_parser};
use mapsan_model::Key;
use mapsan_model::options::Values;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  mapsan run ./server                     run a program and explain what it does wrong
  mapsan run --error-exitcode 9 ./test    fail a CI job: exit with 9 if there were warnings or errors
  mapsan run --format text --format sarif -o out.sarif ./test    for code scanning, and shown;
                                          also junit, gcc, json, valgrind-xml,
                                          github, codeclimate (GitLab)
  mapsan run --disable munmap-double ./test       silence a rule; or one place of it:
  mapsan run --suppressions known.txt ./test      lines as --gen-suppressions shows them
  mapsan race ./server                    find data races on memory that its processes share
  mapsan sweep ./test                     make one call fail after the other: what does it not survive?
  mapsan inspect PID                      what a running process has mapped, and where
  mapsan ipc                              segments, semaphores and queues, and who has them
  mapsan who FILE                         which processes have a file, an object or a mapping
  mapsan explain munmap-double            what a rule means; 'mapsan explain mmap EINVAL' for a call that failed
  mapsan rules                            all rules

'mapsan SUBCOMMAND --help' tells more of each.";

const RUN_EXAMPLES: &str = "\
Examples:
  mapsan run ./server --port 8080       run a program; findings go to standard error
  mapsan run prog.c input.txt           compile a C file with 'cc -g' first, a C++ file with 'c++ -g'
  mapsan run --error-exitcode 9 ./test  for CI: exit with 9 if there were warnings or errors
  mapsan run --write-baseline known.json ./test   remember what is found; and from then on only what is new fails:
  mapsan run --baseline known.json --error-exitcode 9 ./test
  mapsan run -o findings.txt ./server   findings go to a file
  mapsan run --disable leak-mapping,portability ./server   silence rules or groups
What stands behind PROGRAM is the program's own.

Exit status: the program's own, or the signal it died of; --error-exitcode's if there were findings, 1 if --expect is not met;
2 wrong usage, 125 mapsan failed, 126 the program is not executable, 127 it was not found.";

/// The whole command line.
pub(crate) fn command() -> Command {
    Command::new("mapsan")
        .version(crate_version!())
        .about("Explains what is wrong with a program's use of mmap, munmap, ftok, shmget, shmat, shmdt and shmctl")
        .after_help(EXAMPLES)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(run())
        .subcommand(race::race())
        .subcommand(sweep::sweep())
        .subcommand(report())
        .subcommand(inspect::inspect())
        .subcommand(objects::ipc())
        .subcommand(objects::who())
        .subcommands(pages::subcommands())
}

fn report() -> Command {
    Command::new("report")
        .about("Renders saved records ('run --format json', log_format=json) or the library's text, in any form")
        .arg(
            Arg::new("file")
                .value_name("FILE")
                .required(true)
                .num_args(1..)
                .value_parser(value_parser!(PathBuf))
                .help("files of records, one JSON object a line, or of the library's text; - is standard input"),
        )
        .arg(format())
        .arg(output("standard output"))
        .arg(error_exitcode())
        .arg(require_coverage("fail (125) if a program was started that the records tell nothing of"))
        .args(baselines())
        .args([source_root(), no_project_file(), all_frames(), notes()])
        .args([Key::Suppressions, Key::Severity, Key::Fail].map(option_argument))
}

/// `--format`, several times.
fn format() -> Arg {
    Arg::new("format")
        .long("format")
        .value_name("FORM")
        .action(ArgAction::Append)
        .value_parser(PossibleValuesParser::new(
            form::names::NAMES.map(PossibleValue::new).into_iter().chain([PossibleValue::new("ctest").hide(true)]),
        ))
        .help("the form of the findings, text if none is given; several times, each with an --output of its own")
}

/// `--output`, several times.
fn output(otherwise: &str) -> Arg {
    let help = format!(
        "write the findings of the --format before it to FILE instead of {otherwise}; %p is mapsan's process, %e the \
         program, %q{{VAR}} a variable of the environment, %% a percent sign"
    );
    let output = Arg::new("output").short('o').long("output").value_name("FILE").action(ArgAction::Append);
    output.value_parser(value_parser!(PathBuf)).help(help)
}

fn error_exitcode() -> Arg {
    Arg::new("error-exitcode")
        .long("error-exitcode")
        .value_name("N")
        .value_parser(ValueParser::new(exit_code))
        .help("exit with N (1 to 255) if findings of at least --fail severity (warning) were made")
}

/// Takes an exit status that tells a failure.
fn exit_code(text: &str) -> Result<u8, String> {
    text.parse().ok().filter(|code| *code > 0).ok_or_else(|| "it takes a whole number from 1 to 255".to_owned())
}

/// Takes a number of seconds, or nothing.
fn seconds(text: &str) -> Result<Option<Duration>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let number = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    number.map(Some).ok_or_else(|| "it takes a number of seconds, such as 10 or 0.5".to_owned())
}

/// For how long what the program leaves running is followed: as asked for, or to the end if something `depends` on it.
pub(crate) fn wait(matches: &ArgMatches, depends: bool) -> Wait {
    match matches.get_one::<Option<Duration>>("wait") {
        Some(Some(time)) => Wait::AtMost(*time),
        Some(None) => Wait::ToTheEnd,
        None if depends && !matches.get_flag("no-wait") => Wait::ToTheEnd,
        None => Wait::No,
    }
}

/// `--wait` and `--no-wait`.
fn waiting() -> [Arg; 2] {
    let wait = Arg::new("wait")
        .long("wait")
        .value_name("SECONDS")
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("")
        .value_parser(ValueParser::new(seconds))
        .overrides_with("no-wait")
        .help(
            "follow what the program leaves running (daemons, background jobs) to its end, or for so many seconds; the \
             default where a file or an option such as --error-exitcode depends on it",
        );
    let no_wait = Arg::new("no-wait")
        .long("no-wait")
        .action(ArgAction::SetTrue)
        .overrides_with("wait")
        .help("leave it running, and end when the program ends; the default otherwise");
    [wait, no_wait]
}

fn run() -> Command {
    Command::new("run")
        .about("Runs a program under libmapsan.so and explains its findings with source lines")
        .override_usage(
            "mapsan run [OPTIONS] [--] PROGRAM [ARG]...\n       mapsan run [OPTIONS] [--] FILE.c... [ARG]...\n       \
             mapsan run [OPTIONS] [--] FILE.cpp... [ARG]...",
        )
        .after_help(RUN_EXAMPLES)
        .arg(program())
        .arg(error_exitcode())
        .arg(format())
        .arg(output("standard error"))
        .arg(
            Arg::new("ipc")
                .long("ipc")
                .value_name("SCOPE")
                .value_parser(["shared", "private"])
                .default_value("shared")
                .help("private: run it with IPC objects and a /dev/shm of its own, and report every segment left"),
        )
        .arg(require_coverage("fail (125) if the program or one that it started could not be covered"))
        .args(waiting())
        .arg(
            Arg::new("expect")
                .long("expect")
                .value_name("RULES")
                .value_parser(parser(Values::Rules))
                .hide_possible_values(true)
                .help("succeed if exactly these rules are broken, comma-separated; for tests of what must be found"),
        )
        .arg(gen_suppressions())
        .args(baselines())
        .args([source_root(), no_project_file(), all_frames(), notes()])
        .args(options::keys().map(option_argument))
}

/// What is run, and what stands behind it.
fn program() -> Arg {
    Arg::new("program")
        .value_name("PROGRAM")
        .required(true)
        .num_args(1..)
        .trailing_var_arg(true)
        .allow_hyphen_values(true)
        .value_parser(value_parser!(OsString))
        .help("the program and its arguments, or the .c and .cpp files of one program to compile first")
}

/// `--gen-suppressions`.
fn gen_suppressions() -> Arg {
    let help = "show with each finding the line that would silence it, for a --suppressions file";
    Arg::new("gen-suppressions").long("gen-suppressions").action(ArgAction::SetTrue).help(help)
}

/// `--require-coverage`.
fn require_coverage(help: &'static str) -> Arg {
    Arg::new("require-coverage").long("require-coverage").action(ArgAction::SetTrue).help(help)
}

/// `--baseline` and `--write-baseline`.
fn baselines() -> [Arg; 2] {
    let file = |name: &'static str| {
        Arg::new(name).long(name).value_name("FILE").value_parser(value_parser!(PathBuf)).action(ArgAction::Set)
    };
    [
        file("baseline")
            .help("only findings that are not in FILE, which --write-baseline has made, count and are shown"),
        file("write-baseline")
            .help("write what is found into FILE, for --baseline: by rule, function and memory, not by line"),
    ]
}

fn source_root() -> Arg {
    let help = "what paths in the forms sarif, github and codeclimate are relative to; the top of the repository, or the \
                working directory, if none is given";
    let parser = ValueParser::new(folder);
    Arg::new("source-root").long("source-root").value_name("FOLDER").value_parser(parser).help(help)
}

fn all_frames() -> Arg {
    let help = "show each frame of test harnesses and interpreters in text, not their number";
    Arg::new("all-frames").long("all-frames").action(ArgAction::SetTrue).help(help)
}

fn notes() -> Arg {
    let help = "which notes are shown as findings and count as such: all, the program's own (what a library of the system does \
                by itself, and copes with, is one line at the end), or none [default: own]";
    Arg::new("notes").long("notes").value_name("WHOSE").value_parser(Notes::NAMES).help(help)
}

/// The notes that are no findings of their own.
pub(crate) fn aside(matches: &ArgMatches, project: &Project, source_root: &SourceRoot) -> Aside {
    let given = matches.get_one::<String>("notes").and_then(|name| Notes::from_name(name));
    Aside::new(given.or(project.notes).unwrap_or(Notes::Own), source_root)
}

fn no_project_file() -> Arg {
    let help = "take no options from a .mapsan.toml in this folder or one above";
    Arg::new("no-project-file").long("no-project-file").action(ArgAction::SetTrue).help(help)
}

/// Takes a folder that there is.
fn folder(text: &str) -> Result<PathBuf, String> {
    if Path::new(text).is_dir() { Ok(text.into()) } else { Err("there is no such folder".to_owned()) }
}

fn option_argument(key: Key) -> Arg {
    let info = key.info();
    let default = if info.default.is_empty() { String::new() } else { format!(" [default: {}]", info.default) };
    Arg::new(info.name)
        .long(info.name.replace('_', "-"))
        .value_name(value_name(info.values))
        .value_parser(parser(info.values))
        // Of one that holds several choices each may be given by itself.
        .action(if matches!(info.values, Values::Severities | Values::Injection) {
            ArgAction::Append
        } else {
            ArgAction::Set
        })
        // All rules would be too many to read.
        .hide_possible_values(matches!(info.values, Values::Rules | Values::Severities))
        .help(format!("{}{default}", info.meaning))
}

fn value_name(values: Values) -> &'static str {
    match values {
        Values::Words(_) => "WORD",
        Values::Number(..) | Values::Flag => "N",
        Values::Rules => "RULES",
        Values::Severities => "RULE=SEVERITY",
        Values::File | Values::Log => "FILE",
        Values::Set(_) => "WORDS",
        Values::Injection => "CALL[@SITE]:WHAT[:WHEN]",
        Values::Names => "NAMES",
    }
}

fn parser(values: Values) -> ValueParser {
    match values {
        Values::Words(words) => PossibleValuesParser::new(words).into(),
        Values::Flag => PossibleValuesParser::new(["0", "1"]).into(),
        Values::Rules => names::rules(values),
        _ => ValueParser::new(move |text: &str| values::check(values, text).map(|()| text.to_owned())),
    }
}

/// The options that were given as flags, in the order of their declaration.
pub(crate) fn given(matches: &ArgMatches) -> Vec<(Key, String)> {
    let value = |key: Key| {
        let values = matches.try_get_many::<String>(key.name()).ok().flatten()?;
        Some((key, values.map(String::as_str).collect::<Vec<_>>().join(",")))
    };
    options::keys().filter_map(value).collect()
}

/// Which frames of harnesses and interpreters a text shows.
pub(crate) fn shown_frames(matches: &ArgMatches) -> ShownFrames {
    if matches.get_flag("all-frames") { ShownFrames::Each } else { ShownFrames::Folded }
}

/// The project's file, unless it is not wanted.
pub(crate) fn project(matches: &ArgMatches) -> Result<Project, Failure> {
    if matches.get_flag("no-project-file") { Ok(Project::default()) } else { Project::find() }
}

/// What is known, and where what is found is to be written.
pub(crate) fn comparison(matches: &ArgMatches, project: &Project) -> Result<Comparison, Failure> {
    let path = |name: &str| matches.get_one::<PathBuf>(name).map(PathBuf::as_path);
    Comparison::new(path("baseline").or(project.baseline.as_deref()), path("write-baseline"))
}

/// What paths for machines are relative to.
pub(crate) fn root_of_sources(matches: &ArgMatches, project: &Project) -> SourceRoot {
    let given = matches.get_one::<PathBuf>("source-root").or(project.source_root.as_ref());
    SourceRoot::find(given.map(PathBuf::as_path))
}

/// Where the findings go. An `--output` belongs to the `--format` before it, or if there is none to the first one after it.
pub(crate) fn destinations(matches: &ArgMatches) -> Result<Vec<Destination>, Failure> {
    let mut destinations: Vec<Destination> = Vec::new();
    let mut early = None;
    for word in in_order(matches) {
        match word {
            Word::Format(form) => destinations.push(Destination { form, file: early.take() }),
            Word::Output(path) => match destinations.last_mut() {
                None if early.is_none() => early = Some(path),
                Some(Destination { file: file @ None, .. }) => *file = Some(path),
                _ => {
                    return Err(Failure::usage(format!(
                        "'--output {}' has no format of its own: each goes with the --format before it",
                        path.display()
                    )));
                }
            },
        }
    }
    if destinations.is_empty() {
        destinations.push(Destination { form: "text".to_owned(), file: early });
    }
    if destinations.iter().filter(|destination| destination.file.is_none()).count() > 1 {
        return Err(Failure::usage("two formats would go to the same place: give --output FILE after each but one"));
    }
    let words = matches.try_get_many::<OsString>("program").ok().flatten();
    let program =
        words.and_then(|mut words| Some(Path::new(words.next()?).file_name()?.to_string_lossy().into_owned()));
    for file in destinations.iter_mut().filter_map(|destination| destination.file.as_mut()) {
        let expanded = pattern::expand(file, program.as_deref());
        *file = expanded.map_err(|why| Failure::usage(format!("--output '{}': {why}", file.display())))?;
    }
    Ok(destinations)
}

/// Refuses an option that there is not, which the parser takes for the program.
pub(crate) fn refuse_unknown_option(subcommand: &str, words: &[OsString]) -> Result<(), Failure> {
    let first = words.first().and_then(|word| word.to_str());
    let Some(option) = first.filter(|word| word.starts_with('-')) else { return Ok(()) };
    let command = command();
    let options = command.find_subcommand(subcommand).into_iter().flat_map(Command::get_arguments);
    let known: Vec<String> = options.filter_map(|known| Some(format!("--{}", known.get_long()?))).collect();
    let near = nearest(option, known.iter().map(String::as_str));
    Err(Failure::usage(format!("there is no option '{option}'{near}; 'mapsan {subcommand} --help' lists them")))
}

enum Word {
    Format(String),
    Output(PathBuf),
}

/// The formats and outputs in the order in which they were given.
fn in_order(matches: &ArgMatches) -> Vec<Word> {
    let mut words: Vec<(usize, Word)> = Vec::new();
    if let (Some(indices), Some(names)) = (matches.indices_of("format"), matches.get_many::<String>("format")) {
        words.extend(indices.zip(names.map(|name| Word::Format(name.clone()))));
    }
    if let (Some(indices), Some(paths)) = (matches.indices_of("output"), matches.get_many::<PathBuf>("output")) {
        words.extend(indices.zip(paths.map(|path| Word::Output(path.clone()))));
    }
    words.sort_by_key(|(index, _)| *index);
    words.into_iter().map(|(_, word)| word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<ArgMatches, clap::Error> {
        command().try_get_matches_from([&["mapsan", "run"], arguments].concat())
    }

    #[test]
    fn the_definitions_hold() {
        command().debug_assert();
    }

    #[test]
    fn what_follows_the_program_is_its_own() {
        let matches = parse(&["--level", "error", "prog", "--level", "x", "-v"]).unwrap();
        let run = matches.subcommand_matches("run").unwrap();
        let words: Vec<_> = run.get_many::<OsString>("program").unwrap().collect();
        assert_eq!(words, ["prog", "--level", "x", "-v"]);
        assert_eq!(given(run), [(Key::Level, "error".to_owned())]);
    }

    #[test]
    fn bad_values_are_refused() {
        for arguments in [
            ["--level", "loud", "prog"],
            ["--stack-depth", "65", "prog"],
            ["--enable", "mmap-bad-df", "prog"],
            ["--harden", "gard", "prog"],
            ["--severity", "leak-segmnt=note", "prog"],
            ["--severity", "leak=loud", "prog"],
            ["--error-exitcode", "0", "prog"],
            ["--format", "xml", "prog"],
            ["--suppressions", "/no/such/file", "prog"],
        ] {
            assert_eq!(parse(&arguments).unwrap_err().exit_code(), 2, "{arguments:?}");
        }
        let error = parse(&["--enable", "mmap-bad-df", "prog"]).unwrap_err().to_string();
        assert!(error.contains("mmap-bad-fd"), "{error}");
    }

    #[test]
    fn options_of_later_versions_are_no_flags() {
        for key in Key::ALL.iter().filter(|key| !key.info().available) {
            assert!(options::keys().all(|offered| offered != *key));
        }
    }
}
