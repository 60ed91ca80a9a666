//! The options: what `MAPSAN_OPTIONS` and the program's `mapsan_default_options()` say.
//!
//! Parsed once, at start, by the model's declarations. Nothing is skipped in silence: what is not understood is named.

mod ordered;

use crate::enabled::{self, CHECK, ENFORCE, INJECT, OPT_IN, SITES, TRACK};
use crate::plain::Line;
use crate::plain::guarded::{Guarded, Starting};
use core::fmt::Display;
use mapsan_model::injection;
use mapsan_model::options::{Piece, Values, pieces};
use mapsan_model::{Hardening, Key, Rule, RuleSet, Selector, Severity, severity_choice};
pub(crate) use ordered::Ordered;

/// The most frames that `stack_depth` allows.
pub(crate) const MOST_FRAMES: usize = 64;

/// `mode`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Observe,
    Enforce,
    Abort,
}

impl Mode {
    fn from_name(name: &str) -> Option<Mode> {
        match name {
            "observe" => Some(Mode::Observe),
            "enforce" => Some(Mode::Enforce),
            "abort" => Some(Mode::Abort),
            _ => None,
        }
    }
}

/// `log_format`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Json,
}

/// `log_prefix`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prefix {
    None,
    Pid,
    /// The time and the pid.
    Time,
}

impl Prefix {
    fn from_name(name: &str) -> Option<Prefix> {
        match name {
            "none" => Some(Prefix::None),
            "pid" => Some(Prefix::Pid),
            "time" => Some(Prefix::Time),
            _ => None,
        }
    }
}

/// `color`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    Auto,
    Always,
    Never,
}

/// The settings in force.
#[repr(C)] // what each process looks at lies on one page, if it starts there
pub(crate) struct Settings {
    pub(crate) mode: Mode,
    pub(crate) level: Severity,
    pub(crate) rules: RuleSet,
    /// The rules whose findings have another severity than the check says, by that severity.
    severities: [RuleSet; 3],
    pub(crate) form: Form,
    pub(crate) prefix: Prefix,
    colour_choice: Colour,
    pub(crate) colour: bool,
    pub(crate) exitcode: i32,
    pub(crate) fail: Severity,
    pub(crate) stack_depth: usize,
    pub(crate) site_depth: usize,
    pub(crate) leaks: bool,
    pub(crate) handle_faults: bool,
    /// Bits of [`enabled::bits`].
    pub(crate) harden: u32,
    pub(crate) verbosity: u32,
    pub(crate) help: bool,
    /// Whether a file has been named: only then are the last two looked at.
    pub(crate) names_files: bool,
    /// What calls are made to fail, in memory of its own, which few processes need.
    pub(crate) ordered: Option<&'static mut Ordered>,
    pub(crate) only: Line<1024>,
    pub(crate) skip: Line<1024>,
    pub(crate) suppressions: Line<4096>,
    pub(crate) log_path: Line<4096>,
}

static SETTINGS: Guarded<Settings, Starting> = Guarded::new(Settings::EMPTY);

/// The settings in force.
pub(crate) fn settings() -> &'static Settings {
    // SAFETY: the start fills them in before it does anything that asks for them.
    unsafe { SETTINGS.as_started() }
}

/// Fills the settings in.
///
/// # Safety
/// `fill` must call nothing that asks for [`settings`].
pub(crate) unsafe fn fill_in(starting: &Starting, fill: impl FnOnce(&mut Settings) -> bool) -> bool {
    // SAFETY: let go of at the end, and the caller upholds the contract.
    fill(unsafe { SETTINGS.get(starting) })
}

/// The severity with which a finding is reported, for which a check has this one; `None` if it is not reported.
#[inline]
pub(crate) fn reported_severity(rule: Rule, severity: Severity) -> Option<Severity> {
    let settings = settings();
    let severity = settings.severity(rule, severity);
    (settings.rules.has(rule) && severity >= settings.level).then_some(severity)
}

/// Whether a rule is on at all.
pub(crate) fn is_on(rule: Rule) -> bool {
    settings().rules.has(rule)
}

/// What to say of an option that can't be taken: the text, and what is allowed.
pub(crate) type Warn<'a> = &'a mut dyn FnMut(&dyn Display);

impl Settings {
    /// No value yet: all zeroes, so that it takes no room in the library's file.
    const EMPTY: Settings = Settings {
        mode: Mode::Observe,
        level: Severity::Note,
        rules: RuleSet::EMPTY,
        severities: [RuleSet::EMPTY; 3],
        form: Form::Text,
        prefix: Prefix::None,
        colour_choice: Colour::Auto,
        colour: false,
        exitcode: 0,
        fail: Severity::Note,
        stack_depth: 0,
        site_depth: 0,
        leaks: false,
        handle_faults: false,
        harden: 0,
        verbosity: 0,
        help: false,
        names_files: false,
        ordered: None,
        only: Line::new(),
        skip: Line::new(),
        suppressions: Line::new(),
        log_path: Line::new(),
    };

