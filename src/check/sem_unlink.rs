//! `sem_unlink(3)`.

use super::named::tell_unlink_denied;
use super::{Check, tell_unexplained};
use crate::call::SemUnlink;
use crate::finding::Report;
use crate::plain::shm::Named;
use crate::plain::texts::{Texts, texts};
use crate::sys::Errno;
use mapsan_model::{Rule, Severity};

const MEANINGS: Texts = texts! {
    libc::EACCES => "only the owner of a semaphore, or root, may remove it",
    libc::EPERM => "only the owner of a semaphore, or root, may remove it",
    libc::ENAMETOOLONG => "the name is longer than one may be",
    libc::EINVAL => "the name can be none of a semaphore",
    libc::EISDIR => "the name is that of a folder",
    libc::EROFS => "/dev/shm is mounted read-only",
};

impl Check for SemUnlink {
    fn failed(&self, errno: Errno, report: &Report<'_>) {
        if errno == libc::ENOENT {
            return;
        }
        let is_denied = matches!(errno, libc::EACCES | libc::EPERM);
        report.finding(Rule::SemUnlinkFailed, Severity::Note, |draft| {
            if !is_denied || !tell_unlink_denied(Named::Semaphore, self.name, draft) {
                tell_unexplained("sem_unlink", errno, MEANINGS, draft);
            }
        });
    }
}
