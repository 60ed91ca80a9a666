//! semget(2) and msgget(2).
//!
//! The kernel (`ipcget`, `newary`, `newque` of ipc/, Linux 6.18) looks at the number of semaphores against SEMMSL (EINVAL),
//! then for the key: EEXIST, then the number (EINVAL), then the mode bits (EACCES) of what exists; ENOENT without
//! `IPC_CREAT`; for a new set the number 0 (EINVAL), SEMMNS and SEMMNI (ENOSPC); for a new queue MSGMNI (ENOSPC).

use super::{Removal, failed_get, help_with_permission, note_permissions};
use crate::call::{IpcGet, Key};
use crate::check::named::decimal_mode;
use crate::check::{Check, filter_refuses, note_failure, tell_filter, unexplained};
use crate::facts::ipc::{self as facts, Object};
use crate::finding::Report;
use crate::form::Draft;
use crate::past::failures::{self, Failed};
use crate::past::ipc::{self, Met};
use crate::past::keys;
use crate::plain::bits::Octal;
use crate::plain::ipc::Kind;
use crate::plain::texts::{Texts, texts};
use crate::sys::{self, Errno};
use core::ffi::c_int;
use mapsan_model::{Counted, Rule, Severity};

const MEANINGS: Texts = texts! {
    libc::ENOMEM => "the kernel has no memory for it, or a cgroup limits it",
    libc::ENOSPC => "as many exist as there may be (kernel.sem, kernel.msgmni)",
};

/// The rules of a kind.
struct GetRules {
    failed_key: Rule,
    missing: Rule,
    exists: Rule,
    denied: Rule,
    limit: Rule,
    failed: Rule,
    no_permissions: Rule,
    decimal_mode: Rule,
}

static SET: GetRules = GetRules {
    failed_key: Rule::SemgetFailedKey,
    missing: Rule::SemgetMissing,
    exists: Rule::SemgetExists,
    denied: Rule::SemgetDenied,
    limit: Rule::SemgetLimit,
    failed: Rule::SemgetFailed,
    no_permissions: Rule::SemgetNoPermissions,
    decimal_mode: Rule::SemgetDecimalMode,
};

static QUEUE: GetRules = GetRules {
    failed_key: Rule::MsggetFailedKey,
    missing: Rule::MsggetMissing,
    exists: Rule::MsggetExists,
    denied: Rule::MsggetDenied,
    limit: Rule::MsggetLimit,
    failed: Rule::MsggetFailed,
    no_permissions: Rule::MsggetNoPermissions,
    decimal_mode: Rule::MsggetDecimalMode,
};

impl IpcGet {
    fn rules(&self) -> &'static GetRules {
        match self.kind {
            Kind::Set => &SET,
            Kind::Queue => &QUEUE,
        }
    }

    /// Whether a call that succeeds makes something new, whatever there is.
    #[inline]
    pub(crate) fn surely_creates(&self) -> bool {
        let both = libc::IPC_CREAT | libc::IPC_EXCL;
        self.key == libc::IPC_PRIVATE || self.flags & both == both
    }

    fn mode(&self) -> c_int {
        self.flags & 0o777
    }

    /// All of these numbers hold the bit of `IPC_CREAT` (01000).
    fn decimal_mode(&self) -> Option<(c_int, c_int)> {
        decimal_mode(self.flags & (libc::IPC_CREAT | 0o777))
    }

    /// Whether a call that succeeded may break a rule.
    #[inline]
    pub(crate) fn is_doubtful(&self) -> bool {
        self.key == -1 || self.made && (self.flags & 0o400 == 0 || self.decimal_mode().is_some())
    }

    fn is_new(&self, report: &Report<'_>) -> bool {
        let none = || facts::id_of_key(self.kind, self.key) == Err(libc::ENOENT);
        let creates = self.flags & libc::IPC_CREAT != 0;
        self.made || report.outcome.is_considered() && (self.surely_creates() || creates && none())
    }

    fn existing(&self) -> Option<Object> {
        if self.key == libc::IPC_PRIVATE { None } else { facts::any_by_key(self.kind, self.key) }
    }
}

