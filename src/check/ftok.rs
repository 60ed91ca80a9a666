//! ftok(3): its failures, and what is wrong with keys that it gives.

use super::{Check, unexplained};
use crate::call::{Call, ErrnoName, Ftok, Key, Quoted};
use crate::errno;
use crate::facts::Path;
use crate::report::Report;
use crate::sys::Errno;
use crate::track::failures::{self, Failed};
use crate::track::keys;
use core::ffi::c_int;
use mapsan_model::{Rule, Severity};

impl Check for Ftok {
    fn as_call(&self) -> &dyn Call {
        self
    }

    /// ftok fails only when stat(2) of its path does.
    fn failed(&self, errno: Errno, report: &Report<'_>) {
        failures::note(Failed::Ftok, report.caller, errno);
        if errno == 0 {
            unexplained(Rule::FtokPath, errno, &[], report);
            return;
        }
        report.finding(Rule::FtokPath, Severity::Note, |draft| {
            let (name, meaning) = (ErrnoName(errno), errno::meaning(errno));
            match Path::at(self.path) {
                Some(path) => {
                    draft.message(format_args!("'{path}' can't be looked up: {name} ({meaning})"));
                    if !path.is_absolute()
                        && let Some(directory) = Path::working_directory()
                    {
                        draft.note(format_args!("the path is relative, and the working directory is '{directory}'"));
                    }
                }
                None if errno == libc::EFAULT => {
                    draft.message(format_args!(
                        "the path is not a string that can be read ({})",
                        crate::call::Address(self.path)
                    ));
                    draft.help(format_args!("pass the path of a file that exists"));
                    return;
                }
                // The kernel could read it, and this library may not (a sandbox).
                None => draft.message(format_args!("the path can't be looked up: {name} ({meaning})")),
            }
            draft.note(format_args!("ftok returns -1, which shmget would take as a key: check it"));
            draft.help(format_args!("create the file first, and pass an absolute path that all processes share"));
        });
    }
}

impl Ftok {
    /// The rules about a key that was given; the errno with which `mode=enforce` refuses it. `known` if the same path
    /// and id have given the same key before.
    pub(crate) fn key_offends(&self, key: c_int, known: bool, report: &Report<'_>) -> Option<Errno> {
        let id = self.id_offends(report);
        if known {
            return id;
        }
        let relations = keys::remember(self.path, self.id, key, report.caller);
        let collision = relations.same_key.and_then(|earlier| self.collision(key, earlier, report));
        let recreated = relations.other_key.and_then(|earlier| Self::recreated(key, earlier, report));
        id.or(collision).or(recreated)
    }

    fn id_offends(&self, report: &Report<'_>) -> Option<Errno> {
        match self.id {
            0 => report.offence(Rule::FtokZeroId, Severity::Warning, |draft| {
                draft.message(format_args!("the id is 0, for which POSIX leaves ftok's result unspecified"));
                draft.help(format_args!("pass an id from 1 to 255, such as a letter"));
            }),
            1..=255 => None,
            id => report.offence(Rule::FtokIdTruncated, Severity::Warning, |draft| {
                let used = id & 0xff;
                draft.message(format_args!("the id is {id}, and only its low 8 bits count: {used} was used"));
                draft.help(format_args!("pass an id from 1 to 255"));
            }),
        }
    }

    fn collision(&self, key: c_int, earlier: &'static keys::Given, report: &Report<'_>) -> Option<Errno> {
        report.offence(Rule::FtokCollision, Severity::Error, |draft| {
            let path = Path::at(self.path);
            let path = path.as_ref().map_or(&b""[..], Path::bytes);
            draft.message(format_args!(
                "{} with id {} and {} with id {} give the same key {}",
                Quoted(path),
                self.id,
                Quoted(earlier.path()),
                earlier.id,
                Key(key)
            ));
            draft.place(earlier.site(), format_args!("the earlier ftok"));
            draft.note(format_args!("only the low 16 bits of the inode, 8 of the device and 8 of the id make the key"));
            draft.help(format_args!("take another file or id, and IPC_CREAT|IPC_EXCL where the segment must be new"));
        })
    }

    fn recreated(key: c_int, earlier: &'static keys::Given, report: &Report<'_>) -> Option<Errno> {
        report.offence(Rule::FtokRecreated, Severity::Warning, |draft| {
            draft.message(format_args!(
                "{} with id {} gave key {} before and gives {} now: the file was replaced",
                Quoted(earlier.path()),
                earlier.id,
                Key(earlier.key),
                Key(key)
            ));
            draft.place(earlier.site(), format_args!("the earlier ftok"));
            draft.note(format_args!("processes that called ftok before hold the other key, and another segment"));
            draft.help(format_args!("keep the file as long as the segment lives; do not delete and create it anew"));
        })
    }

    /// Says that a negative key is a key.
    pub(crate) fn key_is_negative(key: c_int, report: &Report<'_>) {
        if key >= 0 {
            return;
        }
        report.finding(Rule::FtokNegativeKey, Severity::Note, |draft| {
            draft.message(format_args!("the key {} is negative ({key}) and valid: only -1 is failure", Key(key)));
            draft.help(format_args!("compare with -1, not with < 0; an id below 128 gives no negative keys"));
        });
    }
}
