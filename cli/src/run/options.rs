//! The options of a run: those that reach the library, and those that the command acts on itself.

use crate::failure::{Failure, reason};
use crate::findings::severities::Severities;
use crate::findings::suppress::Suppressions;
use crate::say::say;
use mapsan_model::injection;
use mapsan_model::options::{Piece, is_separator, pieces};
use mapsan_model::{Key, Rule, Selector, Severity};
use std::env;

/// The options that the command has: the log is its own; what is said at the end and the exit status have flags of their own.
pub(crate) fn keys() -> impl Iterator<Item = Key> {
    let own = [Key::LogPath, Key::LogFormat, Key::LogPrefix, Key::Exitcode, Key::Help, Key::InjectCounts, Key::Points];
    Key::ALL.iter().copied().filter(move |key| key.info().available && !own.contains(key))
}

/// The options that reach the library, and those that the command acts on itself.
pub(crate) struct Options {
    /// Those of the project's file, which stand below all others.
    project: Vec<(Key, String)>,
    /// `MAPSAN_OPTIONS` as the user has it.
    environment: String,
    given: Vec<(Key, String)>,
    /// The lowest severity that counts as a failure.
    pub(crate) fail: Severity,
}

impl Options {
    /// Those of the project's file, of the environment, and those that were given as flags.
    pub(crate) fn new(project: Vec<(Key, String)>, given: Vec<(Key, String)>) -> Options {
        let environment = env::var("MAPSAN_OPTIONS").unwrap_or_default();
        let mut options = Options { project, environment, given, fail: Severity::Warning };
        options.fail = options.value(Key::Fail).and_then(|name| Severity::from_name(&name)).unwrap_or(options.fail);
        options
    }

    /// The value of an option: the flag's, or the last one of the environment.
    pub(crate) fn value(&self, key: Key) -> Option<String> {
        self.all().filter(|(given, _)| *given == key.name()).last().map(|(_, value)| value.to_owned())
    }

