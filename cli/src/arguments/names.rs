//! Names that a shell completes though more is taken than there is room to offer.

use crate::values;
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser, ValueParser};
use clap::{Arg, Command, Error};
use mapsan_model::options::Values;
use mapsan_model::{Rule, Selector};
use std::ffi::OsStr;

/// Takes what its parser takes, and offers what is in its list.
#[derive(Clone)]
struct Names<P> {
    offered: Vec<&'static str>,
    parser: P,
}

/// Rules and groups, of which several may be given with commas.
pub(super) fn rules(values: Values) -> ValueParser {
    let offered = rule_names().chain(Selector::GROUPS).collect();
    let parser = move |text: &str| values::check(values, text).map(|()| text.to_owned());
    Names { offered, parser }.into()
}

/// What can be explained. All else is taken as well, so that it can be said what is near.
pub(super) fn explained() -> ValueParser {
    let offered = rule_names().chain(Rule::calls()).collect();
    Names { offered, parser: StringValueParser::new() }.into()
}

fn rule_names() -> impl Iterator<Item = &'static str> {
    Rule::ALL.iter().map(|rule| rule.name())
}

impl<P: TypedValueParser<Value = String>> TypedValueParser for Names<P> {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        self.parser.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.offered.iter().map(|name| PossibleValue::new(*name))))
    }
}
