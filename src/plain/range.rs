//! Ranges of addresses.

use super::hidden::Addresses;

/// A range of addresses: the first byte, and one past the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Addresses for Range {
    #[inline]
    fn complemented(self) -> Range {
        Range { start: !self.start, end: !self.end }
    }
}

impl Range {
    /// The range of so many bytes; as much of it as there is if it wraps.
    pub(crate) fn new(start: usize, length: usize) -> Range {
        Range { start, end: start.saturating_add(length) }
    }

    /// Whether an address lies in it.
    pub(crate) fn contains(self, address: usize) -> bool {
        (self.start..self.end).contains(&address)
    }

    /// The length in bytes.
    pub(crate) fn length(self) -> usize {
        self.end.saturating_sub(self.start)
    }
}
