//! A rule, made of the catalogue ([`rules`](crate::rules)): what is declared of it, each fact by a function.

use crate::asked::{Asked, Group, When};
use crate::call_line::is_signal;
use crate::options::Hardening;
use crate::words;
use crate::words::Words;
use crate::{RuleInfo, Severity, for_each_rule};
use core::fmt;

macro_rules! declare {
    ($($variant:ident $name:literal $call:literal $($when:ident)|+ $(harden($harden:ident))? [$($severity:ident),+]
        $group:ident $enforce:ident $(($errno:literal))? $summary:literal;)+) => {
        /// A rule of the catalogue.
        #[allow(clippy::doc_markdown, reason = "the summaries are shown on terminals, without backticks")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Rule {
            $(#[doc = $summary] $variant,)+
        }

        impl Rule {
            /// Every rule, in the order of the catalogue; the index of each is its discriminant.
            pub const ALL: &'static [Rule] = &[$(Rule::$variant),+];

            /// What is declared of the rule.
            #[must_use]
            pub const fn info(self) -> &'static RuleInfo {
                match self {
                    $(Rule::$variant => const { &RuleInfo {
                        name: $name,
                        call: $call,
                        asked: Asked($(When::$when.bit())|+),
                        harden: only([$(Hardening::$harden)?]),
                        severities: &[$(Severity::$severity),+],
                        group: Group::$group,
                        enforce: $enforce $(($errno))?,
                        summary: $summary,
                    } },)+
                }
            }

            /// The public name.
            #[must_use]
            pub fn name(self) -> &'static str {
                static NAMES: Words<{ Rule::ALL.len() }> = words!($($name),+);
                NAMES.get(self as usize)
            }

            /// The function that the rule is about.
            #[must_use]
            pub fn call(self) -> &'static str {
                static CALLS: Words<{ Rule::ALL.len() }> = words!($($call),+);
                CALLS.get(self as usize)
            }

            /// When it is asked.
            #[must_use]
            pub const fn asked(self) -> Asked {
                match self {
                    $(Rule::$variant => Asked($(When::$when.bit())|+),)+
                }
            }

            /// The word of `harden=` without which it is not asked.
            #[must_use]
            pub const fn harden(self) -> Option<Hardening> {
                match self {
                    $(Rule::$variant => const { only([$(Hardening::$harden)?]) },)+
                }
            }

            /// The group that turns it on and off.
            #[must_use]
            pub const fn group(self) -> Group {
                match self {
                    $(Rule::$variant => Group::$group,)+
                }
            }

            /// The name of the errno with which `mode=enforce` fails a call that the kernel lets pass.
            #[must_use]
            pub fn enforce(self) -> Option<&'static str> {
                static ERRNOS: Words<{ Rule::ALL.len() }> = words!($(concat!($($errno)?)),+);
                Some(ERRNOS.get(self as usize)).filter(|errno| !errno.is_empty())
            }

            /// The rule's page: what it means, why, and what to do, in Markdown.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    $(Rule::$variant => include_str!(concat!("../rules/", $name, ".md")),)+
                }
            }
        }
    };
}
for_each_rule!(declare);

/// The word of a row that has one.
const fn only<const N: usize>(words: [Hardening; N]) -> Option<Hardening> {
    match words.as_slice() {
        [word, ..] => Some(*word),
        [] => None,
    }
}

impl Rule {
    /// What rules are about, calls and signals, each once, in the order of the rules.
    pub fn calls() -> impl Iterator<Item = &'static str> {
        let is_first = |at: usize, call: &str| !Rule::ALL.iter().take(at).any(|other| other.info().call == call);
        let calls = Rule::ALL.iter().map(|rule| rule.info().call).enumerate();
        calls.filter(move |(at, call)| is_first(*at, call)).map(|(_, call)| call)
    }

    /// The rule of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Rule> {
        Self::ALL.iter().copied().find(|rule| rule.name() == name)
    }

    /// Whether it is about an access that ended the process, not about a call.
    #[must_use]
    pub fn is_of_fault(self) -> bool {
        is_signal(self.call())
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
