//! Addresses of the program's that outlive the call in which they were learned.
//!
//! Conservative collectors (bdwgc, Guile) and leak checkers (`LeakSanitizer`) scan the data of all loaded objects, and take
//! each word that looks like an address for a reference. One of the library's would keep memory alive, or hide a leak. So
//! an address is kept as its complement, which no process can have mapped (it lies in the kernel's half).

/// What holds addresses of the program's.
pub(crate) trait Addresses: Copy {
    /// The same, with the complement of each address in its place.
    #[must_use]
    fn complemented(self) -> Self;
}

impl Addresses for usize {
    #[inline]
    fn complemented(self) -> usize {
        !self
    }
}

/// An address, or a record with addresses, kept so that nobody who scans memory takes them for addresses. In one that is
/// all zeroes each address is the one that can't be: the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Hidden<T = usize>(T);

impl Hidden {
    /// Hides an address.
    #[inline]
    pub(crate) const fn new(address: usize) -> Hidden {
        Hidden(!address)
    }

    /// What is kept, for an atomic.
    #[inline]
    pub(crate) const fn bits(self) -> usize {
        self.0
    }

    /// What an atomic has kept.
    #[inline]
    pub(crate) const fn of_bits(bits: usize) -> Hidden {
        Hidden(bits)
    }
}

impl<T: Addresses> Hidden<T> {
    /// Hides a record.
    #[inline]
    pub(crate) fn of(record: T) -> Hidden<T> {
        Hidden(record.complemented())
    }

    /// The address or record.
    #[inline]
    pub(crate) fn get(self) -> T {
        self.0.complemented()
    }
}

impl<T> Hidden<T> {
    /// A place in which nothing has been kept yet, all zeroes, so that it takes no room in the library's file.
    pub(crate) const fn unused(zeroes: T) -> Hidden<T> {
        Hidden(zeroes)
    }

    /// A record in which the complements are already in place: made where it is to lie, on small stacks.
    #[inline]
    pub(crate) fn as_kept(record: T) -> Hidden<T> {
        Hidden(record)
    }

    /// The record as it lies in memory: right but for its addresses.
    #[inline]
    pub(crate) fn kept(&self) -> &T {
        &self.0
    }

    /// As [`Hidden::kept`], to change what is no address.
    #[inline]
    pub(crate) fn kept_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
