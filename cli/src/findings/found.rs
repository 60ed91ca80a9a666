//! A finding as it is shown: its frames looked up, those of the loader and the library left out.

use crate::findings::records::{self, Call, Finding, Frame, Record};
use crate::findings::spread::Spread;
use crate::findings::symbols::{SourceLocation, Symbols};
use crate::path::display_path;
use mapsan_model::Severity;
use std::path::Path;

/// A frame with the calls that it stands for.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    pub(crate) frame: Frame,
    /// Innermost first; none without symbols.
    pub(crate) places: Vec<SourceLocation>,
}

impl Located {
    fn of(frame: &Frame, time: &str, symbols: &mut Symbols) -> Located {
        Located { frame: frame.clone(), places: symbols.places(frame, time) }
    }

    fn is_main(&self) -> bool {
        self.places.iter().any(|place| place.function.as_deref() == Some("main"))
    }

    /// Whether libc calls the program or a thread from it.
    fn is_start(&self) -> bool {
        const STARTS: [&str; 6] =
            ["_start", "__libc_start_main", "__libc_start_call_main", "call_init", "start_thread", "clone3"];
        let of_places = self.places.iter().filter_map(|place| place.function.as_deref()).chain(self.function());
        of_places.into_iter().any(|function| STARTS.contains(&function.trim_end_matches("_impl")))
    }

    fn is_of_statics(&self, start: &str) -> bool {
        self.function().is_some_and(|function| function.starts_with(start))
    }

    /// Whether it belongs to the loader or to the library, which the user has not called.
    fn is_of_loader_or_library(&self) -> bool {
        let name = self.frame.module.as_deref().and_then(|module| Path::new(module).file_name()?.to_str());
        name.is_some_and(|name| name.starts_with("ld-linux") || name.starts_with("libmapsan.so"))
    }

    /// Whether it belongs to a library of the system.
    fn is_of_system(&self) -> bool {
        self.frame.module.as_deref().is_none_or(|module| is_below(&LIBRARIES, Path::new(module)))
    }

    /// The function, or as much as is known of it.
    pub(crate) fn function(&self) -> Option<&str> {
        self.places.first().and_then(|place| place.function.as_deref()).or_else(|| self.frame.function())
    }
}

/// Where the system has its libraries, and its programs.
const LIBRARIES: [&str; 4] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64"];
const PROGRAMS: [&str; 5] = ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/libexec"];

fn is_below(folders: &[&str], path: &Path) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

/// Whether a library or program came with the system.
pub(super) fn is_path_of_system(path: &Path) -> bool {
    is_below(&LIBRARIES, path) || is_below(&PROGRAMS, path)
}

/// A place that belongs to a finding.
#[derive(Clone, Debug)]
pub(crate) struct Related {
    pub(crate) label: String,
    /// What was called there, if that is known.
    pub(crate) function: Option<String>,
    /// Whether it tells what was done with memory, and not of a thread, a key or a descriptor.
    pub(crate) is_of_memory: bool,
    /// The access that was made there, of a race.
    pub(crate) access: Option<Access>,
    pub(crate) stack: Vec<Located>,
}

/// An access of a race, beside the first.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) pid: u32,
    /// In words, as the first stands where other findings have a call.
    pub(crate) call: Call,
}

impl Access {
    fn of(related: &records::Related) -> Option<Access> {
        let (access, length) = (related.access.as_deref()?, related.length?);
        let start = u64::from_str_radix(related.start.as_deref()?.strip_prefix("0x")?, 16).ok()?;
        let values = (related.before.as_deref()?, related.after.as_deref()?);
        Some(Access { pid: related.pid?, call: Call::of_access(access, length, start, values) })
    }
}

/// A finding, looked up.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) rule: String,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    pub(crate) call: Call,
    pub(crate) notes: Vec<String>,
    pub(crate) help: Vec<String>,
    /// The command that shows it again.
    pub(crate) replay: Option<String>,
    pub(crate) stack: Vec<Located>,
    pub(crate) related: Vec<Related>,
    pub(crate) pid: u32,
    pub(crate) tid: u32,
    pub(crate) exe: String,
    /// Whether it was made by another process than the program's own.
    pub(crate) is_of_other_process: bool,
    /// Whether it is in the baseline.
    pub(crate) is_known: bool,
    /// The rank of the process in a parallel job, and when all is told, in which ranks it was made.
    pub(crate) rank: Option<u32>,
    pub(crate) spread: Option<Spread>,
}

impl Found {
    /// Looks a finding up.
    pub(crate) fn of(record: &Record, finding: &Finding, symbols: &mut Symbols) -> Found {
        let mut stack =
            |frames: &[Frame]| visible(frames.iter().map(|frame| Located::of(frame, &record.time, symbols)));
        let (own, related) = (
            stack(&finding.stack),
            finding
                .related
                .iter()
                .map(|related| Related {
                    label: related.label.clone(),
                    function: related.call.as_ref().map(|call| call.function.clone()),
                    // Of a race both places are about the same memory.
                    is_of_memory: related.start.is_some() && related.access.is_none(),
                    access: Access::of(related),
                    stack: stack(&related.stack),
                })
                .collect(),
        );
        Found {
            rule: finding.rule.clone(),
            severity: Severity::from_name(&finding.severity).unwrap_or(Severity::Note),
            message: finding.message.clone(),
            call: finding.call.clone(),
            notes: finding.notes.clone(),
            help: finding.help.clone(),
            replay: finding.replay.clone(),
            stack: own,
            related,
            pid: record.pid,
            tid: record.tid,
            exe: record.exe.clone(),
            is_of_other_process: false,
            is_known: false,
            rank: finding.rank,
            spread: None,
        }
    }