    /// The built-in values that are not zero.
    pub(crate) fn set_defaults(&mut self) {
        self.rules = RuleSet::ON_BY_DEFAULT;
        self.fail = Severity::Warning;
        (self.stack_depth, self.site_depth) = (16, 1);
        (self.leaks, self.handle_faults) = (true, true);
    }

    /// The severity of a rule's findings, where a check says this one.
    fn severity(&self, rule: Rule, severity: Severity) -> Severity {
        let chosen = Severity::ALL.into_iter().zip(&self.severities).find(|(_, rules)| rules.has(rule));
        chosen.map_or(severity, |(chosen, _)| chosen)
    }

    /// Whether the text form is coloured, given whether it goes to a terminal and whether the environment asks for
    /// none.
    pub(crate) fn choose_colour(&mut self, terminal: bool, unwanted: bool) {
        self.colour = match self.colour_choice {
            Colour::Auto => terminal && !unwanted,
            Colour::Always => true,
            Colour::Never => false,
        };
    }

    /// The bits of [`enabled::bits`] that these settings ask for.
    pub(crate) fn enabled_bits(&self) -> u32 {
        let mut bits = CHECK | TRACK | self.harden;
        if self.rules.meets(&RuleSet::OPT_IN_OF_SUCCESS) {
            bits |= OPT_IN;
        }
        if self.mode == Mode::Enforce {
            bits |= ENFORCE;
        }
        if self.site_depth > 1 {
            bits |= SITES;
        }
        if self.ordered.as_ref().is_some_and(|ordered| ordered.is_wanted()) {
            bits |= INJECT;
        }
        bits
    }

    /// Takes the options of one source.
    pub(crate) fn parse(&mut self, source: &str, text: &str, warn: Warn<'_>) {
        for piece in pieces(text) {
            match piece {
                Piece::Pair(key, value) => self.set(source, key, value, warn),
                Piece::NoValue(word) => {
                    warn(&format_args!("{source}: '{word}' has no value; options are written key=value:key=value"));
                }
                Piece::OpenQuote(key) => {
                    warn(&format_args!("{source}: the quote after '{key}=' is not closed"));
                }
            }
        }
    }

    fn set(&mut self, source: &str, key: &str, value: &str, warn: Warn<'_>) {
        let Some(known) = Key::from_name(key) else {
            warn(&format_args!("{source}: there is no option '{key}'; MAPSAN_OPTIONS=help=1 lists them"));
            return;
        };
        let info = known.info();
        if !info.available {
            warn(&format_args!("{source}: '{key}' is not yet in this version, and '{key}={value}' does nothing"));
            return;
        }
        if self.assign(known, value).is_none() {
            warn(&format_args!("{source}: '{key}={value}' is not understood; {key} takes {}", info.values));
        }
        if matches!(known, Key::Enable | Key::Disable) {
            self.choose_rules(source, known, value, warn);
        }
    }

    /// Takes a value; `None` if it is not one that the option may have.
    fn assign(&mut self, key: Key, value: &str) -> Option<()> {
        let number = || {
            let number = value.parse::<u32>().ok()?;
            match key.info().values {
                Values::Number(low, high) => (low..=high).contains(&number).then_some(number),
                _ => (number <= 1).then_some(number),
            }
        };
        match key {
            Key::Mode => self.mode = Mode::from_name(value)?,
            Key::Level => self.level = Severity::from_name(value)?,
            Key::Fail => self.fail = Severity::from_name(value)?,
            Key::LogFormat => {
                self.form = match value {
                    "text" => Form::Text,
                    "json" => Form::Json,
                    _ => return None,
                }
            }
            Key::LogPrefix => self.prefix = Prefix::from_name(value)?,
            Key::Color => {
                self.colour_choice = match value {
                    "auto" => Colour::Auto,
                    "always" => Colour::Always,
                    "never" => Colour::Never,
                    _ => return None,
                }
            }
            Key::Suppressions => {
                self.names_files = true;
                return copy(&mut self.suppressions, value);
            }
            Key::LogPath => {
                self.names_files = true;
                return copy(&mut self.log_path, value);
            }
            Key::Only => return copy(&mut self.only, value),
            Key::Skip => return copy(&mut self.skip, value),
            Key::Exitcode => self.exitcode = number()?.cast_signed(),
            Key::StackDepth => self.stack_depth = (number()? as usize).min(MOST_FRAMES),
            Key::SiteDepth => self.site_depth = number()? as usize,
            Key::Leaks => self.leaks = number()? == 1,
            Key::HandleFaults => self.handle_faults = number()? == 1,
            Key::Verbosity => self.verbosity = number()?,
            Key::Help => self.help = number()? == 1,
            Key::Harden => return self.choose_hardening(value),
            Key::Severity => return self.choose_severities(value),
            Key::Points => self.choose_points(number()? == 1)?,
            Key::InjectCounts => return self.choose_counts(value),
            Key::Inject => return self.take_orders(value),
            Key::Enable | Key::Disable => {}
        }
        Some(())
    }

