//! What a sweep finds, as findings.

use crate::findings::records::{Finding, Frame, Injected, Kind, Point, Record, Related, RelatedCall};
use crate::findings::symbols::{SourceLocation, Symbols};
use crate::run::leftovers;
use crate::sweep::judge::{Judged, Outcome};
use crate::sweep::plain::Plain;
use crate::sweep::plan::Reached;
use crate::sweep::planned::{Planned, When};
use crate::sweep::pool::Made;
use crate::system::deaths::{Death, How};
use crate::system::signal;
use crate::system::unwind::Place;
use crate::system::watch::Waiting;
use mapsan_model::{Counted, Rule, Severity};
use std::path::Path;

/// The most notes of other rules, and the most threads that wait.
const OTHERS: usize = 4;
const WAITING: usize = 6;

/// What all findings of a sweep need.
pub(crate) struct Teller {
    pub(crate) plain: Plain,
    /// The program's process in the first plain run.
    pub(crate) main: u32,
    /// The program and its arguments, as a shell takes them, and its input.
    pub(crate) command: String,
    /// All places that were reached.
    pub(crate) points: Vec<Reached>,
}

/// One finding on its way.
struct Told {
    rule: Rule,
    severity: Severity,
    message: String,
    notes: Vec<String>,
    help: Option<String>,
    related: Vec<Related>,
}

impl Teller {
    /// The findings of a run.
    pub(crate) fn findings(
        &self,
        planned: &Planned,
        made: &Made,
        judged: &Judged<'_>,
        symbols: &mut Symbols,
    ) -> Vec<Record> {
        let (Some(first), Some(last)) = (judged.injected.first(), judged.injected.last()) else { return Vec::new() };
        // Of many that failed the last one before the end is the one to look at.
        let (shown, at) = if planned.when == When::FromThen { *last } else { *first };
        let replay = self.replay(planned, symbols);
        let pid = if shown.pid == made.report.pid { self.main } else { shown.pid };
        let mut findings = Vec::new();
        for told in self.told(planned, made, judged, at) {
            let mut related = told.related;
            if !std::ptr::eq(first.1, at) && first.1.stack != at.stack {
                let call = Some(RelatedCall { function: first.1.call.function.clone() });
                related.insert(0, Related::new("the first call that failed", call, first.1.stack.clone()));
            }
            let finding = Finding {
                rule: told.rule.name().to_owned(),
                severity: told.severity.name().to_owned(),
                call: at.call.clone(),
                message: told.message,
                notes: told.notes.into_iter().chain(notes_of(judged, told.rule)).collect(),
                help: told.help.into_iter().collect(),
                stack: at.stack.clone(),
                related,
                replay: Some(replay.clone()),
                ..Finding::default()
            };
            findings.push(Record::now(pid, &shown.exe, Kind::Finding(Box::new(finding))));
        }
        let locks =
            judged.locks.iter().filter(|_| ![Outcome::Died, Outcome::Used, Outcome::Hang].contains(&judged.outcome));
        findings.extend(locks.map(|(shown, lock)| with_failed_call(shown, lock, at, &replay)));
        findings
    }

    fn told(&self, planned: &Planned, made: &Made, judged: &Judged<'_>, at: &Injected) -> Vec<Told> {
        let when = when(planned, at);
        match judged.outcome {
            Outcome::Died => judged.death.map(|death| died(planned, made, judged, death, &when)).into_iter().collect(),
            Outcome::Used => judged.used.map(|point| used(point, at, &when)).into_iter().collect(),
            Outcome::Hang => vec![self.hang(made, &when)],
            _ => {
                let silent = judged.silent.as_ref().map(|difference| silent(difference, &when));
                silent.into_iter().chain(leaked(&judged.leaks, &when)).collect()
            }
        }
    }

    fn hang(&self, made: &Made, when: &str) -> Told {
        let Made { report, .. } = made;
        let waiting = &report.seen.waiting;
        let mut notes = vec![format!(
            "it was ended after {:.1} s; plainly it takes {:.1} s",
            report.seconds,
            self.plain.time.as_secs_f64()
        )];
        if waiting.len() > WAITING {
            notes.push(format!("{} are not shown", Counted((waiting.len() - WAITING) as u64, "more thread")));
        }
        let related = waiting.iter().take(WAITING).map(|waiting| waits(waiting, report.pid)).collect();
        Told {
            rule: Rule::SweepHang,
            severity: Severity::Warning,
            message: format!("the program does not end in time {when}"),
            notes,
            help: Some("let go of all who wait for what is not done now: post, unlock, remove, or end them".to_owned()),
            related,
        }
    }

