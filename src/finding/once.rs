//! Which findings have been made: each rule is printed once for each call site.
//!
//! A table without locks that is never emptied, so that a repetition costs one lookup. A forked child starts with its
//! parent's table.

use crate::plain::hash::mix;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use mapsan_model::Rule;

/// Sites that are kept; a program with more has its later findings counted, not printed.
const SLOTS: usize = 8192;
/// How far from its place an entry may lie.
const PROBES: usize = 64;

struct Table {
    /// The rule in the top byte, plus 1 so that 0 means free, and the low 56 bits of the site.
    keys: [AtomicU64; SLOTS],
    /// Whether a suppression silenced the first one: a bit for each place.
    suppressed: [AtomicU32; SLOTS / 32],
}

static TABLE: Table =
    Table { keys: [const { AtomicU64::new(0) }; SLOTS], suppressed: [const { AtomicU32::new(0) }; SLOTS / 32] };

/// What the table knew of a finding.
pub(super) enum Seen {
    /// Nothing: it is entered now.
    First(Entry),
    /// It has been printed.
    Again,
    /// A suppression silences it.
    Suppressed,
}

/// A finding's place in the table.
#[derive(Clone, Copy)]
pub(super) struct Entry(usize);

impl Entry {
    fn key(self) -> Option<&'static AtomicU64> {
        TABLE.keys.get(self.0 % SLOTS)
    }

    /// The word with its bit, and the bit.
    fn bit(self) -> Option<(&'static AtomicU32, u32)> {
        let place = self.0 % SLOTS;
        TABLE.suppressed.get(place / 32).map(|word| (word, 1_u32.wrapping_shl(u32::try_from(place % 32).unwrap_or(0))))
    }

    fn is_suppressed(self) -> bool {
        self.bit().is_some_and(|(word, bit)| word.load(Relaxed) & bit != 0)
    }

    /// Notes that a suppression silences it.
    pub(super) fn suppress(self) {
        if let Some((word, bit)) = self.bit() {
            word.fetch_or(bit, Relaxed);
        }
    }

    /// Takes the entry back, because its finding could not be reported. The place stays taken by a key that no
    /// finding has, so that probing past it still works.
    pub(super) fn forget(self) {
        if let Some(key) = self.key() {
            key.store(u64::MAX, Relaxed);
        }
    }
}

/// Looks the finding up, and enters it when it is new.
pub(super) fn see(rule: Rule, site: usize) -> Seen {
    let wanted = (rule as u64).wrapping_add(1) << 56 | site as u64 & 0x00ff_ffff_ffff_ffff;
    let start = usize::try_from(mix(wanted) >> 51).unwrap_or(0);
    for probe in 0..PROBES {
        let entry = Entry(start.wrapping_add(probe));
        let Some(key) = entry.key() else {
            break;
        };
        let found = match key.load(Relaxed) {
            0 => match key.compare_exchange(0, wanted, Relaxed, Relaxed) {
                Ok(_) => return Seen::First(entry),
                Err(other) => other,
            },
            other => other,
        };
        if found == wanted {
            return if entry.is_suppressed() { Seen::Suppressed } else { Seen::Again };
        }
    }
    Seen::Again
}

/// Forgets all of it.
pub(super) fn forget_all() {
    TABLE.keys.iter().for_each(|key| key.store(0, Relaxed));
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
