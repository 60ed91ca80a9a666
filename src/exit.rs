//! The end of a process, and its doubling by fork(2).

use crate::report::{self, Section, sink, suppress};
use crate::sys::SignalSet;
use crate::{options, process};
use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use mapsan_model::Severity;

unsafe extern "C" {
    fn on_exit(function: extern "C" fn(c_int, *mut c_void), argument: *mut c_void) -> c_int;
    fn exit(status: c_int) -> !;
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
    // SAFETY: as above; without an object the handlers are never taken off.
    unsafe { __register_atfork(before_fork, in_parent, in_child, ptr::null()) };
}

/// Runs after the program's own handlers and all destructors, because it was registered before them.
extern "C" fn at_exit(status: c_int, _argument: *mut c_void) {
    if crate::start::watch() == 0 {
        return;
    }
    let settings = options::settings();
    if settings.verbosity > 0
        && let Ok(section) = report::enter()
    {
        suppress::unused(|line, rule, pattern| {
            sink::say(&section, format_args!("suppression of line {line} was not used: {rule}:{pattern}"));
        });
        section.leave();
    }
    report::write_end();
    let counts = report::counts();
    let failed = counts.errors > 0 || counts.warnings > 0 && settings.fail == Severity::Warning;
    if status == 0 && settings.exitcode != 0 && failed && crate::sys::getpid() == process::pid() {
        // SAFETY: glibc lets a handler call exit(3): the remaining handlers run, and the new status counts.
        unsafe { exit(settings.exitcode) };
    }
}

/// The signal mask and possession of the section, over a fork.
static FORK_MASK: AtomicU64 = AtomicU64::new(0);
static FORK_HELD: AtomicBool = AtomicBool::new(false);

/// Takes the section, so that it is whole on both sides.
extern "C" fn before_fork() {
    if let Ok(section) = report::enter() {
        FORK_MASK.store(section.over_fork(), Relaxed);
        FORK_HELD.store(true, Relaxed);
    }
}

fn held_over_fork() -> Option<Section> {
    let mask: SignalSet = FORK_MASK.load(Relaxed);
    FORK_HELD.swap(false, Relaxed).then(|| Section::after_fork(mask))
}

extern "C" fn in_parent() {
    if let Some(section) = held_over_fork() {
        section.leave();
    }
}

extern "C" fn in_child() {
    process::forked();
    report::forked();
    if let Some(section) = held_over_fork() {
        sink::forked(&section);
        section.leave();
    }
}
