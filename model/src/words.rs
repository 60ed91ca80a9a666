//! Tables of words without addresses.

/// Words, one after another in one text. In a library that may lie anywhere, the loader writes the address of each `&str` of a
/// table in every process that starts; here there is one for all.
pub struct Words<const N: usize> {
    text: &'static str,
    /// Where in the text each ends; the next begins there.
    ends: [u16; N],
}

impl<const N: usize> Words<N> {
    /// Of a text and the words that it is made of: [`words!`](crate::words!) names each once.
    ///
    /// # Panics
    /// When it is compiled, if the words are not the text's, or are too many for it.
    #[must_use]
    pub const fn new(text: &'static str, words: [&str; N]) -> Words<N> {
        let mut ends = [0; N];
        let mut end = 0;
        let mut index = 0;
        while index < N {
            end += words[index].len();
            assert!(end <= u16::MAX as usize, "the text is too long");
            #[expect(clippy::cast_possible_truncation, reason = "checked above")]
            {
                ends[index] = end as u16;
            }
            index += 1;
        }
        assert!(end == text.len(), "the text is that of the words");
        Words { text, ends }
    }

    /// The word at an index; an empty one where there is none.
    #[must_use]
    pub fn get(&self, index: usize) -> &'static str {
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| usize::from(*end));
        let end = self.ends.get(index).map_or(0, |end| usize::from(*end));
        self.text.get(start..end).unwrap_or_default()
    }

    /// Where a word is.
    #[must_use]
    pub fn position(&self, word: &str) -> Option<usize> {
        (0..N).find(|index| self.get(*index) == word)
    }
}

/// A [`Words`](crate::words::Words) of literals.
#[macro_export]
macro_rules! words {
    ($($word:expr),+ $(,)?) => { $crate::words::Words::new(concat!($($word),+), [$($word),+]) };
}

#[cfg(test)]
mod tests {
    use super::Words;

    #[test]
    fn each_word_is_found_by_its_place_and_its_place_by_it() {
        const WORDS: Words<4> = words!("one", "", "three", "four");
        assert_eq!([0, 1, 2, 3, 4].map(|index| WORDS.get(index)), ["one", "", "three", "four", ""]);
        assert_eq!(
            ["one", "three", "four", "fou", "onet"].map(|word| WORDS.position(word)),
            [Some(0), Some(2), Some(3), None, None]
        );
    }
}
