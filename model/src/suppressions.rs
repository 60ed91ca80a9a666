//! The form of a suppression file: `rule:pattern` lines, `#` comments.
//!
//! The library applies a pattern to modules and dynamic symbols, the command to what debug information adds.

/// What stands before a line where one is proposed, and may be copied with it.
pub const PROPOSED: &str = "suppression: ";

/// A line that names something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suppression<'a> {
    /// Its number in the file, from 1.
    pub line: usize,
    /// The rule, which may be a pattern itself.
    pub rule: &'a [u8],
    /// The pattern for a module, function or file; empty in a line without a colon.
    pub pattern: &'a [u8],
}

/// The lines of a file that are neither empty nor comments.
pub fn suppressions(content: &[u8]) -> impl Iterator<Item = Suppression<'_>> {
    content.split(|byte| *byte == b'\n').zip(1..).filter_map(|(line, number)| {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            return None;
        }
        let line = line.strip_prefix(PROPOSED.as_bytes()).unwrap_or(line);
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let rule = parts.next().unwrap_or_default().trim_ascii();
        let pattern = parts.next().unwrap_or_default().trim_ascii();
        Some(Suppression { line: number, rule, pattern })
    })
}

/// Whether `text` as a whole fits `pattern`, in which `*` stands for any bytes and `?` for one.
#[must_use]
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // Where to go on when the bytes differ: after the last `*`, one byte of text further.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), text.split_first()) {
            (Some((b'*', after)), _) => {
                retry = Some((after, text));
                pattern = after;
            }
            (Some((wanted, after)), Some((byte, rest))) if wanted == byte || *wanted == b'?' => {
                (pattern, text) = (after, rest);
            }
            (None, None) => return true,
            _ => match retry.and_then(|(after, from)| Some((after, from.get(1..)?))) {
                Some((after, from)) => {
                    retry = Some((after, from));
                    (pattern, text) = (after, from);
                }
                None => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let fits = |pattern: &str, text: &str| matches(pattern.as_bytes(), text.as_bytes());
        assert!(fits("libfoo.so*", "libfoo.so.1") && fits("*", "") && fits("a*b*c", "a-b-b-c") && fits("ma?n", "main"));
        assert!(!fits("libfoo", "libfoo.so") && !fits("a*b", "a-c") && !fits("?", "") && !fits("", "x"));
    }

    #[test]
    fn lines_without_comments() {
        let mut found = suppressions(b"# all\n mmap-*: helper \n\nnothing\nx:a:b");
        let mut next = || found.next().map(|found| (found.line, found.rule, found.pattern));
        assert_eq!(next(), Some((2, &b"mmap-*"[..], &b"helper"[..])));
        assert_eq!(next(), Some((4, &b"nothing"[..], &b""[..])));
        assert_eq!(next(), Some((5, &b"x"[..], &b"a:b"[..])));
        assert_eq!(next(), None);
    }
}
