//! The subcommands that print what there is to know: rules, options, manual pages, completions.

use super::names;
use clap::{Arg, Command, value_parser};

pub(super) fn subcommands() -> [Command; 5] {
    [explain(), rules(), options(), completions(), man()]
}

fn explain() -> Command {
    Command::new("explain")
        .about("Explains a rule, with a program that breaks it and one that does not; or an errno")
        .arg(
            Arg::new("what")
                .value_name("RULE|ERRNO|CALL ERRNO")
                .required(true)
                .num_args(1..=2)
                .value_parser(names::explained())
                // All rules would be too many to read.
                .hide_possible_values(true)
                .help("such as mmap-bad-fd, EINVAL, 22, or mmap EINVAL"),
        )
}

fn rules() -> Command {
    Command::new("rules").about("Lists the rules").arg(
        Arg::new("format")
            .long("format")
            .value_name("FORM")
            .value_parser(["text", "json"])
            .default_value("text")
            .help("for people, or for programs"),
    )
}

fn options() -> Command {
    Command::new("options").about("Lists the options of MAPSAN_OPTIONS")
}

fn completions() -> Command {
    Command::new("completions").about("Prints the completions of a shell").arg(
        Arg::new("shell")
            .value_name("SHELL")
            .required(true)
            .value_parser(value_parser!(clap_complete::Shell))
            .help("the shell that is to read them"),
    )
}

fn man() -> Command {
    Command::new("man").about("Prints a manual page").arg(
        Arg::new("command").value_name("SUBCOMMAND").help(
            "the page of a subcommand, such as run; 3 of the functions, 7 of rules and options; else of the whole",
        ),
    )
}