    /// Takes the words of `harden`; each source says all of it anew.
    fn choose_hardening(&mut self, value: &str) -> Option<()> {
        let mut harden = 0;
        for word in injection::texts(value) {
            harden |= match word {
                "all" => Hardening::ALL.into_iter().map(bit).fold(0, |all, bit| all | bit),
                _ => bit(Hardening::from_name(word)?),
            };
        }
        self.harden = harden;
        // Whoever asks for the check wants its findings, though the rule's group is off by default.
        for rule in Rule::ALL.iter().filter(|rule| !rule.group().on_by_default()) {
            if rule.harden().is_some_and(|word| harden & bit(word) != 0) {
                self.rules.set(*rule, true);
            }
        }
        Some(())
    }

    /// Takes the words of `severity`, beside those of other sources; `None` if one of them is not understood, when the others
    /// have been taken.
    fn choose_severities(&mut self, value: &str) -> Option<()> {
        let mut understood = Some(());
        for word in injection::texts(value) {
            let Some((selector, severity)) = severity_choice(word) else {
                understood = None;
                continue;
            };
            for rule in Rule::ALL.iter().filter(|rule| selector.takes(**rule)) {
                for (of, rules) in Severity::ALL.into_iter().zip(&mut self.severities) {
                    rules.set(*rule, of == severity);
                }
            }
        }
        understood
    }

    fn choose_rules(&mut self, source: &str, key: Key, value: &str, warn: Warn<'_>) {
        let on = key == Key::Enable;
        for word in injection::texts(value) {
            let Some(selector) = Selector::from_name(word) else {
                let (key, allowed) = (key.name(), key.info().values);
                warn(&format_args!("{source}: {key}= names no rule or group '{word}'; it takes {allowed}"));
                continue;
            };
            for rule in Rule::ALL.iter().filter(|rule| selector.takes(**rule)) {
                self.rules.set(*rule, on);
            }
        }
    }

    /// Whether the executable of this name is to be checked, by `only` and `skip`.
    pub(crate) fn covers(&self, executable: &str) -> bool {
        let names = |list: &str| list.split(',').any(|name| name.trim() == executable);
        (self.only.len() == 0 || names(self.only.as_str())) && !names(self.skip.as_str())
    }
}

/// The bit of [`enabled::bits`] that a word of `harden` sets.
fn bit(word: Hardening) -> u32 {
    match word {
        Hardening::Guard => enabled::GUARD,
        Hardening::Quarantine => enabled::QUARANTINE,
        Hardening::Tail => enabled::TAIL,
        Hardening::Private => enabled::PRIVATE,
    }
}

/// Copies a value; `None` if it is empty or too long.
fn copy<const N: usize>(to: &mut Line<N>, value: &str) -> Option<()> {
    to.clear();
    (!value.is_empty() && value.len() < N && to.push_bytes(value.as_bytes())).then_some(())
}

