//! semctl(2) and msgctl(2).
//!
//! The kernel (`ksys_semctl`, `ksys_msgctl`, Linux 6.18) refuses a negative id first, then an unknown command; SETVAL looks
//! at its value before it looks for the set, `IPC_SET` reads its buffer.

use super::{bad_id, is_owner, note_permissions, tell_bad_memory};
use crate::call::{IntArgument, IpcControl, Takes};
use crate::check::{Check, unexplained};
use crate::facts::ipc::{self as facts, Object};
use crate::facts::process;
use crate::finding::Report;
use crate::plain::bits::Octal;
use crate::plain::ipc::Kind;
use crate::plain::texts::{Texts, texts};
use crate::sys::{self, Errno, memory};
use mapsan_model::{Rule, Severity};

const MEANINGS: Texts = texts! {
    libc::EINVAL => "the first argument is negative, or IPC_SET gives an owner or group that the user namespace does not have",
    libc::ENOMEM => "the kernel has no memory for the call",
    libc::EOVERFLOW => "an id or time does not fit the structure",
};

/// `SEMVMX`: the largest value of a semaphore.
const LARGEST: i32 = 32767;

/// The rules of a kind.
struct ControlRules {
    bad_id: Rule,
    null_buffer: Rule,
    bad_command: Rule,
    denied: Rule,
    remove_inherited: Rule,
    failed: Rule,
}

static SET: ControlRules = ControlRules {
    bad_id: Rule::SemctlBadId,
    null_buffer: Rule::SemctlNullBuffer,
    bad_command: Rule::SemctlBadCommand,
    denied: Rule::SemctlDenied,
    remove_inherited: Rule::SemctlRemoveInherited,
    failed: Rule::SemctlFailed,
};

static QUEUE: ControlRules = ControlRules {
    bad_id: Rule::MsgctlBadId,
    null_buffer: Rule::MsgctlNullBuffer,
    bad_command: Rule::MsgctlBadCommand,
    denied: Rule::MsgctlDenied,
    remove_inherited: Rule::MsgctlRemoveInherited,
    failed: Rule::MsgctlFailed,
};

impl Check for IpcControl {
    fn failed(&self, errno: Errno, report: &Report<'_>) {
        let rules = self.rules();
        match errno {
            libc::EFAULT => self.null_buffer(report),
            libc::EPERM if self.raised_limit().is_some() => self.limit_denied(report),
            libc::EACCES | libc::EPERM => self.denied(report),
            libc::ERANGE if self.kind == Kind::Set => self.bad_value(report),
            libc::EINVAL if self.id >= 0 && self.known().is_none() => self.bad_command(report),
            // The end of an iteration, or a kernel before 4.17.
            libc::EINVAL if self.lists() => {}
            libc::EINVAL if self.takes_index() => unexplained(rules.failed, errno, MEANINGS, report),
            libc::EINVAL if self.is_number_outside() => self.bad_number(report),
            libc::EINVAL if self.id >= 0 && facts::exists(self.kind, self.id) => {
                unexplained(rules.failed, errno, MEANINGS, report);
            }
            libc::EINVAL | libc::EIDRM => bad_id(rules.bad_id, self.kind, self.id, report),
            _ => unexplained(rules.failed, errno, MEANINGS, report),
        }
    }

    fn succeeded(&self, report: &Report<'_>) {
        let Some((pid, site)) = self.maker.filter(|(pid, _)| process::runs(*pid)) else { return };
        report.finding(self.rules().remove_inherited, Severity::Note, |draft| {
            let (kind, id) = (self.kind, self.id);
            draft.message(format_args!("a forked child removes {kind} {id}, which pid {pid}, still running, has made"));
            draft.related(kind.get(), site, format_args!("it was made here"));
            draft.note(format_args!("it is gone at once: who waits on it gets EIDRM, who uses it later EINVAL"));
            crate::check::help_inherited(draft);
        });
    }
}

