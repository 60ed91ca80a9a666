//! Findings in words, with functions and source lines.

use super::{Dress, Form, Run, shown};
use crate::found::{Found, Located, site_of};
use crate::session::Session;
use crate::source;
use crate::suppress;
use crate::symbols::Place;
use anstyle::{AnsiColor, Style};
use mapsan_model::Severity;
use std::fmt::Write;
use std::path::Path;

/// A block for each finding, and a summary.
pub(crate) struct Text {
    dress: Dress,
    /// Whether it has been said how to get lines.
    said_how: bool,
}

impl Text {
    pub(super) fn new(dress: Dress) -> Text {
        Text { dress, said_how: false }
    }

    fn frames(stack: &[Located], indent: &str, text: &mut String) {
        for located in stack {
            frame(located, indent, text);
        }
    }

    /// The source of a stack's own place, with what the finding is about marked; not again what is `shown` already.
    fn snippet(
        &self,
        stack: &[Located],
        functions: &[&str],
        label: &str,
        indent: &str,
        shown: &mut Shown,
        text: &mut String,
    ) {
        let Some(place) = site_of(stack).filter(|place| !shown.contains(place)) else { return };
        let snippet = source::snippet(place, functions, label, self.dress.colour);
        for line in snippet.iter().flat_map(|snippet| snippet.lines()) {
            let _ = writeln!(text, "{indent}{line}");
        }
        shown.push(place.clone());
    }
}

/// The places whose source a finding has shown.
type Shown = Vec<Place>;

impl Form for Text {
    fn finding(&mut self, found: &Found, session: &mut Session) -> String {
        let mut text = String::new();
        let Found { rule, severity, message, call, .. } = found;
        let style = if self.dress.colour { style_of(*severity) } else { Style::new() };
        let _ = writeln!(text, "mapsan: {style}{}[{rule}]{style:#}: {message}", severity.name());
        let _ = writeln!(text, "    {call}");
        if found.other {
            let _ = writeln!(text, "    {}", process(found, session));
        }
        Text::frames(&found.stack, "    ", &mut text);
        let label = match &call.errno {
            Some(errno) => errno.clone(),
            None if call.is_signal() => format!("this {}", call.result),
            None => "this call".to_owned(),
        };
        let mut excerpts = Shown::new();
        let functions = if call.is_signal() { &[][..] } else { &[call.function.as_str()] };
        self.snippet(&found.stack, functions, &label, "    ", &mut excerpts, &mut text);
        for related in &found.related {
            let _ = writeln!(text, "    {}:", related.label);
            Text::frames(&related.stack, "        ", &mut text);
            self.snippet(&related.stack, &CALLS, "here", "        ", &mut excerpts, &mut text);
        }
        for note in &found.notes {
            let _ = writeln!(text, "    note: {note}");
        }
        for help in &found.help {
            let _ = writeln!(text, "    help: {help}");
        }
        let modules = session.symbols.take_changed();
        let changed = !modules.is_empty();
        for module in modules {
            let _ = writeln!(text, "    note: {module} has changed since it was loaded, so no lines are shown for it");
        }
        if let Some(module) = found.without_lines().filter(|_| !changed && !self.said_how) {
            self.said_how = true;
            let module = shown(Path::new(module));
            let _ =
                writeln!(text, "    note: {module} has no lines for this; compile it with debug information (cc -g)");
        }
        if let Some(line) = suppress::line_for(found).filter(|_| self.dress.suppressions) {
            let _ = writeln!(text, "    suppression: {line}");
        }
        text
    }

