//! What the kernel lets pass, and is doubtful all the same.

use crate::call::{Mmap, Prot};
use crate::facts::descriptor::{self, FileKind};
use crate::finding::Report;
use crate::plain::page::{self, page_size};
use crate::sys::Errno;
use mapsan_model::{Rule, Severity};

impl Mmap {
    pub(super) fn both_sharing(&self, report: &Report<'_>) -> Option<Errno> {
        if self.sharing() != libc::MAP_SHARED_VALIDATE || self.is_anonymous() || self.flags & libc::MAP_SYNC != 0 {
            return None;
        }
        report.offence(Rule::MmapBothSharing, Severity::Warning, |draft| {
            if self.tell_swapped(draft) {
                draft.note(format_args!(
                    "flags 3 is MAP_SHARED_VALIDATE: the mapping is shared, and has the protection {}",
                    Prot(self.prot)
                ));
                return;
            }
            draft.message(format_args!(
                "MAP_SHARED|MAP_PRIVATE is MAP_SHARED_VALIDATE: the mapping is shared, and writes reach the file"
            ));
            draft.help(format_args!("choose one: MAP_SHARED to share, MAP_PRIVATE for a private copy"));
        })
    }

    pub(super) fn anonymous_descriptor(&self, report: &Report<'_>) -> Option<Errno> {
        if !self.is_anonymous() || self.fd == -1 {
            return None;
        }
        report.offence(Rule::MmapAnonymousFd, Severity::Warning, |draft| {
            draft.message(format_args!(
                "MAP_ANONYMOUS with descriptor {}: Linux ignores it, some other systems refuse the call",
                self.fd
            ));
            draft.help(format_args!("pass -1; or drop MAP_ANONYMOUS if the file was meant to be mapped"));
        })
    }

    pub(super) fn writable_executable(&self, report: &Report<'_>) -> Option<Errno> {
        let both = libc::PROT_WRITE | libc::PROT_EXEC;
        if self.prot & both != both {
            return None;
        }
        report.offence(Rule::MmapWritableExecutable, Severity::Warning, |draft| {
            draft.message(format_args!("the memory is writable and executable at once"));
            draft.help(format_args!("write it with PROT_READ|PROT_WRITE, then mprotect it to PROT_READ|PROT_EXEC"));
        })
    }

    pub(super) fn past_end_of_file(&self, report: &Report<'_>) {
        if self.is_anonymous() || !crate::options::is_on(Rule::MmapPastEof) {
            return;
        }
        let Ok(file) = descriptor::file(self.fd) else { return };
        let Ok(offset) = u64::try_from(self.offset) else { return };
        let page = page_size() as u64;
        let touchable = file.size.next_multiple_of(page);
        let end = offset.saturating_add(page::whole_pages(self.length) as u64);
        if file.kind != FileKind::Regular || end <= touchable {
            return;
        }
        report.finding(Rule::MmapPastEof, Severity::Note, |draft| {
            draft.message(format_args!(
                "the mapping reaches {} bytes past the last page of the file, which has {} bytes",
                end.saturating_sub(touchable.max(offset)),
                file.size
            ));
            match touchable.checked_sub(offset).filter(|room| *room > 0) {
                Some(room) => draft.note(format_args!(
                    "the last byte of the mapping that may be touched is at {}; one further raises SIGBUS",
                    room.saturating_sub(1)
                )),
                None => draft.note(format_args!("any access raises SIGBUS unless the file grows first")),
            }
            draft.help(format_args!("make the file long enough with ftruncate, or map what it has"));
        });
    }
}
