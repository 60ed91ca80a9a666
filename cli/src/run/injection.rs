//! What a run is to make fail: the places of `--inject` as the library takes them, and the file by which all processes of the
//! run count together.

use crate::failure::{Failure, reason};
use crate::findings::code::{Code, Range};
use crate::findings::session::Session;
use crate::run::options::Options;
use crate::run::prepare::Prepared;
use crate::say::say;
use mapsan_model::Key;
use mapsan_model::injection::{COUNTERS_SIZE, OR, Order, Place, orders};
use std::fmt::Write as _;
use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::NamedTempFile;

/// The counters of a run, gone with this.
pub(crate) struct Injection {
    counts: Option<NamedTempFile>,
}

impl Injection {
    /// Gives the library the orders of this run, if there are any.
    pub(crate) fn prepare(options: &mut Options, prepared: &Prepared) -> Result<Injection, Failure> {
        options.say_wrong_orders();
        if options.value(Key::Inject).is_none() {
            return Ok(Injection { counts: None });
        }
        let mut objects = None;
        options.change(Key::Inject, |value| {
            let read = orders(value).map(|order| match order {
                Ok(order) => as_library_takes(&order, objects.get_or_insert_with(|| Objects::of(prepared))),
                Err(wrong) => Err(Failure::usage(format!("inject: {wrong}"))),
            });
            Ok(read.collect::<Result<Vec<String>, Failure>>()?.join(","))
        })?;
        let counts = make_counts().map_err(|error| {
            Failure::own(format!("no file can be made for the counts of --inject: {}", reason(&error)))
        })?;
        options.add(Key::InjectCounts, counts.path().display().to_string());
        Ok(Injection { counts: Some(counts) })
    }

    /// Says so if nothing was made to fail that should have been.
    pub(crate) fn say_if_in_vain(&self, session: &Session) {
        if self.counts.is_some() && session.injected == 0 {
            say!("nothing was made to fail: the program made no call that --inject is about");
        }
    }
}

/// A file of zeroes; the program may have become somebody else when it needs it.
fn make_counts() -> std::io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("mapsan-").tempfile()?;
    file.write_all(&[0; COUNTERS_SIZE])?;
    file.as_file().set_permissions(Permissions::from_mode(0o666))?;
    Ok(file)
}

/// An order with its places in terms of the objects' code.
fn as_library_takes(order: &Order<'_>, objects: &Objects) -> Result<String, Failure> {
    if order.places.is_empty() {
        return Ok(order.text.to_owned());
    }
    let places = order.places.split(char::from(OR)).map(|place| objects.place(place));
    let places = places.collect::<Result<Vec<String>, Failure>>()?.join("|");
    Ok(order.text.replacen(&format!("@{}", order.places), &format!("@{places}"), 1))
}

/// The program and the libraries that it is linked with, as far as they have been looked at.
struct Objects {
    program: PathBuf,
    all: Vec<(PathBuf, Code)>,
}

impl Objects {
    fn of(prepared: &Prepared) -> Objects {
        let program = prepared.program.path.canonicalize().unwrap_or_else(|_| prepared.program.path.clone());
        let libraries = if prepared.program.cover.is_ok() { linked_with(&program) } else { Vec::new() };
        let all = std::iter::once(program.clone()).chain(libraries);
        let all = all.filter_map(|path| Some((path.clone(), Code::open(&path)?))).collect();
        Objects { program, all }
    }

    /// A place as the library takes it.
    fn place(&self, place: &str) -> Result<String, Failure> {
        let line = place.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse::<u32>().ok()?)));
        match (line, Place::read(place)) {
            (Some((file, line)), _) => {
                let ranges = self.ranges(|code| code.of_line(Path::new(file), line));
                if ranges.is_empty() {
                    let program = self.program.display();
                    return Err(Failure::usage(format!(
                        "--inject: '{place}' is no line with code of '{program}' or of a library that it is linked with, as \
                         far as their debug information tells (-g)"
                    )));
                }
                Ok(ranges)
            }
            (None, Place::Offsets(..)) => Ok(place.to_owned()),
            (None, Place::Function(name)) => {
                let mut places = self.ranges(|code| code.of_function(name));
                // What is loaded later may have it, too.
                if !places.is_empty() {
                    places.push('|');
                }
                Ok(places + place)
            }
        }
    }

    fn ranges(&self, find: impl Fn(&Code) -> Vec<Range>) -> String {
        let mut text = String::new();
        for (path, code) in &self.all {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            for range in find(code) {
                let separator = if text.is_empty() { "" } else { "|" };
                let _ = write!(text, "{separator}{name}+{:#x}-{:#x}", range.start, range.end);
            }
        }
        text
    }
}

/// The libraries of a program, as the loader finds them (ldd(1)).
fn linked_with(program: &Path) -> Vec<PathBuf> {
    let mut command = Command::new(program);
    command.env("LD_TRACE_LOADED_OBJECTS", "1").env_remove("LD_PRELOAD");
    let listed = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
    let text = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let path = |line: &str| {
        let path = line.split_once(" => ")?.1.rsplit_once(" (")?.0;
        path.starts_with('/').then(|| PathBuf::from(path))
    };
    text.lines().filter_map(path).collect()
}
