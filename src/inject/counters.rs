//! How many calls each order has met, over all processes that share the counters: those of a run, if the command has made a
//! file for them, else those that come of this one by fork(2).
//!
//! A counter is found by the text of its order, since a program may have orders of its own before them. What is written is
//! whole at any moment: a process that is killed leaves nothing half done.

use crate::plain::errno::{Errno, ErrnoName, meaning};
use crate::plain::escape::Escaped;
use crate::plain::hash::mix;
use crate::sys;
use core::ffi::CStr;
use core::fmt;
use core::ptr;
use core::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};
use mapsan_model::Injectable;
use mapsan_model::injection::{COUNTERS, COUNTERS_SIZE};

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

impl Counter {
    /// Counts a call; its number.
    pub(super) fn count(&self) -> u32 {
        self.count.fetch_add(1, Relaxed).wrapping_add(1)
    }

    /// The number of the last call.
    pub(super) fn number(&self) -> u32 {
        self.count.load(Relaxed)
    }

    /// From now on all calls of the function are hit.
    pub(super) fn fire(&self, function: Injectable) {
        let _ = self.fired.compare_exchange(0, function.number(), SeqCst, Relaxed);
    }

    /// Whether all calls of the function are hit.
    pub(super) fn has_fired(&self, function: Injectable) -> bool {
        self.fired.load(Relaxed) == function.number()
    }
}

/// All of them.
pub(super) struct Counters(&'static [Counter; COUNTERS]);

impl Counters {
    /// Those of the file, if one is named (a zero byte ends the name), and says why it can't be had; none without memory.
    pub(super) fn open(path: &[u8], say: &mut dyn FnMut(fmt::Arguments<'_>)) -> Option<Counters> {
        let path = CStr::from_bytes_until_nul(path).unwrap_or_default();
        let of_file = (!path.is_empty()).then(|| map(path)).and_then(|mapped| {
            let told = |errno| {
                let (name, why) = (ErrnoName(errno), meaning(errno));
                let path = Escaped(path.to_bytes());
                say(format_args!(
                    "inject_counts={path} can't be used ({name}: {why}); this process and those it forks count anew"
                ));
            };
            mapped.map_err(told).ok()
        });
        let memory = of_file.or_else(|| sys::memory::shared(COUNTERS_SIZE).ok())?;
        // SAFETY: shared memory of that size, in which any bytes are counters; it is never unmapped.
        Some(Counters(unsafe { &*ptr::with_exposed_provenance(memory) }))
    }

    /// The one of an order.
    pub(super) fn of(&self, order: &str) -> Option<&Counter> {
        let key = order.bytes().fold(1, |hash, byte| mix(hash ^ u64::from(byte))) | 1;
        let start = usize::try_from(key >> 32).unwrap_or(0);
        (0..COUNTERS).filter_map(|step| self.0.get(start.wrapping_add(step) % COUNTERS)).find(|counter| {
            let taken = counter.key.compare_exchange(0, key, SeqCst, SeqCst);
            taken == Ok(0) || taken == Err(key)
        })
    }
}

/// Maps the file, if it is large enough.
fn map(path: &CStr) -> Result<usize, Errno> {
    let fd = sys::open(path, libc::O_RDWR | libc::O_CLOEXEC | libc::O_NOFOLLOW, 0)?;
    let is_whole = sys::statx_fd(fd).is_ok_and(|file| file.stx_size >= COUNTERS_SIZE as u64);
    let mapped = if is_whole { sys::memory::map_shared(fd, COUNTERS_SIZE) } else { Err(libc::EINVAL) };
    sys::close(fd);
    mapped
}
