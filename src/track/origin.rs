//! Where a mapping comes from: the call that made it.

use super::pool::Item;
use crate::plain::Outer;
use crate::plain::hidden::{Addresses, Hidden};
use core::ffi::c_int;
use core::mem::offset_of;
use mapsan_model::layout;

/// What made a mapping, or ended it, in the order of [`layout::CALLS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum By {
    Mmap,
    Mremap,
    Shmat,
    Munmap,
    Shmdt,
    /// `MADV_DONTFORK`, of a process that has forked this one.
    Madvise,
}

impl By {
    /// The function's name.
    pub(crate) fn function(self) -> &'static str {
        layout::CALLS.get(self as usize).copied().unwrap_or_default()
    }
}

/// The file that was mapped, as it was then. For a System V segment, `inode` is its id and `size` its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) inode: u64,
    /// In bytes.
    pub(crate) size: u64,
    /// Where in the file the mapping starts, in bytes.
    pub(crate) offset: u64,
    /// Major number in the upper, minor in the lower 20 bits, as the kernel packs them. For a segment, the number of the
    /// attachment, given when it is entered.
    pub(crate) device: u32,
    /// The descriptor's number then; -1 for a segment.
    pub(crate) fd: c_int,
}

impl File {
    pub(super) const LAYOUT: layout::File = layout::File {
        inode: offset_of!(File, inode),
        size: offset_of!(File, size),
        offset: offset_of!(File, offset),
        descriptor: offset_of!(File, fd),
    };
}

impl Item for File {
    const EMPTY: File = File { inode: 0, size: 0, offset: 0, device: 0, fd: 0 };

    fn link(&mut self) -> &mut u32 {
        &mut self.device
    }
}

/// A record of [`Outer`].
#[derive(Clone, Copy)]
pub(super) struct OuterItem {
    pub(super) frames: Hidden<Outer>,
    free: u32,
}

impl OuterItem {
    pub(super) fn new(frames: Outer) -> OuterItem {
        OuterItem { frames: Hidden::of(frames), free: 0 }
    }
}

impl Item for OuterItem {
    const EMPTY: OuterItem = OuterItem { frames: Hidden::unused(Outer::NONE), free: 0 };

    fn link(&mut self) -> &mut u32 {
        &mut self.free
    }
}

/// A call that maps, as it is told to the tracker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewMapping {
    pub(crate) by: By,
    /// The return address of the call.
    pub(crate) site: usize,
    /// The address that the call returned.
    pub(crate) base: usize,
    /// The length that was asked for, in bytes; of a segment its size.
    pub(crate) length: usize,
    pub(crate) prot: u8,
    /// The call's flags.
    pub(crate) flags: c_int,
    /// Whether the program chose the address.
    pub(crate) placed: bool,
    /// Whether its release needs a look: it starts past the end of its file.
    pub(crate) needs_check: bool,
    pub(crate) file: Option<File>,
    /// As the caller's clock gives it.
    pub(crate) time: u32,
}

/// What is remembered of such a call, shared by the pieces of its mapping, alive and gone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) site: usize,
    pub(crate) base: usize,
    pub(crate) length: usize,
    pub(crate) flags: c_int,
    pub(crate) time: u32,
    /// Counts the calls: a later one has a higher number (modulo 2^32).
    pub(crate) serial: u32,
    /// Pieces that point here.
    pub(super) pieces: u32,
    pub(super) file: u32,
    pub(super) outer: u32,
    pub(crate) by: By,
    pub(crate) prot: u8,
    pub(crate) placed: bool,
    /// In which process of a line of forks it was made.
    pub(crate) generation: u8,
    /// Whether bytes past its end may have been written before they were past its end, or by others.
    pub(crate) tail_unreliable: bool,
    /// The count in which it was last counted, so that its pieces count once.
    pub(super) counted: u8,
    /// Where the address that it was asked for at is remembered, if it was not given that one; 0 otherwise.
    pub(super) hint: u16,
}

impl Addresses for NewMapping {
    fn complemented(self) -> NewMapping {
        NewMapping { site: !self.site, base: !self.base, ..self }
    }
}

impl Origin {
    pub(super) const LAYOUT: layout::Origin = layout::Origin {
        site: offset_of!(Origin, site),
        base: offset_of!(Origin, base),
        length: offset_of!(Origin, length),
        flags: offset_of!(Origin, flags),
        serial: offset_of!(Origin, serial),
        generation: offset_of!(Origin, generation),
        file: offset_of!(Origin, file),
        by: offset_of!(Origin, by),
        protection: offset_of!(Origin, prot),
    };

    /// Whether its call was made before the one with this number.
    pub(crate) fn is_older_than(&self, serial: u32) -> bool {
        serial.wrapping_sub(self.serial).cast_signed() > 0
    }
}

impl Addresses for Origin {
    #[inline]
    fn complemented(self) -> Origin {
        Origin { site: !self.site, base: !self.base, ..self }
    }
}

impl Item for Hidden<Origin> {
    const EMPTY: Hidden<Origin> = Hidden::unused(Origin {
        site: 0,
        base: 0,
        length: 0,
        flags: 0,
        time: 0,
        serial: 0,
        pieces: 0,
        file: 0,
        outer: 0,
        by: By::Mmap,
        prot: 0,
        placed: false,
        generation: 0,
        tail_unreliable: false,
        counted: 0,
        hint: 0,
    });

    fn link(&mut self) -> &mut u32 {
        &mut self.kept_mut().pieces
    }
}

// The ceiling is 128 bytes for a live mapping: an entry of 24 in a node that may be half empty, this, and a file.
const _: () = assert!(size_of::<Origin>() <= 56 && size_of::<File>() <= 32);
