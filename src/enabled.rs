//! What is looked at: bits that start sets by the options, and that each hook reads.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Bit of [`watch`]: calls are checked.
pub(crate) const CHECK: u32 = 1;
/// Bit of [`watch`]: calls are checked before they are made, too.
pub(crate) const ENFORCE: u32 = 2;
/// Bit of [`watch`]: a rule about successful calls that is off by default is on.
pub(crate) const OPT_IN: u32 = 4;

/// Bit of [`watch`]: what is mapped is tracked.
pub(crate) const TRACK: u32 = 8;
/// Bit of [`watch`]: more than the call site is remembered of each mapping.
pub(crate) const SITES: u32 = 16;
/// Bit of [`watch`]: there are guards on either side of new mappings.
pub(crate) const GUARD: u32 = 32;
/// Bit of [`watch`]: what is released stays reserved for a while.
pub(crate) const QUARANTINE: u32 = 64;
/// Bit of [`watch`]: the rest of the last page of a mapping is looked at when it goes.
pub(crate) const TAIL: u32 = 128;
/// Bit of [`watch`]: private file mappings are looked at when they go.
pub(crate) const PRIVATE: u32 = 256;
/// Bits of [`watch`]: the library may hold addresses of its own.
pub(crate) const HARDENED: u32 = GUARD | QUARANTINE;
/// Bits of [`watch`]: the contents of a mapping are looked at when it goes.
pub(crate) const CONTENTS: u32 = TAIL | PRIVATE;

/// Bit of [`WATCH`], alone: the program is to be asked for its options when it is ready.
pub(crate) const WAITS: u32 = 512;

/// What [`watch`] reads, and the doors of calls that concern hardened mode alone.
pub(crate) static WATCH: AtomicU32 = AtomicU32::new(0);

/// What the hooks look at; 0 before start, and in a program that is not covered.
#[inline]
pub(crate) fn watch() -> u32 {
    WATCH.load(Relaxed)
}

/// Whether what is mapped is tracked.
pub(crate) fn tracks() -> bool {
    watch() & TRACK != 0
}

/// Turns tracking on, and nothing else, in the tests.
#[cfg(test)]
pub(crate) fn track_in_tests() {
    WATCH.store(TRACK, Relaxed);
}

/// Ends tracking; whether it had not ended before.
pub(crate) fn stop_tracking() -> bool {
    WATCH.fetch_and(!TRACK, Relaxed) & TRACK != 0
}

/// Ends what some bits of [`watch`] stand for.
pub(crate) fn stop_watching(bits: u32) {
    WATCH.fetch_and(!bits, Relaxed);
}
