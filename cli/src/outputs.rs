//! Where findings go, in which form.

use crate::failure::{Failure, unwritable};
use crate::findings::found::Found;
use crate::findings::session::Session;
use crate::form::contract::{Form, RunFacts, ShownFrames, TextStyle, WIDTH};
use crate::form::names;
use crate::path::SourceRoot;
use crate::replacement::Replacement;
use crate::say;
use rustix::termios::tcgetwinsize;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

/// What was asked for: a form, and the file that it goes to; without one it goes to the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) form: String,
    pub(crate) file: Option<PathBuf>,
}

impl Destination {
    /// Whether it is read when the command has ended, and not by somebody who looks on.
    pub(crate) fn is_read_later(&self) -> bool {
        self.file.is_some() || self.form != "text"
    }
}

/// Where that goes which has no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    StandardOutput,
    StandardError,
}

/// One form on its way to one place.
struct Output {
    form: Box<dyn Form>,
    to: To,
}

enum To {
    Stream(Stream),
    File(File, PathBuf),
    /// A file that is there when it is whole.
    Whole(Replacement),
}

impl To {
    /// Opens a place; what an earlier run has written there is gone then.
    fn open(file: Option<PathBuf>, stream: Stream, whole: bool) -> Result<To, Failure> {
        let Some(path) = file else { return Ok(To::Stream(stream)) };
        if whole && let Some(replacement) = Replacement::of(&path) {
            return Ok(To::Whole(replacement));
        }
        match File::create(&path) {
            Ok(file) => Ok(To::File(file, path)),
            Err(error) => Err(unwritable(&format!("'{}'", path.display()), &error)),
        }
    }

    /// All has been written.
    fn close(self) -> Result<(), Failure> {
        match self {
            To::Stream(_) | To::File(..) => Ok(()),
            To::Whole(replacement) => replacement.put_in_place(),
        }
    }

    fn write(&mut self, text: &str) -> Result<(), Failure> {
        match self {
            // A reader who is gone, or was never there, does not stop the program.
            To::Stream(Stream::StandardError) => match say::to_stderr(text.as_bytes()) {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(unwritable("standard error", &error)),
                _ => Ok(()),
            },
            To::Stream(Stream::StandardOutput) => say::print(text),
            To::File(file, path) => {
                file.write_all(text.as_bytes()).map_err(|error| unwritable(&format!("'{}'", path.display()), &error))
            }
            To::Whole(replacement) => replacement.write(text),
        }
    }

    /// The columns of the terminal that shows it.
    fn width(&self) -> usize {
        let size = match self {
            To::Stream(Stream::StandardOutput) => tcgetwinsize(io::stdout()),
            To::Stream(Stream::StandardError) => tcgetwinsize(io::stderr()),
            To::File(..) | To::Whole(_) => return WIDTH,
        };
        // Some terminals say that they have none.
        size.ok().map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0).unwrap_or(WIDTH)
    }

    fn is_terminal(&self) -> bool {
        match self {
            To::Stream(Stream::StandardOutput) => io::stdout().is_terminal(),
            To::Stream(Stream::StandardError) => io::stderr().is_terminal(),
            To::File(..) | To::Whole(_) => false,
        }
    }
}

/// How text is to look, wherever it goes.
#[derive(Clone, Copy, Default)]
pub(crate) struct StyleChoice<'a> {
    /// The value of the option `color`; without one the stream decides.
    pub(crate) color: Option<&'a str>,
    /// Whether each comes with the line that would silence it.
    pub(crate) suppressions: bool,
    pub(crate) frames: ShownFrames,
}

impl StyleChoice<'_> {
    fn at(self, to: &To) -> TextStyle {
        let terminal = to.is_terminal();
        let colour = match self.color {
            Some("always") => true,
            Some("never") => false,
            _ => terminal && say::environment_allows_colour(),
        };
        TextStyle { colour, terminal, suppressions: self.suppressions, frames: self.frames, width: to.width() }
    }
}

/// All of them; by default none, for a run whose findings are not shown.
#[derive(Default)]
pub(crate) struct Outputs {
    outputs: Vec<Output>,
    /// The first failure of one that can't be written any more.
    failure: Option<Failure>,
}

impl Outputs {
    /// Opens what was asked for.
    pub(crate) fn open(
        destinations: &[Destination],
        stream: Stream,
        style: StyleChoice<'_>,
        root: &SourceRoot,
    ) -> Result<Outputs, Failure> {
        let open = |Destination { form, file }: &Destination| {
            let to = To::open(file.clone(), stream, names::is_document(form))?;
            Ok(Output { form: names::form(form, style.at(&to), root), to })
        };
        let outputs = destinations.iter().map(open).collect::<Result<_, Failure>>()?;
        Ok(Outputs { outputs, failure: None })
    }

    /// A record has come in, as this line.
    pub(crate) fn write_record(&mut self, line: &str) {
        self.each(|form| form.render_record(line));
    }

    /// A finding has been made.
    pub(crate) fn write_finding(&mut self, found: &Found, session: &mut Session) {
        self.each(|form| {
            if found.is_known && !form.shows_known() { String::new() } else { form.render_finding(found, session) }
        });
    }

    /// A call was made to fail.
    pub(crate) fn write_injected(&mut self, call: &Found, order: &str, session: &mut Session) {
        self.each(|form| form.render_injected(call, order, session));
    }

    /// All is known; the first failure, if something could not be written.
    pub(crate) fn close(mut self, session: &mut Session, run: &RunFacts) -> Result<(), Failure> {
        self.each(|form| form.render_end(session, run));
        let Outputs { outputs, failure } = self;
        match failure {
            Some(failure) => Err(failure),
            None => outputs.into_iter().try_for_each(|output| output.to.close()),
        }
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
