//! The dispositions of SIGSEGV and SIGBUS: what the program has set, and what the kernel has.
//!
//! They differ in one case: where the program has `SIG_DFL`, the kernel has our handler. Whoever asks through libc is told
//! what the program has set, to the flags; what the program sets counts at once, and a handler of its own is never in
//! doubt: ours is gone then.

use super::handle;
use crate::machine::this_thread;
use crate::sys::{self, Disposition, FAULT_SIGNALS as SIGNALS, SignalSet};
use core::ffi::{c_int, c_long};
use core::sync::atomic::{
    AtomicBool, AtomicU64, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

/// What went with the program's own `SIG_DFL`, which the kernel keeps and gives back.
struct Default {
    flags: AtomicUsize,
    /// The complement of its address.
    restorer: AtomicUsize,
    mask: AtomicU64,
}

struct Dispositions {
    /// Whether our handler stands in for `SIG_DFL`.
    handled: AtomicBool,
    /// The thread that looks at these dispositions and changes them, for the program or for this library; 0 for none.
    changing: AtomicUsize,
    defaults: [Default; SIGNALS.len()],
}

static DISPOSITIONS: Dispositions = Dispositions {
    handled: AtomicBool::new(false),
    changing: AtomicUsize::new(0),
    defaults: [const { Default { flags: AtomicUsize::new(0), restorer: AtomicUsize::new(0), mask: AtomicU64::new(0) } };
        SIGNALS.len()],
};

/// Long enough for any call of sigaction(2); the holder may be gone (a raw clone's ghost).
const PATIENCE_MS: u32 = 50;

/// As long as it lives, no other thread changes these dispositions through libc.
pub(crate) struct Turn {
    /// False where the thread had its turn already, and a handler has interrupted it.
    ends: bool,
}

/// Waits for this thread's turn.
pub(crate) fn turn() -> Turn {
    let me = this_thread();
    for _ in 0..PATIENCE_MS {
        match DISPOSITIONS.changing.compare_exchange(0, me, Acquire, Relaxed) {
            Ok(_) => return Turn { ends: true },
            Err(holder) if holder == me => return Turn { ends: false },
            Err(_) => sys::sleep_a_moment(),
        }
    }
    DISPOSITIONS.changing.store(me, Relaxed);
    Turn { ends: true }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.ends {
            DISPOSITIONS.changing.store(0, Release);
        }
    }
}

fn default_of(signal: c_int) -> Option<&'static Default> {
    DISPOSITIONS.defaults.get(SIGNALS.iter().position(|known| *known == signal)?)
}

/// Whether what a call does to this signal is of interest here.
#[inline]
pub(crate) fn concerns(signal: c_int) -> bool {
    SIGNALS.contains(&signal) && DISPOSITIONS.handled.load(Acquire)
}

/// The address of our handler, which nobody is told of.
fn ours() -> usize {
    handle as *const () as usize
}

/// Puts the handler in the place of `SIG_DFL`, at start.
pub(crate) fn take() {
    DISPOSITIONS.handled.store(true, Release);
    for signal in SIGNALS {
        if sys::disposition(signal, None).is_ok_and(|there| there.handler == libc::SIG_DFL) {
            put(signal);
        }
    }
}

/// Whether the handler may make the calls by which it ends the process as it would have ended.
pub(crate) fn can_end(seccomp_allows: impl Fn(c_long, [usize; 6]) -> bool) -> bool {
    let size = size_of::<SignalSet>();
    SIGNALS.iter().all(|signal| seccomp_allows(libc::SYS_rt_sigaction, [sys::int(*signal), 0, 0, size, 0, 0]))
        && [libc::SYS_rt_sigreturn, libc::SYS_rt_tgsigqueueinfo, libc::SYS_getpid, libc::SYS_gettid]
            .iter()
            .all(|number| seccomp_allows(*number, [0; 6]))
}

/// Gives `SIG_DFL` back to the kernel, before a sandbox that may not let the handler do its work.
pub(crate) fn withdraw() {
    let _turn = turn();
    for signal in SIGNALS {
        let Some(default) = default_of(signal).filter(|_| concerns(signal)) else { continue };
        if sys::disposition(signal, None).is_ok_and(|there| there.handler == ours()) {
            let (flags, mask) = (default.flags.load(Relaxed), default.mask.load(Relaxed));
            let mut before = Disposition::new(libc::SIG_DFL, flags, mask);
            before.set_restorer(!default.restorer.load(Relaxed));
            let _ = sys::disposition(signal, Some(&before));
        }
    }
}

/// Puts the handler in its place again after [`withdraw`], if it can do its work.
pub(crate) fn take_again() {
    if DISPOSITIONS.handled.load(Acquire) && can_end(sys::seccomp_allows) {
        let _turn = turn();
        take();
    }
}

/// Puts the handler in the place of the `SIG_DFL` that has just been set.
fn put(signal: c_int) {
    if !can_end(sys::seccomp_allows) {
        return;
    }
    let flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // No handler of the program's runs meanwhile. A fault before the report has a stack of its own ends the process: the program's
    // alternate stack may be too small. From then on it comes back to us (`FaultReport::open`).
    let ours = Disposition::new(ours(), usize::try_from(flags).unwrap_or(0), SignalSet::MAX).with_restorer();
    let Ok(before) = sys::disposition(signal, Some(&ours)) else { return };
    if before.handler != libc::SIG_DFL {
        // Another thread was faster.
        let _ = sys::disposition(signal, Some(&before));
    } else if let Some(default) = default_of(signal) {
        default.flags.store(before.flags, Relaxed);
        default.restorer.store(!before.restorer(), Relaxed);
        default.mask.store(before.mask, Relaxed);
    }
}

/// sigaction(2) has succeeded; `resets` if it set `SIG_DFL`. What it says of the disposition before is put right.
pub(crate) fn changed(signal: c_int, resets: bool, before: Option<&mut libc::sigaction>) {
    if let Some(before) = before
        && before.sa_sigaction == ours()
        && let Some(default) = default_of(signal)
    {
        before.sa_sigaction = libc::SIG_DFL;
        before.sa_flags = c_int::try_from(default.flags.load(Relaxed)).unwrap_or(0);
        let restorer = (&raw mut before.sa_restorer).cast::<usize>();
        // SAFETY: an optional function is null or, as it was given, one.
        unsafe { restorer.write(!default.restorer.load(Relaxed)) };
        // The kernel's mask has 64 bits, and libc leaves the rest of its own alone.
        let mask = (&raw mut before.sa_mask).cast::<u64>();
        // SAFETY: a sigset_t is larger, and aligned for it.
        unsafe { *mask = default.mask.load(Relaxed) };
    }
    if resets {
        put(signal);
    }
}

/// signal(3) or one of its kin has set `handler` and is about to say that `before` was there: what it is to say.
pub(crate) fn replaced(signal: c_int, handler: usize, before: usize) -> usize {
    if before != libc::SIG_ERR && handler == libc::SIG_DFL {
        put(signal);
    }
    if before == ours() { libc::SIG_DFL } else { before }
}
