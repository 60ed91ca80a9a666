//! Pages, which are Markdown, as a terminal shows them: without marks, what is code set apart by styles.

use anstyle::{AnsiColor, Style};
use std::fmt::Write;

const HEADING: Style = Style::new().bold().underline();
const CODE: Style = AnsiColor::Cyan.on_default();
const STRESSED: Style = Style::new().italic();

/// The page for a terminal. Who takes the styles away still has no marks.
pub(super) fn shown(page: &str) -> String {
    let mut text = String::new();
    let mut is_fenced = false;
    for line in page.lines() {
        if line.starts_with("```") {
            is_fenced = !is_fenced;
        } else if is_fenced {
            let _ = writeln!(text, "{}{line}", if line.is_empty() { "" } else { "    " });
        } else if let Some(heading) = line.strip_prefix("# ").or_else(|| line.strip_prefix("## ")) {
            let _ = writeln!(text, "{HEADING}{heading}{HEADING:#}");
        } else if line.starts_with("    ") {
            let _ = writeln!(text, "{line}");
        } else {
            let _ = writeln!(text, "{}", unmarked(line));
        }
    }
    text
}

/// A line of prose: `code`, and what is *stressed*.
fn unmarked(line: &str) -> String {
    let mut text = String::new();
    for (place, piece) in line.split('`').enumerate() {
        let _ = if place % 2 == 1 {
            write!(text, "{CODE}{piece}{CODE:#}")
        } else {
            write!(text, "{}", stressed(&piece.replace("**", "*")))
        };
    }
    text
}

/// Words between stars, if each star stands beside a word.
fn stressed(text: &str) -> String {
    let is_words = |words: &str| !words.is_empty() && words.trim() == words && !words.contains(['(', '/']);
    let pieces: Vec<&str> = text.split('*').collect();
    match pieces[..] {
        [before, words, ref after @ ..] if !after.is_empty() && is_words(words) => {
            format!("{before}{STRESSED}{words}{STRESSED:#}{}", stressed(&after.join("*")))
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(page: &str) -> String {
        anstream::adapter::strip_str(&shown(page)).to_string()
    }

    #[test]
    fn marks_of_markdown_are_left_out() {
        let page = "# mmap-x\n\nUse `mmap` *once*, **not** 2 * 3.\n\n    char *p = `x`;\n\n## One\n\n```c\nint *x;\n\n# y\n```\n";
        let expected = "mmap-x\n\nUse mmap once, not 2 * 3.\n\n    char *p = `x`;\n\nOne\n\n    int *x;\n\n    # y\n";
        assert_eq!(plain(page), expected);
        assert!(shown(page).contains("\u{1b}[36mmmap"));
    }

    #[test]
    fn no_page_of_a_rule_keeps_a_mark() {
        for rule in mapsan_model::Rule::ALL {
            let text = plain(rule.text());
            let prose = text.lines().filter(|line| !line.starts_with("    ")).collect::<Vec<_>>().join("\n");
            assert!(!prose.contains('`') && !prose.contains("# ") && !prose.contains("**"), "{rule}: {prose}");
        }
    }
}