    fn close(&mut self, session: &mut Session, run: &Run) -> String {
        let mut text = String::new();
        for (line, pattern) in session.suppressions.unused().iter().filter(|_| run.verbose) {
            let _ = writeln!(text, "mapsan: suppression of line {line} was not used: {pattern}");
        }
        let counted: Vec<_> = session.rules.iter().filter(|(_, count)| count.findings > 0).collect();
        // Of one or two the summary says enough.
        if counted.len() > 2 {
            let list: Vec<String> = counted.iter().map(|(rule, count)| format!("{} {rule}", count.findings)).collect();
            let _ = writeln!(text, "mapsan: by rule: {}", list.join(", "));
        }
        if session.programs.len() > 1 {
            let name = |exe: &str| shown(Path::new(exe));
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
        let summary = session.summary();
        if !summary.is_empty() {
            let _ = writeln!(text, "mapsan: {summary}");
        }
        text
    }
}

/// The calls that a finding's other places are about.
const CALLS: [&str; 22] = [
    "mmap",
    "mmap64",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    "mlockall",
    "ftok",
    "shmget",
    "shmat",
    "shmdt",
    "shmctl",
    "shm_open",
    "shm_unlink",
    "memfd_create",
    "open",
    "open64",
    "openat",
    "ftruncate",
    "pthread_create",
    "sigaltstack",
    "dlclose",
];

/// Which other process of the run it is: of the same program it is a child, else its program tells more.
fn process(found: &Found, session: &Session) -> String {
    let main = session.main.and_then(|main| session.processes.get(&main));
    if main.is_some_and(|main| main.exe == found.exe) {
        format!("in child process {}", found.pid)
    } else {
        format!("in process {} ({})", found.pid, shown(Path::new(&found.exe)))
    }
}

/// A function as a person would call it.
fn name_of(function: &str, place: &Place) -> String {
    let of_statics = function.starts_with("__static_initialization_and_destruction_0")
        || function.starts_with("_GLOBAL__sub_I_")
        || function.starts_with("__cxx_global_var_init");
    match place.file.as_deref().and_then(Path::file_name) {
        Some(file) if of_statics => format!("initialisation of static objects in {}", file.display()),
        _ if of_statics => "initialisation of static objects".to_owned(),
        _ => function.to_owned(),
    }
}

fn frame(located: &Located, indent: &str, text: &mut String) {
    let frame = &located.frame;
    let module = frame.module.as_deref().map(|module| shown(Path::new(module))).unwrap_or_default();
    if located.places.is_empty() {
        let symbol = frame.symbol.as_ref().map(|symbol| format!(" {symbol}")).unwrap_or_default();
        let object = frame.offset.as_ref().map(|offset| format!(" ({module}+{offset})")).unwrap_or_default();
        let _ = writeln!(text, "{indent}at {}{symbol}{object}", frame.address);
        return;
    }
    for (index, place) in located.places.iter().enumerate() {
        let function = place.function.as_deref().map_or_else(|| "?".to_owned(), |function| name_of(function, place));
        let inlined = if index + 1 < located.places.len() { " (inlined)" } else { "" };
        let at = match (&place.file, place.line) {
            (Some(file), Some(line)) => format!("({}:{line})", shown(file)),
            (Some(file), None) => format!("({})", shown(file)),
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
    use crate::session::Told;

    const RECORD: &str = r#"{"schema":"mapsan/1","kind":"finding","time":"2026-01-01T00:00:00.000000Z","pid":7,"tid":7,"exe":"/bin/x","rule":"munmap-zero-length","severity":"error","call":{"function":"munmap","args":["0x1000","0"],"result":"-1","errno":"EINVAL"},"message":"munmap length is 0","notes":["a fact"],"help":["do this"],"stack":[{"address":"0x5000","module":"/no/such/file","offset":"0x10","build_id":null,"symbol":"f+0x2"}],"related":[{"label":"mapped here","stack":[{"address":"0x6000","module":null,"offset":null,"build_id":null}]}],"repeated":0}"#;

    fn told(dress: Dress) -> String {
        let mut session = Session::default();
        session.main = Some(1);
        let Ok(Told::Finding(found)) = session.take(RECORD) else { panic!("it is a finding") };
        Text::new(dress).finding(&found, &mut session)
    }

    #[test]
    fn a_finding_without_symbols_is_shown_as_the_library_would() {
        let expected = "mapsan: error[munmap-zero-length]: munmap length is 0\n    \
                        munmap(0x1000, 0) = -1 (EINVAL)\n    in process 7 (/bin/x)\n    \
                        at 0x5000 f+0x2 (/no/such/file+0x10)\n    mapped here:\n        at 0x6000\n    \
                        note: a fact\n    help: do this\n    \
                        note: /no/such/file has no lines for this; compile it with debug information (cc -g)\n    \
                        suppression: munmap-zero-length:f\n";
        assert_eq!(told(Dress { colour: false, suppressions: true }), expected);
        let coloured = told(Dress { colour: true, suppressions: false });
        assert!(
            coloured.starts_with("mapsan: \u{1b}[1m\u{1b}[31merror[munmap-zero-length]\u{1b}[0m: "),
            "{coloured:?}"
        );
    }
}
