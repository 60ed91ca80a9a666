//! Logs in the library's text form, read back into records, so that their addresses become lines.
//!
//! What the program has written in between is left alone. No line says where a block ends: the next one that is not indented
//! does.

use crate::findings::records::{Call, End, Finding, Frame, Kind, Record, Related};
use crate::findings::session::{HowEnded, Unended};
use mapsan_model::call_line::SIGNALS;
use mapsan_model::record::SCHEMA_NAME;
use mapsan_model::summary::{OPENING, REPEATED};
use mapsan_model::{Rule, Severity};
use std::collections::BTreeMap;

/// What a line of a log may start with besides, by `log_prefix`: the time and the process.
#[derive(Clone, Debug, Default)]
struct Prefix {
    time: Option<String>,
    pid: u32,
}

/// A log that is being read.
pub(crate) struct TextLog {
    /// When it was written, as far as its lines don't say.
    time: String,
    block: Option<(Prefix, Finding)>,
    /// Programs of processes that have made findings, or said that they begin, with no summary since; of all that lines don't
    /// tell apart it is one.
    open: BTreeMap<u32, String>,
}

impl TextLog {
    /// One that was last written at this time.
    pub(crate) fn new(time: String) -> TextLog {
        TextLog { time, block: None, open: BTreeMap::new() }
    }

    /// Takes a line: whether it is one of a log, and the record that is complete with it.
    pub(crate) fn take(&mut self, line: &str) -> (bool, Option<Record>) {
        let line = without_colour(line);
        let (prefix, rest) = split_prefix(&line);
        if let Some((_, finding)) = &mut self.block
            && let Some(part) = rest.strip_prefix("    ")
        {
            take_part(finding, part);
            return (true, None);
        }
        // What the program has written before it may have no end of line.
        let own = line.rfind("mapsan: ").map(|start| &line[start + "mapsan: ".len()..]);
        if let Some(finding) = own.and_then(headline) {
            let before = self.end();
            self.block = Some((prefix, finding));
            return (true, before);
        }
        let before = self.end();
        if own.is_some_and(|own| own.starts_with(OPENING)) {
            self.open.remove(&prefix.pid);
        } else if let Some(program) = own.and_then(begun) {
            self.open.insert(prefix.pid, program.to_owned());
        }
        match own.and_then(repeated) {
            Some(repeated) if before.is_none() => {
                (true, Some(self.record(&prefix, Kind::End(End { repeated, ..End::default() }), String::new())))
            }
            _ => (own.is_some(), before),
        }
    }

    /// The log ends: the record that is complete with that.
    pub(crate) fn end(&mut self) -> Option<Record> {
        let (prefix, finding) = self.block.take()?;
        let exe = finding.stack.iter().find_map(|frame| frame.module.clone()).unwrap_or_default();
        if finding.call.is_signal() {
            self.open.remove(&prefix.pid);
        } else {
            self.open.insert(prefix.pid, exe.clone());
        }
        Some(self.record(&prefix, Kind::Finding(Box::new(finding)), exe))
    }

    /// The processes of which there is something, and no summary since: what closes the log of every such process.
    pub(crate) fn unended(&self) -> impl Iterator<Item = Unended> {
        self.open.iter().map(|(pid, exe)| Unended { pid: *pid, exe: exe.clone(), how: HowEnded::Untold })
    }

    fn record(&self, prefix: &Prefix, kind: Kind, exe: String) -> Record {
        Record {
            schema: SCHEMA_NAME.to_owned(),
            time: prefix.time.clone().unwrap_or_else(|| self.time.clone()),
            pid: prefix.pid,
            sender: 0,
            tid: prefix.pid,
            exe,
            kind,
        }
    }
}

/// A line without the sequences that colour it.
fn without_colour(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut text = parts.next().unwrap_or_default().to_owned();
    parts.for_each(|part| text.push_str(part.split_once('m').map_or("", |(_, rest)| rest)));
    text
}

/// A line without what `log_prefix` put in front of it: `2026-01-01T00:00:00.000000Z [7] `.
fn split_prefix(line: &str) -> (Prefix, &str) {
    let (time, rest) = match line.split_once(' ') {
        Some((time, rest)) if time.len() == 27 && time.ends_with('Z') => (Some(time.to_owned()), rest),
        _ => (None, line),
    };
    let pid = rest.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    match pid.and_then(|(pid, rest)| Some((pid.parse().ok()?, rest))) {
        Some((pid, rest)) => (Prefix { time, pid }, rest),
        None => (Prefix::default(), line),
    }
}