/// Hands the lines of the table of options to `each`.
pub(crate) fn table(each: &mut dyn FnMut(&dyn Display)) {
    each(&"options, as MAPSAN_OPTIONS=key=value:key=value");
    for key in Key::ALL {
        let info = key.info();
        let default = if info.default.is_empty() { "-" } else { info.default };
        let later = if info.available { "" } else { " (not yet in this version)" };
        each(&format_args!("  {:<13} default {default:<8} {}{later}; takes {}", info.name, info.meaning, info.values));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mapsan_model::When;

    fn parsed(text: &str) -> (Box<Settings>, Vec<String>) {
        let mut settings = Box::new(Settings::EMPTY);
        settings.set_defaults();
        let mut complaints = Vec::new();
        settings.parse("MAPSAN_OPTIONS", text, &mut |complaint| complaints.push(complaint.to_string()));
        (settings, complaints)
    }

    #[test]
    fn values_may_be_quoted() {
        let (settings, complaints) = parsed("log_path='/tmp/a:b c':mode=\"abort\" stack_depth=3");
        assert_eq!(complaints, Vec::<String>::new());
        assert_eq!(settings.log_path.as_str(), "/tmp/a:b c");
        assert!(settings.mode == Mode::Abort && settings.stack_depth == 3);
    }

    #[test]
    fn what_is_not_understood_is_named_and_the_rest_is_taken() {
        let (settings, complaints) = parsed("mod=abort:level=loud:stack_depth=0:exitcode=256 novalue:exitcode=7");
        assert_eq!(settings.exitcode, 7);
        let starts =
            ["there is no option 'mod'", "'level=loud' is not", "'stack_depth=0'", "'exitcode=256'", "'novalue'"];
        assert_eq!(complaints.len(), starts.len(), "{complaints:?}");
        for (complaint, start) in complaints.iter().zip(starts) {
            assert!(complaint.starts_with(&format!("MAPSAN_OPTIONS: {start}")), "{complaint}");
        }
        assert!(complaints[1].ends_with("level takes note, warning or error"), "{}", complaints[1]);
    }

    #[test]
    fn every_key_is_either_taken_or_said_to_come_later() {
        for key in Key::ALL {
            let value = match key.info().values {
                Values::Words(words) | Values::Set(words) => words[0],
                Values::Rules => "all",
                Values::Severities => "all=note",
                Values::Number(..) | Values::Flag => "1",
                Values::Injection => "mmap:ENOMEM",
                Values::File | Values::Log | Values::Names => "x",
            };
            let (_, complaints) = parsed(&format!("{}={value}", key.name()));
            assert_eq!(complaints.is_empty(), key.info().available, "{complaints:?}");
            assert!(complaints.iter().all(|complaint| complaint.contains("not yet in this version")));
        }
    }

    #[test]
    fn groups_and_rules_are_turned_on_and_off_in_order() {
        let (settings, complaints) = parsed("enable=all:disable=portability,mmap-bad-fd:enable=mmap-anonymous-fd");
        assert!(complaints.is_empty());
        let on = |rule| settings.rules.has(rule);
        assert!(on(Rule::MmapWritableExecutable) && on(Rule::MmapAnonymousFd));
        assert!(!on(Rule::MmapBadFd) && !on(Rule::ShmatRemovedSegment));
    }

    #[test]
    fn severities_are_chosen_by_rule_and_group_and_the_last_one_holds() {
        let (settings, complaints) = parsed("severity=leak=error,leak-segment=warning:severity='munmap-double=note'");
        assert!(complaints.is_empty(), "{complaints:?}");
        assert_eq!(settings.severity(Rule::LeakSegment, Severity::Note), Severity::Warning);
        assert_eq!(settings.severity(Rule::LeakMapping, Severity::Note), Severity::Error);
        assert_eq!(settings.severity(Rule::MunmapDouble, Severity::Error), Severity::Note);
        assert_eq!(settings.severity(Rule::MmapBadFd, Severity::Error), Severity::Error);
        let (settings, complaints) = parsed("severity=leaks=error,leak-attach=error:fail=note");
        assert!(complaints.len() == 1 && complaints[0].contains("severity takes comma-separated RULE=SEVERITY"));
        assert_eq!(settings.severity(Rule::LeakAttach, Severity::Note), Severity::Error);
        assert!(settings.fail == Severity::Note);
    }

    #[test]
    fn every_opt_in_rule_of_a_successful_call_has_successful_calls_looked_at() {
        let looks = |text: &str| parsed(text).0.enabled_bits() & OPT_IN != 0;
        assert!(!looks("") && looks("enable=all"));
        for rule in Rule::ALL {
            let alone = format!("disable=all:enable={rule}");
            let of_success = rule.asked().at(When::Success);
            assert_eq!(looks(&alone), of_success && !rule.group().on_by_default(), "{rule}");
        }
    }

    #[test]
    fn a_rule_that_needs_a_word_of_harden_is_on_with_it() {
        for rule in Rule::ALL {
            let Some(word) = rule.harden() else { continue };
            for value in [word.name(), "all"] {
                let (settings, complaints) = parsed(&format!("harden={value}"));
                assert!(complaints.is_empty() && settings.rules.has(*rule), "{rule}");
                assert_ne!(settings.enabled_bits() & bit(word), 0, "{rule}");
            }
        }
        let (settings, _) = parsed("harden=guard");
        assert!(!settings.rules.has(Rule::PrivateWriteDiscarded));
        assert_eq!(settings.enabled_bits() & enabled::CONTENTS, 0);
    }

    proptest::proptest! {
        /// Whatever the environment holds, it is taken or complained of, and the rest is still read.
        #[test]
        fn no_text_stops_the_options(text in "([a-z_]{0,12}[=:,'\" ]?[-a-z0-9%,./']{0,12}[: ]?){0,8}|\\PC{0,60}") {
            // An open quote would take the rest.
            let closed = text.replace(['\'', '"'], "");
            let (settings, _) = parsed(&format!("{closed}:stack_depth=7"));
            assert!(settings.stack_depth == 7, "{closed:?}");
            parsed(&text);
        }
    }

    #[test]
    fn only_and_skip_name_executables() {
        let (settings, _) = parsed("only=a,b:skip=b");
        assert!(settings.covers("a") && !settings.covers("b") && !settings.covers("c"));
    }
}
