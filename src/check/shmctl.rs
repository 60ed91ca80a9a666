//! shmctl(2).
//!
//! The kernel (`ksys_shmctl`, Linux 6.18) refuses a negative id and an unknown command first; `IPC_SET` reads its
//! buffer before it looks for the segment, the commands that fill one write it last.

use super::segment::{bad_id, tell_hidden, tell_permissions};
use super::{Check, unexplained};
use crate::call::{Address, Call, Key, Shmctl};
use crate::facts::segment;
use crate::report::Report;
use crate::sys::Errno;
use mapsan_model::{Rule, Severity};

const MEANINGS: &[(Errno, &str)] = &[
    (libc::EINVAL, "the index is that of no segment (SHM_STAT and SHM_STAT_ANY take an index, not an id)"),
    (libc::ENOMEM, "SHM_LOCK would pass RLIMIT_MEMLOCK, or there is no memory"),
    (libc::EOVERFLOW, "an id or time does not fit the structure"),
];

impl Check for Shmctl {
    fn as_call(&self) -> &dyn Call {
        self
    }

    fn failed(&self, errno: Errno, report: &Report<'_>) {
        match errno {
            libc::EFAULT => self.null_buffer(report),
            libc::EACCES | libc::EPERM => self.denied(report),
            libc::EINVAL if self.id >= 0 && self.known().is_none() => self.bad_command(report),
            libc::EINVAL | libc::EIDRM if !self.takes_index() => bad_id(Rule::ShmctlBadId, self.id, report),
            _ => {
                unexplained(Rule::ShmctlFailed, errno, MEANINGS, report);
            }
        }
    }

    fn passed(&self, report: &Report<'_>) {
        if self.command != libc::IPC_RMID {
            return;
        }
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
                "segment {} is removed while attached (nattch {}): the memory lives until the last detach",
                self.id, segment.attached
            ));
            draft.note(format_args!(
                "its key no longer leads to it: shmget with that key makes a new segment from now on (it is {} now)",
                Key(segment.key)
            ));
            draft.help(format_args!(
                "this is the usual way to let a private segment vanish; others must know the id already"
            ));
        });
    }
}

impl Shmctl {
    /// Whether the command's first argument is an index into the kernel's table, or is ignored.
    fn takes_index(&self) -> bool {
        matches!(self.known(), Some((_, "SHM_STAT" | "SHM_STAT_ANY" | "SHM_INFO" | "IPC_INFO", _)))
    }

    fn null_buffer(&self, report: &Report<'_>) {
        report.finding(Rule::ShmctlNullBuffer, Severity::Error, |draft| {
            let name = self.known().map_or("the command", |(_, name, _)| name);
            match self.buffer {
                0 => draft.message(format_args!("{name} needs a buffer, and got NULL")),
                buffer => draft.message(format_args!(
                    "{name} needs a buffer, and {} is not memory that can be used",
                    Address(buffer)
                )),
            }
            draft.help(format_args!("pass the address of a struct shmid_ds"));
        });
    }

    fn bad_command(&self, report: &Report<'_>) {
        report.finding(Rule::ShmctlBadCommand, Severity::Error, |draft| {
            draft.message(format_args!("shmctl has no command {} ({:#x})", self.command, self.command));
            if !segment::exists(self.id) {
                draft.note(format_args!("no segment has id {}, either", self.id));
            }
            draft.help(format_args!(
                "the commands are IPC_STAT, IPC_SET, IPC_RMID, SHM_LOCK, SHM_UNLOCK and those of shmctl(2)"
            ));
        });
    }

    fn denied(&self, report: &Report<'_>) {
        report.finding(Rule::ShmctlDenied, Severity::Note, |draft| {
            let name = self.known().map_or("the command", |(_, name, _)| name);
            draft.message(format_args!("the caller may not do {name} to segment {}", self.id));
            match segment::any_by_id(self.id) {
                Some(segment) => tell_permissions(&segment, draft),
                None => tell_hidden(self.id, draft),
            }
            let needs = match name {
                "IPC_STAT" | "SHM_STAT" => "read permission",
                "SHM_LOCK" | "SHM_UNLOCK" => "to be its owner or creator, and RLIMIT_MEMLOCK above 0 (or CAP_IPC_LOCK)",
                _ => "to be its owner or creator (or CAP_SYS_ADMIN)",
            };
            draft.help(format_args!("{name} needs {needs}"));
        });
    }
}
