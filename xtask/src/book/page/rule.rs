//! The pages of rules: what a rule means, its programs, and what is said of the wrong one.

use super::{Page, block};
use anyhow::{Context, Result};
use mapsan_model::{Rule, Shown};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the pages lie.
const FOLDER: &str = "model/rules";

/// Where a rule's page is.
pub(in crate::book) fn place(rule: Rule) -> PathBuf {
    Path::new(FOLDER).join(format!("{rule}.md"))
}

/// What all rules have in common.
pub(in crate::book) fn overview() -> Page {
    let mut text = String::from(
        "# How to read a rule\n\nEach page says what was found, how people get there and what to do. Then follow a program that \
         breaks the rule, what is said of it, and one that does not break it: a test runs both. In what is said, names in angle \
         brackets stand for what differs from run to run, as `<ADDR1>`; the same name is the same thing; the line that is \
         named is the one marked `faulty`. \
         `mapsan explain RULE` shows the same on a terminal.\n\n| about | rules |\n| --- | --- |\n",
    );
    for call in Rule::calls() {
        let number = Rule::ALL.iter().filter(|rule| rule.info().call == call).count();
        let _ = writeln!(text, "| [{call}](../calls/{call}.md) | {number} |");
    }
    Page { source: Path::new(FOLDER).join("overview.md"), text }
}

/// The rules of a call.
pub(in crate::book) fn of_call(call: &str) -> Page {
    let mut text = format!("# {call}\n\n| rule | found when |\n| --- | --- |\n");
    for rule in Rule::ALL.iter().filter(|rule| rule.info().call == call) {
        let _ = writeln!(text, "| `{rule}` | {} |", rule.info().summary.replace('|', "\\|"));
    }
    Page { source: format!("model/calls/{call}.md").into(), text }
}

/// A rule.
pub(in crate::book) fn page(root: &Path, rule: Rule) -> Result<Page> {
    let info = rule.info();
    let folder = root.join("c-tests/rules").join(rule.name());
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
    };
    let (bad, good) = (read("bad.c")?, read("good.c")?);
    let severities: Vec<&str> = info.severities.iter().map(|severity| severity.name()).collect();
    let mut text = rule.text().trim_end().to_owned();
    let on = if info.group.on_by_default() { "on by default" } else { "off until it is enabled" };
    let _ = write!(text, "\n\nSeverity {}; group {}, {on}.\n", severities.join(" or "), info.group.name());
    let shown = Shown::of(&bad);
    let _ = write!(text, "\n## A program that breaks it\n\n{}", block("c", &shown.to_string()));
    // Of races there is none: how often each access is seen differs from run to run.
    if folder.join("bad.expected").exists() {
        let with = shown.options.map(|options| format!(" (with `{options}`)")).unwrap_or_default();
        let _ = write!(text, "\n## What is said of it{with}\n\n{}", block("text", &read("bad.expected")?));
    }
    let _ = write!(text, "\n## A program that does not\n\n{}", block("c", &Shown::of(&good).to_string()));
    Ok(Page { source: place(rule), text })
}
