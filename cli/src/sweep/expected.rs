//! What a program writes plainly: the lines in which two runs agree.

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long the two runs are compared line by line; what is left then counts as different.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest part of a line that is shown.
const SHOWN: usize = 60;

/// The lines, as far as they are known.
pub(crate) struct Expected {
    parts: Vec<Part>,
}

enum Part {
    Line(String),
    /// One line, of which nothing is known.
    Any,
    /// Some lines, likewise.
    Some,
}

impl Expected {
    /// Of two runs.
    pub(crate) fn of(first: &str, second: &str) -> Expected {
        let (first, second) = (lines(first), lines(second));
        let operations =
            capture_diff_slices_deadline(Algorithm::Myers, &first, &second, Some(Instant::now() + PATIENCE));
        let mut parts = Vec::new();
        for operation in operations {
            match operation {
                DiffOp::Equal { old_index, len, .. } => {
                    let same = first.iter().skip(old_index).take(len);
                    parts.extend(same.map(|line| Part::Line((*line).to_owned())));
                }
                DiffOp::Replace { old_len, new_len, .. } if old_len == new_len => {
                    parts.extend((0..old_len).map(|_| Part::Any));
                }
                DiffOp::Replace { .. } | DiffOp::Insert { .. } | DiffOp::Delete { .. } => parts.push(Part::Some),
            }
        }
        Expected { parts }
    }

    /// How another run differs, in words; `None` if it does not.
    pub(crate) fn difference(&self, text: &str) -> Option<String> {
        let found = lines(text);
        let (mut part, mut line) = (0, 0);
        // Where to go on when a line does not fit: after the last `Some`, one line further.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match (self.parts.get(part), found.get(line)) {
                (Some(Part::Some), _) => {
                    retry = Some((part + 1, line));
                    part += 1;
                }
                (Some(Part::Any), Some(_)) => (part, line) = (part + 1, line + 1),
                (Some(Part::Line(wanted)), Some(got)) if wanted == got => (part, line) = (part + 1, line + 1),
                (None, None) => return None,
                (wanted, got) => match retry.filter(|(_, from)| *from < found.len()) {
                    Some((after, from)) => {
                        retry = Some((after, from + 1));
                        (part, line) = (after, from + 1);
                    }
                    None => return Some(words(line, wanted, got.copied())),
                },
            }
        }
    }
}

fn words(line: usize, wanted: Option<&Part>, got: Option<&str>) -> String {
    let number = line + 1;
    match (wanted, got) {
        (Some(Part::Line(wanted)), Some(got)) => {
            format!("line {number} of the output is {}, and plainly {}", quoted(got), quoted(wanted))
        }
        (Some(Part::Line(wanted)), None) => {
            format!("the output ends before line {number}, which is plainly {}", quoted(wanted))
        }
        (_, Some(got)) => format!("line {number} of the output, {}, is plainly not there", quoted(got)),
        (_, None) => format!("the output ends before line {number}"),
    }
}

fn quoted(line: &str) -> String {
    let shown: String = line.chars().take(SHOWN).collect();
    let more = if shown.len() < line.len() { "…" } else { "" };
    format!("'{}{more}'", shown.escape_debug())
}

fn lines(text: &str) -> Vec<&str> {
    text.split_terminator('\n').collect()
}

/// Lines without their numbers.
pub(crate) fn without_numbers(text: &str) -> BTreeSet<String> {
    lines(text).into_iter().map(without_number).filter(|line| !line.trim().is_empty()).collect()
}

fn without_number(line: &str) -> String {
    let mut shown = String::new();
    let mut rest = line.chars().peekable();
    while let Some(first) = rest.next() {
        if !first.is_ascii_digit() {
            shown.push(first);
            continue;
        }
        let is_hex = first == '0' && rest.next_if_eq(&'x').is_some();
        let is_part = |next: &char| if is_hex { next.is_ascii_hexdigit() } else { next.is_ascii_digit() };
        while rest.next_if(is_part).is_some() {}
        shown.push('#');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_plainly_may_differ() {
        let expected = Expected::of("a\npid 1\nb\n", "a\npid 2\nb\n");
        assert_eq!(expected.difference("a\npid 3\nb\n"), None);
        assert!(expected.difference("a\nb\n").is_some());
        let words = expected.difference("a\npid 3\nc\n").unwrap();
        assert_eq!(words, "line 3 of the output is 'c', and plainly 'b'");
        assert_eq!(expected.difference("a\n").unwrap(), "the output ends before line 2");
        let more = expected.difference("a\nx\nb\nmore\n").unwrap();
        assert_eq!(more, "line 4 of the output, 'more', is plainly not there");
    }

    #[test]
    fn so_many_lines_as_differ_plainly_may_be_there() {
        let expected = Expected::of("a\nx\nb\n", "a\nx\ny\nz\nb\n");
        assert_eq!(expected.difference("a\nx\nq\nq\nq\nb\n"), None);
        assert_eq!(expected.difference("a\nx\nb\n"), None);
        assert!(expected.difference("a\nx\nq\nc\n").is_some());
        assert_eq!(Expected::of("", "").difference(""), None);
        assert!(Expected::of("", "").difference("x").is_some());
    }

    #[test]
    fn numbers_are_left_aside() {
        let lines = without_numbers("pid 12: at 0x7fab\n\nok\n");
        assert_eq!(lines.into_iter().collect::<Vec<_>>(), ["ok", "pid #: at #"]);
    }

    proptest::proptest! {
        /// What was seen plainly is never told to be otherwise.
        #[test]
        fn both_plain_runs_fit(first in "[ab\n]{0,40}", second in "[ab\n]{0,40}") {
            let expected = Expected::of(&first, &second);
            assert_eq!(expected.difference(&first), None);
            assert_eq!(expected.difference(&second), None);
        }
    }
}
