//! Manual pages and completions, made from the arguments' own declaration.

use crate::arguments;
use crate::failure::Failure;
use crate::spelling::nearest;
use clap::{ArgMatches, Command};
use clap_complete::Shell;

/// The completions of a shell.
pub(crate) fn completions(matches: &ArgMatches) -> String {
    let shell = matches.get_one::<Shell>("shell").copied().unwrap_or(Shell::Bash);
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut arguments::command(), "mapsan", &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The manual page of the command, or of a subcommand.
pub(crate) fn manual(matches: &ArgMatches) -> Result<String, Failure> {
    let mut command = arguments::command();
    command.build();
    let page = match matches.get_one::<String>("command") {
        None => command,
        Some(name) => page_of(&command, name)?,
    };
    let mut bytes = Vec::new();
    let title = page.get_display_name().unwrap_or("mapsan").to_owned();
    clap_mangen::Man::new(page)
        .title(title.to_uppercase())
        .render(&mut bytes)
        .map_err(|error| Failure::own(format!("the page can't be made: {error}")))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
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
