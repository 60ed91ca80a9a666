//! Copies of what is replaced: a program that moves its own text to other pages puts it back.

use crate::observe::tracked;
use crate::plain::Range;
use crate::sys;

/// Bytes that are compared at one place.
const SAMPLE: usize = 256;
/// Places that are compared in one range.
const PLACES: usize = 64;
/// Mappings of the program that are looked at.
const MOST: usize = 512;

/// Whether the memory at `other` looks the same as that of the range, by samples from its start to its end.
pub(super) fn is_same(range: Range, other: usize) -> bool {
    let last = range.length().saturating_sub(SAMPLE);
    (0..=PLACES).all(|place| {
        let offset = last.checked_mul(place).map_or(0, |product| product / PLACES);
        let (mut one, mut two) = ([0; SAMPLE], [0; SAMPLE]);
        sys::read_memory(range.start.wrapping_add(offset), &mut one) == Ok(SAMPLE)
            && sys::read_memory(other.wrapping_add(offset), &mut two) == Ok(SAMPLE)
            && one == two
    })
}

/// Whether a mapping of the program starts with a copy of the range.
pub(super) fn has_copy(range: Range) -> bool {
    let mut at = 0;
    for _ in 0..MOST {
        let Some(known) = tracked::at_or_after(at) else { return false };
        let entry = known.entry;
        if entry.end.wrapping_sub(entry.start) >= range.length() && is_same(range, entry.start) {
            return true;
        }
        at = entry.end;
    }
    false
}