    /// The command that shows it again.
    fn replay(&self, planned: &Planned, symbols: &mut Symbols) -> String {
        let Point { call, site, stack_hash: hash, .. } = &*planned.point;
        let place = planned.point.stack.first().and_then(|frame| line_of(frame, symbols));
        let same_call =
            || self.points.iter().map(|reached| &reached.point).filter(|point| point.call.function == call.function);
        // Of several calls in a line, and of several stacks of one, one is meant.
        let is_alone = |place: &String| {
            let mut others = same_call().filter(|point| point.site != *site);
            !others.any(|point| point.stack.first().and_then(|frame| line_of(frame, symbols)).as_ref() == Some(place))
        };
        let place = place.filter(is_alone).unwrap_or_else(|| site.clone());
        let stacks = same_call().filter(|point| point.site == *site).count();
        let stack = if stacks > 1 { format!("#{hash}") } else { String::new() };
        let order = format!("{}@{place}{stack}:{}:{}", call.function, planned.what, planned.when);
        format!("mapsan run --inject {} -- {}", quoted(&order), self.command)
    }
}

fn died(planned: &Planned, made: &Made, judged: &Judged<'_>, death: &Death, when: &str) -> Told {
    let name = signal::name(death.signal);
    let who = who(death.pid, &death.exe, made.report.pid, &planned.exe);
    let of_fault = made.records.iter().filter(|record| record.pid == death.pid).find_map(|record| match &record.kind {
        Kind::Finding(finding) if finding.call.is_signal() => Some(finding),
        _ => None,
    });
    let stack = of_fault.map_or_else(|| frames(&death.stack), |finding| finding.stack.clone());
    let related = vec![Related::new("died here", None, stack)];
    let mut notes = Vec::new();
    match &death.how {
        How::Signal => {}
        How::Handler(status) => {
            let how = match status & 0x7f {
                0 => format!("an exit with status {}", status >> 8 & 0xff),
                signal => format!("an end by {}", signal::name(signal)),
            };
            notes.push(format!("a handler of the program made {how} of it"));
        }
        How::Libc(message) => notes.push(format!("libc has ended it: {message}")),
    }
    if planned.is_of_memory() {
        notes.push(format!("no handler of {name} was there; {}", meaning(&planned.what)));
        return Told {
            rule: Rule::SweepFault,
            severity: Severity::Note,
            message: format!("{who} dies of {name} {when}"),
            notes,
            help: Some(help_for_memory(&planned.what).to_owned()),
            related,
        };
    }
    let is_of_result = of_fault.is_some_and(|finding| {
        [Rule::FaultMapFailed, Rule::FaultSemFailed].iter().any(|rule| rule.name() == finding.rule)
    }) || judged.used.is_some();
    let function = &planned.point.call.function;
    let help = if is_of_result {
        compare(function)
    } else {
        format!("where {function} has failed, do not go on to what needs it: return an error, or take another way")
    };
    Told {
        rule: Rule::SweepUncheckedReturn,
        severity: Severity::Error,
        message: format!("{who} dies of {name} {when}"),
        notes,
        help: Some(help),
        related,
    }
}

/// `file.c:15`, if it can stand in an order.
fn line_of(frame: &Frame, symbols: &mut Symbols) -> Option<String> {
    let SourceLocation { file, line, .. } = symbols.places(frame, "").into_iter().next()?;
    let file = file?.file_name()?.to_str()?.to_owned();
    let is_plain = file.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte));
    is_plain.then(|| Some(format!("{file}:{}", line?))).flatten()
}

/// A word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    // It starts a comment only at the beginning of a word.
    if word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_@%+=:,./-#".contains(&byte))
        && !word.is_empty()
        && !word.starts_with('#')
    {
        return word.to_owned();
    }
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), std::borrow::Cow::into_owned)
}