    /// All options by name with their values, from the lowest source to the highest.
    fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.project.iter().map(named).chain(self.of_environment()).chain(self.given.iter().map(named))
    }

    /// Those of the environment.
    fn of_environment(&self) -> impl Iterator<Item = (&str, &str)> {
        pieces(&self.environment).filter_map(|piece| match piece {
            Piece::Pair(name, value) => Some((name, value)),
            Piece::NoValue(_) | Piece::OpenQuote(_) => None,
        })
    }

    /// Says what is wrong with the orders of `inject` in the environment: the library, which takes the others, has no room for
    /// more than that something is.
    pub(crate) fn say_wrong_orders(&self) {
        let values = self.of_environment().filter(|(name, _)| *name == Key::Inject.name());
        for wrong in values.flat_map(|(_, value)| injection::orders(value)).filter_map(Result::err) {
            say!("MAPSAN_OPTIONS: inject: {wrong}");
        }
    }

    /// Changes the values of an option, but for those of the environment, which the library takes as they are.
    pub(crate) fn change(
        &mut self,
        key: Key,
        mut change: impl FnMut(&str) -> Result<String, Failure>,
    ) -> Result<(), Failure> {
        for (_, value) in self.project.iter_mut().chain(&mut self.given).filter(|(given, _)| *given == key) {
            *value = change(value)?;
        }
        Ok(())
    }

    /// Adds one of the command's own.
    pub(crate) fn add(&mut self, key: Key, value: String) {
        self.given.push((key, value));
    }

    /// The severities that were chosen, by all sources.
    pub(crate) fn severities(&self) -> Severities {
        let chosen = self.all().filter(|(name, _)| *name == Key::Severity.name());
        Severities::new(chosen.map(|(_, value)| value.to_owned()))
    }

    /// Whether the library may leave programs out.
    pub(crate) fn choose_programs(&self) -> bool {
        self.value(Key::Only).or_else(|| self.value(Key::Skip)).is_some()
    }

    /// Whether what is left at the end is told; of a namespace of the run's own it always is.
    pub(crate) fn tell_leaks(&self) -> bool {
        self.value(Key::Leaks).is_none_or(|leaks| leaks != "0")
    }

    /// Whether the command says more.
    pub(crate) fn are_verbose(&self) -> bool {
        self.value(Key::Verbosity).is_some_and(|verbosity| verbosity == "1")
    }

    /// The severity with which a finding is told that has this one otherwise, as the library judges its own; `None` if it
    /// is not wanted.
    pub(crate) fn told_severity(&self, rule: Rule, severity: Severity) -> Option<Severity> {
        let severity = self.severities().of(rule.name(), severity);
        let level = self.value(Key::Level).and_then(|name| Severity::from_name(&name)).unwrap_or(Severity::Note);
        let is_meant = |word: &str| Selector::from_name(word.trim()).is_some_and(|selector| selector.takes(rule));
        let switches = self.all().filter(|(_, value)| value.split(',').any(is_meant));
        let last = switches.filter_map(|(name, _)| match Key::from_name(name) {
            Some(Key::Enable) => Some(true),
            Some(Key::Disable) => Some(false),
            _ => None,
        });
        (severity >= level && last.last().unwrap_or(true)).then_some(severity)
    }

    /// The suppressions, whose bad lines are named.
    pub(crate) fn suppressions(&self) -> Suppressions {
        let Some(path) = self.value(Key::Suppressions) else { return Suppressions::default() };
        let suppressions = match std::fs::read(&path) {
            Ok(content) => Suppressions::new(content),
            Err(error) => {
                say!("suppressions={path} can't be read: {}", reason(&error));
                Suppressions::default()
            }
        };
        for (line, why) in suppressions.malformed() {
            say!("suppressions={path}: line {line} is left out: {why}");
        }
        suppressions
    }

    /// What the library gets: the environment, the flags, and where its records go, in this order.
    pub(crate) fn for_library(&self, log: &str) -> String {
        let own = [(Key::LogFormat, "json".to_owned()), (Key::LogPath, log.to_owned())];
        // What is suppressed is so here, by more than the library knows, where nothing hangs on it there.
        let observes =
            self.value(Key::Mode).is_none_or(|mode| mode == "observe") && self.value(Key::Exitcode).is_none();
        let passed_on = |(key, _): &&(Key, String)| *key != Key::Suppressions || !observes;
        // harden= turns rules on, which --disable turns off again.
        let as_text = |options: &[(Key, String)]| {
            let (harden, others): (Vec<_>, Vec<_>) =
                options.iter().filter(passed_on).partition(|(key, _)| *key == Key::Harden);
            let pair = |(key, value): &(Key, String)| format!("{}={}", key.name(), quoted(value));
            harden.into_iter().chain(others).map(pair).collect::<Vec<_>>().join(":")
        };
        let log = own.map(|(key, value)| format!("{}={}", key.name(), quoted(&value))).join(":");
        let sources = [as_text(&self.project), self.environment.clone(), as_text(&self.given), log];
        sources.into_iter().filter(|source| !source.is_empty()).collect::<Vec<_>>().join(":")
    }
}

/// An option by its name.
fn named((key, value): &(Key, String)) -> (&str, &str) {
    (key.name(), value.as_str())
}

/// A value in quotes where it needs them.
fn quoted(value: &str) -> String {
    if value.contains(is_separator) || value.starts_with(['\'', '"']) {
        let quote = if value.contains('\'') { '"' } else { '\'' };
        format!("{quote}{value}{quote}")
    } else {
        value.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_gets_environment_flags_and_log_in_this_order() {
        let options = Options {
            project: vec![(Key::Level, "warning".into()), (Key::Disable, "leak".into())],
            environment: "level=note:mode=abort".into(),
            given: vec![(Key::Level, "error".into()), (Key::Suppressions, "/a b".into())],
            fail: Severity::Warning,
        };
        let text = options.for_library("@it's");
        assert_eq!(
            text,
            "level=warning:disable=leak:level=note:mode=abort:level=error:suppressions='/a b':log_format=json:log_path=@it's"
        );
        assert_eq!(options.value(Key::Level).unwrap(), "error");
        assert_eq!(options.value(Key::Mode).unwrap(), "abort");
        assert_eq!(options.value(Key::Skip), None);
        assert_eq!(quoted("it's here"), "\"it's here\"");
    }
}
