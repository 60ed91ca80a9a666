//! `mapsan rules` and `mapsan options`: what the model declares.

use clap::ArgMatches;
use mapsan_model::{Key, Rule};
use std::fmt::Write;

/// The rules, by call; as JSON for `--format json`.
pub(crate) fn rules(matches: &ArgMatches) -> String {
    if matches.get_one::<String>("format").is_some_and(|format| format == "json") { as_json() } else { as_text() }
}

fn as_json() -> String {
    let rule = |rule: &Rule| {
        let info = rule.info();
        serde_json::json!({
            "name": info.name,
            "call": info.call,
            "severities": info.severities.iter().map(|severity| severity.name()).collect::<Vec<_>>(),
            "group": info.group.name(),
            "default": info.group.on_by_default(),
            "enforce": info.enforce,
            "summary": info.summary,
            "text": rule.text(),
        })
    };
    let rules: Vec<_> = Rule::ALL.iter().map(rule).collect();
    serde_json::to_string_pretty(&rules).map(|text| text + "\n").unwrap_or_default()
}

fn as_text() -> String {
    let mut text = String::new();
    let severities = |rule: &Rule| {
        let names: Vec<&str> = rule.info().severities.iter().map(|severity| severity.name()).collect();
        names.join("/")
    };
    let width = Rule::ALL.iter().map(|rule| rule.name().len()).max().unwrap_or(0);
    let second = Rule::ALL.iter().map(|rule| severities(rule).len()).max().unwrap_or(0);
    for call in Rule::calls() {
        let _ = writeln!(text, "{call}");
        for rule in Rule::ALL.iter().filter(|rule| rule.info().call == call) {
            let info = rule.info();
            let group = info.group.name();
            let off = if info.group.on_by_default() { String::new() } else { format!(" [off: enable={group}]") };
            let _ = writeln!(text, "  {:width$}  {:second$}  {}{off}", info.name, severities(rule), info.summary);
        }
        text.push('\n');
    }
    text.push_str("'mapsan explain RULE' tells more of each.\n");
    text
}

/// The options of `MAPSAN_OPTIONS`.
pub(crate) fn options() -> String {
    let mut text = String::from("MAPSAN_OPTIONS=\"key=value:key=value\"; values may be quoted with ' or \"\n\n");
    for key in Key::ALL {
        let info = key.info();
        let default = if info.default.is_empty() { "none" } else { info.default };
        let later = if info.available { "" } else { " (not yet in this version)" };
        let _ =
            writeln!(text, "{}{later}\n    {}\n    takes {}; default {default}", info.name, info.meaning, info.values);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_out() {
        assert!(Rule::ALL.iter().all(|rule| as_text().contains(rule.info().summary)));
        for call in Rule::calls() {
            assert_eq!(as_text().lines().filter(|line| *line == call).count(), 1, "{call} is no heading, or several");
        }
        let json: serde_json::Value = serde_json::from_str(&as_json()).unwrap();
        assert_eq!(json.as_array().unwrap().len(), Rule::ALL.len());
        assert!(Key::ALL.iter().all(|key| options().contains(key.info().meaning)));
    }
}
