//! An address of the program's that outlives the call in which it was learned.
//!
//! Conservative collectors (bdwgc, Guile) and leak checkers (LeakSanitizer) scan the data of all loaded objects, and take
//! each word that looks like an address for a reference. One of the library's would keep memory alive, or hide a leak. So
//! an address is kept as its complement, which no process can have mapped (it lies in the kernel's half).

/// An address, kept so that nobody who scans memory takes it for one. All zeroes is the address that can't be: the last.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Hidden(usize);

impl Hidden {
    /// Hides an address.
    #[inline]
    pub(crate) const fn new(address: usize) -> Hidden {
        Hidden(!address)
    }

    /// The address.
    #[inline]
    pub(crate) const fn get(self) -> usize {
        !self.0
    }
}
