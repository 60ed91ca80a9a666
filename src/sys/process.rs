//! Which process this is.

use crate::plain::Line;
use crate::plain::placement::written_by_fork;
use crate::sys;
use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char};
use core::ptr;
use core::sync::atomic::{
    AtomicI32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

#[repr(C)] // the length beside the beginning of the path: one page in nearly every process
struct Executable {
    /// 0 until somebody has asked for the path, [`BEING_ASKED`] while he does.
    length: AtomicUsize,
    path: UnsafeCell<[u8; 4096]>,
}

// SAFETY: the path is written by the one who has set its length to `BEING_ASKED`, and read once that is over.
unsafe impl Sync for Executable {}

const BEING_ASKED: usize = usize::MAX;

static EXECUTABLE: Executable = Executable { length: AtomicUsize::new(0), path: UnsafeCell::new([0; 4096]) };

written_by_fork! {
    PID: AtomicI32 = AtomicI32::new(0);
    /// The process that has forked this one; 0 for none.
    FORKED_BY: AtomicI32 = AtomicI32::new(0);
}

/// Notes the pid, once, at start.
pub(crate) fn identify() {
    PID.store(sys::getpid(), Relaxed);
}

/// Asks for the path of the executable, the first time, and why it can't be told. That is not done at start: the first look into
/// /proc/self costs a process some 20 us.
pub(crate) fn find_executable() -> sys::Result<()> {
    if EXECUTABLE.length.compare_exchange(0, BEING_ASKED, Acquire, Relaxed).is_err() {
        return Ok(());
    }
    // SAFETY: nobody else has set the length, and nobody reads the path before it is stored.
    let path = unsafe { &mut *EXECUTABLE.path.get() };
    let asked = ask_own(c"/proc/self/exe", &mut |link| sys::readlink(link, path).map(as_it_was_started));
    let length = asked.unwrap_or_else(|_| {
        let started = started_as();
        for (to, from) in path.iter_mut().zip(started) {
            *to = *from;
        }
        started.len().min(path.len())
    });
    EXECUTABLE.length.store(length, Release);
    asked.map(|_| ())
}

/// The length of a path without what the kernel adds to it once the file is gone, as it is when a running program is built anew. A
/// file of `memfd_create(2)` never had a path.
fn as_it_was_started(path: &[u8]) -> usize {
    let is_kept = path.starts_with(b"/memfd:");
    path.strip_suffix(b" (deleted)").filter(|_| !is_kept).unwrap_or(path).len()
}

/// The path of the executable, or the one that execve(2) was given where /proc does not tell; empty before start.
pub(crate) fn executable() -> &'static [u8] {
    if pid() == 0 {
        return &[];
    }
    let _ = find_executable();
    match EXECUTABLE.length.load(Acquire) {
        // Another thread asks, or this one, that a signal has interrupted.
        BEING_ASKED => started_as(),
        // SAFETY: not written again once the length is published.
        length => unsafe { &*EXECUTABLE.path.get() }.get(..length).unwrap_or_default(),
    }
}

/// The path that execve(2) was given; empty if the kernel does not say.
fn started_as() -> &'static [u8] {
    let path = ptr::with_exposed_provenance::<c_char>(stack_top());
    if path.is_null() {
        return &[];
    }
    // SAFETY: a string that the kernel has put on the stack.
    unsafe { CStr::from_ptr(path) }.to_bytes()
}

/// The last component of the executable's path.
pub(crate) fn executable_name() -> &'static [u8] {
    executable().rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// Where the kernel has put what lies on top of the main thread's stack: the name of the program; 0 if it does not say.
pub(crate) fn stack_top() -> usize {
    // SAFETY: getauxval(3) reads what the kernel left on the stack.
    usize::try_from(unsafe { libc::getauxval(libc::AT_EXECFN) }).unwrap_or(0)
}

/// The pid for which the counts stand: the process in which the library started, or that fork(2) made.
pub(crate) fn pid() -> i32 {
    PID.load(Relaxed)
}

/// The process that has forked this one, if it is still its parent.
pub(crate) fn parent() -> Option<i32> {
    let parent = FORKED_BY.load(Relaxed);
    (parent != 0 && sys::getppid() == parent).then_some(parent)
}

/// Notes that this is a child now.
pub(crate) fn forked() {
    FORKED_BY.store(PID.load(Relaxed), Relaxed);
    PID.store(sys::getpid(), Relaxed);
}

/// The way from this thread to what a path in /proc/self leads to; `None` of another path. Once the main thread has ended
/// (`pthread_exit(3)`), /proc/self has neither memory nor descriptors any more: lists are empty, links lead nowhere.
pub(crate) fn of_thread(path: &CStr) -> Option<Line<64>> {
    let name = path.to_bytes_with_nul().strip_prefix(b"/proc/self/")?;
    let mut own = Line::new();
    own.push_bytes(b"/proc/thread-self/");
    own.push_bytes(name);
    own.as_bytes().ends_with(b"\0").then_some(own)
}

/// Asks about a path in /proc/self, and by way of this thread where the main thread has ended.
pub(crate) fn ask_own<T>(path: &CStr, ask: &mut dyn FnMut(&CStr) -> sys::Result<T>) -> sys::Result<T> {
    let answer = ask(path);
    if !matches!(answer, Err(libc::ENOENT | libc::ESRCH | libc::EINVAL)) {
        return answer;
    }
    let own = of_thread(path);
    let own = own.as_ref().and_then(|own| CStr::from_bytes_with_nul(own.as_bytes()).ok());
    own.and_then(|own| ask(own).ok()).map_or(answer, Ok)
}

/// Whether the kernel lets this process install a filter (seccomp(2), under EACCES), as far as can be told.
pub(crate) fn may_install_filter() -> bool {
    let asks = [sys::int(libc::PR_GET_NO_NEW_PRIVS), 0, 0, 0, 0, 0];
    sys::geteuid() == 0 || sys::plain(libc::SYS_prctl, asks) == Ok(1)
}
