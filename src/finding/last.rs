//! The last finding of the process, and who is told of each.

use crate::call::Outcome;
use crate::form::Draft;
use crate::output::{ReportLock, enter};
use crate::plain::Line;
use crate::plain::errno::Errno;
use crate::plain::guarded::Guarded;
use crate::plain::hidden::Hidden;
use core::fmt::Write as _;
use core::mem::offset_of;
use core::sync::atomic::{
    AtomicBool, AtomicPtr,
    Ordering::{Acquire, Relaxed, Release},
};
use mapsan_model::{Rule, Severity, layout};

/// A finding, as it is kept.
pub(crate) struct Finding {
    /// The rule's name.
    pub(crate) rule: Line<48>,
    pub(crate) severity: Severity,
    /// The errno of the call, 0 if it succeeded.
    pub(crate) errno: Errno,
    /// The message, without rule and severity, cut to fit.
    pub(crate) message: Line<400>,
    /// The return address of the program's call.
    pub(crate) site: Hidden,
}

#[repr(C)] // what the start writes to, first
struct Last {
    /// What is called after each new finding.
    listener: AtomicPtr<()>,
    /// Whether there has been one.
    any: AtomicBool,
    finding: Guarded<Finding, ReportLock>,
}

static LAST: Last = Last {
    listener: AtomicPtr::new(core::ptr::null_mut()),
    any: AtomicBool::new(false),
    finding: Guarded::new(Finding {
        rule: Line::new(),
        severity: Severity::Note,
        errno: 0,
        message: Line::new(),
        site: Hidden::unused(0),
    }),
};

/// Where the last finding is, for who reads it from outside.
pub(crate) const ADDRESS: *const () = (&raw const LAST).cast();
/// Where what lies in it; `counts` and `repeated` are in another variable.
pub(super) const fn layout(counts: usize, repeated: usize) -> layout::Findings {
    let finding = offset_of!(Last, finding);
    layout::Findings {
        any: offset_of!(Last, any),
        rule: finding.wrapping_add(offset_of!(Finding, rule)),
        message: finding.wrapping_add(offset_of!(Finding, message)),
        bytes: Line::<48>::BYTES,
        site: finding.wrapping_add(offset_of!(Finding, site)),
        counts,
        repeated,
    }
}

/// Keeps a finding.
pub(super) fn remember(
    proof: &ReportLock,
    rule: Rule,
    severity: Severity,
    outcome: Outcome,
    return_address: usize,
    draft: &Draft,
) {
    // SAFETY: let go of at the end; nothing that is called here looks at it.
    let last = unsafe { LAST.finding.get(proof) };
    (last.severity, last.errno) = (severity, outcome.errno().unwrap_or(0));
    last.rule.clear();
    let _ = last.rule.write_str(rule.name());
    last.message.clear();
    let _ = last.message.write_str(draft.headline());
    last.site = Hidden::new(return_address);
    LAST.any.store(true, Relaxed);
}

/// Hands over the last new finding; whether there has been one.
pub(crate) fn last(take: &mut impl FnMut(&Finding)) -> bool {
    if !LAST.any.load(Relaxed) {
        return false;
    }
    let Ok(lock) = enter() else { return false };
    // SAFETY: let go of before the lock; `take` copies it, and can make no finding under the lock.
    take(unsafe { LAST.finding.get(&lock) });
    lock.leave();
    true
}

/// Sets what is called after each new finding, on the thread and stack that made the call, with no lock held.
pub(crate) fn listen(listener: fn()) {
    LAST.listener.store(listener as *mut (), Release);
}

/// Tells the listener of a new finding.
pub(super) fn announce() {
    let listener = LAST.listener.load(Acquire);
    if listener.is_null() {
        return;
    }
    // SAFETY: null is `None`, and `listen` stores nothing but such a function.
    if let Some(listener) = unsafe { core::mem::transmute::<*mut (), Option<fn()>>(listener) } {
        listener();
    }
}
