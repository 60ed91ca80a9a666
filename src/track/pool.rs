//! Records of one kind, in memory of our own: never the program's heap, and never moved.
//!
//! The first records lie in the library's own zeroed memory, so that a program with few mappings gets no mapping more;
//! from then on each piece of memory is twice as large as the one before. When there is none to be had, nothing has
//! changed and the caller is told.

use crate::sys;
use core::mem::size_of;
use core::ptr;

/// A record that a pool can hold.
pub(crate) trait Item: Copy + 'static {
    /// All zeroes, so that a pool takes no room in the library's file.
    const EMPTY: Self;

    /// The link of the free list, in a field that a free record does not need.
    fn link(&mut self) -> &mut u32;
}

/// Pieces of memory beyond the first: far more than an address space has.
const PIECES: usize = 32;

/// Records by number, from 1; 0 is none. `FIRST` is how many the library itself has room for.
pub(crate) struct Pool<T, const FIRST: usize> {
    first: [T; FIRST],
    pieces: [*mut T; PIECES],
    /// Records that have ever been used: the highest number.
    used: u32,
    /// The first of the free list.
    free: u32,
}

impl<T: Item, const FIRST: usize> Pool<T, FIRST> {
    pub(crate) const fn new() -> Self {
        Pool { first: [T::EMPTY; FIRST], pieces: [ptr::null_mut(); PIECES], used: 0, free: 0 }
    }

    /// The place of a record: the number of its piece, 0 for the library's own, and its number there.
    fn place(number: u32) -> Option<(usize, usize)> {
        let index = (number as usize).checked_sub(1)?;
        // Piece n has FIRST << n records, after the FIRST * (2^n - 1) of those before it.
        let piece = index.checked_div(FIRST)?.wrapping_add(1).ilog2();
        let before = FIRST.wrapping_mul((1_usize << piece).wrapping_sub(1));
        Some((piece as usize, index.wrapping_sub(before)))
    }

    /// The record of this number.
    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        if let Some(own) = self.first.get((number as usize).wrapping_sub(1)) {
            return Some(own);
        }
        let (piece, index) = Self::place(number)?;
        let memory = *self.pieces.get(piece)?;
        if memory.is_null() {
            return None;
        }
        // SAFETY: `place` gives an index below the piece's size, and every record in it is zeroed or written.
        let record = unsafe { memory.add(index) };
        // SAFETY: as above; shared as long as the pool is.
        Some(unsafe { &*record })
    }

    /// The record of this number, to change it.
    #[inline]
    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let index = (number as usize).wrapping_sub(1);
        if index < FIRST {
            return self.first.get_mut(index);
        }
        let (piece, index) = Self::place(number)?;
        let memory = *self.pieces.get(piece)?;
        if memory.is_null() {
            return None;
        }
        // SAFETY: `place` gives an index below the piece's size, and every record in it is zeroed or written.
        let record = unsafe { memory.add(index) };
        // SAFETY: as above; the pool is borrowed exclusively.
        Some(unsafe { &mut *record })
    }

    /// Takes a record, with this content.
    pub(crate) fn take(&mut self, content: T) -> Option<u32> {
        let number = self.claim()?;
        *self.get_mut(number)? = content;
        Some(number)
    }

    /// Takes a record, which may hold what it held before.
    pub(crate) fn claim(&mut self) -> Option<u32> {
        if self.free == 0 {
            let number = self.unused()?;
            self.used = number;
            return Some(number);
        }
        let number = self.free;
        self.free = *self.get_mut(number)?.link();
        Some(number)
    }

    /// Gives a record back.
    pub(crate) fn give_back(&mut self, number: u32) {
        let next = self.free;
        if let Some(record) = self.get_mut(number) {
            *record.link() = next;
            self.free = number;
        }
    }

    /// A number that has never been used, with memory behind it.
    #[inline(never)]
    fn unused(&mut self) -> Option<u32> {
        let number = self.used.checked_add(1)?;
        let (piece, _) = Self::place(number)?;
        let memory = self.pieces.get_mut(piece)?;
        if piece > 0 && memory.is_null() {
            let bytes = FIRST.checked_shl(u32::try_from(piece).ok()?)?.checked_mul(size_of::<T>())?;
            *memory = sys::zeroed_memory(bytes)?.cast();
        }
        Some(number)
    }
}
