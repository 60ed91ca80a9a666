//! Causes that hold as well as the first one, and are told after it.

use crate::call::Mmap;
use crate::facts::descriptor;
use crate::form::Draft;

impl Mmap {
    pub(super) fn note_other_causes(&self, draft: &mut Draft) {
        if self.length == 0 {
            draft.note(format_args!("the length is 0, which is not allowed either"));
        }
        if !self.is_anonymous() && descriptor::flags(self.fd) == Err(libc::EBADF) {
            draft.note(format_args!("descriptor {} is not open, either", self.fd));
        }
        self.note_no_sharing(draft);
        self.note_descriptor_mode(draft);
        self.note_swapped(draft);
    }

    pub(super) fn note_no_sharing(&self, draft: &mut Draft) {
        if !self.has_sharing() {
            draft.note(format_args!("the flags have neither MAP_SHARED nor MAP_PRIVATE, and exactly one is needed"));
        }
    }

    pub(super) fn note_descriptor_mode(&self, draft: &mut Draft) {
        if self.is_anonymous() {
            return;
        }
        match descriptor::flags(self.fd).map(|flags| flags & libc::O_ACCMODE) {
            Ok(libc::O_WRONLY) => {
                draft.note(format_args!("the descriptor was opened with O_WRONLY, and every file mapping reads"));
            }
            Ok(libc::O_RDONLY) if self.is_shared_writable() => {
                draft.note(format_args!(
                    "the descriptor was opened with O_RDONLY, and a shared writable mapping needs O_RDWR"
                ));
            }
            _ => {}
        }
    }
}
