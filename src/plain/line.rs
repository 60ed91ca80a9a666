//! Text put together in a fixed room.

use core::fmt;
use core::mem::offset_of;

/// At most `N` bytes of UTF-8; what does not fit is left out at a character's border.
#[repr(C)] // the length first: who looks whether it is empty touches one page
pub(crate) struct Line<const N: usize> {
    length: usize,
    bytes: [u8; N],
}

impl<const N: usize> Line<N> {
    /// From its length to its bytes, for who reads it from outside.
    pub(crate) const BYTES: usize = offset_of!(Self, bytes);

    /// An empty line.
    pub(crate) const fn new() -> Self {
        Line { bytes: [0; N], length: 0 }
    }

    /// Empties it.
    pub(crate) fn clear(&mut self) {
        self.length = 0;
    }

    /// Takes back everything after the first `length` bytes, or less if a character ends later.
    pub(crate) fn truncate(&mut self, length: usize) {
        let mut end = self.length.min(length);
        while !self.as_str().is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        self.length = end;
    }

    /// What was written.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// What was written, which is always whole characters.
    pub(crate) fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The number of bytes written.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// The number of bytes that still fit.
    pub(crate) fn room(&self) -> usize {
        N.saturating_sub(self.length)
    }

    /// Puts a prefix in front of each line, and cuts off what has no room then.
    pub(crate) fn prefix_lines(&mut self, prefix: &[u8]) {
        let lines = |line: &Self| line.as_bytes().split_inclusive(|byte| *byte == b'\n').count();
        while let more = lines(self).saturating_mul(prefix.len())
            && more > self.room()
        {
            let end = self.length.saturating_sub(more.saturating_sub(self.room()));
            self.truncate(end.saturating_sub(1));
            self.push_bytes(b"\n");
        }
        // From the end, so that nothing is moved twice.
        let (mut from, mut to) = (self.length, self.length.saturating_add(lines(self).saturating_mul(prefix.len())));
        self.length = to;
        while from > 0 {
            let before = self.bytes.get(..from.saturating_sub(1)).unwrap_or_default();
            let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end.saturating_add(1));
            let length = from.saturating_sub(start);
            self.bytes.copy_within(start..from, to.saturating_sub(length));
            to = to.saturating_sub(length).saturating_sub(prefix.len());
            if let Some(place) = self.bytes.get_mut(to..to.saturating_add(prefix.len())) {
                place.copy_from_slice(prefix);
            }
            from = start;
        }
    }

    /// Appends bytes that need not be UTF-8; `false` if they do not fit.
    pub(crate) fn push_bytes(&mut self, bytes: &[u8]) -> bool {
        self.open().push_bytes(bytes)
    }

    fn open(&mut self) -> Open<'_> {
        Open { bytes: &mut self.bytes, length: &mut self.length }
    }
}

impl<const N: usize> fmt::Write for Line<N> {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.open().write_str(text)
    }

    #[inline]
    fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> fmt::Result {
        self.open().write_fmt(text)
    }
}

/// A line of any length that is written to: what writes is there once.
struct Open<'a> {
    bytes: &'a mut [u8],
    length: &'a mut usize,
}

impl Open<'_> {
    #[inline(never)]
    fn push_bytes(&mut self, bytes: &[u8]) -> bool {
        let Some(end) = self.length.checked_add(bytes.len()) else {
            return false;
        };
        let Some(room) = self.bytes.get_mut(*self.length..end) else {
            return false;
        };
        room.copy_from_slice(bytes);
        *self.length = end;
        true
    }
}

impl fmt::Write for Open<'_> {
    #[inline(never)]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut fits = text.len().min(self.bytes.len().saturating_sub(*self.length));
        while !text.is_char_boundary(fits) {
            fits = fits.saturating_sub(1);
        }
        self.push_bytes(text.as_bytes().get(..fits).unwrap_or_default());
        Ok(())
    }

    #[inline(never)]
    fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> fmt::Result {
        fmt::write(self, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::fmt::Write as _;

    #[test]
    fn a_line_is_cut_between_characters() {
        let mut line = Line::<4>::new();
        write!(line, "abcö").unwrap();
        assert_eq!((line.as_str(), line.room()), ("abc", 1));
        line.clear();
        write!(line, "abö").unwrap();
        assert_eq!(line.as_str(), "abö");
    }
    #[test]
    fn each_line_gets_the_prefix() {
        let mut line = Line::<24>::new();
        write!(line, "a\n\nbc\n").unwrap();
        line.prefix_lines(b"7 ");
        assert_eq!(line.as_str(), "7 a\n7 \n7 bc\n");
        line.prefix_lines(b"");
        line.prefix_lines(b"1234 ");
        assert_eq!(line.as_str(), "1234 7 a\n1234 7 \n1234 7\n", "what has no room is cut off");
        line.clear();
        line.prefix_lines(b"7 ");
        assert_eq!(line.as_str(), "");
    }
}
