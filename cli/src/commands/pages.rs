//! Manual pages and completions, made from the arguments' own declaration.

use crate::arguments;
use crate::failure::Failure;
use crate::spelling::nearest;
use clap::{ArgMatches, Command};
use clap_complete::Shell;
use mapsan_model::{Key, Rule};
use std::fmt::Write;

/// The completions of a shell.
pub(crate) fn completions(matches: &ArgMatches) -> String {
    let shell = matches.get_one::<Shell>("shell").copied().unwrap_or(Shell::Bash);
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut arguments::command(), "mapsan", &mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if shell == Shell::Fish { text + &names_for_fish() } else { text }
}

/// What may stand behind a subcommand, which the generator leaves out for fish.
fn names_for_fish() -> String {
    let mut text = String::new();
    for command in arguments::command().get_subcommands() {
        for argument in command.get_positionals() {
            let names: Vec<String> =
                argument.get_possible_values().iter().map(|name| name.get_name().to_owned()).collect();
            if !names.is_empty() {
                let (name, names) = (command.get_name(), names.join(" "));
                let _ = writeln!(text, "complete -c mapsan -n '__fish_mapsan_using_subcommand {name}' -f -a '{names}'");
            }
        }
    }
    text
}

/// The manual page of the command, or of a subcommand.
pub(crate) fn manual(matches: &ArgMatches) -> Result<String, Failure> {
    let mut command =
        arguments::command().disable_help_subcommand(true).mut_subcommands(|each| each.disable_help_subcommand(true));
    command.build();
    let page = match matches.get_one::<String>("command").map(String::as_str) {
        None => command,
        Some("3") => return Ok(functions()),
        Some("7") => return Ok(rules_and_options()),
        Some(name) => page_of(&command, name)?,
    };
    let is_whole = page.get_name() == "mapsan";
    let mut bytes = Vec::new();
    let title = page.get_display_name().unwrap_or("mapsan").to_owned();
    clap_mangen::Man::new(page)
        .title(title.to_uppercase())
        .render(&mut bytes)
        .map_err(|error| Failure::own(format!("the page can't be made: {error}")))?;
    let page = String::from_utf8_lossy(&bytes).replacen(".SH EXTRA", ".SH EXAMPLES", 1);
    Ok(page + if is_whole { WHOLE } else { PART })
}

/// What the page of the command has besides.
const WHOLE: &str = r".SH EXIT STATUS
That of the program, or the signal that ended it; with
.BR \-\-error\-exitcode ,
that number if there were findings that count. Of the command itself: 2 wrong usage, 125 it failed (or
.B \-\-require\-coverage
was not met), 126 the program is not executable, 127 it was not found.
.SH ENVIRONMENT
.TP
.B MAPSAN_OPTIONS
options, as key=value:key=value; see
.BR mapsan (7).
.TP
.B MAPSAN_RUNTIME
the library to run programs under, if it is not the one beside the command
.TP
.BR NO_COLOR , \ COLUMNS
no colours, if it is set; the width of help texts
.TP
.B TMPDIR
where programs are compiled and links to the library are made
.TP
.BR DEBUGINFOD_CACHE_PATH , \ XDG_CACHE_HOME
where debug information lies that
.BR debuginfod\-find (1)
has fetched
.TP
.BR OMPI_COMM_WORLD_RANK , \ PMIX_RANK , \ PMI_RANK , \ SLURM_PROCID , \ PALS_RANKID
the rank of a process in a parallel job
.SH FILES
.TP
.I .mapsan.toml
the options of a project, in the working directory or the nearest folder above
.TP
.I /usr/lib/debug
debug information of the system's packages
.SH SEE ALSO
.BR mapsan\-run (1),
.BR mapsan (3),
.BR mapsan (7),
.BR mmap (2),
.BR shmget (2),
.BR shm_open (3)
";

/// What the page of a subcommand has.
const PART: &str = ".SH SEE ALSO\n.BR mapsan (1),\n.BR mapsan (3),\n.BR mapsan (7)\n";