    /// The first line of the user's own code: of the program or a library that is not the system's, else of any.
    pub(crate) fn site(&self) -> Option<&SourceLocation> {
        site_of(&self.stack)
    }

    /// The module whose debug information would give the finding a line, if it has none: the first of the user's own, else
    /// the first of all.
    pub(crate) fn without_lines(&self) -> Option<WithoutLines<'_>> {
        let own = self.stack.iter().find(|located| located.frame.module.is_some() && !located.is_of_system());
        let frame = &own.or_else(|| self.stack.iter().find(|located| located.frame.module.is_some()))?.frame;
        let module = frame.module.as_deref().filter(|_| self.site().is_none())?;
        let is_of_system = is_path_of_system(Path::new(module));
        Some(WithoutLines { module, build_id: frame.build_id.as_deref().filter(|_| is_of_system), is_of_system })
    }

    /// In which process of a parallel job it was made, or in which of them: `in rank 1`, `in 1 of 3 ranks (1)`.
    pub(crate) fn ranks(&self) -> Option<String> {
        let spread = self.spread.as_ref().map(Spread::words);
        spread.or_else(|| self.rank.map(|rank| format!("in rank {rank}")))
    }

    /// What makes it the same finding as one of another process: the rule, and where.
    pub(crate) fn identity(&self) -> (String, String) {
        let place = |stack: &[Located]| stack.first().map(|located| located.frame.place()).unwrap_or_default();
        let mut places = vec![place(&self.stack)];
        // Which of the two of a race was the first is chance.
        places.extend(
            self.related.iter().filter(|related| related.access.is_some()).map(|related| place(&related.stack)),
        );
        places.sort();
        (self.rule.clone(), places.join(" "))
    }
}

/// A module that has no debug information.
pub(crate) struct WithoutLines<'a> {
    pub(crate) module: &'a str,
    /// Of one that came with the system: whose debug information others have.
    pub(crate) build_id: Option<&'a str>,
    pub(crate) is_of_system: bool,
}

/// Where the user's own code led to a call, in words.
pub(super) fn own_site(stack: &[Located]) -> Option<String> {
    let own = stack.iter().find(|located| !located.is_of_system())?;
    let module = own.frame.module.as_deref().unwrap_or_default();
    let place = own.places.iter().find(|place| !place.is_of_system()).or_else(|| own.places.first());
    let function = place.and_then(|place| place.function.as_deref()).or_else(|| own.function()).unwrap_or("?");
    let at = match place.and_then(|place| place.file.as_deref().zip(place.line)) {
        Some((file, line)) => format!("{}:{line}", display_path(file)),
        None => display_path(Path::new(module)),
    };
    Some(format!("{function} ({at})"))
}

/// The first place of the user's own code with a line; without one the first in a module of the user's own (a function of a
/// library's header, say), then any.
pub(crate) fn site_of(stack: &[Located]) -> Option<&SourceLocation> {
    let has_line = |place: &&SourceLocation| place.file.is_some() && place.line.is_some();
    let own = || stack.iter().filter(|located| !located.is_of_system());
    let written = own().find_map(|located| located.places.iter().filter(has_line).find(|place| !place.is_of_system()));
    written
        .or_else(|| own().find_map(|located| located.places.iter().find(has_line)))
        .or_else(|| stack.iter().find_map(|located| located.places.iter().find(has_line)))
}

/// The first frame in a module of the user's own, else the first of all.
pub(crate) fn own_frame(stack: &[Located]) -> Option<&Located> {
    stack.iter().find(|located| !located.is_of_system()).or_else(|| stack.first())
}

/// The frames that are shown: up to main, without those of the loader and the library; all if that leaves none.
fn visible(frames: impl Iterator<Item = Located>) -> Vec<Located> {
    let all: Vec<Located> = frames.collect();
    let end = all.iter().position(Located::is_main).map(|main| main + 1);
    let end = end.or_else(|| all.iter().position(Located::is_start)).unwrap_or(all.len());
    let mut own: Vec<Located> =
        all[..end].iter().filter(|located| !located.is_of_loader_or_library()).cloned().collect();
    // Of the two functions that initialise static objects, the outer one only calls the inner one.
    own.dedup_by(|outer, inner| outer.is_of_statics("_GLOBAL__sub_I_") && inner.is_of_statics("__static_init"));
    if own.is_empty() { all } else { own }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn located(module: &str, function: &str, line: Option<u32>) -> Located {
        let frame = Frame {
            address: "0x1".into(),
            module: Some(module.into()),
            offset: Some("0x1".into()),
            build_id: None,
            symbol: None,
        };
        let place = SourceLocation {
            function: Some(function.into()),
            file: line.map(|_| format!("{function}.c").into()),
            line,
            column: None,
        };
        Located { frame, places: vec![place] }
    }

    #[test]
    fn what_is_above_main_and_of_the_loader_is_left_out() {
        let stack = visible(
            [
                located("/usr/lib/libmapsan.so.0", "hook", None),
                located("/usr/lib/libc.so.6", "memcpy", Some(7)),
                located("/home/me/prog", "copy", Some(3)),
                located("/home/me/prog", "main", Some(9)),
                located("/usr/lib/libc.so.6", "__libc_start_main", None),
            ]
            .into_iter(),
        );
        let functions: Vec<_> = stack.iter().filter_map(Located::function).collect();
        assert_eq!(functions, ["memcpy", "copy", "main"]);
        assert_eq!(site_of(&stack).unwrap().line, Some(3));
        assert_eq!(site_of(&stack[..1]).unwrap().line, Some(7));
    }

    #[test]
    fn a_stack_of_the_loader_alone_is_shown() {
        let stack = visible([located("/lib64/ld-linux-x86-64.so.2", "_dl_map", None)].into_iter());
        assert_eq!(stack.len(), 1);
    }
}
