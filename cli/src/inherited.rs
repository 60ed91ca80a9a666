//! What the command inherits and the program is to find as it was: closed standard descriptors, and the disposition of some
//! signals. Both are looked at before `main`, since Rust's runtime changes them.

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering::Relaxed};

/// The signals whose disposition the command needs to be its own. Writes that fail are failures of the write alone here
/// (Rust's runtime ignores the first); and where the end of a child is ignored, nobody learns how it ended.
const OWN: [(i32, libc::sighandler_t); 3] =
    [(libc::SIGPIPE, libc::SIG_IGN), (libc::SIGXFSZ, libc::SIG_IGN), (libc::SIGCHLD, libc::SIG_DFL)];
/// How these stood when the command began.
static BEFORE: [AtomicPtr<libc::c_void>; 3] = [const { AtomicPtr::new(ptr::null_mut()) }; 3];

/// Standard descriptors that were closed before Rust's runtime opened /dev/null in their places: the program is to find
/// them closed, and what is printed there is lost.
static CLOSED: [AtomicBool; 3] = [const { AtomicBool::new(false) }; 3];

#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;

extern "C" fn look() {
    for (fd, closed) in (0..).zip(&CLOSED) {
        // SAFETY: only asks.
        closed.store(unsafe { libc::fcntl(fd, libc::F_GETFD) } == -1, Relaxed);
    }
    for ((signal, own), before) in OWN.iter().zip(&BEFORE) {
        before.store(disposition(*signal) as *mut libc::c_void, Relaxed);
        // SAFETY: signal(2) with a fixed disposition.
        unsafe { libc::signal(*signal, *own) };
    }
}

/// Whether a standard descriptor was closed when the command began.
pub(crate) fn was_closed(fd: i32) -> bool {
    usize::try_from(fd).ok().and_then(|fd| CLOSED.get(fd)).is_some_and(|closed| closed.load(Relaxed))
}

/// The signals that are the command's own, each with its disposition when the command began.
pub(crate) fn signals() -> impl Iterator<Item = (i32, libc::sighandler_t)> {
    OWN.iter().zip(&BEFORE).map(|((signal, _), before)| (*signal, before.load(Relaxed) as libc::sighandler_t))
}

/// The handler of a signal, `SIG_DFL` or `SIG_IGN`.
pub(crate) fn disposition(signal: i32) -> libc::sighandler_t {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: only asks; the structure is large enough, and all zeroes where the call fails.
    unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) };
    // SAFETY: zeroed, and filled in by the call.
    unsafe { action.assume_init() }.sa_sigaction
}
