//! `shm_open(3)`.

use super::Check;
use super::named::{NamedOpen, OpenRules, decimal_mode};
use crate::call::ShmOpen;
use crate::facts::object::ObjectName;
use crate::finding::Report;
use crate::plain::escape::{Escaped, Quoted};
use crate::plain::shm::Named;
use crate::sys::Errno;
use core::ffi::c_int;
use mapsan_model::{Rule, Severity};

static RULES: OpenRules = OpenRules {
    name: Rule::ShmOpenName,
    missing: Rule::ShmOpenMissing,
    exists: Rule::ShmOpenExists,
    denied: Rule::ShmOpenDenied,
    failed: Rule::ShmOpenFailed,
    no_permissions: Rule::ShmOpenNoPermissions,
    decimal_mode: Rule::ShmOpenDecimalMode,
};

impl ShmOpen {
    /// The mode in decimal that was written in place of the octal one, and what was meant.
    #[inline]
    pub(crate) fn decimal_mode(&self) -> Option<(c_int, c_int)> {
        decimal_mode(self.mode.cast_signed())
    }

    fn opening(&self) -> NamedOpen {
        let ShmOpen { name, flags, .. } = *self;
        NamedOpen { named: Named::Object, rules: &RULES, name, flags, mode: self.mode.cast_signed() }
    }

    /// The name does not begin with a slash: the errno with which `mode=enforce` refuses it.
    fn no_slash(&self, report: &Report<'_>) -> Option<Errno> {
        let begins = ObjectName::at(self.name).is_none_or(|name| name.bytes().starts_with(b"/"));
        if begins {
            return None;
        }
        report.offence(Rule::ShmOpenNoSlash, Severity::Warning, |draft| {
            let Some(name) = ObjectName::at(self.name) else { return };
            draft.message(format_args!("the name {} does not begin with a slash", Quoted(name.bytes())));
            draft.note(format_args!("here it is the same as with one; POSIX leaves open what it means"));
            draft.help(format_args!("write \"/{}\"", Escaped(name.bytes())));
        })
    }
}

impl Check for ShmOpen {
    fn failed(&self, errno: Errno, report: &Report<'_>) {
        self.opening().failed(errno, report);
    }

    fn violates(&self, report: &Report<'_>) -> Option<Errno> {
        let opening = self.opening();
        let has_made = self.made || report.outcome.is_considered() && opening.would_create();
        let decimal = if has_made { opening.decimal_mode(report) } else { None };
        decimal.or_else(|| self.no_slash(report))
    }
}
