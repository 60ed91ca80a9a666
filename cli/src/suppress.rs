//! Suppressions that name functions and files which only debug information knows.
//!
//! The library has applied the same file to modules and dynamic symbols already.

use crate::records::Finding;
use crate::symbols::Place;

/// The lines of a suppression file.
#[derive(Default)]
pub(crate) struct Suppressions(Vec<(String, String)>);

impl Suppressions {
    /// Reads `rule:pattern` lines; the library has complained of those that are not.
    pub(crate) fn parse(text: &str) -> Suppressions {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let split = |line: &str| {
            let (rule, pattern) = line.split_once(':')?;
            Some((rule.trim().to_owned(), pattern.trim().to_owned())).filter(|(_, pattern)| !pattern.is_empty())
        };
        Suppressions(lines.filter_map(split).collect())
    }

    /// Whether a line is for this finding, made in these places.
    pub(crate) fn silence(&self, finding: &Finding, places: &[Place]) -> bool {
        let named = |pattern: &str, place: &Place| {
            let file = place.file.as_ref().map(|file| file.display().to_string());
            let name = place.file.as_ref().and_then(|file| file.file_name()).and_then(|name| name.to_str());
            [place.function.as_deref(), file.as_deref(), name].into_iter().flatten().any(|text| matches(pattern, text))
        };
        self.0
            .iter()
            .any(|(rule, pattern)| matches(rule, &finding.rule) && places.iter().any(|place| named(pattern, place)))
    }
}

/// Whether a text as a whole fits a pattern, in which `*` stands for anything and `?` for one character.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_at_checked(1) else {
        return text.is_empty();
    };
    match first {
        "*" => (0..=text.len()).any(|at| text.get(at..).is_some_and(|tail| matches(rest, tail))),
        "?" => {
            let mut characters = text.chars();
            characters.next().is_some() && matches(rest, characters.as_str())
        }
        _ => text.strip_prefix(first).is_some_and(|tail| matches(rest, tail)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        assert!(matches("lib*::map?", "libfoo::map2") && matches("*", ""));
        assert!(!matches("a*b", "abc") && !matches("?", ""));
        let parsed = Suppressions::parse("# all\n mmap-*:helper \nnothing\nx:\n");
        assert_eq!(parsed.0, [("mmap-*".to_owned(), "helper".to_owned())]);
    }
}
