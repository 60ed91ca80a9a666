//! A baseline: the findings that are known, so that new ones alone count.

use crate::failure::{Failure, reason, unwritable};
use crate::findings::fingerprint::Fingerprint;
use crate::findings::found::Found;
use crate::replacement::Replacement;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// The version of the file, which others refuse.
const SCHEMA: &str = "mapsan-baseline/1";

/// The file.
#[derive(Deserialize, Serialize)]
struct Content {
    schema: String,
    findings: Vec<Fingerprint>,
}

/// Only this is looked at, before the rest is.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    schema: String,
}

/// What a finding is beside a baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Known,
    New,
    /// What is known of its function may be another one's: that is seen when all are there.
    Undecided,
}

/// The findings that are known, and which of them have been met.
#[derive(Debug)]
pub(crate) struct Baseline {
    pub(crate) path: PathBuf,
    /// Each may stand for one finding.
    unmet: Vec<Fingerprint>,
    undecided: Vec<(Fingerprint, Found)>,
    /// The number of those that have been met.
    pub(crate) met: u64,
}

impl Baseline {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Baseline, Failure> {
        let name = path.display();
        let text = fs::read_to_string(path).map_err(|error| {
            let reason = reason(&error);
            Failure::usage(format!("the baseline '{name}' can't be read: {reason}; --write-baseline makes one"))
        })?;
        let no_baseline =
            |error: serde_json::Error| Failure::usage(format!("'{name}' is no baseline of mapsan: {error}"));
        let head: Head = serde_json::from_str(&text).map_err(no_baseline)?;
        if head.schema != SCHEMA {
            return Err(Failure::usage(format!(
                "'{name}' is no baseline that this mapsan reads: its schema is '{}', not '{SCHEMA}'; \
                 --write-baseline makes one",
                head.schema.escape_debug()
            )));
        }
        let content: Content = serde_json::from_str(&text).map_err(no_baseline)?;
        Ok(Baseline { path: path.to_owned(), unmet: content.findings, undecided: Vec::new(), met: 0 })
    }

    /// Takes a finding in; of one that is undecided `settle` tells later.
    pub(crate) fn judge(&mut self, found: &Found) -> Standing {
        let fingerprint = Fingerprint::of(found);
        if self.meet(|known| *known == fingerprint) {
            return Standing::Known;
        }
        if self.unmet.iter().any(|known| known.is_beside(&fingerprint)) {
            self.undecided.push((fingerprint, found.clone()));
            return Standing::Undecided;
        }
        Standing::New
    }

    /// Whether one of those that have not been met is this one, which has been met then.
    fn meet(&mut self, is_this: impl Fn(&Fingerprint) -> bool) -> bool {
        let Some(index) = self.unmet.iter().position(is_this) else { return false };
        self.unmet.remove(index);
        self.met += 1;
        true
    }

    /// All findings are there: those that were undecided, and whether they are known. First those about the same memory,
    /// whose line was changed; then those of the same line, with which other memory came first this time.
    pub(crate) fn settle(&mut self) -> Vec<(Found, bool)> {
        let mut undecided = std::mem::take(&mut self.undecided);
        let mut settled = Vec::new();
        let same_memory = |one: &Fingerprint, other: &Fingerprint| one.memory == other.memory;
        let same_line = |one: &Fingerprint, other: &Fingerprint| one.source == other.source;
        for same in [same_memory, same_line] {
            undecided.retain(|(fingerprint, found)| {
                let is_known = self.meet(|known| known.is_beside(fingerprint) && same(known, fingerprint));
                if is_known {
                    settled.push((found.clone(), true));
                }
                !is_known
            });
        }
        settled.extend(undecided.into_iter().map(|(_, found)| (found, false)));
        settled
    }

    /// Those that were not met.
    pub(crate) fn gone(&self) -> &[Fingerprint] {
        &self.unmet
    }
}

/// Writes a baseline of these.
pub(crate) fn write(path: &Path, mut findings: Vec<Fingerprint>) -> Result<(), Failure> {
    findings.sort();
    let content = Content { schema: SCHEMA.to_owned(), findings };
    let text = serde_json::to_string_pretty(&content).unwrap_or_default() + "\n";
    match Replacement::of(path) {
        Some(mut replacement) => {
            replacement.write(&text)?;
            replacement.put_in_place()
        }
        None => fs::write(path, text).map_err(|error| unwritable(&format!("'{}'", path.display()), &error)),
    }
}
