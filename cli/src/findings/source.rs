//! The source of a call, with the call marked.

use crate::findings::columns;
use crate::findings::symbols::SourceLocation;
use crate::path::display_path;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::fs;
use std::ops::Range;

/// Lines shown before and after the call's.
const CONTEXT: usize = 1;
/// The most lines of one call.
const LONGEST: usize = 12;

/// The fewest columns of a snippet: with fewer nothing of the call can be seen.
const NARROWEST: usize = 40;
/// Columns for the renderer, which has nothing to cut.
const ALL: usize = 1000;
/// How a snippet is to look.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    pub(crate) colour: bool,
    /// The columns that lines are cut to.
    pub(crate) width: usize,
}

/// The snippet of a place, if its source can be read; of several functions the one that is called there is marked.
pub(crate) fn snippet(place: &SourceLocation, functions: &[&str], label: &str, look: Look) -> Option<String> {
    let file = place.file.as_ref()?;
    let line = usize::try_from(place.line?).ok()?.checked_sub(1)?;
    let source = fs::read_to_string(file).ok()?;
    let lines: Vec<&str> = source.lines().collect();
    let column = place.column.and_then(|column| usize::try_from(column).ok()).map_or(0, |column| column - 1);
    let from = lines.get(line..)?;
    let text = from.get(..LONGEST.min(from.len()))?.join("\n");
    let mark = call_in(&text, functions, column)?;
    let rows = text.get(..mark.end)?.matches('\n').count();
    let first = line.saturating_sub(CONTEXT);
    let last = (line + rows + CONTEXT).min(lines.len().checked_sub(1)?);
    let before: usize = lines.get(first..line)?.iter().map(|text| text.len() + 1).sum();
    let parts: Vec<Range<usize>> =
        each_line(&text, &mark).into_iter().map(|part| before + part.start..before + part.end).collect();
    let beside = (last + 1).to_string().len() + " | ".len();
    let room = look.width.max(NARROWEST).saturating_sub(beside);
    let (shown, parts) = columns::fitted(&lines.get(first..=last)?.join("\n"), &parts, room, label.len() + 1);
    let path = display_path(file);
    let mut snippet = Snippet::source(&shown).line_start(first + 1).path(&path).fold(false);
    for (index, part) in parts.iter().enumerate() {
        let annotation = AnnotationKind::Primary.span(part.clone());
        snippet = snippet.annotation(if index + 1 == parts.len() { annotation.label(label) } else { annotation });
    }
    let renderer = if look.colour { Renderer::styled() } else { Renderer::plain() }.term_width(ALL);
    let drawn = renderer.render(&[Group::with_level(Level::ERROR).element(snippet)]);
    // The renderer counts in what is shown of the line.
    let start = parts.first()?.start;
    let within = shown.get(..start)?.rsplit('\n').next()?.chars().count() + 1;
    let at = |column: usize| format!("{path}:{}:{column}", line + 1);
    Some(drawn.replacen(&at(within), &at(text.get(..mark.start)?.chars().count() + 1), 1))
}

/// The code of the statement that a line belongs to, without comments.
pub(crate) fn statement(source: &str, line: usize) -> String {
    let lines: Vec<&str> = source.lines().map(code_of).map(str::trim).collect();
    let ends = |line: &str| line.is_empty() || line.ends_with([';', '{', '}']) || line.starts_with(['#', '/', '*']);
    let Some(index) = line.checked_sub(1).filter(|index| *index < lines.len()) else { return String::new() };
    let before = lines.iter().take(index).rev().take(LONGEST).take_while(|line| !ends(line)).count();
    let after = lines.iter().skip(index).take(LONGEST).take_while(|line| !ends(line)).count();
    let last = (index + after).min(lines.len() - 1);
    lines.get(index - before..=last).unwrap_or_default().join(" ")
}

