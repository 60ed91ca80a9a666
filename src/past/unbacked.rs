//! Memory whose pages were made to fail, for the fault that comes of it.

use crate::plain::Range;
use core::sync::atomic::{
    AtomicU32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

/// One mapping.
#[derive(Clone, Copy)]
pub(crate) struct Unbacked {
    pub(crate) range: Range,
    /// The return address of the call that gave it.
    pub(crate) site: usize,
    /// The call, by its number.
    pub(crate) function: u32,
}

/// Mappings that are remembered: the last ones.
const KEPT: usize = 16;

struct Place {
    /// Odd while it is written, 0 before that.
    version: AtomicU32,
    function: AtomicU32,
    /// Complements.
    start: AtomicUsize,
    end: AtomicUsize,
    site: AtomicUsize,
}

static PLACES: [Place; KEPT] = [const {
    Place {
        version: AtomicU32::new(0),
        function: AtomicU32::new(0),
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        site: AtomicUsize::new(0),
    }
}; KEPT];
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Remembers one.
pub(crate) fn note(unbacked: &Unbacked) {
    let Some(place) = PLACES.get(NEXT.fetch_add(1, Relaxed) % KEPT) else { return };
    let version = place.version.load(Relaxed);
    if version & 1 == 1 || place.version.compare_exchange(version, version | 1, Acquire, Relaxed).is_err() {
        return;
    }
    place.start.store(!unbacked.range.start, Relaxed);
    place.end.store(!unbacked.range.end, Relaxed);
    place.site.store(!unbacked.site, Relaxed);
    place.function.store(unbacked.function, Relaxed);
    place.version.store(version.wrapping_add(2), Release);
}

/// The last one that an address lies in.
pub(crate) fn at(address: usize) -> Option<Unbacked> {
    let newest = NEXT.load(Relaxed);
    (1..=KEPT).find_map(|age| {
        let place = PLACES.get(newest.wrapping_sub(age) % KEPT)?;
        let version = place.version.load(Acquire);
        let range = Range { start: !place.start.load(Relaxed), end: !place.end.load(Relaxed) };
        let (site, function) = (!place.site.load(Relaxed), place.function.load(Relaxed));
        let is_whole = version != 0 && version & 1 == 0 && place.version.load(Acquire) == version;
        (is_whole && range.contains(address)).then_some(Unbacked { range, site, function })
    })
}
