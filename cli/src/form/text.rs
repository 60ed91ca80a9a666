//! Findings in words, with functions and source lines.

use super::contract::{Form, RunFacts, ShownFrames, TextStyle, unended};
use super::sweep;
use crate::findings::found::{Found, Located, site_of};
use crate::findings::harness::{Part, folded};
use crate::findings::records::Coverage;
use crate::findings::session::Session;
use crate::findings::source;
use crate::findings::suppress;
use crate::findings::symbols::{SourceLocation, readable};
use crate::path::display_path;
use anstyle::{AnsiColor, Style};
use humansize::{BINARY, format_size};
use mapsan_model::suppressions::PROPOSED;
use mapsan_model::{Counted, Rule, Severity};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

/// A block for each finding, and a summary.
pub(crate) struct Text {
    style: TextStyle,
    /// Whether it has been said how to get lines: of the user's own programs, and of the system's.
    said_how: bool,
    said_where: bool,
}

impl Text {
    pub(super) fn new(style: TextStyle) -> Text {
        Text { style, said_how: false, said_where: false }
    }

    /// The finding's stack and those of its other places, each with the source of the user's own line.
    fn write_stacks(&self, found: &Found, text: &mut String) {
        let mut excerpts = Excerpts { style: self.style, shown: Vec::new() };
        let call = &found.call;
        let label = match &call.errno {
            Some(errno) => errno.clone(),
            None if call.is_signal() => format!("this {}", call.result),
            None if call.is_access() => format!("this {}", call.args.first().map_or("access", String::as_str)),
            None => "this call".to_owned(),
        };
        let functions = if call.is_signal() || call.is_access() { &[][..] } else { &[call.function.as_str()] };
        self.write_frames(&found.stack, "    ", text);
        excerpts.write(&found.stack, functions, &label, "    ", text);
        for related in &found.related {
            let _ = match &related.access {
                Some(access) => writeln!(text, "    {}, in process {}: {}", related.label, access.pid, access.call),
                None => writeln!(text, "    {}:", related.label),
            };
            self.write_frames(&related.stack, "        ", text);
            let functions: Vec<&str> = related.function.as_deref().into_iter().collect();
            excerpts.write(&related.stack, &functions, "here", "        ", text);
        }
    }

    fn write_frames(&self, stack: &[Located], indent: &str, text: &mut String) {
        let parts = match self.style.frames {
            ShownFrames::Folded => folded(stack),
            ShownFrames::Each => stack.iter().map(Part::Frame).collect(),
        };
        for part in parts {
            match part {
                Part::Frame(located) => write_frame(located, indent, text),
                Part::Folded(count, name) => _ = writeln!(text, "{indent}… {count} frames of {name} …"),
            }
        }
    }

    /// Why there are no lines, where there are none.
    fn write_missing_lines(&mut self, found: &Found, session: &mut Session, text: &mut String) {
        let changed = session.symbols.take_changed();
        for module in &changed {
            let _ = writeln!(text, "    note: {module} has changed since it was loaded, so no lines are shown for it");
        }
        let Some(without) = found.without_lines().filter(|_| changed.is_empty()) else { return };
        let module = display_path(Path::new(without.module));
        if !without.is_of_system && !self.said_how {
            self.said_how = true;
            let _ =
                writeln!(text, "    note: {module} has no lines for this; compile it with debug information (cc -g)");
        } else if without.is_of_system && !self.said_where {
            self.said_where = true;
            let by_id = without.build_id.map(|id| format!(", or by: debuginfod-find debuginfo {id}"));
            let _ = writeln!(
                text,
                "    note: {module} came without its lines; they are in the distribution's package of debug symbols for it \
                 (-dbgsym, -debuginfo){}",
                by_id.unwrap_or_default()
            );
        }
    }
}

/// The source that a finding shows.
struct Excerpts {
    style: TextStyle,
    /// The places that are shown already, and so not again.
    shown: Vec<SourceLocation>,
}

impl Excerpts {
    /// The source of a stack's own place, with what the finding is about marked.
    fn write(&mut self, stack: &[Located], functions: &[&str], label: &str, indent: &str, text: &mut String) {
        let Some(place) = site_of(stack).filter(|place| !self.shown.contains(place)) else { return };
        let snippet = source::snippet(
            place,
            functions,
            label,
            source::Look { colour: self.style.colour, width: self.style.width.saturating_sub(indent.len()) },
        );
        for line in snippet.iter().flat_map(|snippet| snippet.lines()) {
            let _ = writeln!(text, "{indent}{line}");
        }
        self.shown.push(place.clone());
    }
}

