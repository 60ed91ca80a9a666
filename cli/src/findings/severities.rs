//! Which severity the user has chosen for the findings of a rule.
//!
//! The library has given it to those that it reports; here it is for what the command finds itself, and for saved records.

use mapsan_model::{Rule, Severity, severity_choice};

/// The words of `severity`, in the order in which they were given; the last one for a rule holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Severities(String);

impl Severities {
    /// Takes words such as `leak-segment=warning`, comma-separated.
    pub(crate) fn new(words: impl IntoIterator<Item = String>) -> Severities {
        Severities(words.into_iter().collect::<Vec<_>>().join(","))
    }

    /// The severity of a rule's findings, which have this one otherwise.
    pub(crate) fn of(&self, rule: &str, severity: Severity) -> Severity {
        let Some(rule) = Rule::from_name(rule) else { return severity };
        let chosen = self.0.split(',').filter_map(severity_choice).rfind(|(selector, _)| selector.takes(rule));
        chosen.map_or(severity, |(_, chosen)| chosen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_choice_holds() {
        let severities =
            Severities::new(["leak=error,munmap-double=note".to_owned(), "leak-segment=warning".to_owned()]);
        let of = |rule| severities.of(rule, Severity::Note);
        assert_eq!((of("leak-segment"), of("leak-attach")), (Severity::Warning, Severity::Error));
        assert_eq!(severities.of("munmap-double", Severity::Error), Severity::Note);
        assert_eq!(severities.of("a-newer-rule", Severity::Error), Severity::Error);
    }
}