/// `SEVERITY[RULE]: MESSAGE`.
fn headline(text: &str) -> Option<Finding> {
    let (severity, rest) = text.split_once('[')?;
    let (rule, message) = rest.split_once("]: ")?;
    Severity::from_name(severity)?;
    let function = Rule::from_name(rule).map_or("?", |rule| rule.info().call);
    Some(Finding {
        rule: rule.to_owned(),
        severity: severity.to_owned(),
        call: Call { function: function.to_owned(), args: Vec::new(), result: String::new(), errno: None },
        message: message.to_owned(),
        notes: Vec::new(),
        help: Vec::new(),
        stack: Vec::new(),
        related: Vec::new(),
        ..Finding::default()
    })
}

/// The program of a process that begins, by the line of `verbosity=1`: `version 1.0, checking 'prog', pid 7`.
fn begun(text: &str) -> Option<&str> {
    let (_, rest) = text.strip_prefix("version ")?.split_once(", checking '")?;
    rest.rsplit_once("', pid ").map(|(program, _)| program)
}

/// How many findings were not shown, by the summary.
fn repeated(text: &str) -> Option<u64> {
    let (_, rest) = text.strip_prefix(OPENING)?.split_once("; ")?;
    rest.split_once(REPEATED).and_then(|(count, _)| count.parse().ok())
}

/// Takes a line of a block, without its indentation.
fn take_part(finding: &mut Finding, part: &str) {
    if let Some(note) = part.strip_prefix("note: ") {
        finding.notes.push(note.to_owned());
    } else if let Some(replay) = part.strip_prefix("replay: ") {
        finding.replay = Some(replay.to_owned());
    } else if let Some(help) = part.strip_prefix("help: ") {
        finding.help.push(help.to_owned());
    } else if let Some(frame) = part.strip_prefix("at ") {
        finding.stack.push(frame_of(frame));
    } else if let Some(frame) = part.strip_prefix("    at ") {
        if let Some(related) = finding.related.last_mut() {
            related.stack.push(frame_of(frame));
        }
    } else if finding.stack.is_empty() && finding.related.is_empty() && finding.call.result.is_empty() {
        if let Some(call) = call_of(part) {
            finding.call = call;
        }
    } else if let Some(label) = part.strip_suffix(':').filter(|label| !label.starts_with(' ')) {
        let label = label.to_owned();
        finding.related.push(Related::new(label, None, Vec::new()));
    }
}

/// `0x1 symbol+0x2 (/module+0x3)`, of which the last two may be missing.
fn frame_of(text: &str) -> Frame {
    let (address, rest) = text.split_once(' ').unwrap_or((text, ""));
    let object = rest.find('(').and_then(|start| {
        let (module, offset) = rest.get(start + 1..)?.strip_suffix(')')?.rsplit_once('+')?;
        offset.starts_with("0x").then(|| (start, module.to_owned(), offset.to_owned()))
    });
    let symbol = object.as_ref().map_or(rest, |(start, ..)| &rest[..*start]).trim();
    Frame {
        address: address.to_owned(),
        symbol: (!symbol.is_empty()).then(|| symbol.to_owned()),
        module: object.as_ref().map(|(_, module, _)| module.clone()),
        offset: object.map(|(.., offset)| offset),
        build_id: None,
    }
}

