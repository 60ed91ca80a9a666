//! Numbers, each with a text, without the addresses that a table of `&str` would have (`mapsan_model::words`).

use core::ffi::c_int;

/// The texts of some numbers.
#[derive(Clone, Copy)]
pub(crate) struct Texts {
    pub(crate) numbers: &'static [c_int],
    /// One a line.
    pub(crate) lines: &'static str,
}

impl Texts {
    pub(crate) const NONE: Texts = Texts { numbers: &[], lines: "" };

    /// Each number with its text, in the order in which they were written.
    pub(crate) fn iter(self) -> impl Iterator<Item = (c_int, &'static str)> {
        self.numbers.iter().copied().zip(self.lines.split('\n'))
    }

    /// The text of a number; of one that is there twice, the first.
    pub(crate) fn of(self, number: c_int) -> Option<&'static str> {
        self.iter().find(|(of, _)| *of == number).map(|(_, text)| text)
    }
}

/// Makes them of rows, `NUMBER => "text",` each.
macro_rules! texts {
    ($($number:expr => $text:literal,)+) => {
        $crate::plain::texts::Texts { numbers: &[$($number),+], lines: concat!($($text, "\n"),+) }
    };
}
pub(crate) use texts;

#[cfg(test)]
mod tests {
    #[test]
    fn each_number_has_its_text() {
        let texts = texts! { 7 => "seven", -1 => "", 3 => "three", 7 => "again", };
        let of = [7, -1, 3, 0].map(|number| texts.of(number));
        assert_eq!(of, [Some("seven"), Some(""), Some("three"), None]);
        assert_eq!(texts.iter().count(), 4);
    }
}
