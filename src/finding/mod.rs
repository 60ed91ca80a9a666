//! Telling: a finding, seen before? suppressed? then put into words, given a form, and written.
//!
//! A check hands over a rule and, as a closure, what there is to say about it. The closure runs only for a finding
//! that is new, on the report's own stack, with signals blocked: gathering its facts may be slow, may need room, and
//! never disturbs the program.

mod anew;
mod details;
mod execution;
mod fault_report;
mod injection;
mod last;
mod once;
mod records;
pub(crate) mod suppress;

pub(crate) use anew::begin_anew;
pub(crate) use details::Details;
pub(crate) use execution::{Execution, expect_programs, write_execution};
pub(crate) use fault_report::FaultReport;
pub(crate) use injection::{trace, write_injected, write_reached};
pub(crate) use last::{ADDRESS as LAST_ADDRESS, last, listen};
pub(crate) use records::{are_recorded, write_ipc_object, write_lock, write_object, write_segment, write_segment_use};

use crate::call::{Call, Fault, Outcome};
use crate::facts::environment;
use crate::facts::mapping;
use crate::facts::started;
use crate::facts::threads::{self, Thread};
use crate::form::{Draft, Finding, Frames, OUTPUT, Subject, Trace, json, text};
use crate::options::{self, Form, Mode};
use crate::output::{Refusal, ReportLock, enter, on_own_stack, sink};
use crate::plain::callback::Work;
use crate::plain::errno::{self, Errno};
use crate::plain::escape::Escaped;
use crate::plain::guarded::Guarded;
use crate::plain::placement::written_by_fork;
use crate::plain::{Line, Outer};
use crate::sys::process;
use core::ffi::c_long;
use core::mem::offset_of;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use mapsan_model::{Rule, Severity, Summary, layout};
use once::Seen;

/// The workplace of the report lock's holder.
struct Scratch {
    draft: Draft,
    out: Line<OUTPUT>,
}

static SCRATCH: Guarded<Scratch, ReportLock> = Guarded::new(Scratch { draft: Draft::new(), out: Line::new() });

#[expect(clippy::mut_from_ref, reason = "the report lock is the proof that nobody else holds the reference")]
fn scratch(proof: &ReportLock) -> &mut Scratch {
    // SAFETY: no finding or record is made inside another, and each lets go of it before it ends.
    unsafe { SCRATCH.get(proof) }
}

/// What this process has told.
struct Told {
    /// The findings, by severity.
    found: [AtomicU64; 3],
    repeated: AtomicU64,
    /// Whether it has written its start record.
    started: AtomicBool,
    /// Whether the programs that it starts are to have the library, too.
    expects: AtomicBool,
}

written_by_fork! {
    TOLD: Told = Told {
        found: [const { AtomicU64::new(0) }; 3],
        repeated: AtomicU64::new(0),
        started: AtomicBool::new(false),
        expects: AtomicBool::new(false),
    };
}

/// Where the counts are, and where what lies in them and in the last finding, for who reads them from outside.
pub(crate) const COUNTS_ADDRESS: *const () = (&raw const TOLD).cast();
pub(crate) const LAYOUT: layout::Findings = last::layout(offset_of!(Told, found), offset_of!(Told, repeated));

/// The findings of this process so far.
pub(crate) fn counts() -> Summary {
    Summary {
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        notes: count(Severity::Note),
        repeated: TOLD.repeated.load(Relaxed),
    }
}

/// The findings of one severity, repetitions not counted.
pub(crate) fn count(severity: Severity) -> u64 {
    TOLD.found.get(severity as usize).map_or(0, |count| count.load(Relaxed))
}

/// One call that is being checked, and where it was made.
pub(crate) struct Report<'a> {
    pub(crate) call: &'a dyn Call,
    pub(crate) outcome: Outcome,
    /// The return address of the program's call.
    pub(crate) return_address: usize,
    /// Of a call that was made earlier: the calls around it, as far as they are remembered.
    pub(crate) earlier: Option<&'a Outer>,
}