/// What was made to fail, as the end of a sentence.
fn when(planned: &Planned, at: &Injected) -> String {
    let function = &at.call.function;
    match (planned.when, planned.what.as_str()) {
        (_, "sigbus") => format!("when the memory that this {function} gives is not available"),
        (_, "truncate") => format!("when the file that this {function} maps is cut"),
        (When::FromThen, errno) => format!("when this {function} fails with {errno}, as all do from the first one on"),
        (When::Nth(1), errno) => format!("when this {function} fails with {errno}"),
        (When::Nth(number), errno) => format!("when call {number} of this {function} fails with {errno}"),
    }
}

/// What happens in the world that memory fails so.
fn meaning(what: &str) -> &'static str {
    match what {
        "truncate" => "it is so where another process cuts the file",
        _ => "it is so where the disk or /dev/shm is full, or the pool of huge pages is empty",
    }
}

fn help_for_memory(what: &str) -> &'static str {
    match what {
        "truncate" => {
            "if others can write to the file, read it with read(2), seal a memfd against shrinking, or handle SIGBUS"
        }
        _ => {
            "if it may be full, allocate the blocks of a file first (posix_fallocate), touch huge pages before the work \
             depends on them, or handle SIGBUS"
        }
    }
}

/// What to compare a result with.
fn compare(function: &str) -> String {
    let failed = match function {
        "mmap" | "mremap" => "MAP_FAILED",
        "shmat" | "sbrk" => "(void *) -1",
        "sem_open" => "SEM_FAILED",
        _ => "-1",
    };
    format!(
        "compare the result of {function} with {failed} right after the call, and on every way that leads on from there"
    )
}

fn used(point: &Point, at: &Injected, when: &str) -> Told {
    let argument = point.failed_result.as_deref().unwrap_or_default();
    let function = &point.call.function;
    Told {
        rule: Rule::SweepUncheckedReturn,
        severity: Severity::Error,
        message: format!("the result of this {} is given to {function} {when}", at.call.function),
        notes: vec![format!("{} has it as {argument}", point.call)],
        help: Some(compare(&at.call.function)),
        related: vec![Related::new("used here", Some(RelatedCall { function: function.clone() }), point.stack.clone())],
    }
}

fn silent(difference: &str, when: &str) -> Told {
    let help = "say on standard error what could not be done, or end with another status; where the other output is right, \
                too, --check COMMAND says so";
    Told {
        rule: Rule::SweepSilent,
        severity: Severity::Warning,
        message: format!("the program ends with status 0 and other output {when}, and says nothing on standard error"),
        notes: vec![difference.to_owned()],
        help: Some(help.to_owned()),
        related: Vec::new(),
    }
}

/// How many of those that are left are named.
const NAMED: usize = 8;

/// All that is left in one finding: it is one call whose failure has left it.
fn leaked(leaks: &[&Finding], when: &str) -> Option<Told> {
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for kind in leaks.iter().map(|leak| kind_of(leak)) {
        match kinds.iter_mut().find(|(other, _)| *other == kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((kind, 1)),
        }
    }
    let named: Vec<String> = kinds.iter().map(|(kind, count)| counted(kind, *count)).collect();
    let (last, before) = named.split_last()?;
    let what = if before.is_empty() { last.clone() } else { format!("{} and {last}", before.join(", ")) };
    let outlives = if leaks.len() == 1 { "outlives" } else { "outlive" };
    let it = if leaks.len() == 1 { "it" } else { "them" };
    // Who is killed has no way out.
    let killed = |leak: &&&Finding| leak.notes.iter().any(|note| note.contains(leftovers::NO_EXIT));
    let help = match leaks.iter().filter(killed).count() {
        0 => format!("remove {it} on the way out that is taken then, too"),
        _ => {
            format!("end by exit(3), in an order that removes {it}, or look for {it} at the next start and remove {it}")
        }
    };
    let reason = leaks.iter().flat_map(|leak| &leak.notes).find(|note| note.contains(leftovers::NO_EXIT));
    let more = leaks.len().checked_sub(NAMED).filter(|more| *more > 0).map(|more| format!("and {more} more"));
    let each = || leaks.iter().take(NAMED);
    let made = |leak: &&Finding| {
        let function = leak.call.function.clone();
        Related::new("made here", Some(RelatedCall { function }), leak.stack.clone())
    };
    Some(Told {
        rule: Rule::SweepLeak,
        severity: Severity::Note,
        message: format!("{what} {outlives} the run {when}"),
        notes: each().map(|leak| leak.message.clone()).chain(more).chain(reason.cloned()).collect(),
        help: Some(help),
        related: each().map(made).collect(),
    })
}

