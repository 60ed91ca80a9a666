//! What is declared of a rule.

use crate::asked::Asked;
use crate::{Group, Hardening, Severity};

/// All that is declared of a rule: for whoever lists rules. Each field that the runtime needs has a function of
/// [`Rule`](crate::Rule), too, whose table holds no addresses.
#[derive(Clone, Copy, Debug)]
pub struct RuleInfo {
    /// The public name: lower-case words joined by hyphens.
    pub name: &'static str,
    /// The function that the rule is about.
    pub call: &'static str,
    /// When it is asked.
    pub asked: Asked,
    /// The word of `harden=` without which it is not asked.
    pub harden: Option<Hardening>,
    /// The severities that its findings can have, the usual one first.
    pub severities: &'static [Severity],
    /// The group that turns it on and off.
    pub group: Group,
    /// The name of the errno with which `mode=enforce` fails a call that the kernel lets pass; `None` for a rule
    /// about a call that fails anyway, and for a note.
    pub enforce: Option<&'static str>,
    /// One line: what the program did.
    pub summary: &'static str,
}

#[cfg(test)]
mod tests {
    use crate::{Rule, RuleSet};

    #[test]
    fn what_is_asked_of_a_rule_is_what_is_declared_of_it() {
        for rule in Rule::ALL {
            let info = rule.info();
            assert_eq!((rule.name(), rule.call(), rule.enforce()), (info.name, info.call, info.enforce));
            assert_eq!((rule.asked(), rule.harden(), rule.group()), (info.asked, info.harden, info.group));
            assert_eq!(RuleSet::ON_BY_DEFAULT.has(*rule), info.group.on_by_default(), "{rule}");
        }
    }
}
