//! The words that name rules in options: a rule, a group, or all of them.

use crate::{Group, Rule, Severity};

/// Which rules a word of `enable=`, `disable=` or `severity=` is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Every rule.
    All,
    /// The rules of one group.
    Group(Group),
    /// What is left at the end: the `leak-…` rules, whatever their group.
    Leaks,
    /// What ends the process by a signal: the `fault-…` rules, whatever their group.
    Faults,
    /// One rule.
    Rule(Rule),
}

impl Selector {
    /// The words that stand for several rules, in the order in which they are listed.
    pub const GROUPS: [&'static str; 7] =
        ["correctness", "portability", "security", "pedantic", "leak", "fault", "all"];

    /// What a word stands for.
    #[must_use]
    #[inline(never)]
    pub fn from_name(word: &str) -> Option<Selector> {
        match word {
            "all" => Some(Selector::All),
            "leak" => Some(Selector::Leaks),
            "fault" => Some(Selector::Faults),
            _ => Group::from_name(word).map(Selector::Group).or_else(|| Rule::from_name(word).map(Selector::Rule)),
        }
    }

    /// Whether a rule is one of those.
    #[must_use]
    #[inline(never)]
    pub fn takes(self, rule: Rule) -> bool {
        match self {
            Selector::All => true,
            Selector::Group(group) => rule.group() == group,
            Selector::Leaks => rule.name().starts_with("leak-"),
            Selector::Faults => rule.is_of_fault(),
            Selector::Rule(one) => rule == one,
        }
    }
}

/// A word of `severity=`, such as `leak-segment=warning`: which rules, and what their findings are from then on.
#[must_use]
pub fn severity_choice(word: &str) -> Option<(Selector, Severity)> {
    let (rules, severity) = word.split_once('=')?;
    Some((Selector::from_name(rules.trim())?, Severity::from_name(severity.trim())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_stands_for_some_rule() {
        for word in Selector::GROUPS {
            let selector = Selector::from_name(word).unwrap();
            assert!(Rule::ALL.iter().any(|rule| selector.takes(*rule)), "{word}");
        }
        assert!(Group::ALL.iter().all(|group| Selector::GROUPS.contains(&group.name())));
        let takes = |word: &str, rule: Rule| Selector::from_name(word).is_some_and(|selector| selector.takes(rule));
        assert!(takes("leak", Rule::LeakShmObject) && !takes("leak", Rule::FaultOverrun));
        assert!(takes("fault", Rule::FaultOverrun) && !takes("fault", Rule::MunmapDouble));
        assert!(takes("munmap-double", Rule::MunmapDouble) && !takes("munmap-double", Rule::ShmdtDouble));
        assert_eq!(Selector::from_name("leaks"), None);
    }

    #[test]
    fn a_severity_is_chosen_by_rule_or_group() {
        let rule = Selector::Rule(Rule::LeakSegment);
        assert_eq!(severity_choice("leak-segment=warning"), Some((rule, Severity::Warning)));
        assert_eq!(severity_choice(" fault = note"), Some((Selector::Faults, Severity::Note)));
        for word in ["leak-segment", "leak-segment=loud", "leak-segmnt=note", "=note", ""] {
            assert_eq!(severity_choice(word), None, "{word}");
        }
    }
}