impl Check for IpcGet {
    fn failed(&self, errno: Errno, report: &Report<'_>) {
        failures::note(failed_get(self.kind), report.return_address, errno);
        if self.key == -1 {
            self.failed_key(report);
            return;
        }
        let explained = match errno {
            libc::EEXIST => self.exists(report),
            libc::ENOENT => self.missing(report),
            libc::EACCES => self.denied(report),
            libc::EINVAL if self.kind == Kind::Set => self.invalid_count(report),
            libc::ENOSPC => self.no_space(report),
            _ => false,
        };
        if explained {
            return;
        }
        let (key, count, flags) = (sys::int(self.key), sys::int(self.count), sys::int(self.flags));
        let (number, arguments) = match self.kind {
            Kind::Set => (libc::SYS_semget, [key, count, flags, 0, 0, 0]),
            Kind::Queue => (libc::SYS_msgget, [key, flags, 0, 0, 0, 0]),
        };
        if filter_refuses(errno, number, arguments) {
            tell_filter(self.rules().failed, report);
        } else {
            unexplained(self.rules().failed, errno, MEANINGS, report);
        }
    }

    fn violates(&self, report: &Report<'_>) -> Option<Errno> {
        let key = if self.key == -1 { self.failed_key(report) } else { None };
        let doubtful = self.mode() & 0o400 == 0 || self.decimal_mode().is_some();
        key.or_else(|| if doubtful && self.is_new(report) { self.mode_offends(report) } else { None })
    }
}

impl IpcGet {
    fn failed_key(&self, report: &Report<'_>) -> Option<Errno> {
        report.offence(self.rules().failed_key, Severity::Error, |draft| {
            let (kind, get) = (self.kind, self.kind.get());
            draft.message(format_args!("the key is -1, which is what ftok returns when it fails"));
            if failures::last(Failed::Ftok).is_some() {
                note_failure(Failed::Ftok, draft);
            } else {
                draft.note(format_args!("no ftok that failed was seen in this process"));
            }
            draft.note(format_args!("{get} takes -1 as a key: every program with the same mistake shares its {kind}"));
            draft.help(format_args!("compare what ftok returns with -1 before using it, and print errno then"));
        })
    }

    /// Tells who made what exists, if that was this process; whether it was.
    fn note_maker(&self, object: &Object, draft: &mut Draft) -> bool {
        let made = ipc::get(self.kind, object.id).filter(|met| met.maker.is_some() && met.removal.is_none());
        if let Some(met) = made {
            draft.related(self.kind.get(), met.site, format_args!("it was made here"));
        }
        draft.note(format_args!("it is {object}"));
        made.is_some()
    }

    fn exists(&self, report: &Report<'_>) -> bool {
        report.finding(self.rules().exists, Severity::Note, |draft| {
            draft.message(format_args!("a {} with key {} exists already", self.kind, Key(self.key)));
            if let Some(object) = self.existing() {
                if self.note_maker(&object, draft) {
                    draft.help(format_args!("use the id that the earlier call gave, or leave IPC_EXCL out"));
                } else {
                    draft.help(format_args!("use it, without IPC_EXCL; {}", Removal(&object)));
                }
            }
        });
        true
    }

    fn missing(&self, report: &Report<'_>) -> bool {
        report.finding(self.rules().missing, Severity::Note, |draft| {
            let kind = self.kind;
            draft.message(format_args!("no {kind} has key {}, and IPC_CREAT is not given", Key(self.key)));
            draft.note(format_args!("ipcs -{} shows none with this key", kind.letter()));
            let compare = if keys::given(self.key).is_some() { "its ftok path and id" } else { "its key" };
            let mode = if self.mode() == 0 { " | 0600" } else { "" };
            draft.help(format_args!(
                "start the program that creates it before this one, compare {compare} there, or add IPC_CREAT{mode}"
            ));
        });
        true
    }

    fn denied(&self, report: &Report<'_>) -> bool {
        report.finding(self.rules().denied, Severity::Note, |draft| {
            let (key, asked) = (Key(self.key), Octal(self.mode()));
            let Some(object) = self.existing() else {
                draft.message(format_args!(
                    "the {} with key {key} may not be used as the flags ask ({asked})",
                    self.kind
                ));
                return;
            };
            draft.message(format_args!(
                "the mode of the {} with key {key} ({}) refuses what the flags ask for ({asked})",
                self.kind,
                Octal(object.mode)
            ));
            note_permissions(&object, draft);
            help_with_permission(&object, draft);
        });
        true
    }

