//! How bad a finding is.

use core::fmt;

/// The weight of a finding, lowest first, so that `a >= b` reads "at least as bad as".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Severity {
    /// Explains a call that failed because of its environment, or tells what outlives the program.
    Note = 0,
    /// Failed or will fail in a way that is usually a mistake, or is unspecified or unportable.
    Warning = 1,
    /// Wrong with certainty: no correct program ever gets one.
    Error = 2,
}

impl Severity {
    /// All severities, lowest first; the index of each is its discriminant.
    pub const ALL: [Severity; 3] = [Severity::Note, Severity::Warning, Severity::Error];

    /// The name that stands in reports, records and options.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }

    /// The severity of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Severity> {
        Self::ALL.into_iter().find(|severity| severity.name() == name)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