/// The parts of a range that lie on each line, without blanks at their ends.
fn each_line(text: &str, range: &Range<usize>) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = range.start;
    for line in text.get(range.clone()).unwrap_or_default().split('\n') {
        let blank = line.len() - line.trim_start().len();
        let part = start + blank..start + line.trim_end().len();
        if part.start < part.end {
            parts.push(part);
        }
        start += line.len() + 1;
    }
    parts
}

/// Where a call stands in a text that starts with its line: from its name to its closing parenthesis, from `column` on; or the
/// statement where no call is found (a pointer that is followed, an operator).
fn call_in(text: &str, functions: &[&str], column: usize) -> Option<Range<usize>> {
    let line = text.lines().next()?;
    let named = |from: usize| {
        let starts = functions.iter().filter_map(|function| {
            words(line, function)
                .filter(|start| *start >= from)
                .find_map(|start| call_at(text, start, start + function.len()))
        });
        starts.min_by_key(|range| range.start)
    };
    let written = || {
        let name = name_at(line, column).filter(|_| column > 0)?;
        call_at(text, name.start, name.end)
    };
    let statement = || statement_at(code_of(line), column);
    named(column).or_else(|| named(0)).or_else(|| written().filter(|_| !functions.is_empty())).or_else(statement)
}

/// The statement of a line of code in which a column lies; all of it where that is not known.
fn statement_at(code: &str, column: usize) -> Option<Range<usize>> {
    let (mut start, mut end) = (0, code.len());
    let (mut depth, mut within) = (0_usize, Code::default());
    for (index, byte) in code.bytes().enumerate().filter(|_| column > 0) {
        match byte {
            _ if !within.takes(byte) => {}
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b';' | b'{' | b'}' if depth == 0 && index < column => start = index + 1,
            b';' | b'{' | b'}' if depth == 0 => {
                end = end.min(if byte == b';' { index + 1 } else { index });
            }
            _ => {}
        }
    }
    let range = code.get(start..end)?;
    let blank = range.len() - range.trim_start().len();
    let statement = start + blank..start + range.trim_end().len();
    if statement.is_empty() { statement_at(code, 0).filter(|_| column > 0) } else { Some(statement) }
}

/// Where a word stands alone in a line.
fn words<'a>(line: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    line.match_indices(word).map(|(start, _)| start).filter(move |start| {
        let before = line.get(..*start).and_then(|before| before.bytes().last());
        let after = line.as_bytes().get(start + word.len());
        !before.is_some_and(is_of_name) && !after.copied().is_some_and(is_of_name)
    })
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The name that stands at a column, or ends before it where that is a parenthesis.
fn name_at(line: &str, column: usize) -> Option<Range<usize>> {
    let bytes = line.as_bytes();
    let at =
        if bytes.get(column) == Some(&b'(') { line.get(..column)?.trim_end().len().checked_sub(1)? } else { column };
    bytes.get(at).filter(|byte| is_of_name(**byte))?;
    let start = bytes.get(..at)?.iter().rposition(|byte| !is_of_name(*byte)).map_or(0, |before| before + 1);
    let end = bytes.iter().skip(at).position(|byte| !is_of_name(*byte)).map_or(bytes.len(), |length| at + length);
    Some(start..end)
}

