//! shmctl(2).
//!
//! The kernel (`ksys_shmctl`, Linux 6.18) refuses a negative id and an unknown command first; `IPC_SET` reads its
//! buffer before it looks for the segment, the commands that fill one write it last.

use super::memory::{Lookup, look_up};
use super::segment::{bad_id, is_owner, note_hidden, note_other_refusal, note_permissions};
use super::{Check, unexplained};
use crate::call::{Address, Key, Shmctl};
use crate::facts::limits::{self, Bytes};
use crate::facts::process;
use crate::facts::segment::{self, Segment, Times};
use crate::finding::Report;
use crate::form::Draft;
use crate::observe::tracked;
use crate::plain::bits::Octal;
use crate::plain::texts::{Texts, texts};
use crate::sys::{self, Errno};
use core::ffi::c_int;
use mapsan_model::{Rule, Severity};

const SHM_LOCK: c_int = 11;
const SHM_UNLOCK: c_int = 12;
const SHM_STAT: c_int = 13;
const SHM_STAT_ANY: c_int = 15;

const MEANINGS: Texts = texts! {
    libc::EINVAL => "no segment has the id, or IPC_SET is given an owner or a group that is none",
    libc::ENOMEM => "there is no memory, or SHM_LOCK would pass RLIMIT_MEMLOCK",
    libc::EOVERFLOW => "an id or time does not fit the structure",
};

impl Check for Shmctl {
    fn failed(&self, errno: Errno, report: &Report<'_>) {
        match errno {
            libc::EFAULT => self.null_buffer(report),
            libc::EACCES | libc::EPERM => self.denied(errno, report),
            libc::EINVAL if self.id >= 0 && self.command_name().is_none() => self.bad_command(report),
            // The end of an iteration, or a kernel before 4.17.
            libc::EINVAL if matches!(self.command, SHM_STAT | SHM_STAT_ANY) => {}
            libc::EINVAL if self.takes_index() => Self::negative_index(report),
            libc::EINVAL if self.command == libc::IPC_SET && self.id >= 0 && segment::exists(self.id) => {
                if segment::is_known(self.id) {
                    self.bad_owner(report);
                } else {
                    unexplained(Rule::ShmctlFailed, errno, MEANINGS, report);
                }
            }
            libc::EINVAL | libc::EIDRM if !self.takes_index() => bad_id(Rule::ShmctlBadId, self.id, report),
            libc::ENOMEM if self.command == SHM_LOCK => self.lock_limit(errno, report),
            _ => unexplained(Rule::ShmctlFailed, errno, MEANINGS, report),
        }
    }

    fn succeeded(&self, report: &Report<'_>) {
        if self.command == libc::IPC_RMID {
            self.removed_inherited(report);
            self.removed_attached(report);
        }
    }
}

impl Shmctl {
    /// A forked child has removed what a living process made that it descends from.
    fn removed_inherited(&self, report: &Report<'_>) {
        let Some((pid, site)) = self.maker.filter(|(pid, _)| process::runs(*pid)) else { return };
        report.finding(Rule::ShmctlRemoveInherited, Severity::Note, |draft| {
            draft.message(format_args!(
                "a forked child removes segment {}, which pid {pid}, still running, has made",
                self.id
            ));
            draft.related("shmget", site, format_args!("it was made here"));
            draft.note(format_args!(
                "who has it attached keeps it until the last detach; if nobody has, it is gone at once"
            ));
            super::help_inherited(draft);
        });
    }

