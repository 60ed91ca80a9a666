//! Suppressions: which findings are silenced, and what would silence one.
//!
//! Under the command the library leaves them to it, since only here are there functions and files of the source.

use crate::findings::found::{Found, Located};
use crate::spelling::nearest;
use mapsan_model::Rule;
use mapsan_model::suppressions::{matches, suppressions};
use std::collections::BTreeSet;
use std::path::Path;

/// The content of a suppression file.
#[derive(Default)]
pub(crate) struct Suppressions {
    content: Vec<u8>,
    used: BTreeSet<usize>,
}

impl Suppressions {
    /// Takes the file's content.
    pub(crate) fn new(content: Vec<u8>) -> Suppressions {
        Suppressions { content, used: BTreeSet::new() }
    }

    /// Whether a line is for this finding.
    pub(crate) fn silence(&mut self, found: &Found) -> bool {
        let line = suppressions(&self.content).find(|line| {
            // Of a race either of the two may be the first.
            let others = found.related.iter().filter(|related| related.access.is_some());
            let mut stacks = std::iter::once(&found.stack).chain(others.map(|related| &related.stack));
            matches(line.rule, found.rule.as_bytes())
                && stacks.any(|stack| stack.iter().any(|located| names(line.pattern, located)))
        });
        line.map(|line| self.used.insert(line.line)).is_some()
    }

    /// The lines that can never match: their number, and why.
    pub(crate) fn malformed(&self) -> Vec<(usize, String)> {
        let of_rule = |rule: &[u8]| Rule::ALL.iter().any(|known| matches(rule, known.name().as_bytes()));
        let why = |rule: &[u8]| {
            let name = String::from_utf8_lossy(rule).escape_debug().to_string();
            if of_rule(rule) {
                format!("it has no pattern; written {name}:PATTERN, such as {name}:main, or {name}:* for all")
            } else {
                let near = nearest(&name, Rule::ALL.iter().map(|rule| rule.name()));
                format!("there is no rule '{name}'{near}; lines are written RULE:PATTERN")
            }
        };
        suppressions(&self.content)
            .filter(|line| line.pattern.is_empty() || !of_rule(line.rule))
            .map(|line| (line.line, why(line.rule)))
            .collect()
    }

    /// The lines that have matched nothing: their number and text.
    pub(crate) fn unused(&self) -> Vec<(usize, String)> {
        suppressions(&self.content)
            .filter(|line| !self.used.contains(&line.line))
            .map(|line| {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                (line.line, format!("{}:{}", text(line.rule), text(line.pattern)))
            })
            .collect()
    }
}

/// A line that silences a finding, and others of its rule in the same function.
pub(crate) fn line_for(found: &Found) -> Option<String> {
    let own = found.stack.iter().find(|located| located.places.iter().any(|place| place.function.is_some()));
    let first = own.or_else(|| found.stack.first())?;
    let module = || Some(Path::new(first.frame.module.as_deref()?).file_name()?.to_str()?.to_owned());
    let pattern = first.function().map(str::to_owned).or_else(module)?;
    Some(format!("{}:{pattern}", found.rule))
}

/// Whether a pattern is for a frame: its module or function, or the source file, by path or last component.
fn names(pattern: &[u8], located: &Located) -> bool {
    let module = located.frame.module.as_deref().map(Path::new);
    let files = located.places.iter().filter_map(|place| place.file.as_deref());
    let paths = files.chain(module).flat_map(|path| [Some(path.as_os_str()), path.file_name()]);
    let functions = located.places.iter().filter_map(|place| place.function.as_deref()).chain(located.frame.function());
    paths.flatten().any(|path| matches(pattern, path.as_encoded_bytes()))
        || functions.into_iter().any(|function| matches(pattern, function.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::records::Frame;
    use crate::findings::symbols::SourceLocation;

    #[test]
    fn modules_functions_and_files_are_named() {
        let place =
            SourceLocation { function: Some("helper".into()), file: Some("/src/a.c".into()), line: None, column: None };
        let frame = Frame {
            address: "0x1".into(),
            module: Some("/opt/prog".into()),
            offset: None,
            build_id: None,
            symbol: Some("outer+0x2d".into()),
        };
        let located = Located { frame, places: vec![place] };
        for pattern in ["helper", "h*r", "/src/*", "a.c", "prog", "/opt/prog", "outer"] {
            assert!(names(pattern.as_bytes(), &located), "{pattern}");
        }
        assert!(!names(b"main", &located) && !names(b"", &located));
    }

    #[test]
    fn lines_that_match_nothing_are_told() {
        let suppressions = Suppressions::new(b"# known\nmmap-*:main\nnonsense:x\nmmap-bad-fd:\n".to_vec());
        let lines = |found: Vec<(usize, String)>| found.into_iter().map(|(line, _)| line).collect::<Vec<_>>();
        assert_eq!(lines(suppressions.malformed()), [3, 4]);
        assert_eq!(lines(suppressions.unused()), [2, 3, 4]);
    }
}