impl<'a> Report<'a> {
    /// Of a call that is made now.
    pub(crate) fn of(call: &'a dyn Call, outcome: Outcome, return_address: usize) -> Report<'a> {
        Report { call, outcome, return_address, earlier: None }
    }
    /// Makes a finding, unless the rule is off, or has been reported at this call site.
    ///
    /// True if the rule counts here: it is on and not suppressed.
    pub(crate) fn finding(&self, rule: Rule, severity: Severity, mut details: impl FnMut(&mut Draft)) -> bool {
        self.find(rule, severity, Details::of(&mut details))
    }

    /// The same for all: in each of some 200 places there is no more of it than a call.
    #[inline(never)]
    fn find(&self, rule: Rule, severity: Severity, details: Details<'_>) -> bool {
        let Some(severity) = options::reported_severity(rule, severity) else {
            return false;
        };
        match once::see(rule, self.return_address) {
            Seen::Again => {
                TOLD.repeated.fetch_add(1, Relaxed);
                true
            }
            Seen::Suppressed => false,
            Seen::First(entry) => self.make(rule, severity, entry, details),
        }
    }

    /// Makes a finding about a call that the kernel lets pass: the errno with which `mode=enforce` refuses it, if the
    /// rule counts here and has one.
    pub(crate) fn offence(&self, rule: Rule, severity: Severity, details: impl FnMut(&mut Draft)) -> Option<Errno> {
        self.finding(rule, severity, details).then(|| enforced_errno(rule))?
    }

    #[cold]
    #[inline(never)]
    fn make(&self, rule: Rule, severity: Severity, entry: once::Entry, mut details: Details<'_>) -> bool {
        let lock = match enter() {
            Ok(lock) => lock,
            Err(refusal) => {
                entry.forget();
                if let Refusal::TimedOut { first: true } = refusal {
                    say_without_lock();
                }
                return false;
            }
        };
        let Report { call, return_address, .. } = *self;
        let outcome = self.outcome.judged(enforced_errno(rule));
        let trace = self.earlier.map_or(Trace::Unwound, Trace::Earlier);
        let subject = Subject { call, outcome, return_address, trace };
        let finding = Finding { rule, severity, subject };
        let mut made = false;
        on_own_stack(&lock, &mut || {
            made = write(&lock, &finding, entry, &mut details);
        });
        lock.leave();
        if made {
            last::announce();
            if severity == Severity::Error && options::settings().mode == Mode::Abort {
                // SAFETY: no lock is held and the signal mask is the program's own.
                unsafe { libc::abort() };
            }
        }
        made
    }
}

/// Makes the finding of a fault, unless the rule is off, has been reported for this instruction, or is suppressed; whether
/// it was made. The process ends afterwards in every mode.
pub(crate) fn of_fault(
    fault_report: &FaultReport,
    fault: &Fault,
    rule: Rule,
    severity: Severity,
    mut details: Details<'_>,
) -> bool {
    let return_address = fault.registers.instruction();
    let Some(severity) = options::reported_severity(rule, severity) else {
        return false;
    };
    let Seen::First(entry) = once::see(rule, return_address) else {
        return false;
    };
    let trace = Trace::Fault(fault.registers);
    let subject = Subject { call: fault, outcome: Outcome::Succeeded(0), return_address, trace };
    write(fault_report.lock(), &Finding { rule, severity, subject }, entry, &mut details)
}

/// Runs something that needs more room than the program's stack may have, before it is known whether there is a finding.
#[inline]
pub(crate) fn with_room(gather: &mut impl FnMut()) {
    gather_with_room(Work::of(gather));
}

fn gather_with_room(mut gather: Work<'_>) {
    if let Ok(lock) = enter() {
        on_own_stack(&lock, &mut || gather.call());
        lock.leave();
    }
}

/// The errno with which `mode=enforce` fails a call that breaks the rule.
fn enforced_errno(rule: Rule) -> Option<Errno> {
    errno::from_name(rule.enforce()?)
}

/// Makes the finding on the report's stack; `false` if it is suppressed.
fn write(proof: &ReportLock, finding: &Finding<'_>, entry: once::Entry, details: &mut Details<'_>) -> bool {
    let Finding { rule, severity, subject } = finding;
    let settings = options::settings();
    let frames = match subject.trace {
        Trace::Unwound => Frames::walk(subject.return_address, settings.stack_depth),
        Trace::Earlier(outer) => Frames::of_site_within(subject.return_address, outer),
        Trace::Fault(registers) => Frames::of_fault(registers, settings.stack_depth),
    };
    if suppress::silences(*rule, &frames) {
        entry.suppress();
        return false;
    }
    let Scratch { draft, out } = scratch(proof);
    draft.clear();
    details.call(draft);
    if !matches!(subject.trace, Trace::Earlier(_)) {
        tell_thread(draft);
        if let Some(test) = environment::running_test(crate::next::environ()) {
            draft.note(format_args!("in test {}", Escaped(test)));
        }
    }
    if matches!(subject.outcome, Outcome::Refused(_)) {
        draft.note(format_args!("mode=enforce: the call was not made"));
    }
    if let Some(count) = TOLD.found.get(*severity as usize) {
        count.fetch_add(1, Relaxed);
    }
    out.clear();
    match settings.form {
        Form::Text => text::finding(out, finding, draft, &frames, settings.colour),
        Form::Json => {
            if !TOLD.started.swap(true, Relaxed) {
                json::start(out);
            }
            json::finding(out, finding, draft, &frames);
        }
    }
    sink::write_finding(proof, out);
    last::remember(proof, *rule, *severity, subject.outcome, subject.return_address, draft);
    draft.clear();
    true
}

/// Says which thread it is, where there is more than one.
fn tell_thread(draft: &mut Draft) {
    let thread = Thread::own();
    match thread.started() {
        _ if thread.is_main() => {
            if started::any() && threads::count().is_some_and(|count| count > 1) {
                draft.note(format_args!("in the main thread"));
            }
        }
        Some(started) => {
            let number = started.number;
            match threads::own_name() {
                Some(name) => draft.related(
                    "pthread_create",
                    started.site,
                    format_args!("in thread {number} ('{}'), which was started here", Escaped(name.as_bytes())),
                ),
                None => draft.related(
                    "pthread_create",
                    started.site,
                    format_args!("in thread {number}, which was started here"),
                ),
            }
        }
        None => draft.note(format_args!("in {thread}, whose start was not seen")),
    }
}

/// The one line that tells of a lock that could not be had. It goes to standard error: the sink belongs to whoever holds
/// the lock.
#[cold]
#[inline(never)]
fn say_without_lock() {
    sink::count_lost();
    sink::say_without_lock(format_args!("a finding was dropped: a thread that is not there holds the report lock"));
}

/// Writes the record that says that this process is covered, where records are written; `again`, if it has been written in vain.
pub(crate) fn write_start(proof: &ReportLock, again: bool) -> Result<(), Errno> {
    let settings = options::settings();
    if settings.form != Form::Json {
        // The text has said so, and says when the process ends.
        if settings.verbosity > 0 {
            TOLD.started.store(true, Relaxed);
        }
        return Ok(());
    }
    if TOLD.started.swap(true, Relaxed) && !again {
        return Ok(());
    }
    let out = &mut scratch(proof).out;
    out.clear();
    json::start(out);
    sink::write(proof, out.as_bytes())
}

/// Says that from here on less is checked, and writes a record of it where records are written.
pub(crate) fn say_degraded(proof: &ReportLock, why: core::fmt::Arguments<'_>) {
    sink::say(proof, why);
    write_degraded(proof, why);
}

/// Tells who reads records that none may come from here on: the program is about to confine itself, and calls will be let
/// through so.
pub(crate) fn record_end_of_reports(lets: &dyn Fn(c_long, [usize; 6]) -> bool) {
    if are_recorded()
        && let Ok(lock) = enter()
    {
        if !sink::passes(&lock, lets) {
            write_degraded(&lock, format_args!("its own sandbox (seccomp) lets nothing through that is found in it"));
        }
        lock.leave();
    }
}

fn write_degraded(proof: &ReportLock, why: core::fmt::Arguments<'_>) {
    if are_recorded() {
        on_own_stack(proof, &mut || {
            let out = &mut scratch(proof).out;
            out.clear();
            json::degradation(out, why);
            let _ = sink::write(proof, out.as_bytes());
        });
    }
}

/// Whether there is anything to write when the process ends in order.
pub(crate) fn has_more_to_say() -> bool {
    TOLD.started.load(Relaxed) || !counts().is_empty() || sink::lost() > 0 || mapping::unreadable().is_some()
}

/// Writes the closing summary of a process that ends in order, and has made and released so many mappings.
pub(crate) fn write_end(changes: u32) {
    // A child of a raw clone carries its parent's counts, which are not its own.
    if crate::sys::getpid() != process::pid() || !has_more_to_say() {
        return;
    }
    let Ok(lock) = enter() else { return };
    let counts = counts();
    match options::settings().form {
        Form::Text if !counts.is_empty() || TOLD.started.load(Relaxed) => sink::say(&lock, format_args!("{counts}")),
        Form::Json if TOLD.started.load(Relaxed) => {
            let out = &mut scratch(&lock).out;
            out.clear();
            json::end(out, &counts, sink::lost(), changes);
            if sink::write(&lock, out.as_bytes()).is_err() && sink::lost() > 0 {
                sink::say_lost(&lock);
            }
        }
        _ => {}
    }
    if options::settings().form == Form::Text {
        if let Some(errno) = mapping::unreadable() {
            sink::say(&lock, format_args!("degraded: {}", Unreadable(errno)));
        }
        if sink::lost() > 0 {
            sink::say_lost(&lock);
        }
    }
    lock.leave();
}

/// Says what is not checked where the kernel's list of mappings can't be read.
struct Unreadable(Errno);

impl core::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let name = errno::ErrnoName(self.0);
        write!(f, "/proc/self/maps could not be read ({name}), and what it alone tells was not checked")
    }
}

/// Makes a forked child's counts its own.
pub(crate) fn forked() {
    for count in &TOLD.found {
        count.store(0, Relaxed);
    }
    TOLD.repeated.store(0, Relaxed);
    TOLD.started.store(false, Relaxed);
}
