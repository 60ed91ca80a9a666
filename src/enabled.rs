//! What is looked at: bits that start sets by the options, and that each hook reads.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Bit of [`bits`]: calls are checked.
pub(crate) const CHECK: u32 = 1;
/// Bit of [`bits`]: calls are checked before they are made, too.
pub(crate) const ENFORCE: u32 = 2;
/// Bit of [`bits`]: a rule about successful calls that is off by default is on.
pub(crate) const OPT_IN: u32 = 4;

/// Bit of [`bits`]: what is mapped is tracked.
pub(crate) const TRACK: u32 = 8;
/// Bit of [`bits`]: calls may be made to fail, or are told of where they could be. Beside those of hardened mode, with which
/// doors test it: in one instruction on `AArch64`, too.
pub(crate) const INJECT: u32 = 16;
/// Bit of [`bits`]: there are guards on either side of new mappings.
pub(crate) const GUARD: u32 = 32;
/// Bit of [`bits`]: what is released stays reserved for a while.
pub(crate) const QUARANTINE: u32 = 64;
/// Bit of [`bits`]: the rest of the last page of a mapping is looked at when it goes.
pub(crate) const TAIL: u32 = 128;
/// Bit of [`bits`]: private file mappings are looked at when they go.
pub(crate) const PRIVATE: u32 = 256;
/// Bits of [`bits`]: the library may hold addresses of its own.
pub(crate) const HARDENED: u32 = GUARD | QUARANTINE;
/// Bits of [`bits`]: the contents of a mapping are looked at when it goes.
pub(crate) const CONTENTS: u32 = TAIL | PRIVATE;

/// Bit of [`bits`]: more than the call site is remembered of each mapping.
pub(crate) const SITES: u32 = 1024;

/// Bit of [`ENABLED`], alone: the program is to be asked for its options when it is ready.
pub(crate) const WAITS: u32 = 512;

/// What [`bits`] reads, and the doors of calls that concern hardened mode alone.
pub(crate) static ENABLED: AtomicU32 = AtomicU32::new(0);

/// What the hooks look at; 0 before start, and in a program that is not covered.
#[inline]
pub(crate) fn bits() -> u32 {
    ENABLED.load(Relaxed)
}

/// Whether what is mapped is tracked.
pub(crate) fn tracks() -> bool {
    bits() & TRACK != 0
}

/// Turns tracking on, and nothing else, in the tests.
#[cfg(test)]
pub(crate) fn track_in_tests() {
    ENABLED.store(TRACK, Relaxed);
}

/// Ends tracking; whether it had not ended before.
pub(crate) fn stop_tracking() -> bool {
    ENABLED.fetch_and(!TRACK, Relaxed) & TRACK != 0
}

/// Ends what some bits of [`bits`] stand for.
pub(crate) fn disable(bits: u32) {
    ENABLED.fetch_and(!bits, Relaxed);
}