impl Form for Text {
    fn render_finding(&mut self, found: &Found, session: &mut Session) -> String {
        let mut text = String::new();
        let Found { rule, severity, message, call, .. } = found;
        let style = if self.style.colour { style_of(*severity) } else { Style::new() };
        let _ = writeln!(text, "mapsan: {style}{}[{rule}]{style:#}: {message}", severity.name());
        let _ = writeln!(text, "    {call}");
        let place = found.is_of_other_process.then(|| process(found, session));
        let place: Vec<String> = place.into_iter().chain(found.ranks()).collect();
        if !place.is_empty() {
            let _ = writeln!(text, "    {}", place.join(", "));
        }
        self.write_stacks(found, &mut text);
        for note in &found.notes {
            let _ = writeln!(text, "    note: {note}");
        }
        for help in &found.help {
            let _ = writeln!(text, "    help: {help}");
        }
        if let Some(replay) = &found.replay {
            let _ = writeln!(text, "    replay: {replay}");
        }
        self.write_missing_lines(found, session, &mut text);
        if let Some(line) = suppress::line_for(found).filter(|_| self.style.suppressions) {
            let _ = writeln!(text, "    {PROPOSED}{line}");
        }
        text
    }

    fn render_injected(&mut self, call: &Found, order: &str, session: &mut Session) -> String {
        let mut text = format!("mapsan: injected: {}\n", call.call);
        if call.is_of_other_process {
            let _ = writeln!(text, "    {}", process(call, session));
        }
        self.write_stacks(call, &mut text);
        let _ = writeln!(text, "    this place alone: --inject '{order}'");
        text
    }

    fn render_end(&mut self, session: &mut Session, run: &RunFacts) -> String {
        let mut text = run.sweep.as_ref().map(sweep::summary).unwrap_or_default();
        if let Some(failure) =
            run.failure().filter(|_| run.sweep.as_ref().is_some_and(|swept| swept.cut_short.is_none()))
        {
            let _ = writeln!(text, "mapsan: plainly {failure}");
        }
        for (line, pattern) in session.suppressions.unused().iter().filter(|_| run.verbose) {
            let _ = writeln!(text, "mapsan: suppression of line {line} was not used: {pattern}");
        }
        let mut notes = session.aside.lines().peekable();
        let has_notes = notes.peek().is_some();
        if has_notes {
            text.push_str("mapsan: notes of the system's libraries, which --notes all shows in full:\n");
        }
        notes.for_each(|line| text.extend([format!("    {line}\n")]));
        let counted: Vec<_> = session.rules.iter().filter(|(_, count)| count.findings > 0).collect();
        // Of one or two the summary says enough.
        if counted.len() > 2 {
            let list: Vec<String> = counted.iter().map(|(rule, count)| format!("{} {rule}", count.findings)).collect();
            let _ = writeln!(text, "mapsan: by rule: {}", list.join(", "));
        }
        if session.programs.len() > 1 {
            let name = |exe: &str| display_path(Path::new(exe));
            let list: Vec<String> =
                session.programs.iter().map(|(exe, count)| format!("{count} {}", name(exe))).collect();
            let _ = writeln!(text, "mapsan: by program: {}", list.join(", "));
        }
        if session.suppressed > 0 {
            let _ = writeln!(text, "mapsan: suppressed: {}", session.suppressed);
        }
        for gap in &session.gaps {
            let _ = writeln!(text, "mapsan: NOT COVERED: '{}': {}", gap.program, gap.reason);
        }
        text.extend(unended(&session.unended).map(|unended| format!("mapsan: {unended}\n")));
        text.extend(session.coverage.as_ref().map(|coverage| format!("mapsan: {}\n", watched(coverage))));
        let summary = session.summary();
        if !summary.is_empty() {
            let _ = writeln!(text, "mapsan: {summary}");
        } else if session.coverage.is_some() {
            let _ = writeln!(text, "mapsan: no race was seen");
        } else if run.sweep.is_none()
            && session.gaps.is_empty()
            && session.suppressed == 0
            && !has_notes
            && (self.style.terminal || run.verbose)
        {
            text.extend(
                checked(session).map(|checked| format!("mapsan: no findings in {checked}; {}\n", followed(session))),
            );
        }
        text
    }
}

