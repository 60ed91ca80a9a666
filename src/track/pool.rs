//! Records of one kind, in memory of our own: never the program's heap, and never moved.
//!
//! The first records lie in the library's own zeroed memory, so that a program with few mappings gets no mapping more;
//! from then on each piece of memory is twice as large as the one before. When there is none to be had, nothing has
//! changed and the caller is told.

use core::marker::PhantomData;
use core::mem::{offset_of, size_of};
use core::ptr;
use mapsan_model::layout;

/// Where memory for records comes from.
pub(crate) trait Memory: 'static {
    /// So many bytes, all zeroes and aligned to a page, for as long as the process lives.
    fn zeroed(bytes: usize) -> Option<*mut u8>;
}

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
#[repr(C)] // what is looked at each time lies on one page with the first records
pub(crate) struct Pool<M, T, const FIRST: usize> {
    /// Records that have ever been used: the highest number.
    used: u32,
    /// The first of the free list.
    free: u32,
    records: Records<M, T, FIRST>,
}

/// The records, used or not.
#[repr(C)]
struct Records<M, T, const FIRST: usize> {
    first: [T; FIRST],
    pieces: [*mut T; PIECES],
    memory: PhantomData<M>,
}

impl<M: Memory, T: Item, const FIRST: usize> Records<M, T, FIRST> {
    /// The place of a record: the number of its piece, 0 for the library's own, and its number there.
    fn place(number: u32) -> Option<(usize, usize)> {
        let index = (number as usize).checked_sub(1)?;
        // Piece n has FIRST << n records, after the FIRST * (2^n - 1) of those before it.
        let piece = index.checked_div(FIRST)?.wrapping_add(1).ilog2();
        let before = FIRST.wrapping_mul((1_usize << piece).wrapping_sub(1));
        Some((piece as usize, index.wrapping_sub(before)))
    }

    #[inline]
    fn get(&self, number: u32) -> Option<&T> {
        match self.first.get((number as usize).wrapping_sub(1)) {
            None => self.get_outside(number),
            own => own,
        }
    }

    #[inline]
    fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let index = (number as usize).wrapping_sub(1);
        if index < FIRST { self.first.get_mut(index) } else { self.get_mut_outside(number) }
    }

    #[inline(never)]
    fn get_outside(&self, number: u32) -> Option<&T> {
        // SAFETY: a record, shared as long as the pool is.
        Some(unsafe { &*self.outside(number)? })
    }

    #[inline(never)]
    fn get_mut_outside(&mut self, number: u32) -> Option<&mut T> {
        // SAFETY: a record; the pool is borrowed exclusively.
        Some(unsafe { &mut *self.outside(number)? })
    }

    /// Sees to it that there is memory for a record of one of the pieces. Apart from its caller, whose frame is on the way of
    /// calls with small stacks.
    #[inline(never)]
    fn make_room(&mut self, number: u32) -> Option<()> {
        let (piece, _) = Self::place(number)?;
        let memory = self.pieces.get_mut(piece)?;
        if memory.is_null() {
            let bytes = FIRST.checked_shl(u32::try_from(piece).ok()?)?.checked_mul(size_of::<T>())?;
            *memory = M::zeroed(bytes)?.cast();
        }
        Some(())
    }

    /// A record of one of the pieces. Apart from the others, whose way is then short enough for every call.
    fn outside(&self, number: u32) -> Option<*mut T> {
        let (piece, index) = Self::place(number)?;
        let memory = *self.pieces.get(piece)?;
        if memory.is_null() {
            return None;
        }
        // SAFETY: `place` gives an index below the piece's size, and every record in it is zeroed or written.
        Some(unsafe { memory.add(index) })
    }
}

impl<M: Memory, T: Item, const FIRST: usize> Pool<M, T, FIRST> {
    /// Where what lies in a pool that itself lies `at` bytes from the beginning.
    pub(super) const fn layout(at: usize) -> layout::Pool {
        layout::Pool {
            used: at.wrapping_add(offset_of!(Self, used)),
            first: at.wrapping_add(offset_of!(Self, records.first)),
            own: FIRST,
            stride: size_of::<T>(),
            pieces: at.wrapping_add(offset_of!(Self, records.pieces)),
        }
    }

    pub(crate) const fn new() -> Self {
        let records = Records { first: [T::EMPTY; FIRST], pieces: [ptr::null_mut(); PIECES], memory: PhantomData };
        Pool { used: 0, free: 0, records }
    }

    /// The record of this number.
    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        self.records.get(number)
    }

    /// The record of this number, to change it.
    #[inline]
    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.records.get_mut(number)
    }

    /// Takes a record, with this content.
    #[inline]
    pub(crate) fn take(&mut self, content: T) -> Option<u32> {
        let (number, record) = self.claim()?;
        *record = content;
        Some(number)
    }

    /// Takes a record, which may hold what it held before.
    #[inline]
    pub(crate) fn claim(&mut self) -> Option<(u32, &mut T)> {
        if self.free == 0 {
            self.free = self.unused()?;
        }
        let number = self.free;
        let record = self.records.get_mut(number)?;
        self.free = *record.link();
        Some((number, record))
    }

    /// Gives a record back.
    #[inline]
    pub(crate) fn give_back(&mut self, number: u32) {
        if let Some(record) = self.records.get_mut(number) {
            *record.link() = self.free;
            self.free = number;
        }
    }

    /// A record that has never been used: all zeroes, so that it links to none.
    #[cold]
    #[inline(never)]
    fn unused(&mut self) -> Option<u32> {
        let number = self.used.checked_add(1)?;
        if number as usize > FIRST {
            self.records.make_room(number)?;
        }
        self.used = number;
        Some(number)
    }
}

/// Memory for the tests.
#[cfg(test)]
pub(crate) struct Heap;

#[cfg(test)]
impl Memory for Heap {
    fn zeroed(bytes: usize) -> Option<*mut u8> {
        let pages = vec![[0_u64; 512]; bytes.div_ceil(4096)];
        Some(pages.leak().as_mut_ptr().cast())
    }
}