    /// EINVAL of semget: the number of semaphores.
    fn invalid_count(&self, report: &Report<'_>) -> bool {
        let count = self.count;
        let Ok((_, limits)) = sys::ipc::set_limits() else { return false };
        let existing = self.existing();
        match existing {
            _ if count < 0 || count > limits.semmsl => report.finding(Rule::SemgetLimit, Severity::Note, |draft| {
                draft.message(format_args!(
                    "a set of {count} semaphores is asked for, and SEMMSL allows 0 to {}",
                    limits.semmsl
                ));
                draft.help(match count {
                    ..0 => format_args!("look for what makes the number of semaphores negative"),
                    _ => {
                        format_args!("use several sets, or raise the first number of kernel.sem (sysctl kernel.sem)")
                    }
                });
            }),
            Some(object) if object.count < u64::try_from(count).unwrap_or(0) => self.count_mismatch(&object, report),
            None if count == 0 => report.finding(Rule::SemgetZeroCount, Severity::Error, |draft| {
                draft.message(format_args!("a new set of no semaphores; a set has at least one"));
                draft.note(format_args!("0 is right only for a set that exists"));
                draft.help(format_args!("pass the number of semaphores that the set is to have"));
            }),
            _ => return false,
        };
        true
    }

    fn count_mismatch(&self, object: &Object, report: &Report<'_>) -> bool {
        report.finding(Rule::SemgetCountMismatch, Severity::Warning, |draft| {
            let key = Key(self.key);
            draft.message(format_args!(
                "the semaphore set with key {key} has {}, and {} are asked for",
                object.count, self.count
            ));
            let own = self.note_maker(object, draft);
            draft.note(format_args!("the number of semaphores of a set never changes"));
            if own {
                draft.help(format_args!("make it with the number that is needed, or ask for no more than it has"));
            } else {
                draft.help(format_args!("ask for no more than it has, or take another key; {}", Removal(object)));
            }
        })
    }

    /// ENOSPC: as many as there may be.
    fn no_space(&self, report: &Report<'_>) -> bool {
        let kind = self.kind;
        let semaphores = match (kind, sys::ipc::set_usage(), sys::ipc::set_limits()) {
            (Kind::Set, Ok(usage), Ok((_, limits))) => Some((usage.semaem, limits.semmns)),
            _ => None,
        };
        let Some((used, orphans, most)) = facts::population(kind) else { return false };
        report.finding(self.rules().limit, Severity::Note, |draft| {
            let mut number = if kind == Kind::Set { "the fourth number of kernel.sem" } else { "kernel.msgmni" };
            match semaphores {
                Some((in_use, all)) if in_use.saturating_add(self.count) > all && used < most => {
                    draft.message(format_args!(
                        "{} semaphores are asked for, and of the {all} that SEMMNS allows {in_use} are in use",
                        self.count
                    ));
                    draft.note(format_args!("they are in {}", Counted(used, "set")));
                    number = "the second number of kernel.sem";
                }
                _ => {
                    let name = if kind == Kind::Set { "SEMMNI" } else { "MSGMNI" };
                    draft.message(format_args!("the IPC namespace has as many {kind}s as it may ({name}, {most})"));
                }
            }
            // Others may have removed some of them, or the process may have another IPC namespace now.
            let is_own = |met: &Met| {
                let is_kept = met.maker == Some(sys::getpid()) && met.removal.is_none();
                is_kept && facts::any_by_id(kind, met.id).is_some_and(|now| now.key == met.key)
            };
            let own = ipc::get_all(kind).filter(is_own).count();
            draft.note(format_args!("{orphans} of the {used} were last used by processes that no longer run"));
            if own as u64 == used {
                draft.note(format_args!("all of them were made by this process"));
            } else if own > 0 {
                draft.note(format_args!("{own} of the {used} were made by this process"));
            }
            draft.help(format_args!(
                "remove each {kind} after its last use (IPC_RMID; ipcs -{} lists them), or raise {number}",
                kind.letter()
            ));
        })
    }

    fn mode_offends(&self, report: &Report<'_>) -> Option<Errno> {
        let kind = self.kind;
        if let Some((decimal, meant)) = self.decimal_mode() {
            return report.offence(self.rules().decimal_mode, Severity::Warning, |draft| {
                draft.message(format_args!(
                    "the mode is written in decimal: {decimal} is mode {} and the bit of IPC_CREAT",
                    Octal(self.mode())
                ));
                draft.help(format_args!("write {} in octal, with a leading zero", Octal(meant)));
            });
        }
        report.offence(self.rules().no_permissions, Severity::Warning, |draft| {
            draft.message(format_args!(
                "a new {kind} with mode {}, which its own owner may not {}",
                Octal(self.mode()),
                if self.mode() & 0o200 == 0 { "use" } else { "read" }
            ));
            draft.note(format_args!("the low nine bits of the flags are its mode; only root gets past them"));
            draft.help(format_args!("add the mode to the flags: IPC_CREAT | 0600"));
        })
    }
}