/// How much was watched for races.
fn watched(coverage: &Coverage) -> String {
    let Coverage { objects, words, windows, unwatched, unfollowed_ms, .. } = coverage;
    let unfollowed = match unfollowed_ms {
        0 => String::new(),
        time => {
            let time = if *time < 1000 { format!("{time} ms") } else { format!("{} s", time / 1000) };
            format!(
                "; processes were started faster than the budget pays for: for {time} those that lived for a moment may not have \
                 been watched (a higher --budget watches more of them)"
            )
        }
    };
    if *objects == 0 {
        return format!(
            "no memory was seen that two processes share and one may write (--threads watches that of a single one){unfollowed}"
        );
    }
    let size = format_size(*unwatched, BINARY.space_after_value(true));
    let [words, objects] = [(*words, "word"), (*objects, "object")]
        .map(|(number, word)| Counted(u64::try_from(number).unwrap_or(u64::MAX), word));
    let met = match windows {
        0 => "no access to them was met".to_owned(),
        1 => "an access to one of them was met once".to_owned(),
        often => format!("an access to one of them was met {often} times"),
    };
    format!("{words} of {objects} watched, and {met}; {size} of the memory were not watched{unfollowed}")
}

/// The programs that were checked; those of which nothing is known are not counted.
fn checked(session: &Session) -> Option<String> {
    let programs: BTreeSet<&str> = session.processes.values().map(|process| process.exe.as_str()).collect();
    let often = match session.starts {
        starts if starts > programs.len() as u64 => format!(", started {starts} times"),
        _ => String::new(),
    };
    match programs.len() {
        0 => None,
        1 => programs.first().map(|program| display_path(Path::new(program)) + &often),
        several => Some(format!("{several} programs{often}")),
    }
}

/// How much there was to look at.
fn followed(session: &Session) -> String {
    match session.changes {
        0 => "no mapping was made or released by a call that is followed".to_owned(),
        changes => format!("{} made or released", Counted(changes, "mapping")),
    }
}

/// Which other process of the run it is: of the same program it is a child, else its program tells more. The call that made a
/// lock may be the parent's, before the fork, while the child is the one that is told of.
fn process(found: &Found, session: &Session) -> String {
    let word = if [Rule::LockNotShared, Rule::LockOwnerDied, Rule::SemNotShared]
        .iter()
        .any(|rule| found.rule == rule.name())
    {
        "told by"
    } else {
        "in"
    };
    let main = session.main.and_then(|main| session.processes.get(&main));
    if main.is_some_and(|main| main.exe == found.exe) {
        format!("{word} child process {}", found.pid)
    } else {
        format!("{word} process {} ({})", found.pid, display_path(Path::new(&found.exe)))
    }
}

/// A function as a person would call it.
fn name_of(function: &str, place: &SourceLocation) -> String {
    let of_statics = function.starts_with("__static_initialization_and_destruction_0")
        || function.starts_with("_GLOBAL__sub_I_")
        || function.starts_with("__cxx_global_var_init");
    match place.file.as_deref().and_then(Path::file_name) {
        Some(file) if of_statics => format!("initialisation of static objects in {}", file.display()),
        _ if of_statics => "initialisation of static objects".to_owned(),
        _ => function.to_owned(),
    }
}

/// A line for each call that a frame stands for.
pub(crate) fn write_frame(located: &Located, indent: &str, text: &mut String) {
    let frame = &located.frame;
    let module = frame.module.as_deref().map(|module| display_path(Path::new(module))).unwrap_or_default();
    if located.places.is_empty() {
        let symbol = frame.symbol.as_ref().map(|symbol| format!(" {}", readable(symbol))).unwrap_or_default();
        let object = frame.offset.as_ref().map(|offset| format!(" ({module}+{offset})")).unwrap_or_default();
        let _ = writeln!(text, "{indent}at {}{symbol}{object}", frame.address);
        return;
    }
    for (index, place) in located.places.iter().enumerate() {
        let function = place.function.as_deref().map_or_else(|| "?".to_owned(), |function| name_of(function, place));
        let inlined = if index + 1 < located.places.len() { " (inlined)" } else { "" };
        let at = match (&place.file, place.line) {
            (Some(file), Some(line)) => format!("({}:{line})", display_path(file)),
            (Some(file), None) => format!("({})", display_path(file)),
            _ => format!("({module}+{})", frame.offset.as_deref().unwrap_or_default()),
        };
        let _ = writeln!(text, "{indent}at {} {function} {at}{inlined}", frame.address);
    }
}

