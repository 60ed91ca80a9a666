//! The verdict on a run: the exit status.

use crate::failure::Failure;
use crate::findings::session::Session;
use crate::say::say;
use crate::system::{child, signal};
use mapsan_model::{Rule, Selector, Severity};
use std::process::{ExitCode, ExitStatus};

/// The failure of `--require-coverage`.
pub(crate) fn not_covered() -> Failure {
    Failure::own("not everything was covered, and --require-coverage was given")
}

/// What the user asks of a run.
pub(crate) struct Demands {
    /// The rules that are to be broken, comma-separated, and no others.
    pub(crate) expected: Option<String>,
    /// The exit status if there are findings that count.
    pub(crate) error_exitcode: Option<u8>,
    /// Whether something that is not covered is a failure.
    pub(crate) coverage: bool,
    /// The lowest severity that counts.
    pub(crate) fail: Severity,
}

impl Demands {
    /// Whether the exit status depends on what is found.
    pub(crate) fn are_made(&self) -> bool {
        self.expected.is_some() || self.error_exitcode.is_some() || self.coverage
    }

    /// Whether a fault that is explained is among what is expected.
    pub(crate) fn expect_fault(&self) -> bool {
        let is_of_fault = |word: &str| {
            let selector = Selector::from_name(word.trim());
            selector.is_some_and(|selector| Rule::ALL.iter().any(|rule| rule.is_of_fault() && selector.takes(*rule)))
        };
        self.expected.as_ref().is_some_and(|expected| expected.split(',').any(is_of_fault))
    }

    /// The exit status of a run that ended so: the program's own, unless a demand is not met.
    pub(crate) fn judge(&self, session: &Session, status: ExitStatus) -> Result<ExitCode, Failure> {
        let is_covered = !self.coverage || session.gaps.is_empty();
        if let Some(expected) = &self.expected {
            let verdict = self.judge_expected(expected, session, status);
            return if is_covered || verdict == ExitCode::FAILURE { Ok(verdict) } else { Err(not_covered()) };
        }
        match self.error_exitcode {
            Some(code) if session.has(self.fail) => Ok(ExitCode::from(code)),
            _ if !is_covered => Err(not_covered()),
            _ => Ok(child::end_as(status)),
        }
    }

    /// Success if exactly the expected rules were broken; of others, those below the severity that counts don't matter.
    fn judge_expected(&self, expected: &str, session: &Session, status: ExitStatus) -> ExitCode {
        let expected: Vec<&str> = expected.split(',').map(str::trim).filter(|rule| !rule.is_empty()).collect();
        let takes = |word: &str, rule: &str| {
            let of_group = Rule::from_name(rule).zip(Selector::from_name(word));
            word == rule || of_group.is_some_and(|(rule, selector)| selector.takes(rule))
        };
        let broken = |word: &str| session.rules.iter().any(|(rule, count)| takes(word, rule) && count.findings > 0);
        let counts = |rule: &str| session.highest.get(rule).is_some_and(|severity| *severity >= self.fail);
        let missing: Vec<&str> = expected.iter().copied().filter(|rule| !broken(rule)).collect();
        let others: Vec<&str> = session
            .rules
            .keys()
            .map(String::as_str)
            .filter(|rule| counts(rule) && !expected.iter().any(|word| takes(word, rule)))
            .collect();
        for rule in &missing {
            say!("{rule} was expected, and did not happen");
        }
        for rule in &others {
            say!("{rule} was not expected");
        }
        match missing.is_empty() && others.is_empty() {
            false => ExitCode::FAILURE,
            true if self.expect_fault() && signal::has_ended(status) => ExitCode::SUCCESS,
            true => child::end_as(status),
        }
    }
}
