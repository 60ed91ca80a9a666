//! What a rule's row says of when it is asked is what its program shows.

use mapsan_model::{Hardening, Rule, When};
use std::path::Path;

/// How a call, or what stands for it, ended.
#[derive(Debug)]
enum Ending {
    Failed,
    Succeeded,
    Signal,
}

/// The ending that a rule's finding shows: its second line is the call's, as in `munmap(NULL, 0) = -1 (EINVAL)`.
fn shown(rule: Rule) -> Ending {
    let line = read(rule, "bad.expected").lines().nth(1).unwrap_or_default().trim().to_owned();
    let errno = line.rsplit_once(" (").and_then(|(_, errno)| errno.strip_suffix(')'));
    if line.starts_with("--- ") {
        Ending::Signal
    } else if errno.is_some_and(|errno| {
        errno.starts_with('E') && errno.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit())
    }) {
        Ending::Failed
    } else {
        assert!(line.contains(" = "), "{rule}: its finding shows no call: {line}");
        Ending::Succeeded
    }
}

/// A file of the rule's folder.
fn read(rule: Rule, name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../c-tests/rules").join(rule.name()).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn each_rule_is_made_when_its_row_says() {
    // Which of two accesses comes first is chance: what is told of a race is no golden text.
    for rule in Rule::ALL.iter().filter(|rule| !rule.asked().at(When::Race)) {
        let asked = rule.info().asked;
        let said = match shown(*rule) {
            Ending::Failed => asked.at(When::Failure) || asked.at(When::Sweep),
            Ending::Succeeded => {
                [When::Release, When::Success, When::Exit, When::Sweep].into_iter().any(|when| asked.at(when))
            }
            Ending::Signal => asked.at(When::Fault),
        };
        assert!(said, "{rule}: its program shows {:?}, and its row says {asked:?}", shown(*rule));
    }
}

#[test]
fn a_rule_about_a_signal_is_asked_at_faults_alone() {
    for rule in Rule::ALL {
        let asked = rule.info().asked;
        let of_calls = When::ALL.into_iter().any(|when| when != When::Fault && asked.at(when));
        assert_eq!(asked.at(When::Fault), rule.is_of_fault(), "{rule}");
        assert_eq!(of_calls, !rule.is_of_fault(), "{rule}");
    }
}

#[test]
fn what_enforce_refuses_the_kernel_lets_pass() {
    for rule in Rule::ALL.iter().filter(|rule| rule.info().enforce.is_some()) {
        let asked = rule.info().asked;
        assert!(asked.at(When::Success) || asked.at(When::Release), "{rule} is not asked before a call");
    }
}

#[test]
fn a_program_asks_for_the_word_of_harden_that_its_rule_needs() {
    for rule in Rule::ALL {
        let first = read(*rule, "bad.c").lines().next().unwrap_or_default().to_owned();
        let given = first.split_once("harden=").map(|(_, words)| words.split([' ', ':']).next().unwrap_or_default());
        assert_eq!(given, rule.info().harden.map(Hardening::name), "{rule}");
    }
}
