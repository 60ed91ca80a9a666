//! Manual pages and completions, made from the arguments' own declaration.

use crate::arguments;
use crate::failure::Failure;
use crate::spelling::nearest;
use clap::ArgMatches;
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
        Some(name) => {
            let names: Vec<String> = command.get_subcommands().map(|known| known.get_name().to_owned()).collect();
            let near = nearest(name, names.iter().map(String::as_str));
            let found = command.find_subcommand(name).cloned();
            found.ok_or_else(|| Failure::usage(format!("there is no subcommand '{name}'{near}")))?
        }
    };
    let mut bytes = Vec::new();
    let title = page.get_display_name().unwrap_or("mapsan").to_owned();
    clap_mangen::Man::new(page)
        .title(title.to_uppercase())
        .render(&mut bytes)
        .map_err(|error| Failure::own(format!("the page can't be made: {error}")))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
