//! The end of a process, and its doubling by fork(2).

use crate::check::{contents, leaks, locks, past_eof};
use crate::enabled::{self, CONTENTS};
use crate::facts::{alternate, mapping, started};
use crate::finding::{self, suppress};
use crate::observe::tracked;
use crate::output::{self, ReportLock, sink};
use crate::plain::errno;
use crate::plain::placement::written_by_fork;
use crate::sys::{SignalSet, process};
use crate::{begin, next, observe, options, past};
use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering::Relaxed};

unsafe extern "C" {
    fn on_exit(function: extern "C" fn(c_int, *mut c_void), argument: *mut c_void) -> c_int;
    fn exit(status: c_int) -> !;
    fn __cxa_at_quick_exit(function: extern "C" fn(*mut c_void), object: *const c_void) -> c_int;
    fn __register_atfork(
        prepare: extern "C" fn(),
        parent: extern "C" fn(),
        child: extern "C" fn(),
        object: *const c_void,
    ) -> c_int;
}

/// Asks libc to tell of exit(3) and fork(2). Both keep their first dozens of entries in static memory.
pub(crate) fn register() {
    // SAFETY: the function lives as long as the process, since the library is linked with -z nodelete.
    unsafe { on_exit(at_exit, ptr::null_mut()) };
    // SAFETY: as above.
    unsafe { __cxa_at_quick_exit(at_quick_exit, ptr::null()) };
    // SAFETY: as above; without an object the handlers are never taken off.
    unsafe { __register_atfork(before_fork, in_parent, in_child, ptr::null()) };
}

/// Runs after the program's own handlers and all destructors, because it was registered before them.
extern "C" fn at_exit(status: c_int, _argument: *mut c_void) {
    let instead = leaving(status);
    if instead != status {
        // SAFETY: glibc lets a handler call exit(3): the remaining handlers run, and the new status counts.
        unsafe { exit(instead) };
    }
}

/// `quick_exit(3)` is about to run its handlers.
pub(crate) fn leaves_quickly(status: c_int) {
    END.quick_status.store(status, Relaxed);
}

/// Runs after the program's own handlers of `quick_exit(3)`.
extern "C" fn at_quick_exit(_argument: *mut c_void) {
    let status = END.quick_status.load(Relaxed);
    let instead = leaving(status);
    if instead != status {
        // SAFETY: ends the process, as quick_exit is about to do.
        unsafe { next::_exit(instead) };
    }
}

/// The process ends, with this status or the one that is returned: what it leaves behind, and the summary.
pub(crate) fn leaving(status: c_int) -> c_int {
    if begin::enabled_when_ready() == 0 || output::is_inside() {
        return status;
    }
    // A child of vfork or of a raw clone is not the process whose mappings and counts these are.
    let pid = crate::sys::getpid();
    if pid != process::pid() || END.left.swap(pid, Relaxed) == pid {
        return status;
    }
    let settings = options::settings();
    // Most children of fork have done nothing that is to be told, and end at once.
    let nothing = settings.verbosity == 0
        && enabled::bits() & CONTENTS == 0
        && !finding::has_more_to_say()
        && tracked::has_nothing_to_tell()
        && !past::ipc::are_made()
        && !past::locks::are_known();
    if nothing {
        return status;
    }
    let before = errno::get();
    past_eof::inspect_all();
    if enabled::bits() & CONTENTS != 0 {
        contents::inspect_all();
    }
    locks::find_at_end();
    if settings.leaks {
        leaks::find(leaks::Moment::Exit);
    }
    if settings.verbosity > 0
        && let Ok(lock) = output::enter()
    {
        suppress::unused(|line, rule, pattern| {
            sink::say(&lock, format_args!("suppression of line {line} was not used: {rule}:{pattern}"));
        });
        lock.leave();
    }
    finding::write_end(tracked::changes());
    let counts = finding::counts();
    let failed = counts.has(settings.fail);
    errno::set(before);
    if status == 0 && failed { settings.exitcode } else { status }
}

/// In place of a signal mask: no mask holds all signals, since SIGKILL can't be blocked.
const NO_MASK: SignalSet = SignalSet::MAX;

/// What is held over a fork.
struct OverFork {
    /// The complement of the signal mask.
    mask: AtomicU64,
    report_lock: AtomicBool,
    tracker: AtomicBool,
}

/// The end of a process.
struct End {
    /// The status of `quick_exit(3)`, which its handlers are not told.
    quick_status: AtomicI32,
    /// The process in which it has been looked at.
    left: AtomicI32,
}

written_by_fork! {
    OVER_FORK: OverFork = OverFork {
        mask: AtomicU64::new(!NO_MASK),
        report_lock: AtomicBool::new(false),
        tracker: AtomicBool::new(false),
    };
    END: End = End { quick_status: AtomicI32::new(0), left: AtomicI32::new(0) };
}

/// Takes the report lock, so that it is whole on both sides.
extern "C" fn before_fork() {
    if let Ok(lock) = output::enter() {
        OVER_FORK.mask.store(!lock.over_fork().unwrap_or(NO_MASK), Relaxed);
        OVER_FORK.report_lock.store(true, Relaxed);
    }
    OVER_FORK.tracker.store(observe::before_fork(), Relaxed);
}

fn give_back_tracker(in_child: bool) {
    if OVER_FORK.tracker.swap(false, Relaxed) {
        // SAFETY: `before_fork` has had the lock.
        unsafe { observe::after_fork(in_child) };
    }
}

fn held_over_fork(in_child: bool) -> Option<ReportLock> {
    let mask = !OVER_FORK.mask.load(Relaxed);
    OVER_FORK
        .report_lock
        .swap(false, Relaxed)
        .then(|| ReportLock::after_fork((mask != NO_MASK).then_some(mask), in_child))
}

extern "C" fn in_parent() {
    give_back_tracker(false);
    if let Some(lock) = held_over_fork(false) {
        lock.leave();
    }
}

extern "C" fn in_child() {
    give_back_tracker(true);
    process::forked();
    started::forked();
    alternate::forked();
    mapping::forked();
    finding::forked();
    if let Some(lock) = held_over_fork(true) {
        sink::forked(&lock);
        lock.leave();
    }
}
