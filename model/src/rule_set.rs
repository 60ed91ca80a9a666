//! A set of rules.

use crate::{Rule, When};

/// Some of the rules.
#[derive(Clone, Copy, Debug)]
pub struct RuleSet([u64; 3]);

const _: () = assert!(Rule::ALL.len() <= 192, "a RuleSet has three words");

impl RuleSet {
    /// None of them; all zeroes.
    pub const EMPTY: RuleSet = RuleSet([0; 3]);

    /// Those that are on without `enable=`.
    pub const ON_BY_DEFAULT: RuleSet = RuleSet::of(true);

    /// Those about calls that succeed, and off unless they are asked for: only where one of them is on has every successful
    /// call to be looked at.
    pub const OPT_IN_OF_SUCCESS: RuleSet = RuleSet::of(false);

    const fn of(by_default: bool) -> RuleSet {
        let mut words = [0; 3];
        let mut index = 0;
        while index < Rule::ALL.len() {
            let rule = Rule::ALL[index];
            if rule.group().on_by_default() == by_default && (by_default || rule.asked().at(When::Success)) {
                words[index / 64] |= 1 << (index % 64);
            }
            index += 1;
        }
        RuleSet(words)
    }

    /// Puts a rule in, or takes it out.
    pub fn set(&mut self, rule: Rule, is_in: bool) {
        let index = rule as usize;
        if let Some(word) = self.0.get_mut(index / 64) {
            let bit = 1 << (index % 64);
            *word = if is_in { *word | bit } else { *word & !bit };
        }
    }

    /// Whether a rule is in both.
    #[must_use]
    pub fn meets(&self, other: &RuleSet) -> bool {
        self.0.iter().zip(&other.0).any(|(one, other)| one & other != 0)
    }

    /// Whether a rule is in it.
    #[inline]
    #[must_use]
    pub fn has(&self, rule: Rule) -> bool {
        let index = rule as usize;
        self.0.get(index / 64).is_some_and(|word| word & 1 << (index % 64) != 0)
    }
}