/// Bold, in the colours that compilers use.
fn style_of(severity: Severity) -> Style {
    let colour = match severity {
        Severity::Error => AnsiColor::Red,
        Severity::Warning => AnsiColor::Magenta,
        Severity::Note => AnsiColor::Cyan,
    };
    Style::new().bold().fg_color(Some(colour.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::found::Related;
    use crate::findings::records::{Frame, Record};
    use crate::findings::session::Ingested;

    const RECORD: &str = r#"{"schema":"mapsan/1","kind":"finding","time":"2026-01-01T00:00:00.000000Z","pid":7,"tid":7,"exe":"/bin/x","rule":"munmap-zero-length","severity":"error","call":{"function":"munmap","args":["0x1000","0"],"result":"-1","errno":"EINVAL"},"message":"munmap length is 0","notes":["a fact"],"help":["do this"],"stack":[{"address":"0x5000","module":"/no/such/file","offset":"0x10","build_id":null,"symbol":"f+0x2"}],"related":[{"label":"mapped here","stack":[{"address":"0x6000","module":null,"offset":null,"build_id":null}]}],"repeated":0}"#;

    fn rendered(style: TextStyle) -> String {
        let mut session = Session::default();
        session.main = Some(1);
        let Ingested::New(found) = session.ingest(&Record::read(RECORD).unwrap()) else { panic!("it is a finding") };
        Text::new(style).render_finding(&found, &mut session)
    }

    #[test]
    fn a_finding_without_symbols_is_shown_as_the_library_would() {
        let expected = "mapsan: error[munmap-zero-length]: munmap length is 0\n    \
                        munmap(0x1000, 0) = -1 (EINVAL)\n    in process 7 (/bin/x)\n    \
                        at 0x5000 f+0x2 (/no/such/file+0x10)\n    mapped here:\n        at 0x6000\n    \
                        note: a fact\n    help: do this\n    \
                        note: /no/such/file has no lines for this; compile it with debug information (cc -g)\n    \
                        suppression: munmap-zero-length:f\n";
        assert_eq!(rendered(TextStyle { suppressions: true, ..TextStyle::default() }), expected);
        let coloured = rendered(TextStyle { colour: true, terminal: true, ..TextStyle::default() });
        assert!(
            coloured.starts_with("mapsan: \u{1b}[1m\u{1b}[31merror[munmap-zero-length]\u{1b}[0m: "),
            "{coloured:?}"
        );
    }
    /// What stands below the source of a place whose line has two calls.
    fn marked(function: Option<&str>) -> String {
        let file = tempfile::NamedTempFile::with_suffix(".c").unwrap();
        std::fs::write(file.path(), "p = mmap(0, 1); q = shmat(2, 0, 0);\n").unwrap();
        let (place, line, function_of) = (Some(file.path().to_owned()), Some(1), function.map(str::to_owned));
        let frame = Frame { address: "0x1".to_owned(), module: None, offset: None, build_id: None, symbol: None };
        let places = vec![SourceLocation { function: None, file: place, line, column: None }];
        let stack = vec![Located { frame, places }];
        let mut session = Session::default();
        let Ingested::New(mut found) = session.ingest(&Record::read(RECORD).unwrap()) else {
            panic!("it is a finding")
        };
        found.related = vec![Related {
            label: "attached here".to_owned(),
            function: function_of,
            is_of_memory: true,
            access: None,
            stack,
        }];
        let text = Text::new(TextStyle::default()).render_finding(&found, &mut session);
        text.lines().find(|line| line.contains("^ here")).unwrap_or_default().trim_start().to_owned()
    }

    #[test]
    fn a_place_is_marked_by_its_call_where_the_record_tells_it() {
        assert_eq!(marked(Some("shmat")), "|                     ^^^^^^^^^^^^^^ here");
        assert_eq!(marked(None), format!("| {} here", "^".repeat("p = mmap(0, 1); q = shmat(2, 0, 0);".len())));
    }
}