/// A text as roff has it.
fn escaped(text: &str) -> String {
    let line = |line: &str| {
        let text = line.replace('\\', "\\e").replace('-', "\\-");
        if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// mapsan(7): the rules, and the options of the library.
fn rules_and_options() -> String {
    let mut page = String::from(
        ".TH MAPSAN 7\n.SH NAME\nmapsan \\- rules and options of the sanitizer for memory mappings and shared memory\n.SH OPTIONS\n\
         In the environment, as MAPSAN_OPTIONS=\"key=value:key=value\"; most are flags of \n.BR mapsan\\-run (1),\ntoo.\n",
    );
    for info in Key::ALL.iter().map(|key| key.info()).filter(|info| info.available) {
        let default = if info.default.is_empty() { "none" } else { info.default };
        let meaning = escaped(&format!("{}; takes {}; default {default}", info.meaning, info.values));
        let _ = writeln!(page, ".TP\n.B {}\n{meaning}", escaped(info.name));
    }
    page.push_str(".SH RULES\nThe command 'mapsan explain RULE' tells more of each, with programs.\n");
    for info in Rule::ALL.iter().map(|rule| rule.info()) {
        let severities = info.severities.iter().map(|severity| severity.name()).collect::<Vec<_>>().join(" or ");
        let _ = writeln!(page, ".TP\n.B {}\n{} ({severities})", escaped(info.name), escaped(info.summary));
    }
    page + PART
}

/// mapsan(3): the functions of mapsan.h, from that file.
fn functions() -> String {
    const HEADER: &str = include_str!("../../../include/mapsan.h");
    let mut page = String::from(
        ".TH MAPSAN 3\n.SH NAME\nmapsan \\- ask the sanitizer for memory mappings and shared memory\n.SH SYNOPSIS\n.nf\n\
         #include <mapsan.h>\n\ncc prog.c $(pkg\\-config \\-\\-cflags \\-\\-libs mapsan)\n.fi\n.SH FUNCTIONS\n",
    );
    // A comment, and what is declared below it.
    for block in HEADER.split("\n/*\n").skip(1) {
        let Some((comment, declared)) = block.split_once("*/\n") else { continue };
        let Some(declaration) = declared.split_once(';').map(|(text, _)| text).filter(|text| is_function(text)) else {
            continue;
        };
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let meaning = comment.split("# Safety").next().unwrap_or_default();
        let _ = writeln!(page, ".TP\n.B {};\n{}", escaped(&words(declaration)), escaped(&words(meaning)));
    }
    page + PART
}

fn is_function(declaration: &str) -> bool {
    declaration.ends_with(')') && !declaration.contains(['{', '#']) && !declaration.starts_with("typedef")
}

/// A subcommand by its name; one of another's has both, as in `ipc-list`.
fn page_of(command: &Command, name: &str) -> Result<Command, Failure> {
    if let Some(found) = command.find_subcommand(name) {
        return Ok(found.clone());
    }
    let below = name.split_once('-').and_then(|(above, below)| command.find_subcommand(above)?.find_subcommand(below));
    let names = || command.get_subcommands().map(Command::get_name);
    below.cloned().ok_or_else(|| Failure::usage(format!("there is no subcommand '{name}'{}", nearest(name, names()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_are_not_of_the_arguments() {
        let rules = rules_and_options();
        assert!(rules.contains(".TP\n.B munmap\\-double\n") && rules.contains(".TP\n.B log_path\n"), "{rules}");
        let begins = |name: &str| format!(".TP\n.B {}\n", escaped(name));
        for rule in Rule::ALL {
            assert!(rules.contains(&begins(rule.name())), "{rule}");
        }
        for info in Key::ALL.iter().map(|key| key.info()) {
            assert_eq!(rules.contains(&begins(info.name)), info.available, "{}", info.name);
        }
        let functions = functions();
        for name in ["mapsan_last_finding", "mapsan_describe_address", "mapsan_mmap", "mapsan_on_finding"] {
            assert!(functions.contains(name), "{functions}");
        }
        assert!(functions.matches("\n.TP\n").count() > 20 && !functions.contains("typedef"), "{functions}");
        assert_eq!(escaped("a-b\n.c\\d"), "a\\-b\n\\&.c\\ed");
    }

    #[test]
    fn the_page_of_the_command_has_what_a_page_has() {
        let matches = arguments::command().get_matches_from(["mapsan", "man"]);
        let page = manual(matches.subcommand_matches("man").unwrap()).unwrap();
        for section in ["NAME", "SYNOPSIS", "EXIT STATUS", "ENVIRONMENT", "FILES", "SEE ALSO"] {
            assert!(page.contains(&format!(".SH {section}\n")), "{section}: {page}");
        }
    }
}
