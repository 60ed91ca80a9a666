//! Whether the loader has relocated this library.

use core::ptr;

/// A pointer, to itself, that the loader fills in when it relocates this library.
struct Anchor(*const Anchor);

// SAFETY: never written, and only compared.
unsafe impl Sync for Anchor {}

static ANCHOR: Anchor = Anchor(&raw const ANCHOR);

/// Whether the loader has relocated this library: before that, nothing outside it can be reached, `errno` included.
pub(crate) fn is_relocated() -> bool {
    // SAFETY: a live static; volatile, since the compiler knows the value that the loader has yet to write.
    let anchor = unsafe { ptr::read_volatile(&raw const ANCHOR.0) };
    ptr::eq(anchor, &raw const ANCHOR)
}
