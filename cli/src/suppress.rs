//! Suppressions that name functions and files which only debug information knows.
//!
//! The library has applied the same file to modules and dynamic symbols already, and complained of bad lines.

use crate::records::Finding;
use crate::symbols::Place;
use mapsan_model::suppressions::{matches, suppressions};

/// The content of a suppression file.
#[derive(Default)]
pub(crate) struct Suppressions(Vec<u8>);

impl Suppressions {
    /// Takes the file's content.
    pub(crate) fn new(content: Vec<u8>) -> Suppressions {
        Suppressions(content)
    }

    /// Whether a line is for this finding, made in these places.
    pub(crate) fn silence(&self, finding: &Finding, places: &[Place]) -> bool {
        suppressions(&self.0).any(|line| {
            matches(line.rule, finding.rule.as_bytes()) && places.iter().any(|place| names(line.pattern, place))
        })
    }
}

/// Whether a pattern is for a place: its function, its file's path, or the last component of that.
fn names(pattern: &[u8], place: &Place) -> bool {
    let path = place.file.as_ref().map(|file| file.as_os_str().as_encoded_bytes());
    let name = place.file.as_ref().and_then(|file| file.file_name()).map(std::ffi::OsStr::as_encoded_bytes);
    let function = place.function.as_ref().map(String::as_bytes);
    [function, path, name].into_iter().flatten().any(|text| matches(pattern, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_and_files_are_named() {
        let place = Place { function: Some("helper".into()), file: Some("/src/a.c".into()), line: None, column: None };
        for pattern in ["helper", "h*r", "/src/*", "a.c"] {
            assert!(names(pattern.as_bytes(), &place), "{pattern}");
        }
        assert!(!names(b"main", &place) && !names(b"", &place));
    }
}