/// The call whose name ends at `end`, if one is made there: to its closing parenthesis, or as far as it can be seen.
fn call_at(text: &str, start: usize, end: usize) -> Option<Range<usize>> {
    let rest = text.get(end..)?;
    let open = rest.len() - rest.trim_start().len();
    if !rest.get(open..)?.starts_with('(') {
        return None;
    }
    let mut depth = 0_usize;
    let mut code = Code::default();
    for (index, byte) in rest.bytes().enumerate() {
        match byte {
            _ if !code.takes(byte) => {}
            b'(' => depth += 1,
            b')' if depth == 1 => return Some(start..end + index + 1),
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    let line = text.get(start..)?.lines().next()?;
    Some(start..start + code_of(line).trim_end().len())
}

/// Whether a byte of C is code, as they come: not of a string, a character or a comment.
#[derive(Default)]
struct Code {
    /// What it is in: a quote, `*` for a comment of lines, `/` for one of a line; 0 for code.
    within: u8,
    last: u8,
}

impl Code {
    fn takes(&mut self, byte: u8) -> bool {
        let last = std::mem::replace(&mut self.last, byte);
        match (self.within, last, byte) {
            (0, b'/', b'*' | b'/') | (0, _, b'"' | b'\'') => self.within = byte,
            (0, ..) => return true,
            (b'*', b'*', b'/') | (b'/', _, b'\n') => (self.within, self.last) = (0, 0),
            // An escaped character ends nothing, and escapes none.
            (b'"' | b'\'', b'\\', _) => self.last = 0,
            (quote @ (b'"' | b'\''), _, byte) if byte == quote => (self.within, self.last) = (0, 0),
            _ => {}
        }
        false
    }
}

/// A line without the comment at its end.
pub(crate) fn code_of(line: &str) -> &str {
    let mut code = Code::default();
    let mut start = None;
    for (index, byte) in line.bytes().enumerate() {
        let was_code = code.within == 0;
        code.takes(byte);
        match code.within {
            b'*' | b'/' if was_code => start = Some(index - 1),
            0 if was_code && !byte.is_ascii_whitespace() => start = None,
            _ => {}
        }
    }
    start.and_then(|start| line.get(..start)).filter(|code| !code.trim().is_empty()).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look { colour: false, width: 80 };

    fn marked(text: &str, column: usize) -> Option<String> {
        call_in(text, &["mmap"], column).map(|range| text[range].to_owned())
    }

    #[test]
    fn a_statement_has_all_its_lines_and_no_others() {
        let source = "atomic_store(&a,\n   1);\nb++; /* atomic */\nif (x)\n  c =\n    2;\n}\n";
        assert_eq!(statement(source, 2), "atomic_store(&a, 1);");
        assert_eq!(statement(source, 1), "atomic_store(&a, 1);");
        assert_eq!(statement(source, 3), "b++;");
        assert_eq!(statement(source, 5), "if (x) c = 2;");
        assert_eq!((statement(source, 0), statement(source, 99)), (String::new(), String::new()));
    }

    #[test]
    fn the_call_is_marked() {
        assert_eq!(marked("  p = mmap(f(1), 2); /* x */", 0).unwrap(), "mmap(f(1), 2)");
        assert_eq!(marked("  p = mmap(NULL, 4096,\n     3); x", 0).unwrap(), "mmap(NULL, 4096,\n     3)");
        assert_eq!(marked("mmap(1); mmap(2);", 9).unwrap(), "mmap(2)");
        assert_eq!(marked("  p = my_mmap(mmap(\")\", ')', '\\''), 2);", 6).unwrap(), "mmap(\")\", ')', '\\'')");
        // A macro, a wrapper or a pointer is the call, too; a name alone is none.
        assert_eq!(marked("  p = MAP_IT(1); q();", 6).unwrap(), "MAP_IT(1)");
        assert_eq!(marked("  p = self->map(1);", 15).unwrap(), "map(1)");
        assert_eq!(marked("  p = mmap(NULL, /* ) */ 3,", 0).unwrap(), "mmap(NULL, /* ) */ 3,");
        assert_eq!(marked("", 0), None);
    }

    #[test]
    fn the_statement_is_marked_without_its_comment() {
        assert_eq!(marked("  *p = 1;   /* faulty */", 2).unwrap(), "*p = 1;");
        assert_eq!(marked("  *p = 1;   // faulty", 2).unwrap(), "*p = 1;");
        assert_eq!(marked("  *p /* x */ = \"//\"[0];", 2).unwrap(), "*p /* x */ = \"//\"[0];");
        let fault = |line: &str, column| call_in(line, &[], column).map(|range| line[range].to_owned()).unwrap();
        assert_eq!(fault("  total(p) += 1;", 2), "total(p) += 1;");
        // Of several the one at the column.
        assert_eq!(fault("  if (a) { q = \"{;\"; mend(q); p[0] = 1; }", 33), "p[0] = 1;");
        assert_eq!(fault("  for (i = 0; i < n; i++) p[i] = 1; done();", 31), "for (i = 0; i < n; i++) p[i] = 1;");
        assert_eq!(fault("  if (p[0]) {", 6), "if (p[0])");
        assert_eq!(fault("  }", 2), "}");
        assert_eq!(fault("  if (a) { p[0] = 1; }", 0), "if (a) { p[0] = 1; }");
    }

    #[test]
    fn a_snippet_has_the_lines_around() {
        let file = tempfile::NamedTempFile::with_suffix(".c").unwrap();
        fs::write(file.path(), "one\n  munmap(p, 0);\nthree\nfour\n  munmap(p,\n         0);\nseven\n").unwrap();
        let place =
            SourceLocation { function: None, file: Some(file.path().to_owned()), line: Some(2), column: Some(3) };
        let text = snippet(&place, &["munmap"], "EINVAL", LOOK).unwrap();
        assert!(text.contains("1 | one") && text.contains("3 | three") && !text.contains("four"), "{text}");
        assert!(text.contains("^^^^^^^^^^^^ EINVAL"), "{text}");
        let of_two = snippet(&SourceLocation { line: Some(5), ..place.clone() }, &["munmap"], "EINVAL", LOOK).unwrap();
        assert!(of_two.contains("|   ^^^^^^^^^\n") && of_two.contains("|          ^^ EINVAL"), "{of_two}");
        assert!(of_two.contains("7 | seven"), "{of_two}");
        let wide = format!("{}munmap(p, 0);{}\n", " ".repeat(150), "/* and so on */".repeat(9));
        fs::write(file.path(), wide).unwrap();
        for width in [60, 80, 120] {
            let place = SourceLocation { line: Some(1), ..place.clone() };
            let cut = snippet(&place, &["munmap"], "EINVAL", Look { width, ..LOOK }).unwrap();
            let path = file.path().file_name().unwrap().to_str().unwrap();
            let source: Vec<&str> = cut.lines().filter(|line| !line.contains(path)).collect();
            assert!(source.iter().all(|line| line.chars().count() <= width), "{width}: {cut}");
            assert!(cut.contains("munmap(p, 0);") && cut.contains("^ EINVAL"), "{width}: {cut}");
        }
        assert!(snippet(&SourceLocation { line: Some(9), ..place.clone() }, &["munmap"], "", LOOK).is_none());
    }

    #[test]
    fn a_call_that_is_wider_than_the_terminal_is_cut() {
        let file = tempfile::NamedTempFile::with_suffix(".c").unwrap();
        let call = "mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)";
        let lines = format!(
            "    char *first = {call}; // é\n    p = mmap(NULL, sizeof(struct a_name_that_is_long) * number,\n  \
                             PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);\n"
        );
        fs::write(file.path(), lines).unwrap();
        let path = file.path().file_name().unwrap().to_str().unwrap();
        for (line, width) in [(1, 40), (1, 60), (1, 80), (2, 40), (2, 60), (2, 80), (1, 120), (2, 120)] {
            let place = SourceLocation {
                function: None,
                file: Some(file.path().to_owned()),
                line: Some(line),
                column: Some(10),
            };
            let cut = snippet(&place, &["mmap"], "EINVAL (first at)", Look { width, ..LOOK }).unwrap();
            let source: Vec<&str> = cut.lines().filter(|line| !line.contains(path)).collect();
            assert!(source.iter().all(|line| line.chars().count() <= width), "{line} {width}: {cut}");
            assert!(cut.contains("mmap(") && cut.contains("^ EINVAL (first at)"), "{line} {width}: {cut}");
        }
    }
}