    /// A segment with a key is removed while somebody is attached.
    fn removed_attached(&self, report: &Report<'_>) {
        // Of a private segment this is the usual way: nobody could have found it by a key. One that this process has no key
        // of is not known to have had one.
        let Some(key) = tracked::segment(self.id).map(|known| known.key).filter(|key| *key != libc::IPC_PRIVATE) else {
            return;
        };
        let segment = match segment::by_id(self.id) {
            Ok(segment) => Some(segment),
            Err(libc::EACCES) => segment::any_by_id(self.id),
            // Gone: nobody was attached.
            Err(_) => None,
        };
        let Some(segment) = segment.filter(|segment| segment.attached > 0) else {
            return;
        };
        report.finding(Rule::ShmctlRemoveAttached, Severity::Note, |draft| {
            draft.message(format_args!(
                "segment {} is removed while it is attached {}: its memory lives until the last detach",
                self.id,
                Times(segment.attached)
            ));
            draft.note(format_args!(
                "its key {} no longer leads to it: shmget with this key makes a new segment from now on",
                Key(key)
            ));
            draft.help(format_args!(
                "this is right once every process that needs the segment has attached it; a later one gets another \
                 segment"
            ));
        });
    }

    /// Whether the command's first argument is an index into the kernel's table, or is ignored.
    fn takes_index(&self) -> bool {
        matches!(self.command_name(), Some("SHM_STAT" | "SHM_STAT_ANY" | "SHM_INFO" | "IPC_INFO"))
    }