/// What was left.
fn kind_of(leak: &Finding) -> &'static str {
    match (leak.rule.as_str(), leak.call.function.as_str()) {
        ("leak-segment", _) => "segment",
        ("leak-semaphore", _) => "semaphore set",
        ("leak-queue", _) => "message queue",
        (_, "sem_open") => "named semaphore",
        _ => "shared memory object",
    }
}

fn counted(kind: &str, count: usize) -> String {
    if count == 1 { format!("a {kind}") } else { format!("{count} {kind}s") }
}

/// What other rules have to say of the run.
fn notes_of(judged: &Judged<'_>, rule: Rule) -> Vec<String> {
    if rule == Rule::SweepLeak {
        return Vec::new();
    }
    let others = judged.others.iter().filter(|other| !other.rule.starts_with("leak-")).take(OTHERS);
    others.map(|other| format!("{}: {}", other.rule, other.message)).collect()
}

/// A lock that is left, with the call for whose failure it is.
fn with_failed_call(shown: &Record, lock: &Finding, at: &Injected, replay: &str) -> Record {
    let mut finding = lock.clone();
    let call = Some(RelatedCall { function: at.call.function.clone() });
    finding.related.push(Related::new("failed call", call, at.stack.clone()));
    finding.replay = Some(replay.to_owned());
    Record::now(shown.pid, &shown.exe, Kind::Finding(Box::new(finding)))
}

/// A process in words.
fn who(pid: u32, exe: &str, main: u32, reached_by: &str) -> String {
    let name = Path::new(exe).file_name().unwrap_or_default().to_string_lossy().into_owned();
    if pid == main {
        "the program".to_owned()
    } else if exe == reached_by {
        format!("a process of {name}")
    } else {
        format!("{name}, which the program has started,")
    }
}

fn waits(waiting: &Waiting, main: u32) -> Related {
    let name = Path::new(&waiting.exe).file_name().unwrap_or_default().to_string_lossy();
    let who = match (waiting.pid == main, waiting.thread == waiting.pid) {
        (true, true) => "the program".to_owned(),
        (true, false) => "another thread".to_owned(),
        (false, true) => format!("another process ({name})"),
        (false, false) => format!("a thread of another process ({name})"),
    };
    let how = if waiting.runs { "runs" } else { "waits" };
    Related::new(format!("{who} {how} here"), None, frames(&waiting.stack))
}

/// Places as records have them.
fn frames(places: &[Place]) -> Vec<Frame> {
    let frame = |place: &Place| Frame {
        address: format!("{:#x}", place.address),
        module: place.module.as_ref().map(|(module, _)| module.clone()),
        offset: place.module.as_ref().map(|(_, offset)| format!("{offset:#x}")),
        build_id: None,
        symbol: None,
    };
    places.iter().map(frame).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_change_them() {
        assert_eq!(quoted("mmap@prog.c:15#0123abcd:ENOMEM:1++"), "mmap@prog.c:15#0123abcd:ENOMEM:1++");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn all_that_is_left_is_named() {
        let leak =
            |rule: &str| Finding { rule: rule.to_owned(), message: format!("{rule} stays"), ..Finding::default() };
        let [segment, queue] = ["leak-segment", "leak-queue"].map(leak);
        let told = leaked(&[&segment, &queue, &segment], "when it fails").unwrap();
        assert_eq!(told.message, "2 segments and a message queue outlive the run when it fails");
        assert_eq!(told.help.unwrap(), "remove them on the way out that is taken then, too");
        assert_eq!((told.notes.len(), told.related.len()), (3, 3));
        assert_eq!(leaked(&[&queue], "now").unwrap().message, "a message queue outlives the run now");
        assert!(leaked(&[], "now").is_none());
    }
}
