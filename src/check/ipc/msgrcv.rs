//! msgrcv(2).
//!
//! The kernel (`do_msgrcv`, Linux 6.18) looks at id and size (EINVAL), for the queue, at the mode bits (EACCES), at the size
//! of the message (E2BIG), and writes it when it has left the queue (EFAULT).

use super::{bad_id, is_stopped_by_removal, removed, tell_bad_memory, tell_denied};
use crate::call::Msgrcv;
use crate::check::memory::signed;
use crate::check::{Check, tell_unexplained};
use crate::facts;
use crate::finding::Report;
use crate::form::Draft;
use crate::plain::ipc::Kind;
use crate::plain::texts::{Texts, texts};
use crate::sys::Errno;
use mapsan_model::{Rule, Severity};

const MEANINGS: Texts = texts! {
    libc::ENOSYS => "MSG_COPY is not in this kernel (CONFIG_CHECKPOINT_RESTORE)",
    libc::ENOMEM => "the kernel has no memory for the call",
};

impl Check for Msgrcv {
    fn failed(&self, errno: Errno, report: &Report<'_>) {
        match errno {
            // Answers, not failures.
            libc::EAGAIN | libc::EINTR | libc::ENOMSG => {}
            libc::EFAULT => self.null_buffer(report),
            libc::E2BIG => self.too_long(report),
            libc::EIDRM => removed(Rule::MsgrcvRemoved, Kind::Queue, self.id, true, report),
            libc::EINVAL if self.id < 0 => bad_id(Rule::MsgrcvBadId, Kind::Queue, self.id, report),
            libc::EINVAL if self.size.cast_signed() >= 0 && is_stopped_by_removal(Kind::Queue, self.id, report) => {
                removed(Rule::MsgrcvRemoved, Kind::Queue, self.id, false, report);
            }
            libc::EINVAL if self.size.cast_signed() >= 0 && !facts::ipc::exists(Kind::Queue, self.id) => {
                bad_id(Rule::MsgrcvBadId, Kind::Queue, self.id, report);
            }
            _ => {
                report.finding(Rule::MsgrcvFailed, Severity::Note, |draft| self.tell(errno, draft));
            }
        }
    }
}

impl Msgrcv {
    fn tell(&self, errno: Errno, draft: &mut Draft) {
        match errno {
            libc::EACCES => tell_denied(Kind::Queue, self.id, "receive from", draft),
            libc::EINVAL if self.size.cast_signed() < 0 => {
                draft.message(format_args!("the room is {} bytes{}", self.size, signed(self.size)));
                draft.help(format_args!("look for what makes the size negative"));
            }
            libc::EINVAL if self.flags & libc::MSG_COPY != 0 && self.flags & libc::IPC_NOWAIT == 0 => {
                draft.message(format_args!("MSG_COPY is given without IPC_NOWAIT"));
                draft.help(format_args!("add IPC_NOWAIT, and take ENOMSG for the end of the queue"));
            }
            libc::EINVAL if self.flags & libc::MSG_COPY != 0 && self.flags & libc::MSG_EXCEPT != 0 => {
                draft.message(format_args!("MSG_COPY and MSG_EXCEPT are given together"));
                draft.help(format_args!("choose one: MSG_COPY takes an index where MSG_EXCEPT takes a type"));
            }
            _ => tell_unexplained("msgrcv", errno, MEANINGS, draft),
        }
    }

    fn too_long(&self, report: &Report<'_>) {
        report.finding(Rule::MsgrcvTooLong, Severity::Note, |draft| {
            draft.message(format_args!(
                "the message is longer than the {} bytes of room, and MSG_NOERROR is not given",
                self.size
            ));
            if let Some(queue) = facts::ipc::any_by_id(Kind::Queue, self.id) {
                draft.note(format_args!("it stays there; {queue}"));
            }
            draft.note(format_args!("the size is that of the text, without the type before it"));
            draft.help(format_args!(
                "pass room for the longest message that is sent, or MSG_NOERROR, which cuts it and loses the rest"
            ));
        });
    }

    fn null_buffer(&self, report: &Report<'_>) {
        report.finding(Rule::MsgrcvNullBuffer, Severity::Error, |draft| {
            tell_bad_memory(
                self.message,
                format_args!("msgrcv writes a long and up to {} bytes after it", self.size),
                draft,
            );
            if self.flags & libc::MSG_COPY == 0 {
                draft.note(format_args!("the message has left the queue by then, and is lost"));
            }
            draft.help(format_args!(
                "pass the address of a structure that begins with a long, the type, and has the room after it"
            ));
        });
    }
}
