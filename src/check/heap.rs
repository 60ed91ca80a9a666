//! Memory of malloc's: what glibc writes before each block tells it from other memory.

use super::memory::mapping_at;
use crate::facts::mapping::Mapping;
use crate::observe::tracked;
use crate::plain::page::{page_remainder, page_size};
use crate::sys;

/// The bits of a block's size that say what it is (`malloc/malloc.c` of glibc): the block before is in use, it is a mapping
/// of its own, it is of an arena of a thread.
const IN_USE: usize = 1;
const IS_MAPPED: usize = 2;
const OF_THREAD: usize = 4;

/// All bytes of a block and its header are multiples of this.
const STEP: usize = 16;

/// Whether malloc is likely to have given an address: it lies in the heap, or in anonymous memory of nobody's and behind what
/// malloc writes before a block.
pub(super) fn is_block(address: usize) -> bool {
    if !address.is_multiple_of(STEP) || tracked::at(address).is_some() {
        return false;
    }
    let Some(there) = mapping_at(address) else { return false };
    there.name() == b"[heap]" || there.is_anonymous() && there.is_writable() && has_header(address, &there)
}

fn has_header(address: usize, there: &Mapping) -> bool {
    let start = address.wrapping_sub(STEP);
    let Some(size) = size_at(start).filter(|_| start >= there.start) else { return false };
    let (bits, size) = (size & (STEP - 1), size & !(STEP - 1));
    let Some(end) = start.checked_add(size).filter(|end| *end <= there.end) else { return false };
    match bits {
        IS_MAPPED => page_remainder(end) == 0 && size >= page_size(),
        _ if bits & !(IN_USE | OF_THREAD) == 0 && bits & OF_THREAD != 0 => {
            // The next block says of this one that it is in use.
            size >= 2 * STEP && size_at(end).is_some_and(|next| next & IN_USE != 0)
        }
        _ => false,
    }
}

/// The second word of a block's header.
fn size_at(block: usize) -> Option<usize> {
    let mut word = [0_u8; size_of::<usize>()];
    sys::memory::fill(block.checked_add(word.len())?, &mut word).then(|| usize::from_ne_bytes(word))
}