impl IpcControl {
    fn rules(&self) -> &'static ControlRules {
        match self.kind {
            Kind::Set => &SET,
            Kind::Queue => &QUEUE,
        }
    }

    fn name(&self) -> &'static str {
        self.known().map_or("the command", |(name, _)| name)
    }

    fn object(&self) -> Option<Object> {
        if self.takes_index() { facts::any_at(self.kind, self.id) } else { facts::any_by_id(self.kind, self.id) }
    }

    /// Whether the command is about one semaphore, and the set does not have it.
    fn is_number_outside(&self) -> bool {
        let of_one = matches!(self.name(), "GETPID" | "GETVAL" | "GETNCNT" | "GETZCNT" | "SETVAL");
        let has = |object: Object| u64::try_from(self.number).is_ok_and(|number| number < object.count);
        self.kind == Kind::Set && of_one && self.id >= 0 && self.object().is_some_and(|object| !has(object))
    }

    fn bad_number(&self, report: &Report<'_>) {
        report.finding(Rule::SemctlBadNumber, Severity::Error, |draft| {
            let count = self.object().map_or(0, |object| object.count);
            draft.message(format_args!(
                "{} of semaphore {}, and set {} has {count}, numbered from 0 to {}",
                self.name(),
                self.number,
                self.id,
                count.saturating_sub(1)
            ));
            draft.help(format_args!("pass the number of a semaphore of the set, or make the set with more (semget)"));
        });
    }

    fn bad_value(&self, report: &Report<'_>) {
        report.finding(Rule::SemctlBadValue, Severity::Error, |draft| {
            if self.name() == "SETVAL" {
                let value = IntArgument(self.argument).get();
                draft.message(format_args!("SETVAL to {value}: the value of a semaphore is 0 to {LARGEST} (SEMVMX)"));
                if !(0..=0xff_ffff).contains(&value) {
                    draft.note(format_args!(
                        "the fourth argument is a number, or a union semun by value, not the address of one"
                    ));
                }
            } else {
                draft.message(format_args!("{}: a value is over {LARGEST} (SEMVMX)", self.name()));
                draft.note(format_args!("the array holds an unsigned short for each semaphore of the set"));
            }
            draft.help(format_args!("pass a value from 0 to {LARGEST}"));
        });
    }

    fn null_buffer(&self, report: &Report<'_>) {
        report.finding(self.rules().null_buffer, Severity::Error, |draft| {
            let (name, takes) = self.known().unwrap_or(("the command", Takes::Nothing));
            let (does, what) = match takes {
                Takes::Reads(what) => ("reads", what),
                Takes::Fills(what) => ("fills", what),
                _ => ("needs", "buffer"),
            };
            tell_bad_memory(self.argument, format_args!("{name} {does} a buffer"), draft);
            let article = if what.starts_with('a') { "an" } else { "a" };
            draft.help(format_args!("pass the address of {article} {what}"));
        });
    }

    fn bad_command(&self, report: &Report<'_>) {
        report.finding(self.rules().bad_command, Severity::Error, |draft| {
            let (command, control) = (self.command, self.kind.control());
            if (8..=0o7777).contains(&command) {
                draft.message(format_args!("{control} has no command {command} ({}, {command:#x})", Octal(command)));
            } else {
                draft.message(format_args!("{control} has no command {command}"));
            }
            if self.kind == Kind::Set {
                draft.note(format_args!(
                    "the arguments are id, number of the semaphore, command, and a value or address"
                ));
            }
            draft.help(format_args!("the commands are IPC_STAT, IPC_SET, IPC_RMID and those of {control}(2)"));
        });
    }

    /// The `msg_qbytes` of an `IPC_SET` by who may make it, if that is over kernel.msgmnb; and the latter.
    fn raised_limit(&self) -> Option<(u64, u64)> {
        if self.kind != Kind::Queue || self.command != libc::IPC_SET || !is_owner(&self.object()?) {
            return None;
        }
        let asked = memory::value::<libc::msqid_ds>(self.argument)?.msg_qbytes;
        let most = u64::try_from(sys::ipc::queue_limits().ok()?.1.msgmnb).ok()?;
        (asked > most).then_some((asked, most))
    }

    fn limit_denied(&self, report: &Report<'_>) {
        report.finding(self.rules().denied, Severity::Note, |draft| {
            let Some((asked, most)) = self.raised_limit() else { return };
            draft.message(format_args!(
                "no permission to set msg_qbytes of message queue {} to {asked}, over kernel.msgmnb ({most})",
                self.id
            ));
            draft
                .help(format_args!("set {most} or less; more takes root (CAP_SYS_RESOURCE), or another kernel.msgmnb"));
        });
    }

    fn denied(&self, report: &Report<'_>) {
        report.finding(self.rules().denied, Severity::Note, |draft| {
            let (kind, name) = (self.kind, self.name());
            let (the, with_index) = if self.takes_index() { ("the ", "with index ") } else { ("", "") };
            draft.message(format_args!("no permission for {name} on {the}{kind} {with_index}{}", self.id));
            let Some(object) = self.object() else { return };
            note_permissions(&object, draft);
            let changes = matches!(name, "IPC_SET" | "IPC_RMID");
            match (changes, object.uid) {
                (true, 0) => draft.help(format_args!("{name} needs root, its owner, or CAP_SYS_ADMIN")),
                (true, uid) => draft.help(format_args!("{name} needs uid {uid}, its owner, or root (CAP_SYS_ADMIN)")),
                (false, _) if is_owner(&object) => draft.help(format_args!(
                    "the process may change the mode itself, with IPC_SET; a new one gets it from {}'s flags",
                    kind.get()
                )),
                (false, uid) => draft.help(format_args!(
                    "let uid {uid}, its owner, change the mode with IPC_SET, or make it with a mode that allows this"
                )),
            }
        });
    }
}