/// `function(arguments) = result (ERRNO)`, or `--- SIGNAL {fields} ---`.
fn call_of(text: &str) -> Option<Call> {
    let arguments = |text: &str| if text.is_empty() { Vec::new() } else { vec![text.to_owned()] };
    if let Some(signal) = text.strip_prefix("--- ").and_then(|text| text.strip_suffix("} ---")) {
        let (function, fields) = signal.split_once(" {")?;
        let is_known = SIGNALS.contains(&function);
        let call =
            Call { function: function.to_owned(), args: arguments(fields), result: "access".to_owned(), errno: None };
        return is_known.then_some(call);
    }
    let (call, result) = text.rsplit_once(") = ")?;
    let (function, args) = call.split_once('(')?;
    let (result, errno) = match result.strip_suffix(')').and_then(|result| result.rsplit_once(" (")) {
        Some((value, errno)) if errno.starts_with('E') => (value, Some(errno.to_owned())),
        _ => (result, None),
    };
    Some(Call { function: function.to_owned(), args: arguments(args), result: result.to_owned(), errno })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "hello\nbye2026-01-01T00:00:00.000000Z [7] mapsan: \u{1b}[1;31merror[munmap-bad-range]\u{1b}[0m: m\n\
        2026-01-01T00:00:00.000000Z [7]     munmap(0x1000, 5) = -1 (EINVAL)\n\
        2026-01-01T00:00:00.000000Z [7]     at 0x55 main+0x2d (/a (b)/prog+0x1149)\n\
        2026-01-01T00:00:00.000000Z [7]     mapped here:\n2026-01-01T00:00:00.000000Z [7]         at 0x56\n\
        2026-01-01T00:00:00.000000Z [7]     note: a fact: one\n2026-01-01T00:00:00.000000Z [7]     help: do this\n\
        2026-01-01T00:00:00.000000Z [7] mapsan: summary: 1 error, 0 warnings, 0 notes; 3 more of the same not shown\n";

    #[test]
    fn a_block_becomes_a_record() {
        let mut log = TextLog::new("then".to_owned());
        let taken: Vec<(bool, Option<Record>)> = LOG.lines().map(|line| log.take(line)).collect();
        assert!(!taken[0].0 && taken[1..].iter().all(|(is_of_log, _)| *is_of_log));
        let record = taken.into_iter().find_map(|(_, record)| record).unwrap();
        assert_eq!((record.pid, record.exe.as_str()), (0, "/a (b)/prog"));
        let Kind::Finding(finding) = record.kind else { panic!("it is a finding") };
        assert_eq!((finding.severity.as_str(), finding.rule.as_str()), ("error", "munmap-bad-range"));
        assert_eq!(finding.call.to_string(), "munmap(0x1000, 5) = -1 (EINVAL)");
        assert_eq!((finding.notes, finding.help), (vec!["a fact: one".to_owned()], vec!["do this".to_owned()]));
        assert_eq!(finding.stack[0].symbol.as_deref(), Some("main+0x2d"));
        assert_eq!(finding.stack[0].offset.as_deref(), Some("0x1149"));
        assert_eq!(finding.related[0].stack[0].address, "0x56");
    }

    #[test]
    fn a_signal_is_read() {
        let call = call_of("--- SIGBUS {si_signo=SIGBUS, si_addr=0x1} ---").unwrap();
        assert!(call.is_signal() && call.to_string() == "--- SIGBUS {si_signo=SIGBUS, si_addr=0x1} ---");
        assert!(call_of("nonsense").is_none());
    }

    #[test]
    fn who_has_made_findings_and_no_summary_has_not_told_its_end() {
        let prefix = |pid| format!("2026-01-01T00:00:00.000000Z [{pid}] ");
        let finding = |pid, call| format!("{0}mapsan: error[munmap-bad-range]: m\n{0}    {call}\n", prefix(pid));
        let (call, fault) = ("munmap(0x1000, 5) = -1 (EINVAL)", "--- SIGBUS {si_signo=SIGBUS, si_addr=0x1} ---");
        let summary = |pid| format!("{}mapsan: summary: 1 error, 0 warnings, 0 notes\n", prefix(pid));
        let unended = |text: String| -> Vec<u32> {
            let mut log = TextLog::new(String::new());
            for line in text.lines() {
                log.take(line);
            }
            log.end();
            log.unended().map(|unended| unended.pid).collect()
        };
        assert_eq!(unended(finding(3, call) + &finding(4, call) + &summary(3)), [4]);
        assert!(unended(finding(3, call) + &finding(3, fault) + &finding(4, call) + &summary(4)).is_empty());
        assert!(unended("hello\n".to_owned()).is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "(mapsan: |error\\[|\\]: |    |at 0x|\\PC|\\(|\\)|\\+0x|:|= |\\x1b\\[|\n){0,60}") {
            let mut log = TextLog::new(String::new());
            for line in text.lines() {
                log.take(line);
            }
            log.end();
        }
    }
}
