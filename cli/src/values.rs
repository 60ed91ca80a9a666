//! Whether the value of an option of the library is one that it may have: on the command line and in a project's file.

use crate::spelling::nearest;
use mapsan_model::injection;
use mapsan_model::options::Values;
use mapsan_model::{Rule, Selector, severity_choice};

/// Why a value is none, with what is allowed.
pub(crate) fn check(values: Values, text: &str) -> Result<(), String> {
    let allowed = || format!("it takes {values}");
    match values {
        Values::Words(words) => words.contains(&text).then_some(()).ok_or_else(allowed),
        Values::Flag => ["0", "1"].contains(&text).then_some(()).ok_or_else(allowed),
        Values::Number(low, high) => match text.parse::<u32>() {
            Ok(number) if (low..=high).contains(&number) => Ok(()),
            _ => Err(allowed()),
        },
        Values::Rules => text.split(',').try_for_each(rule_or_group),
        Values::Severities => text.split(',').try_for_each(|word| match severity_choice(word) {
            Some(_) => Ok(()),
            None => rule_or_group(word.split('=').next().unwrap_or_default()).and_then(|()| Err(allowed())),
        }),
        Values::File => match std::fs::File::open(text) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("it can't be read: {error}")),
        },
        Values::Set(words) => {
            match text.split(',').map(str::trim).find(|word| *word != "all" && !words.contains(word)) {
                Some(word) => {
                    let near = nearest(word, words.iter().copied());
                    Err(format!("there is no '{word}'{near}; it takes {values}"))
                }
                None => Ok(()),
            }
        }
        Values::Injection => injection::orders(text).try_for_each(|order| match order {
            Ok(_) => Ok(()),
            Err(wrong) => Err(wrong.to_string()),
        }),
        Values::Log | Values::Names => {
            if text.is_empty() {
                Err("it is empty".to_owned())
            } else {
                Ok(())
            }
        }
    }
}

fn rule_or_group(word: &str) -> Result<(), String> {
    let word = word.trim();
    if Selector::from_name(word).is_some() {
        return Ok(());
    }
    let near = nearest(word, Rule::ALL.iter().map(|rule| rule.name()).chain(Selector::GROUPS));
    Err(format!("there is no rule or group '{word}'{near}; 'mapsan rules' lists them"))
}
