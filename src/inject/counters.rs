//! How many calls each order has met, over all processes that share the counters: those of a run, if the command has made a
//! file for them, else those that come of this one by fork(2).
//!
//! A counter is found by the text of its order, since a program may have orders of its own before them. What is written is
//! whole at any moment: a process that is killed leaves nothing half done.

use crate::output::{ReportLock, sink};
use crate::plain::errno::{Errno, ErrnoName};
use crate::plain::escape::Escaped;
use crate::sys;
use core::ffi::CStr;
use core::mem::offset_of;
use core::ptr;
use core::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};
use mapsan_model::Injectable;
use mapsan_model::injection::{COUNTERS, COUNTERS_SIZE, counter_key};

/// One order's.
#[repr(C)]
pub(super) struct Counter {
    /// That of the order; 0 of a free one.
    key: AtomicU64,
    count: AtomicU32,
    /// The function of which all calls are hit from now on, by its number; 0 for none.
    fired: AtomicU32,
}

const _: () = assert!(size_of::<[Counter; COUNTERS]>() == COUNTERS_SIZE);
const _: () = assert!(offset_of!(Counter, key) == 0 && offset_of!(Counter, count) == 8);

impl Counter {
    /// The number of a call, which is counted if it is meant; else that of the last one.
    pub(super) fn count(&self, is_meant: bool) -> u32 {
        let more = u32::from(is_meant);
        self.count.fetch_add(more, Relaxed).wrapping_add(more)
    }

    /// A call of the function has been hit.
    pub(super) fn fire(&self, function: Injectable) {
        let _ = self.fired.compare_exchange(0, function.number(), SeqCst, Relaxed);
    }

    /// Whether the first call that was hit was one of the function's.
    pub(super) fn has_fired(&self, function: Injectable) -> bool {
        self.fired.load(Relaxed) == function.number()
    }
}

/// All of them.
pub(super) type Counters = [Counter; COUNTERS];

/// Those of the file, if one is named (a zero byte ends the name); else, and where it can't be had, new ones. None without
/// memory.
pub(super) fn open(path: &[u8], lock: &ReportLock) -> Option<&'static Counters> {
    let path = CStr::from_bytes_until_nul(path).unwrap_or_default();
    let of_file = if path.is_empty() { Err(0) } else { map(path) };
    if let Err(errno @ 1..) = of_file {
        let path = Escaped(path.to_bytes());
        let why = ErrnoName(errno);
        sink::say(lock, format_args!("inject_counts={path} can't be used ({why}); this process counts anew"));
    }
    let memory = of_file.or_else(|_| sys::memory::shared(COUNTERS_SIZE)).ok()?;
    // SAFETY: shared memory of that size, in which any bytes are counters; it is never unmapped.
    Some(unsafe { &*ptr::with_exposed_provenance(memory) })
}

/// The one of an order.
pub(super) fn of<'a>(counters: &'a Counters, order: &str) -> Option<&'a Counter> {
    let key = counter_key(order);
    counters.iter().find(|counter| {
        let taken = counter.key.compare_exchange(0, key, SeqCst, SeqCst);
        taken == Ok(0) || taken == Err(key)
    })
}

/// Maps the file, if it is large enough.
fn map(path: &CStr) -> Result<usize, Errno> {
    let fd = sys::open(path, libc::O_RDWR | libc::O_CLOEXEC | libc::O_NOFOLLOW, 0)?;
    let is_whole = sys::statx_fd(fd).is_ok_and(|file| file.stx_size >= COUNTERS_SIZE as u64);
    let mapped = if is_whole { sys::memory::map_shared(fd, COUNTERS_SIZE) } else { Err(libc::EINVAL) };
    sys::close(fd);
    mapped
}
