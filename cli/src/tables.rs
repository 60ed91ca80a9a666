//! `mapsan rules` and `mapsan options`: what the model declares.

use mapsan_model::{Key, Rule};
use std::fmt::Write;

/// The rules, by call.
pub(crate) fn rules() -> String {
    let mut text = String::new();
    let mut call = "";
    let width = Rule::ALL.iter().map(|rule| rule.name().len()).max().unwrap_or(0);
    for rule in Rule::ALL {
        let info = rule.info();
        if info.call != call {
            let gap = if call.is_empty() { "" } else { "\n" };
            call = info.call;
            let _ = writeln!(text, "{gap}{call}");
        }
        let severities: Vec<&str> = info.severities.iter().map(|severity| severity.name()).collect();
        let off =
            if info.group.on_by_default() { String::new() } else { format!(" [off: enable={}]", info.group.name()) };
        let _ = writeln!(text, "  {:width$}  {:<7}  {}{off}", info.name, severities.join("/"), info.summary);
    }
    text.push_str("\n'mapsan explain RULE' tells more of each.\n");
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
        assert!(Rule::ALL.iter().all(|rule| rules().contains(rule.info().summary)));
        assert!(Key::ALL.iter().all(|key| options().contains(key.info().meaning)));
    }
}
