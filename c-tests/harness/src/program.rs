//! What a C program says of itself in its comments.

use anyhow::{Context, Result, bail};
use regex::Regex;
use std::fs;
use std::path::{Path, PathBuf};

/// Marks the line of the call that breaks the rule.
const MARK: &str = "/* faulty */";

/// A program's source.
pub(crate) struct Program {
    path: PathBuf,
    source: String,
    /// Options for `MAPSAN_OPTIONS`: of a first line `/* mapsan: key=value */`.
    pub(crate) options: String,
    /// Figures of the finding that differ between machines: of lines `mapsan-vary: REGEX`.
    pub(crate) varying: Vec<Regex>,
}

impl Program {
    /// Reads a program.
    pub(crate) fn read(path: &Path) -> Result<Program> {
        let source = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let comment = |line: &str, word: &str| {
            let rest = line.trim_start_matches(['/', '*', ' ']).strip_prefix(word)?;
            Some(rest.trim_end_matches("*/").trim().to_owned())
        };
        let options = source.lines().next().and_then(|line| comment(line, "mapsan:")).unwrap_or_default();
        let varying = source
            .lines()
            .filter_map(|line| comment(line, "mapsan-vary:"))
            .map(|regex| Regex::new(&regex).with_context(|| format!("mapsan-vary: {regex}")))
            .collect::<Result<_>>()?;
        Ok(Program { path: path.to_owned(), source, options, varying })
    }

    /// The number of the marked line; there must be exactly one.
    pub(crate) fn faulty_line(&self) -> Result<u32> {
        let marked: Vec<u32> =
            (1..).zip(self.source.lines()).filter(|(_, line)| line.contains(MARK)).map(|(number, _)| number).collect();
        match marked[..] {
            [line] => Ok(line),
            _ => bail!("{} has {} lines with {MARK}; one is needed", self.path.display(), marked.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(source: &str) -> Result<Program> {
        let file = tempfile::NamedTempFile::new()?;
        fs::write(file.path(), source)?;
        Program::read(file.path())
    }

    #[test]
    fn comments_are_read() {
        let source = "/* mapsan: enable=security */\n/* Says\n * mapsan-vary: has \\d+ pages */\nint x; /* faulty */\n";
        let program = program(source).unwrap();
        assert_eq!(program.options, "enable=security");
        assert_eq!(program.varying[0].as_str(), r"has \d+ pages");
        assert_eq!(program.faulty_line().unwrap(), 4);
    }

    #[test]
    fn one_line_is_marked() {
        assert!(program("int x;\n").unwrap().faulty_line().is_err());
        assert!(program("a; /* faulty */\nb; /* faulty */\n").unwrap().faulty_line().is_err());
    }
}
