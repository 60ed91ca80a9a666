//! The sentence that closes a run: how much was found.

use crate::Severity;
use core::fmt;

/// How the sentence begins.
pub const OPENING: &str = "summary: ";
/// What follows the number of findings that were left out.
pub const REPEATED: &str = " more of the same not shown";

/// How many findings were made, by severity, and how many were left out because the same had been shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Errors that are shown.
    pub errors: u64,
    /// Warnings that are shown.
    pub warnings: u64,
    /// Notes that are shown.
    pub notes: u64,
    /// Findings of a rule and place that had been shown already.
    pub repeated: u64,
}

impl Summary {
    /// Whether nothing was found that would be told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.errors == 0 && self.warnings == 0 && self.notes == 0
    }

    /// Whether something of at least this severity was found.
    #[must_use]
    pub fn has(&self, lowest: Severity) -> bool {
        let counts = [(Severity::Note, self.notes), (Severity::Warning, self.warnings), (Severity::Error, self.errors)];
        counts.into_iter().any(|(severity, count)| severity >= lowest && count > 0)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (errors, warnings, notes) =
            (Counted(self.errors, "error"), Counted(self.warnings, "warning"), Counted(self.notes, "note"));
        write!(formatter, "{OPENING}{errors}, {warnings}, {notes}")?;
        if self.repeated > 0 {
            write!(formatter, "; {}{REPEATED}", self.repeated)?;
        }
        Ok(())
    }
}

/// A number with its noun, in the singular or the plural.
#[derive(Clone, Copy, Debug)]
pub struct Counted(pub u64, pub &'static str);

impl fmt::Display for Counted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counted(count, noun) = self;
        write!(formatter, "{count} {noun}{}", if *count == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString as _;

    #[test]
    fn the_summary_counts_in_singular_and_plural() {
        let mut summary = Summary { errors: 1, warnings: 2, ..Summary::default() };
        assert_eq!(summary.to_string(), "summary: 1 error, 2 warnings, 0 notes");
        summary.repeated = 3;
        assert_eq!(summary.to_string(), "summary: 1 error, 2 warnings, 0 notes; 3 more of the same not shown");
        assert!(summary.has(Severity::Error) && summary.has(Severity::Note));
        let notes = Summary { notes: 1, ..Summary::default() };
        assert!(notes.has(Severity::Note) && !notes.has(Severity::Warning));
        assert!(!summary.is_empty() && Summary::default().is_empty());
    }
}
