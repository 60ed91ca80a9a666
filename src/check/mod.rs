//! Judging: from a call, its outcome and the kernel's facts to findings. Pure but for the questions to the kernel:
//! nothing here is unsafe, knows how a finding is printed, or changes what the program sees.
//!
//! One failing call gives one finding: the first cause in the order in which libc and the kernel look. Each check asks
//! for its facts only when no cheaper cause has explained the failure, and for those that are merely told inside the
//! closure, which runs only for a finding that is new.

#![forbid(unsafe_code)]

mod census;
pub(crate) mod contents;
pub(crate) mod fault;
mod ftok;
pub(crate) mod guard;
mod heap;
mod ipc;
pub(crate) mod leaks;
pub(crate) mod locks;
pub(crate) mod madvise;
pub(crate) mod mapping_count;
mod memory;
mod mmap;
mod mprotect;
mod mremap;
mod msync;
mod munmap;
mod named;
pub(crate) mod past_eof;
mod provenance;
mod releases;
mod segment;
mod sem_open;
mod sem_unlink;
mod shm_open;
mod shm_unlink;
mod shmat;
mod shmctl;
mod shmdt;
mod shmget;
mod shortage;
mod span;
mod stored;

use crate::call::Call;
use crate::facts::limits;
use crate::finding::Report;
use crate::form::Draft;
use crate::past::failures::{self, Failed};
use crate::plain::errno::{self, ErrnoName};
use crate::plain::texts::Texts;
use crate::sys::{Errno, sandbox};
use crate::track::ReleasedPieces;
use core::ffi::c_long;
use core::fmt::{self, Display};
use mapsan_model::{Rule, Severity};
pub(crate) use releases::{Frame, Loss};

/// What can be checked of a call.
pub(crate) trait Check: Call {
    /// The call failed with `errno`: says why.
    fn failed(&self, errno: Errno, report: &Report<'_>);

    /// What the call is about to take away that is not simply the program's own; `taken` is what the tracker knew of it.
    fn find_loss(&self, _taken: &ReleasedPieces, _frame: Frame) -> Option<Loss> {
        None
    }

    /// Tells of mappings that start past the end of their file, and that the call is about to take away.
    fn inspect_files(&self, _taken: &ReleasedPieces) {}

    /// Tells of it, after the call has succeeded or where nobody could any more: the errno with which `mode=enforce`
    /// refuses the call.
    fn tell_loss(&self, _loss: &Loss, _taken: &ReleasedPieces, _report: &Report<'_>) -> Option<Errno> {
        None
    }

    /// The rules about a call that the kernel lets pass, looked at after it, or with `mode=enforce` before it: the
    /// errno with which it is refused there.
    fn violates(&self, _report: &Report<'_>) -> Option<Errno> {
        None
    }

    /// The call succeeded: what is worth telling and refused in no mode.
    fn succeeded(&self, _report: &Report<'_>) {}
}

/// The finding of a failure that no other rule explains: what the manual page says of the errno.
fn unexplained(rule: Rule, errno: Errno, meanings: Texts, report: &Report<'_>) {
    report.finding(rule, Severity::Note, |draft| tell_unexplained(rule.call(), errno, meanings, draft));
}

fn tell_unexplained(function: &str, errno: Errno, meanings: Texts, draft: &mut Draft) {
    draft.message(format_args!("{function} failed with {} ({})", ErrnoName(errno), errno::meaning(errno)));
    match meanings.of(errno) {
        Some(meaning) => draft.note(format_args!("for {function} it can be: {meaning}")),
        None => draft.note(format_args!("why is not known: {function}(2) does not list this errno")),
    }
    note_unseen_filter(draft);
}

/// Whether a seccomp filter that the program has installed answers a call with this errno, so that the kernel has not
/// looked at it.
fn filter_refuses(errno: Errno, number: c_long, arguments: [usize; 6]) -> bool {
    sandbox::errno_for(number, arguments) == Some(errno)
}

/// Makes the finding of a call that a filter refuses.
fn tell_filter(rule: Rule, report: &Report<'_>) {
    report.finding(rule, Severity::Note, |draft| {
        let function = rule.call();
        draft.message(format_args!("{function} is refused by a seccomp filter that this process has installed"));
        draft.help(format_args!("allow this call in the filter, or do without it"));
    });
}

/// Tells of seccomp filters that were inherited, or installed without being seen, if there are any.
fn note_unseen_filter(draft: &mut Draft) -> bool {
    let unseen = limits::seccomp_filters().is_some_and(|filters| filters > sandbox::noted());
    if unseen {
        draft.note(format_args!(
            "a seccomp filter is installed, by this process or by one that started it (/proc/self/status); what it \
             refuses can't be read"
        ));
    }
    unseen
}

/// Shows the next thing only if it is there.
struct IfSome<T>(Option<T>);

impl<T: Display> Display for IfSome<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(thing) => thing.fmt(f),
            None => Ok(()),
        }
    }
}

/// Shows a number of bytes.
struct ByteCount(u64);

impl Display for ByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 byte"),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}

/// Says what to do about a child that removes what its parent has made, not on purpose.
fn help_inherited(draft: &mut Draft) {
    draft.help(format_args!(
        "let the process that made it remove it: where a handler of atexit does, end children with _exit, which calls \
         none; else compare getpid() with what it was when it was made"
    ));
}

/// Shows which failure it was: of which function, and whether it was injected.
struct LastFailure(Failed, bool);

impl Display for LastFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let function = self.0.function();
        if self.1 {
            write!(f, "the injected failure of {function}")
        } else {
            write!(f, "the last {function} that failed")
        }
    }
}

/// Tells which call failed before its result was used, if one is remembered.
fn note_failure(kind: Failed, draft: &mut Draft) {
    if let Some(failure) = failures::last(kind) {
        let function = kind.function();
        let which = LastFailure(kind, failure.is_injected);
        draft.related(function, failure.site, format_args!("{which} ({})", ErrnoName(failure.errno)));
    }
}
