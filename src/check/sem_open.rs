//! `sem_open(3)`, and the initial values of semaphores.
//!
//! libc opens what is there first, to read and write, and makes a file of its own only where nothing is, or with `O_EXCL`:
//! then it looks at the value.

use super::Check;
use super::named::{NamedOpen, OpenRules, decimal_mode, note_age};
use crate::call::{SemInit, SemOpen};
use crate::facts::holders::Holders;
use crate::facts::object::{Object, ObjectName, PREFIX};
use crate::finding::{self, Report};
use crate::form::Draft;
use crate::plain::escape::{Escaped, Quoted};
use crate::plain::shm::Named;
use crate::sys::Errno;
use core::ffi::c_int;
use mapsan_model::{Rule, Severity};

static RULES: OpenRules = OpenRules {
    name: Rule::SemOpenName,
    missing: Rule::SemOpenMissing,
    exists: Rule::SemOpenExists,
    denied: Rule::SemOpenDenied,
    failed: Rule::SemOpenFailed,
    no_permissions: Rule::SemOpenNoPermissions,
    decimal_mode: Rule::SemOpenDecimalMode,
};

/// `SEM_VALUE_MAX` of `<limits.h>`.
const LARGEST: u32 = c_int::MAX.unsigned_abs();

impl SemOpen {
    /// The mode in decimal that was written in place of the octal one, and what was meant.
    #[inline]
    pub(crate) fn decimal_mode(&self) -> Option<(c_int, c_int)> {
        decimal_mode(self.mode.cast_signed())
    }

    fn opening(&self) -> NamedOpen {
        let SemOpen { name, flags, .. } = *self;
        NamedOpen { named: Named::Semaphore, rules: &RULES, name, flags, mode: self.mode.cast_signed() }
    }

    /// It was there before, with another value than the one given, and nobody else has it open.
    fn leftover(&self, value: u32, report: &Report<'_>) {
        let Some(name) = ObjectName::at(self.name) else { return };
        let Some(object) = name.path(Named::Semaphore).and_then(|path| Object::at(&path)) else { return };
        let mut others = None;
        finding::with_room(&mut || {
            let holders = Holders::of(object.device, object.inode, PREFIX);
            // This process has opened it, now.
            others = Some((holders.count().saturating_sub(1), holders.are_all()));
        });
        let Some((0, are_all)) = others else { return };
        report.finding(Rule::SemOpenLeftover, Severity::Note, |draft| {
            draft.message(format_args!(
                "the semaphore {} existed, and its value is {value}: the initial value {} is ignored",
                Quoted(name.bytes()),
                self.initial
            ));
            note_age(&object, draft);
            draft.note(format_args!(
                "no other process{} has it open: an earlier run may have left it",
                if are_all { "" } else { " that may be looked at" }
            ));
            if value == 0 {
                draft.note(format_args!("sem_wait waits until somebody calls sem_post"));
            }
            draft.help(format_args!(
                "let the process that starts first make it anew: sem_unlink(\"/{}\"), then sem_open with \
                 O_CREAT|O_EXCL; and let the last that ends call sem_unlink",
                Escaped(name.bare())
            ));
        });
    }
}

impl Check for SemOpen {
    fn failed(&self, errno: Errno, report: &Report<'_>) {
        let opening = self.opening();
        if errno == libc::EINVAL && self.flags & libc::O_CREAT != 0 && self.initial > LARGEST && !opening.is_flawed() {
            return bad_value(self.initial, report);
        }
        opening.failed(errno, report);
    }

    fn violates(&self, report: &Report<'_>) -> Option<Errno> {
        let opening = self.opening();
        let has_made = self.made || report.outcome.is_considered() && opening.would_create();
        if has_made { opening.decimal_mode(report) } else { None }
    }

    fn succeeded(&self, report: &Report<'_>) {
        if let Some(value) = self.leftover {
            self.leftover(value, report);
        }
    }
}

impl Check for SemInit {
    fn failed(&self, errno: Errno, report: &Report<'_>) {
        if errno == libc::EINVAL && self.initial > LARGEST {
            bad_value(self.initial, report);
        }
    }
}

/// The initial value is too large.
fn bad_value(initial: u32, report: &Report<'_>) {
    report.finding(Rule::SemBadValue, Severity::Error, |draft: &mut Draft| {
        draft.message(format_args!("the initial value {initial} is over SEM_VALUE_MAX ({LARGEST})"));
        if let negative @ ..0 = initial.cast_signed() {
            draft.note(format_args!("as an int it is {negative}: the value of a semaphore is never negative"));
        }
        draft.help(format_args!("give the number of those that may enter at once, or 0 to wait for a sem_post"));
    });
}
