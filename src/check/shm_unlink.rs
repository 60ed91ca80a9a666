//! `shm_unlink(3)`.

use super::named::{note_holders_of, tell_unlink_denied};
use super::{Check, tell_unexplained};
use crate::call::ShmUnlink;
use crate::facts::process;
use crate::finding::Report;
use crate::plain::shm::Named;
use crate::plain::texts::{Texts, texts};
use crate::sys::Errno;
use mapsan_model::{Rule, Severity};

const MEANINGS: Texts = texts! {
    libc::EACCES => "only the owner of an object, or root, may remove it",
    libc::EISDIR => "the name is that of a folder",
    libc::EROFS => "/dev/shm is mounted read-only",
};

impl Check for ShmUnlink {
    fn failed(&self, errno: Errno, report: &Report<'_>) {
        if errno == libc::ENOENT {
            return;
        }
        report.finding(Rule::ShmUnlinkFailed, Severity::Note, |draft| {
            if errno != libc::EACCES || !tell_unlink_denied(Named::Object, self.name, draft) {
                tell_unexplained("shm_unlink", errno, MEANINGS, draft);
            }
        });
    }

    fn succeeded(&self, report: &Report<'_>) {
        let Some(maker) = self.maker.filter(|maker| process::runs(maker.pid)) else { return };
        report.finding(Rule::ShmUnlinkInherited, Severity::Note, |draft| {
            draft.message(format_args!(
                "a forked child removes the name of an object that pid {}, which still runs, has made",
                maker.pid
            ));
            draft.related("shm_open", maker.site, format_args!("it was made here"));
            note_holders_of(maker.device, maker.inode, draft);
            draft.note(format_args!(
                "who has it open or mapped keeps it; by its name nobody can open it any more, and O_CREAT makes \
                 another"
            ));
            super::help_inherited(draft);
        });
    }
}
