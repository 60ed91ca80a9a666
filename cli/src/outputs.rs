//! Where findings go, in which form: `--format` and `--output`, each of which may be given several times.

use crate::failure::{Failure, reason};
use crate::form::{self, Dress, Form, Run};
use crate::found::Found;
use crate::say;
use crate::session::Session;
use clap::ArgMatches;
use std::env;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

/// One form on its way to one place.
struct Output {
    form: Box<dyn Form>,
    to: To,
}

enum To {
    /// Standard error, or standard output for `mapsan report`.
    Stream(bool),
    File(File, PathBuf),
}

impl To {
    fn write(&mut self, text: &str) -> Result<(), Failure> {
        match self {
            // A reader who is gone, or was never there, does not stop the program.
            To::Stream(false) => match say::to_stderr(text.as_bytes()) {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    return Err(Failure::own(format!("standard error can't be written: {}", reason(&error))));
                }
                _ => {}
            },
            To::Stream(true) => say::print(text)?,
            To::File(file, path) => file
                .write_all(text.as_bytes())
                .map_err(|error| Failure::own(format!("'{}' can't be written: {}", path.display(), reason(&error))))?,
        }
        Ok(())
    }
}

/// All of them.
pub(crate) struct Outputs {
    outputs: Vec<Output>,
    /// The first failure of one that can't be written any more.
    failure: Option<Failure>,
}

impl Outputs {
    /// Opens what the arguments ask for. A `--output` belongs to the `--format` before it, or if there is none to the first
    /// one after it; what has none goes to standard error, or to standard output with `to_stdout`.
    pub(crate) fn open(
        matches: &ArgMatches,
        colour: Option<&str>,
        suppressions: bool,
        to_stdout: bool,
    ) -> Result<Outputs, Failure> {
        let mut pairs: Vec<(String, Option<PathBuf>)> = Vec::new();
        let mut early = None;
        for word in in_order(matches) {
            match word {
                Word::Format(name) => pairs.push((name, early.take())),
                Word::Output(path) => match pairs.last_mut() {
                    None if early.is_none() => early = Some(path),
                    Some((_, place @ None)) => *place = Some(path),
                    _ => {
                        return Err(Failure::usage(format!(
                            "'--output {}' has no format of its own: each goes with the --format before it",
                            path.display()
                        )));
                    }
                },
            }
        }
        if pairs.is_empty() {
            pairs.push(("text".to_owned(), early));
        }
        if pairs.iter().filter(|(_, path)| path.is_none()).count() > 1 {
            return Err(Failure::usage(
                "two formats would go to the same place: give --output FILE after each but one",
            ));
        }
        let outputs = pairs.into_iter().map(|(name, path)| {
            let to = match path {
                None => To::Stream(to_stdout),
                Some(path) => match File::create(&path) {
                    Ok(file) => To::File(file, path),
                    Err(error) => {
                        return Err(Failure::own(format!("'{}' can't be written: {}", path.display(), reason(&error))));
                    }
                },
            };
            let form = form::named(&name, Dress { colour: is_coloured(colour, &to), suppressions });
            Ok(Output { form, to })
        });
        Ok(Outputs { outputs: outputs.collect::<Result<_, _>>()?, failure: None })
    }

    /// A record has come in.
    pub(crate) fn record(&mut self, line: &str) {
        self.each(|form| form.record(line));
    }

    /// A finding has been made.
    pub(crate) fn finding(&mut self, found: &Found, session: &mut Session) {
        self.each(|form| form.finding(found, session));
    }

    /// All is known; the first failure, if something could not be written.
    pub(crate) fn close(mut self, session: &mut Session, run: &Run) -> Result<(), Failure> {
        self.each(|form| form.close(session, run));
        self.failure.map_or(Ok(()), Err)
    }

    fn each(&mut self, mut text: impl FnMut(&mut dyn Form) -> String) {
        for Output { form, to } in &mut self.outputs {
            let text = text(form.as_mut());
            if !text.is_empty()
                && let Err(failure) = to.write(&text)
                && self.failure.is_none()
            {
                self.failure = Some(failure);
            }
        }
    }
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

fn is_coloured(choice: Option<&str>, to: &To) -> bool {
    let terminal = match to {
        To::Stream(true) => io::stdout().is_terminal(),
        To::Stream(false) => io::stderr().is_terminal(),
        To::File(..) => false,
    };
    match choice {
        Some("always") => true,
        Some("never") => false,
        _ => terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}
