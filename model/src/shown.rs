//! A C program of `c-tests/rules` as people are shown it: without what it says to the tests alone.

use core::fmt;

/// A program of a rule.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The options that its finding needs, of a first line `/* mapsan: OPTIONS */`.
    pub options: Option<&'a str>,
    before: &'a str,
    after: &'a str,
}

/// The status by which a test says that it can't run here, and what a program has in its place.
const SKIPPED: &str = "return 77;";
const FAILED: &str = "return 1;";

impl<'a> Shown<'a> {
    /// Takes the program apart.
    #[must_use]
    pub fn of(program: &'a str) -> Shown<'a> {
        let first = program.strip_prefix("/* mapsan: ").and_then(|rest| rest.split_once(" */\n"));
        let (options, text) = first.map_or((None, program), |(options, rest)| (Some(options), rest));
        // What varies is the last line of its comment.
        let varying = text.split_once("\n * mapsan-vary: ");
        let (before, after) = varying.map_or((text, ""), |(before, rest)| {
            (before, rest.split_once('\n').map_or("\n", |(line, _)| rest.get(line.len()..).unwrap_or_default()))
        });
        Shown { options, before, after }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(self.before, out)?;
        out.write_str(if self.after.is_empty() { "" } else { " */" })?;
        write(self.after, out)
    }
}

fn write(text: &str, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (place, piece) in text.split(SKIPPED).enumerate() {
        out.write_str(if place == 0 { "" } else { FAILED })?;
        out.write_str(piece)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::string::ToString;

    #[test]
    fn what_is_for_the_tests_alone_is_left_out() {
        let program = "/* mapsan: leaks=0 */\n/* Says\n * more.\n * mapsan-vary: \\d+ */\nint x;\n  return 77;\n";
        let shown = Shown::of(program);
        assert_eq!(shown.options, Some("leaks=0"));
        assert_eq!(shown.to_string(), "/* Says\n * more. */\nint x;\n  return 1;\n");
        assert_eq!(Shown::of("/* a */\nint x;\n").to_string(), "/* a */\nint x;\n");
        assert_eq!(Shown::of("/* a */\nint x;\n").options, None);
    }
}
