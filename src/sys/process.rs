//! Which process this is.

use crate::plain::placement::written_by_fork;
use crate::sys;
use core::cell::UnsafeCell;
use core::sync::atomic::{
    AtomicI32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

struct Executable(UnsafeCell<[u8; 4096]>);

// SAFETY: written once at start, before its length is published.
unsafe impl Sync for Executable {}

static EXECUTABLE: Executable = Executable(UnsafeCell::new([0; 4096]));
static EXECUTABLE_LENGTH: AtomicUsize = AtomicUsize::new(0);

written_by_fork! {
    PID: AtomicI32 = AtomicI32::new(0);
}

/// Notes pid and executable, once, at start; `name` serves where /proc does not.
pub(crate) fn identify(name: &[u8]) {
    PID.store(sys::getpid(), Relaxed);
    // SAFETY: start runs on one thread, and nobody reads before the length is stored.
    let buffer = unsafe { &mut *EXECUTABLE.0.get() };
    let length = if let Ok(path) = sys::readlink(c"/proc/self/exe", buffer) {
        path.len()
    } else {
        for (to, from) in buffer.iter_mut().zip(name) {
            *to = *from;
        }
        name.len().min(buffer.len())
    };
    EXECUTABLE_LENGTH.store(length, Release);
}

/// The path of the executable; empty before start.
pub(crate) fn executable() -> &'static [u8] {
    let length = EXECUTABLE_LENGTH.load(Acquire);
    // SAFETY: not written again once the length is published.
    let buffer = unsafe { &*EXECUTABLE.0.get() };
    buffer.get(..length).unwrap_or_default()
}

/// The last component of the executable's path.
pub(crate) fn executable_name() -> &'static [u8] {
    executable().rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// The pid for which the counts stand: the process in which the library started, or that fork(2) made.
pub(crate) fn pid() -> i32 {
    PID.load(Relaxed)
}

/// Notes that this is a child now.
pub(crate) fn forked() {
    PID.store(sys::getpid(), Relaxed);
}
