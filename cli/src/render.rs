//! Findings in words, with functions and source lines.

use crate::records::{Finding, Frame, Record};
use crate::source;
use crate::symbols::{Place, Symbols};
use anstyle::{AnsiColor, Style};
use std::fmt::Write;

/// What is written, and how.
pub(crate) struct Renderer {
    pub(crate) colour: bool,
    pub(crate) symbols: Symbols,
}

impl Renderer {
    /// The calls of all frames, innermost first, for suppressions.
    pub(crate) fn places(&mut self, finding: &Finding) -> Vec<Place> {
        finding.stack.iter().flat_map(|frame| self.symbols.places(frame)).collect()
    }

    /// One finding as a block; `other` names its process when that is not the program itself.
    pub(crate) fn finding(&mut self, record: &Record, finding: &Finding, other: bool) -> String {
        let mut text = String::new();
        let Finding { rule, severity, message, call, .. } = finding;
        let style = if self.colour { style_of(severity) } else { Style::new() };
        let _ = writeln!(text, "mapsan: {style}{severity}[{rule}]{style:#}: {message}");
        let _ = writeln!(text, "    {call}");
        if other {
            let _ = writeln!(text, "    in process {} ({})", record.pid, record.exe);
        }
        for frame in &finding.stack {
            self.frame(frame, "    ", &mut text);
        }
        self.snippet(finding, &mut text);
        for place in &finding.related {
            let _ = writeln!(text, "    {}:", place.label);
            for frame in &place.stack {
                self.frame(frame, "        ", &mut text);
            }
        }
        for note in &finding.notes {
            let _ = writeln!(text, "    note: {note}");
        }
        for help in &finding.help {
            let _ = writeln!(text, "    help: {help}");
        }
        for module in self.symbols.take_changed() {
            let _ = writeln!(
                text,
                "    note: {module} has been built anew since it was loaded, so no lines are shown for it"
            );
        }
        text
    }

    fn frame(&mut self, frame: &Frame, indent: &str, text: &mut String) {
        let places = self.symbols.places(frame);
        let module = frame.module.as_deref().unwrap_or_default();
        if places.is_empty() {
            let symbol = frame.symbol.as_ref().map(|symbol| format!(" {symbol}")).unwrap_or_default();
            let object = frame.offset.as_ref().map(|offset| format!(" ({module}+{offset})")).unwrap_or_default();
            let _ = writeln!(text, "{indent}at {}{symbol}{object}", frame.address);
            return;
        }
        for (index, place) in places.iter().enumerate() {
            let function = place.function.as_deref().unwrap_or("?");
            let inlined = if index + 1 < places.len() { " (inlined)" } else { "" };
            let at = match (&place.file, place.line) {
                (Some(file), Some(line)) => format!("({}:{line})", file.display()),
                (Some(file), None) => format!("({})", file.display()),
                _ => format!("({module}+{})", frame.offset.as_deref().unwrap_or_default()),
            };
            let _ = writeln!(text, "{indent}at {} {function} {at}{inlined}", frame.address);
        }
    }

    /// The source of the innermost call whose file is there.
    fn snippet(&mut self, finding: &Finding, text: &mut String) {
        let call = &finding.call;
        let label = match &call.errno {
            Some(errno) => errno,
            None if call.is_signal() => &format!("this {}", call.result),
            None => "this call",
        };
        let colour = self.colour;
        let symbols = &mut self.symbols;
        let shown = finding.stack.iter().find_map(|frame| {
            symbols.places(frame).iter().find_map(|place| source::snippet(place, &finding.call.function, label, colour))
        });
        for line in shown.iter().flat_map(|shown| shown.lines()) {
            let _ = writeln!(text, "    {line}");
        }
    }
}

/// Bold, in the colours that compilers use.
fn style_of(severity: &str) -> Style {
    let colour = match severity {
        "error" => AnsiColor::Red,
        "warning" => AnsiColor::Magenta,
        _ => AnsiColor::Cyan,
    };
    Style::new().bold().fg_color(Some(colour.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::Kind;

    #[test]
    fn a_finding_without_symbols_is_shown_as_the_library_would() {
        let record: Record = serde_json::from_str(
            r#"{"schema":"mapsan/1","kind":"finding","time":"2026-01-01T00:00:00.000000Z","pid":7,"tid":7,"exe":"/bin/x",
            "rule":"munmap-zero-length","severity":"error",
            "call":{"function":"munmap","args":["0x1000","0"],"result":"-1","errno":"EINVAL"},
            "message":"munmap length is 0","notes":["a fact"],"help":["do this"],
            "stack":[{"address":"0x5000","module":"/no/such/file","offset":"0x10","build_id":null,"symbol":"f+0x2"}],
            "related":[{"label":"mapped here","stack":[{"address":"0x6000","module":null,"offset":null,"build_id":null}]}],
            "repeated":0}"#,
        )
        .unwrap();
        let Kind::Finding(finding) = &record.kind else { panic!("it is a finding") };
        let mut renderer = Renderer { colour: false, symbols: Symbols::default() };
        let expected = "mapsan: error[munmap-zero-length]: munmap length is 0\n    \
            munmap(0x1000, 0) = -1 (EINVAL)\n    in process 7 (/bin/x)\n    \
            at 0x5000 f+0x2 (/no/such/file+0x10)\n    mapped here:\n        at 0x6000\n    \
            note: a fact\n    help: do this\n";
        assert_eq!(renderer.finding(&record, finding, true), expected);
        renderer.colour = true;
        let coloured = renderer.finding(&record, finding, false);
        assert!(
            coloured.starts_with("mapsan: \u{1b}[1m\u{1b}[31merror[munmap-zero-length]\u{1b}[0m: "),
            "{coloured:?}"
        );
    }
}
