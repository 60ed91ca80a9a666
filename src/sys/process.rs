//! Which process this is.

use crate::plain::Line;
use crate::plain::guarded::{Guarded, Starting};
use crate::plain::placement::written_by_fork;
use crate::sys;
use core::ffi::CStr;
use core::sync::atomic::{
    AtomicI32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

#[repr(C)] // the length beside the beginning of the path: one page in nearly every process
struct Executable {
    /// 0 until the path is there.
    length: AtomicUsize,
    path: Guarded<[u8; 4096], Starting>,
}

static EXECUTABLE: Executable = Executable { length: AtomicUsize::new(0), path: Guarded::new([0; 4096]) };

written_by_fork! {
    PID: AtomicI32 = AtomicI32::new(0);
    /// The process that has forked this one; 0 for none.
    FORKED_BY: AtomicI32 = AtomicI32::new(0);
}

/// Notes pid and executable, once, at start; `name` serves where /proc does not, and the error says why that is.
pub(crate) fn identify(starting: &Starting, name: &[u8]) -> sys::Result<()> {
    PID.store(sys::getpid(), Relaxed);
    // SAFETY: nobody reads it before its length is stored.
    let buffer = unsafe { EXECUTABLE.path.get(starting) };
    let asked = ask_own(c"/proc/self/exe", &mut |path| sys::readlink(path, buffer).map(<[u8]>::len));
    let length = asked.unwrap_or_else(|_| {
        for (to, from) in buffer.iter_mut().zip(name) {
            *to = *from;
        }
        name.len().min(buffer.len())
    });
    EXECUTABLE.length.store(length, Release);
    asked.map(|_| ())
}

/// The path of the executable; empty before start.
pub(crate) fn executable() -> &'static [u8] {
    let length = EXECUTABLE.length.load(Acquire);
    if length == 0 {
        return &[];
    }
    // SAFETY: not written again once the length is published.
    let buffer = unsafe { EXECUTABLE.path.as_started() };
    buffer.get(..length).unwrap_or_default()
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
