//! Entrances, the table by which `mapsan inspect` reads this process from outside: where the library's variables are, and
//! where in them lies what it wants to know.
//!
//! It is found by its first bytes in the library's data. The loader puts the addresses right, as in all data.

use crate::clock;
use crate::enabled::{self, ENABLED};
use crate::past::failures;
use crate::{finding, observe, signal};
use mapsan_model::layout::{ADDRESSES, Head, Layout, TRACKS};

#[repr(C)]
struct Table {
    head: Head,
    addresses: [*const (); ADDRESSES],
    layout: Layout,
}

// SAFETY: nobody in this process follows the addresses.
unsafe impl Sync for Table {}

const _: () = assert!(TRACKS == enabled::TRACK);

static TABLE: Table = Table {
    head: Head::of_this_version(),
    addresses: [
        (&raw const TABLE).cast(),
        observe::TRACKER_ADDRESS,
        failures::ADDRESS,
        finding::LAST_ADDRESS,
        finding::COUNTS_ADDRESS,
        (&raw const ENABLED).cast(),
        clock::ADDRESS,
        signal::EXAMINE,
    ],
    layout: observe::layout(failures::LAYOUT, finding::LAYOUT, clock::LAYOUT),
};

/// Keeps the linker from leaving the table out, which nothing in this process reads.
pub(crate) fn keep() {
    core::hint::black_box(&raw const TABLE);
}
