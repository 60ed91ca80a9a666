//! The source line of a call, with the call marked.

use crate::symbols::Place;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::fs;
use std::ops::Range;

/// Lines shown before and after the call's.
const CONTEXT: usize = 1;

/// The snippet of a place, if its source can be read.
pub(crate) fn snippet(place: &Place, function: &str, label: &str, colour: bool) -> Option<String> {
    let file = place.file.as_ref()?;
    let line = usize::try_from(place.line?).ok()?.checked_sub(1)?;
    let source = fs::read_to_string(file).ok()?;
    let lines: Vec<&str> = source.lines().collect();
    let first = line.saturating_sub(CONTEXT);
    let last = (line + CONTEXT).min(lines.len().checked_sub(1)?);
    let column = place.column.and_then(|column| usize::try_from(column).ok()).map_or(0, |column| column - 1);
    let mark = call_in(lines.get(line)?, function, column)?;
    let before: usize = lines.get(first..line)?.iter().map(|text| text.len() + 1).sum();
    let text = lines.get(first..=last)?.join("\n");
    let path = crate::form::shown(file);
    let snippet = Snippet::source(&text)
        .line_start(first + 1)
        .path(&path)
        .fold(false)
        .annotation(AnnotationKind::Primary.span(before + mark.start..before + mark.end).label(label));
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    Some(renderer.render(&[Group::with_level(Level::ERROR).element(snippet)]))
}

/// Where a call stands in its line: from its name to its closing parenthesis, from `column` on; or all of the line
/// where the name is not written (a macro, a pointer).
fn call_in(line: &str, function: &str, column: usize) -> Option<Range<usize>> {
    let named = |from: usize| {
        let start = from + line.get(from..)?.find(function)?;
        Some(start..closing(line, start + function.len())?)
    };
    let whole = || {
        let start = line.len() - line.trim_start().len();
        let end = line.trim_end().len();
        (start < end).then_some(start..end)
    };
    named(column).or_else(|| named(0)).or_else(whole)
}

/// One past the parenthesis that closes what opens at `from`; the end of the line if it closes on a later one.
fn closing(line: &str, from: usize) -> Option<usize> {
    let rest = line.get(from..)?;
    rest.trim_start().starts_with('(').then(|| {
        let mut depth = 0_usize;
        for (index, byte) in rest.bytes().enumerate() {
            match byte {
                b'(' => depth += 1,
                b')' if depth == 1 => return from + index + 1,
                b')' => depth -= 1,
                _ => {}
            }
        }
        line.trim_end().len()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_is_marked() {
        let marked = |line: &str, column| call_in(line, "mmap", column).map(|range| line[range].to_owned());
        assert_eq!(marked("  p = mmap(f(1), 2); /* x */", 0).unwrap(), "mmap(f(1), 2)");
        assert_eq!(marked("  p = mmap(NULL, 4096,", 0).unwrap(), "mmap(NULL, 4096,");
        assert_eq!(marked("mmap(1); mmap(2);", 9).unwrap(), "mmap(2)");
        assert_eq!(marked("  p = MAP_IT(1);", 6).unwrap(), "p = MAP_IT(1);");
        assert_eq!(marked("", 0), None);
    }

    #[test]
    fn a_snippet_has_the_lines_around() {
        let file = tempfile::NamedTempFile::with_suffix(".c").unwrap();
        fs::write(file.path(), "one\n  munmap(p, 0);\nthree\nfour\n").unwrap();
        let place = Place { function: None, file: Some(file.path().to_owned()), line: Some(2), column: Some(3) };
        let text = snippet(&place, "munmap", "EINVAL", false).unwrap();
        assert!(text.contains("1 | one") && text.contains("3 | three") && !text.contains("four"), "{text}");
        assert!(text.contains("^^^^^^^^^^^^ EINVAL"), "{text}");
        assert!(snippet(&Place { line: Some(9), ..place }, "munmap", "", false).is_none());
    }
}
