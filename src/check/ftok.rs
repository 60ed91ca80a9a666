//! ftok(3): its failures, and what is wrong with keys that it gives.

use super::{Check, unexplained};
use crate::call::{Ftok, Key};
use crate::facts::Path;
use crate::finding::Report;
use crate::form::Draft;
use crate::observe;
use crate::past::failures::{self, Failed};
use crate::past::keys::Given;
use crate::plain::bits::Octal;
use crate::plain::errno::{self, ErrnoName};
use crate::plain::escape::Quoted;
use crate::plain::texts::Texts;
use crate::sys::{self, Errno};
use core::ffi::c_int;
use core::fmt;
use mapsan_model::{Rule, Severity};

impl Check for Ftok {
    /// ftok fails only when stat(2) of its path does.
    fn failed(&self, errno: Errno, report: &Report<'_>) {
        failures::note(Failed::Ftok, report.return_address, errno);
        if errno == 0 {
            unexplained(Rule::FtokPath, errno, Texts::NONE, report);
            return;
        }
        report.finding(Rule::FtokPath, Severity::Note, |draft| {
            match Path::at(self.path) {
                Some(path) => tell_path(&path, errno, draft),
                None if self.path == 0 => {
                    draft.message(format_args!("the path is NULL"));
                    draft.help(format_args!("pass the path of a file that exists"));
                }
                None if errno == libc::EFAULT => {
                    draft.message(format_args!("the path is not a string that can be read ({:#x})", self.path));
                    draft.help(format_args!("pass the path of a file that exists"));
                }
                // The kernel could read it, and this library may not (a sandbox).
                None => draft.message(format_args!(
                    "the path can't be looked up: {} ({})",
                    ErrnoName(errno),
                    errno::meaning(errno)
                )),
            }
            draft.note(format_args!("ftok returns -1, which shmget takes as a key like any other: check it"));
        });
    }

    /// The rules about the key that was given.
    fn violates(&self, report: &Report<'_>) -> Option<Errno> {
        let id = self.id_offends(report);
        if self.known {
            return id;
        }
        let key = self.key;
        let relations = observe::keys::remember(self.path, self.id, key, report.return_address);
        let collision = relations.same_key.and_then(|earlier| self.collision(key, earlier, report));
        let recreated = relations.other_key.and_then(|earlier| Self::recreated(key, earlier, report));
        id.or(collision).or(recreated)
    }

    /// Says that a negative key is a key.
    fn succeeded(&self, report: &Report<'_>) {
        let key = self.key;
        if key >= 0 {
            return;
        }
        report.finding(Rule::FtokNegativeKey, Severity::Note, |draft| {
            draft.message(format_args!("the key {} is negative ({key}) and valid: only -1 is failure", Key(key)));
            draft.help(format_args!("compare with -1, not with < 0; an id below 128 gives no negative keys"));
        });
    }
}

/// Tells what is wrong with a path that can't be looked up.
fn tell_path(path: &Path, errno: Errno, draft: &mut Draft) {
    draft.message(format_args!("'{path}' can't be looked up: {} ({})", ErrnoName(errno), errno::meaning(errno)));
    if !path.is_absolute()
        && let Some(directory) = Path::working_directory()
    {
        draft.note(format_args!("the path is relative, and the working directory is '{directory}'"));
    }
    let failing = path.first_that_fails(errno);
    match (errno, failing) {
        (libc::ENOENT, _) if path.bytes().is_empty() => {
            draft.help(format_args!("the path is empty: pass the path of a file that exists"));
        }
        (libc::ENOENT, Some(part)) if part.len() < path.bytes().len() => {
            draft.note(format_args!("there is no {}", Quoted(part)));
            draft.help(format_args!("create the folder and the file first; all processes have to name the same file"));
        }
        (libc::ENOENT, _) => {
            let absolute = if path.is_absolute() { "" } else { ", and pass an absolute path" };
            draft.help(format_args!("create the file first{absolute}: all processes have to name the same file"));
        }
        (libc::EACCES, Some(part)) => {
            draft.note(format_args!(
                "{} refuses search to effective uid {}, gid {}{}",
                Quoted(part),
                sys::geteuid(),
                sys::getegid(),
                Folder(part)
            ));
            draft.help(format_args!(
                "choose a file that all processes can reach, or let them search that folder (chmod +x)"
            ));
        }
        (libc::ENOTDIR, Some(part)) => {
            draft.note(format_args!("{} is not a directory", Quoted(part)));
            draft.help(format_args!("correct the path"));
        }
        _ => draft.help(format_args!("pass the path of a file that exists and that all processes can reach")),
    }
}

/// Shows mode and owner of a folder, as far as they can be read: `: mode 0700, owner uid 0`.
struct Folder<'a>(&'a [u8]);

impl fmt::Display for Folder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(found) = Path::of(self.0).and_then(|path| sys::statx_path(path.as_c_str()?).ok()) else {
            return Ok(());
        };
        let mode = Octal(c_int::from(found.stx_mode & 0o7777));
        write!(f, ": mode {mode}, owner uid {}, gid {}", found.stx_uid, found.stx_gid)
    }
}

impl Ftok {
    fn id_offends(&self, report: &Report<'_>) -> Option<Errno> {
        match self.id {
            0 => report.offence(Rule::FtokZeroId, Severity::Warning, |draft| {
                draft.message(format_args!("the id is 0, for which POSIX leaves ftok's result unspecified"));
                draft.help(format_args!("pass an id from 1 to 255, such as a letter"));
            }),
            // A char with its high bit set is below 0, and none is as good as another one; but -1 is what a call that failed gives.
            1..=255 | -128..=-2 => None,
            id => report.offence(Rule::FtokIdTruncated, Severity::Warning, |draft| {
                let used = id & 0xff;
                draft.message(format_args!("the id is {id}, and only its low 8 bits count: {used} was used"));
                draft.help(format_args!("pass an id from 1 to 255"));
            }),
        }
    }

    fn collision(&self, key: c_int, earlier: &'static Given, report: &Report<'_>) -> Option<Errno> {
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
            draft.related("ftok", earlier.site(), format_args!("the earlier ftok"));
            draft.note(format_args!("only the low 16 bits of the inode, 8 of the device and 8 of the id make the key"));
            if earlier.path() == path || earlier.id & 0xff != self.id & 0xff {
                draft.help(format_args!("pass ids from 1 to 255 that differ"));
            } else if earlier.id == self.id {
                draft.help(format_args!("take another file, or another id for one of them"));
            } else {
                draft.help(format_args!("take another file, or ids from 1 to 255 that differ"));
            }
        })
    }

    fn recreated(key: c_int, earlier: &'static Given, report: &Report<'_>) -> Option<Errno> {
        report.offence(Rule::FtokRecreated, Severity::Warning, |draft| {
            draft.message(format_args!(
                "{} with id {} gave key {} before and gives {} now: the path leads to another file",
                Quoted(earlier.path()),
                earlier.id,
                Key(earlier.key),
                Key(key)
            ));
            draft.related("ftok", earlier.site(), format_args!("the earlier ftok"));
            draft.note(format_args!("processes that called ftok before have the other key, and another segment"));
            draft.help(format_args!(
                "keep the file as long as the segment is in use: write into it rather than delete and create it"
            ));
        })
    }
}
