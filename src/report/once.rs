//! Which findings have been made: each rule is printed once for each call site.
//!
//! A table without locks that is never emptied, so that a repetition costs one lookup. A forked child starts with its
//! parent's table.

use crate::spread::spread;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use mapsan_model::Rule;

/// Sites that are kept; a program with more has its later findings counted, not printed.
const SLOTS: usize = 4096;
/// How far from its place an entry may lie.
const PROBES: usize = 64;

struct Slot {
    /// The rule in the top byte, plus 1 so that 0 means free, and the low 56 bits of the site's complement.
    key: AtomicU64,
    /// Whether a suppression silenced the first one.
    suppressed: AtomicU32,
}

static TABLE: [Slot; SLOTS] = [const { Slot { key: AtomicU64::new(0), suppressed: AtomicU32::new(0) } }; SLOTS];

/// What the table knew of a finding.
pub(super) enum Seen {
    /// Nothing: it is entered now.
    First(Entry),
    /// It has been printed.
    Again,
    /// A suppression silences it.
    Suppressed,
}

/// A finding's entry in the table.
#[derive(Clone, Copy)]
pub(super) struct Entry(&'static Slot);

impl Entry {
    /// Notes that a suppression silences it.
    pub(super) fn suppress(self) {
        self.0.suppressed.store(1, Relaxed);
    }

    /// Takes the entry back, because its finding could not be reported. The slot stays taken by a key that no
    /// finding has, so that probing past it still works.
    pub(super) fn forget(self) {
        self.0.key.store(u64::MAX, Relaxed);
    }
}

/// Looks the finding up, and enters it when it is new.
pub(super) fn see(rule: Rule, site: usize) -> Seen {
    let key = (rule as u64).wrapping_add(1) << 56 | !site as u64 & 0x00ff_ffff_ffff_ffff;
    let start = usize::try_from(spread(key) >> 52).unwrap_or(0);
    for probe in 0..PROBES {
        let Some(slot) = TABLE.get(start.wrapping_add(probe) % SLOTS) else {
            break;
        };
        let found = match slot.key.load(Relaxed) {
            0 => match slot.key.compare_exchange(0, key, Relaxed, Relaxed) {
                Ok(_) => return Seen::First(Entry(slot)),
                Err(other) => other,
            },
            other => other,
        };
        if found == key {
            return if slot.suppressed.load(Relaxed) == 0 { Seen::Again } else { Seen::Suppressed };
        }
    }
    Seen::Again
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_new_once_for_each_site() {
        let first = see(Rule::MmapBadFd, 0x1000);
        assert!(matches!(first, Seen::First(_)));
        assert!(matches!(see(Rule::MmapBadFd, 0x1000), Seen::Again));
        assert!(matches!(see(Rule::MmapBadFd, 0x1005), Seen::First(_)));
        let Seen::First(other) = see(Rule::MmapFailed, 0x1000) else { panic!("rules are told apart") };
        other.suppress();
        assert!(matches!(see(Rule::MmapFailed, 0x1000), Seen::Suppressed));
        let Seen::First(lost) = see(Rule::MmapFailed, 0x2000) else { panic!("sites are told apart") };
        lost.forget();
        assert!(matches!(see(Rule::MmapFailed, 0x2000), Seen::First(_)));
    }
}
