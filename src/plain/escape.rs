//! Bytes from outside (paths, names) made fit for a terminal and for JSON: no control character, no invalid UTF-8.
//!
//! What is written is valid, printable UTF-8; a backslash is doubled so that what was escaped can be told from what
//! was there.

use core::fmt::{self, Write as _};

/// Shows bytes with everything unprintable escaped as C does (`\n`, `\x1b`), other characters as `\u{202e}`.
pub(crate) struct Escaped<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    '\n' => f.write_str("\\n")?,
                    '\t' => f.write_str("\\t")?,
                    '\r' => f.write_str("\\r")?,
                    '\\' => f.write_str("\\\\")?,
                    '\0'..=' ' | '\x7f' if character != ' ' => write!(f, "\\x{:02x}", u32::from(character))?,
                    _ if misleads(character) => write!(f, "\\u{{{:x}}}", u32::from(character))?,
                    _ => f.write_char(character)?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// C1 controls, line separators, and the marks that turn the direction of writing.
fn misleads(character: char) -> bool {
    matches!(character,
        '\u{80}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Shows the bytes of a path in quotes.
pub(crate) struct Quoted<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", Escaped(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::Escaped;

    #[test]
    fn nothing_reaches_a_terminal_that_could_move_it() {
        let cases: [(&[u8], &str); 6] = [
            (b"/srv/data file", "/srv/data file"),
            (b"a\nb\x1b[31m", "a\\nb\\x1b[31m"),
            (b"back\\slash", "back\\\\slash"),
            (b"\xff\xfe", "\\xff\\xfe"),
            ("grün \u{202e}".as_bytes(), "grün \\u{202e}"),
            ("\u{9b}".as_bytes(), "\\u{9b}"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(format!("{}", Escaped(bytes)), expected);
        }
    }
}
