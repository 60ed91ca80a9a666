//! Lines of source cut to as many columns as there are, around the marked parts. The renderer of snippets cuts lines, too, but
//! never a marked part, and it leaves no room for what stands behind the marks.

use std::ops::Range;
use unicode_width::UnicodeWidthChar;

/// What stands where a line is cut.
const ELLIPSIS: &str = "...";
/// So few columns are not worth that all lines begin with an ellipsis.
const LITTLE: usize = 8;
/// As the renderer shows a tab.
const TAB: usize = 4;

/// The lines of a text, and its marked parts in order, of which each lies in a line of its own: none wider than `room`, with
/// `behind` columns behind the last part.
pub(super) fn fitted(text: &str, parts: &[Range<usize>], room: usize, behind: usize) -> (String, Vec<Range<usize>>) {
    let lines = lines_of(text, parts);
    let first = lines.iter().filter_map(|line| Some(line.marks()?.start)).min().unwrap_or(0);
    let last = lines.iter().filter_map(|line| Some(line.marks()?.end + line.behind(behind))).max().unwrap_or(0);
    // Of the lines' beginnings as much is cut as must be, and no mark; nothing if that would hide more than it shows.
    let left = last.saturating_sub(room).min(first.saturating_sub(ELLIPSIS.len()));
    let left = if left < LITTLE { 0 } else { left };
    let (mut cut, mut marked) = (String::new(), Vec::new());
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            cut.push('\n');
        }
        line.push_cut(&mut cut, &mut marked, left, left + room, behind);
    }
    (cut, marked)
}

/// A line, with the part of it that is marked.
struct Line<'a> {
    text: &'a str,
    part: Option<Range<usize>>,
    /// Whether it has the last part, behind which something stands.
    is_last: bool,
}

fn lines_of<'a>(text: &'a str, parts: &[Range<usize>]) -> Vec<Line<'a>> {
    let mut start = 0;
    let lines = text.split('\n').map(|line| {
        let range = start..start + line.len();
        start = range.end + 1;
        let index = parts.iter().position(|part| range.start <= part.start && part.end <= range.end);
        let part = index.and_then(|index| parts.get(index));
        Line {
            text: line,
            part: part.map(|part| part.start - range.start..part.end - range.start),
            is_last: index.is_some_and(|index| index + 1 == parts.len()),
        }
    });
    lines.collect()
}

impl Line<'_> {
    /// The columns of its marks.
    fn marks(&self) -> Option<Range<usize>> {
        let part = self.part.as_ref()?;
        Some(columns(self.text.get(..part.start)?)..columns(self.text.get(..part.end)?))
    }

    fn behind(&self, behind: usize) -> usize {
        if self.is_last { behind } else { 0 }
    }

    /// Adds what stands between two columns, and its marks.
    fn push_cut(&self, to: &mut String, marked: &mut Vec<Range<usize>>, left: usize, right: usize, behind: usize) {
        let marks = self.marks();
        let are_marks_wide = marks.as_ref().is_some_and(|marks| marks.end + self.behind(behind) > right);
        let right = if are_marks_wide { right.saturating_sub(self.behind(behind)) } else { right };
        let end = if columns(self.text) > right { right.saturating_sub(ELLIPSIS.len()) } else { usize::MAX };
        let start = if left > 0 { left + ELLIPSIS.len() } else { 0 };
        let (mut column, mut is_blank) = (0, true);
        let (mut kept, mut part) = (String::new(), usize::MAX..usize::MAX);
        for (index, character) in self.text.char_indices() {
            if self.part.as_ref().is_some_and(|part| part.start == index) {
                part.start = kept.len();
            }
            if self.part.as_ref().is_some_and(|part| part.end == index) {
                part.end = kept.len();
            }
            if end != usize::MAX && column + width(character) > end {
                break;
            }
            if column >= start {
                kept.push(character);
            } else {
                is_blank &= character.is_whitespace();
            }
            column += width(character);
        }
        if end != usize::MAX {
            kept.push_str(ELLIPSIS);
        }
        let before = match (left, is_blank) {
            (0, _) => "",
            (_, true) if kept.is_empty() => "",
            (_, true) => "   ",
            (_, false) => ELLIPSIS,
        };
        to.push_str(before);
        if self.part.is_some() {
            let end = part.end.min(kept.len());
            marked.push(to.len() + part.start.min(end.saturating_sub(1))..to.len() + end);
        }
        to.push_str(&kept);
    }
}

fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

fn width(character: char) -> usize {
    if character == '\t' { TAB } else { character.width().unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines, each with its marks below it.
    fn shown(text: &str, marked: &[&str], room: usize, behind: usize) -> String {
        let parts: Vec<Range<usize>> =
            marked.iter().map(|part| text.find(part).map(|start| start..start + part.len()).unwrap()).collect();
        let (cut, parts) = fitted(text, &parts, room, behind);
        let mut shown = Vec::new();
        for line in lines_of(&cut, &parts) {
            assert!(columns(line.text) <= room, "{cut}");
            shown.push(line.text.to_owned());
            if let Some(marks) = line.marks() {
                assert!(marks.end + line.behind(behind) <= room, "{cut} {marks:?}");
                shown.push(" ".repeat(marks.start) + &"^".repeat(marks.len()));
            }
        }
        shown.join("\n") + "\n"
    }

    #[test]
    fn what_fits_is_as_it_was() {
        assert_eq!(shown("  one(1);\n\ttwo", &["one(1)"], 20, 5), "  one(1);\n  ^^^^^^\n\ttwo\n");
    }

    #[test]
    fn marks_are_cut_where_there_is_no_room() {
        assert_eq!(
            shown("  p = call(one, two, three);", &["call(one, two, three)"], 20, 4),
            "  p = call(on...\n      ^^^^^^^^^^\n"
        );
        assert_eq!(shown("call(one, two)", &["call(one, two)"], 10, 2), "call(...\n^^^^^^^^\n");
    }

    #[test]
    fn lines_are_cut_around_the_marks() {
        let text = "short\n  somewhere_far_to_the_right = f(1); /* with a comment */\n    below";
        assert_eq!(shown(text, &["f(1)"], 20, 3), "...\n...e_right = f(1)...\n             ^^^^\n...\n");
    }

    #[test]
    fn a_line_of_which_nothing_is_left_stays_a_line() {
        let text = "\n        one_and = f(1);\n";
        assert_eq!(shown(text, &["f(1)"], 14, 3), "\n...d = f(1);\n       ^^^^\n\n");
    }

    #[test]
    fn a_call_of_several_lines_keeps_its_marks() {
        let text = "  p = call(é,\n           two, three, four, five, six);\n  next();";
        assert_eq!(
            shown(text, &["call(é,", "two, three, four, five, six)"], 24, 3),
            "  p = call(é,\n      ^^^^^^^\n           two, th...\n           ^^^^^^^^^^\n  next();\n"
        );
    }
}
