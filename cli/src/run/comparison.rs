//! The comparison of what is found with what is known, by `--baseline` and `--write-baseline`.

use crate::failure::Failure;
use crate::findings::baseline::{self, Baseline};
use crate::findings::session::Session;
use crate::outputs::Outputs;
use crate::say::say;
use mapsan_model::Counted;
use std::path::{Path, PathBuf};

/// The most findings that are named because they are gone.
const MOST_NAMED: usize = 5;

/// What was asked for.
pub(crate) struct Comparison {
    known: Option<Baseline>,
    write: Option<PathBuf>,
}

impl Comparison {
    /// Reads the baseline, before anything else is done.
    pub(crate) fn new(known: Option<&Path>, write: Option<&Path>) -> Result<Comparison, Failure> {
        let folder = write.and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(Failure::usage(format!("--write-baseline: there is no folder '{}'", folder.display())));
        }
        Ok(Comparison { known: known.map(Baseline::read).transpose()?, write: write.map(Path::to_owned) })
    }

    /// Before the first finding.
    pub(crate) fn begin(&mut self, session: &mut Session) {
        session.baseline = self.known.take();
        session.fingerprints = self.write.is_some().then(Vec::new);
    }

    /// When all has been shown: says what became of the baseline, and writes the new one.
    pub(crate) fn end(self, session: &mut Session) -> Result<(), Failure> {
        if let Some(known) = &session.baseline {
            let name = known.path.display();
            if known.met > 0 {
                say!("baseline '{name}': {} not shown", Counted(known.met, "known finding"));
            }
            let gone = known.gone();
            if !gone.is_empty() {
                let (named, more) = gone.split_at(gone.len().min(MOST_NAMED));
                let mut words: Vec<String> = named.iter().map(ToString::to_string).collect();
                if !more.is_empty() {
                    words.push(format!("{} more", more.len()));
                }
                let is = if gone.len() == 1 { "is" } else { "are" };
                let count = Counted(gone.len().try_into().unwrap_or(u64::MAX), "known finding");
                say!("baseline '{name}': {count} {is} gone, not found in this run: {}", words.join(", "));
            }
        }
        match (self.write, session.fingerprints.take()) {
            (Some(path), Some(fingerprints)) => baseline::write(&path, fingerprints),
            _ => Ok(()),
        }
    }
}

/// After the last finding: shows those of which it was not sure whether they are new.
pub(crate) fn settle(session: &mut Session, outputs: &mut Outputs) {
    for found in session.settle() {
        outputs.write_finding(&found, session);
    }
}
