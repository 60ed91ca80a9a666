//! Facts that are stated twice, and names of rules where no rule belongs.

use crate::code::{texts, tokens};
use crate::tree::{Defect, Tree};
use mapsan_model::Rule;
use mapsan_model::record::SCHEMA_NAME;
use proc_macro2::TokenTree;

/// Texts that one file declares, for all others to take from there.
pub(crate) const FACTS: [(&str, &str); 3] = [
    (SCHEMA_NAME, "model/src/record.rs"),
    ("summary: ", "model/src/summary.rs"),
    (" more of the same not shown", "model/src/summary.rs"),
];

/// The texts of `facts` outside their homes, and homes that do not have theirs.
///
/// What tests expect is written out in them, so that they see when it changes.
pub(crate) fn stated_twice(tree: &Tree, facts: &[(&str, &str)]) -> Vec<Defect> {
    let mut defects = Vec::new();
    let mut at_home = vec![false; facts.len()];
    for (path, text) in tree.rust().filter(|(path, _)| !path.contains("tests/")) {
        for (said, line) in texts(&tokens(text)) {
            for ((fact, home), at_home) in facts.iter().zip(&mut at_home).filter(|((fact, _), _)| said.contains(fact)) {
                if path == *home {
                    *at_home = true;
                } else {
                    defects.push(Defect::new(path, line, format!("'{fact}' is declared in {home}")));
                }
            }
        }
    }
    let homeless = facts.iter().zip(&at_home).filter(|(_, at_home)| !**at_home);
    defects.extend(homeless.map(|((fact, home), _)| Defect::new(home, 0, format!("'{fact}' is not declared here"))));
    defects
}

/// The rules that the runtime names outside `src/check`: as variants, or by their public names.
pub(crate) fn rules_named(tree: &Tree) -> Vec<Defect> {
    let mut defects = Vec::new();
    for (path, text) in tree.rust().filter(|(path, _)| path.starts_with("src/") && !path.starts_with("src/check/")) {
        let tokens = tokens(text);
        let variants = tokens.windows(4).filter_map(variant);
        defects.extend(variants.map(|(name, line)| Defect::new(path, line, format!("names the rule {name}"))));
        for (text, line) in texts(&tokens) {
            let named = Rule::ALL.iter().map(|rule| rule.name()).filter(|name| text.contains(name));
            defects.extend(named.map(|name| Defect::new(path, line, format!("names the rule {name}"))));
        }
    }
    defects
}

/// `Rule::Name`; `Rule::ALL` and functions are of all rules.
fn variant(tokens: &[TokenTree]) -> Option<(String, usize)> {
    let [TokenTree::Ident(rule), TokenTree::Punct(_), TokenTree::Punct(colon), TokenTree::Ident(name)] = tokens else {
        return None;
    };
    let spelled = name.to_string();
    let is_variant = spelled.starts_with(char::is_uppercase) && spelled.contains(char::is_lowercase);
    (rule == "Rule" && colon.as_char() == ':' && is_variant).then(|| (spelled, name.span().start().line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_has_one_home() {
        let facts = [("form/1", "src/form.rs")];
        let home = ("src/form.rs", r#"pub const FORM: &str = "form/1";"#);
        let copy = ("src/copy.rs", "fn told() {\n    say!(\"{}\", \"of form/1\");\n}");
        let test = ("src/tried.rs", r#"#[cfg(test)] mod tests { const FORM: &str = "form/1"; }"#);
        assert_eq!(stated_twice(&Tree::of(&[home, test]), &facts), []);
        let twice = Defect::new("src/copy.rs", 2, "'form/1' is declared in src/form.rs");
        assert_eq!(stated_twice(&Tree::of(&[home, copy]), &facts), [twice]);
        let gone = Defect::new("src/form.rs", 0, "'form/1' is not declared here");
        assert_eq!(stated_twice(&Tree::of(&[test]), &facts), [gone]);
    }

    #[test]
    fn a_rule_is_named_by_its_check_alone() {
        let text = "fn tell() {\n    report(Rule::MmapBadFd, Rule::ALL);\n    say(\"see mmap-bad-fd\");\n}";
        let named = [
            Defect::new("src/tell.rs", 2, "names the rule MmapBadFd"),
            Defect::new("src/tell.rs", 3, "names the rule mmap-bad-fd"),
        ];
        assert_eq!(rules_named(&Tree::of(&[("src/tell.rs", text), ("src/check/tell.rs", text)])), named);
    }
}
