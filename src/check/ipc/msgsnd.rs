//! msgsnd(2).
//!
//! The kernel (`ksys_msgsnd`, `do_msgsnd`, Linux 6.18) reads the type (EFAULT), looks at size and id (EINVAL), at the type
//! (EINVAL), reads the message (EFAULT), and looks for the queue then.

use super::{bad_id, is_stopped_by_removal, removed, tell_bad_memory, tell_denied};
use crate::call::Msgsnd;
use crate::check::{Check, tell_unexplained};
use crate::facts;
use crate::facts::limits::Bytes;
use crate::finding::Report;
use crate::plain::ipc::Kind;
use crate::plain::texts::{Texts, texts};
use crate::sys::{self, Errno};
use mapsan_model::{Rule, Severity};

const MEANINGS: Texts = texts! {
    libc::ENOMEM => "the kernel has no memory for a copy of the message",
};

impl Check for Msgsnd {
    fn failed(&self, errno: Errno, report: &Report<'_>) {
        match errno {
            // Answers, not failures.
            libc::EAGAIN | libc::EINTR => {}
            libc::EFAULT => self.null_buffer(report),
            libc::EIDRM => removed(Rule::MsgsndRemoved, Kind::Queue, self.id, true, report),
            libc::EINVAL if self.is_too_long() => self.too_long(report),
            libc::EINVAL if self.id < 0 => bad_id(Rule::MsgsndBadId, Kind::Queue, self.id, report),
            libc::EINVAL if self.message_type().is_some_and(|kind| kind < 1) => self.bad_type(report),
            libc::EINVAL if is_stopped_by_removal(Kind::Queue, self.id, report) => {
                removed(Rule::MsgsndRemoved, Kind::Queue, self.id, false, report);
            }
            libc::EINVAL if !facts::ipc::exists(Kind::Queue, self.id) => {
                bad_id(Rule::MsgsndBadId, Kind::Queue, self.id, report);
            }
            _ => {
                report.finding(Rule::MsgsndFailed, Severity::Note, |draft| match errno {
                    libc::EACCES => tell_denied(Kind::Queue, self.id, "send to", draft),
                    _ => tell_unexplained("msgsnd", errno, MEANINGS, draft),
                });
            }
        }
    }
}

impl Msgsnd {
    /// The most bytes of a message (`kernel.msgmax`).
    fn most() -> Option<u64> {
        sys::ipc::queue_limits().ok().and_then(|(_, limits)| u64::try_from(limits.msgmax).ok())
    }

    fn is_too_long(&self) -> bool {
        Self::most().is_some_and(|most| self.size as u64 > most)
    }

    /// The type at the start of the message, if it can be read.
    fn message_type(&self) -> Option<i64> {
        let mut kind = [0; 8];
        sys::read_memory(self.message, &mut kind).ok().filter(|read| *read == kind.len())?;
        Some(i64::from_ne_bytes(kind))
    }

    fn too_long(&self, report: &Report<'_>) {
        report.finding(Rule::MsgsndTooLong, Severity::Warning, |draft| {
            let most = Bytes(Self::most().unwrap_or(0));
            if self.size.cast_signed() < 0 {
                draft.message(format_args!(
                    "a message of {} bytes ({} as a signed number); kernel.msgmax allows {most}",
                    self.size,
                    self.size.cast_signed()
                ));
                draft.help(format_args!("look for what makes the size negative"));
            } else {
                draft.message(format_args!(
                    "a message of {} is longer than kernel.msgmax allows: {most}",
                    Bytes(self.size as u64)
                ));
                draft.note(format_args!("the size is that of the text, without the type before it"));
                draft.help(format_args!(
                    "send it in parts, put it into shared memory and send where it lies, or raise kernel.msgmax"
                ));
            }
        });
    }

    fn bad_type(&self, report: &Report<'_>) {
        report.finding(Rule::MsgsndBadType, Severity::Error, |draft| {
            let kind = self.message_type().unwrap_or(0);
            draft.message(format_args!("the type of the message is {kind}; it must be 1 or more"));
            draft.note(format_args!("a message begins with its type, a long, and its text follows"));
            draft.help(format_args!(
                "set mtype before the message is sent, and pass the address of the whole structure"
            ));
        });
    }

    fn null_buffer(&self, report: &Report<'_>) {
        report.finding(Rule::MsgsndNullBuffer, Severity::Error, |draft| {
            tell_bad_memory(self.message, format_args!("msgsnd reads a long and {} bytes after it", self.size), draft);
            draft.help(format_args!(
                "pass the address of a structure that begins with a long, the type, and the size of the text after it"
            ));
        });
    }
}