    fn name(&self) -> &'static str {
        self.command_name().unwrap_or("the command")
    }

    /// The segment that the call is about, whatever its mode.
    fn segment(&self) -> Option<Segment> {
        if self.takes_index() { segment::any_at(self.id) } else { segment::any_by_id(self.id) }
    }

    fn null_buffer(&self, report: &Report<'_>) {
        report.finding(Rule::ShmctlNullBuffer, Severity::Error, |draft| {
            let name = self.name();
            let (does, can) =
                if self.command == libc::IPC_SET { ("reads", "be read") } else { ("fills", "be written") };
            match (self.buffer, look_up(self.buffer)) {
                (0, _) => draft.message(format_args!("{name} {does} a buffer, and the address is NULL")),
                (buffer, Lookup::Unmapped) => {
                    draft.message(format_args!("{name} {does} a buffer, and nothing is mapped at {}", Address(buffer)));
                }
                (buffer, _) => draft.message(format_args!(
                    "{name} {does} a buffer, and the memory at {} can't {can}, or not all of it",
                    Address(buffer)
                )),
            }
            let kind = match name {
                "IPC_INFO" => "shminfo",
                "SHM_INFO" => "shm_info",
                _ => "shmid_ds",
            };
            draft.help(format_args!("pass the address of a struct {kind}"));
        });
    }

    fn bad_command(&self, report: &Report<'_>) {
        report.finding(Rule::ShmctlBadCommand, Severity::Error, |draft| {
            let command = self.command;
            if (8..=0o7777).contains(&command) {
                draft.message(format_args!("shmctl has no command {command} ({}, {command:#x})", Octal(command)));
            } else {
                draft.message(format_args!("shmctl has no command {command}"));
            }
            if !segment::exists(self.id) {
                draft.note(format_args!("no segment has id {}, either", self.id));
            }
            draft.help(format_args!(
                "the commands are IPC_STAT, IPC_SET, IPC_RMID, SHM_LOCK, SHM_UNLOCK and those of shmctl(2)"
            ));
        });
    }

    /// `IPC_INFO` and `SHM_INFO` do not use their first argument.
    fn negative_index(report: &Report<'_>) {
        report.finding(Rule::ShmctlFailed, Severity::Note, |draft| {
            draft.message(format_args!("the first argument is negative, which is refused even where it is not used"));
            draft.help(format_args!("pass 0"));
        });
    }

    /// `IPC_SET` of a segment that exists: its new owner or group is none.
    fn bad_owner(&self, report: &Report<'_>) {
        report.finding(Rule::ShmctlFailed, Severity::Note, |draft| {
            let mut bytes = [0_u8; 12];
            // struct shmid_ds starts with the key, the uid and the gid, of 32 bits each.
            let read = sys::read_memory(self.buffer, &mut bytes).is_ok_and(|read| read == bytes.len());
            let (words, _) = bytes.as_chunks::<4>();
            let (uid, gid) = match words {
                [_, uid, gid] if read => (u32::from_ne_bytes(*uid), u32::from_ne_bytes(*gid)),
                _ => {
                    draft.message(format_args!("IPC_SET is given an owner or a group that does not exist here"));
                    draft.help(format_args!(
                        "fill the structure with IPC_STAT first, and change only what is to change"
                    ));
                    return;
                }
            };
            match (uid, gid) {
                (u32::MAX, u32::MAX) => draft.message(format_args!("IPC_SET is given uid -1 and gid -1")),
                (u32::MAX, _) => draft.message(format_args!("IPC_SET is given uid -1, which is no user")),
                (_, u32::MAX) => draft.message(format_args!("IPC_SET is given gid -1, which is no group")),
                _ => draft.message(format_args!(
                    "IPC_SET is given uid {uid} and gid {gid}, one of which this user namespace does not have"
                )),
            }
            if uid == u32::MAX || gid == u32::MAX {
                draft.note(format_args!("-1 does not mean \"unchanged\" here, as it does for chown(2)"));
            }
            draft.help(format_args!("fill the structure with IPC_STAT first, and change only what is to change"));
        });
    }

    /// `SHM_LOCK` is refused by the limit on locked memory.
    fn lock_limit(&self, errno: Errno, report: &Report<'_>) {
        let Some(limit) = limits::soft(libc::RLIMIT_MEMLOCK) else {
            unexplained(Rule::ShmctlFailed, errno, MEANINGS, report);
            return;
        };
        report.finding(Rule::ShmctlFailed, Severity::Note, |draft| {
            match self.segment() {
                Some(segment) if limit > 0 => draft.message(format_args!(
                    "SHM_LOCK of segment {} of {} would pass RLIMIT_MEMLOCK ({})",
                    self.id,
                    Bytes(segment.size as u64),
                    Bytes(limit)
                )),
                _ => draft.message(format_args!("RLIMIT_MEMLOCK is {}, which refuses SHM_LOCK", Bytes(limit))),
            }
            if limit > 0 {
                draft.note(format_args!("the limit counts all segments that processes of this user have locked"));
            }
            draft.help(format_args!("raise the limit (ulimit -l, setrlimit RLIMIT_MEMLOCK), or give CAP_IPC_LOCK"));
        });
    }

    fn denied(&self, errno: Errno, report: &Report<'_>) {
        let name = self.name();
        let segment = self.segment();
        let owner = segment.as_ref().is_some_and(is_owner);
        let locks = matches!(self.command, SHM_LOCK | SHM_UNLOCK);
        if locks && owner && limits::soft(libc::RLIMIT_MEMLOCK) == Some(0) {
            self.lock_limit(errno, report);
            return;
        }
        report.finding(Rule::ShmctlDenied, Severity::Note, |draft| {
            let what = if self.takes_index() { "the segment with index" } else { "segment" };
            draft.message(format_args!("no permission for {name} on {what} {}", self.id));
            match &segment {
                Some(segment) => note_permissions(segment, draft),
                None if self.takes_index() => {}
                None => note_hidden(self.id, draft),
            }
            if let Some(segment) = &segment {
                self.help_denied(segment, owner, draft);
            }
        });
    }

    fn help_denied(&self, segment: &Segment, owner: bool, draft: &mut Draft) {
        let reads = matches!(self.command, libc::IPC_STAT | SHM_STAT);
        match (reads, owner) {
            (true, true) => super::segment::help_with_permission(segment, draft),
            (true, false) => draft.help(format_args!(
                "reading the state needs read permission, which uid {}, the owner, can give with shmctl(id, IPC_SET, \
                 &state)",
                segment.uid
            )),
            (false, true) => {
                draft.note(format_args!("the process is its owner or creator"));
                note_other_refusal(draft);
            }
            (false, false) => {
                let name = self.name();
                let capability =
                    if matches!(self.command, SHM_LOCK | SHM_UNLOCK) { "CAP_IPC_LOCK" } else { "CAP_SYS_ADMIN" };
                match segment.uid {
                    0 => draft.help(format_args!("{name} needs root, its owner, or {capability}")),
                    uid => draft.help(format_args!("{name} needs uid {uid}, its owner, or root ({capability})")),
                }
            }
        }
    }
}
