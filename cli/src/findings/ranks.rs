//! The ranks of a parallel job: in which of them a finding was made.

use crate::findings::found::Found;
use crate::findings::spread::Spread;
use std::collections::{BTreeSet, HashMap};

/// What is known of the ranks of a job.
#[derive(Default)]
pub(crate) struct Ranks {
    told: BTreeSet<u32>,
    findings: HashMap<(String, String), BTreeSet<u32>>,
}

impl Ranks {
    /// Something is told of a process of this rank.
    pub(crate) fn hear(&mut self, rank: Option<u32>) {
        self.told.extend(rank);
    }

    /// A finding was made, perhaps not for the first time.
    pub(crate) fn note(&mut self, found: &Found) {
        if let Some(rank) = found.rank {
            self.told.insert(rank);
            self.findings.entry(found.identity()).or_default().insert(rank);
        }
    }

    /// Says of a finding in which ranks it was made, as far as is known by now.
    pub(crate) fn spread(&self, found: &mut Found) {
        let ranks = self.findings.get(&found.identity()).cloned();
        found.spread = ranks.map(|ranks| Spread { ranks, told: self.told.len() });
    }
}
