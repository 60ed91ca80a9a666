//! A pointer that was kept in shared memory: the address of a fault stands there, and means nothing in this process.

use super::words::OffsetInto;
use super::{LOWEST, allows_read};
use crate::check::ByteCount;
use crate::check::memory::mapping_at;
use crate::observe::tracked;
use crate::plain::page::page_size;
use crate::sys;
use crate::track::{By, TrackedRange};
use core::fmt;

/// The most bytes that are looked at: reading fills holes.
const MOST: usize = 4 << 20;

/// The words that are read at once.
const WORDS: usize = 128;

/// A word of shared memory that is the address of a fault, or a little below it, as when a field is accessed.
pub(super) struct StoredPointer {
    known: TrackedRange,
    /// Where the word is.
    place: usize,
    value: usize,
    address: usize,
}

impl StoredPointer {
    /// Looks for the address of a fault where nothing is mapped.
    pub(super) fn find(address: usize) -> Option<StoredPointer> {
        if address < LOWEST {
            return None;
        }
        let (mut at, mut left) = (0, MOST);
        while let Some(known) = tracked::at_or_after(at).filter(|_| left > 0) {
            at = known.entry.end;
            if !is_shared(&known) {
                continue;
            }
            let length = known.entry.end.wrapping_sub(known.entry.start).min(left);
            left = left.wrapping_sub(length);
            if let Some((place, value)) = look(known.entry.start, length, address) {
                return Some(StoredPointer { known, place, value, address });
            }
        }
        None
    }
}

/// Whether others may have written into memory that can be read.
fn is_shared(known: &TrackedRange) -> bool {
    const TYPE: i32 = libc::MAP_SHARED | libc::MAP_PRIVATE;
    let shared = match known.origin.by {
        By::Shmat => true,
        By::Mmap => known.origin.flags & TYPE != libc::MAP_PRIVATE,
        _ => false,
    };
    shared && allows_read(known.entry.prot)
}

/// The first word of a range that leads to the page of an address, or to less than a page below it, where nothing is mapped.
fn look(start: usize, length: usize, address: usize) -> Option<(usize, usize)> {
    let mut done = 0;
    while done < length {
        let from = start.wrapping_add(done);
        let mut words = [[0_u8; size_of::<usize>()]; WORDS];
        let bytes = words.as_flattened_mut();
        let wanted = bytes.len().min(length.wrapping_sub(done));
        // What lies past the end of a file is not there.
        let read = sys::read_memory(from, bytes.get_mut(..wanted)?).ok().filter(|read| *read > 0)?;
        for (index, word) in words.iter().enumerate().take(read >> size_of::<usize>().trailing_zeros()) {
            let value = usize::from_ne_bytes(*word);
            if address.wrapping_sub(value) < page_size() && mapping_at(value).is_none() {
                return Some((from.wrapping_add(index.wrapping_mul(size_of::<usize>())), value));
            }
        }
        done = done.wrapping_add(read);
    }
    None
}

impl fmt::Display for StoredPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address.wrapping_sub(self.value) {
            0 => f.write_str("the same value")?,
            below => write!(f, "{:#x}, {} below it,", self.value, ByteCount(below as u64))?,
        }
        write!(f, " stands {}", OffsetInto(&self.known, self.place))?;
        f.write_str(
            ": a pointer that another process has stored there leads to memory of that process; store an offset \
             into the shared memory in its place",
        )
    }
}
