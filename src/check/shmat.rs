//! shmat(2).
//!
//! The kernel (`do_shmat`, Linux 6.18) looks at the sign of the id, the address, the id, the mode bits, and what is
//! mapped at the address, in this order.

use super::known::tell_origin;
use super::memory::{self, Shown};
use super::releases::Replacing;
use super::segment::{bad_id, bits_for_caller, tell_hidden, tell_permissions};
use super::{Check, Loss, unexplained};
use crate::call::{Call, Shmat};
use crate::facts::mapping::Mappings;
use crate::facts::{page_size, segment};
use crate::report::Report;
use crate::sys::Errno;
use crate::track::Taken;
use crate::track::failures::{self, Failed};
use mapsan_model::{Rule, Severity};

const MEANINGS: &[(Errno, &str)] = &[
    (libc::EINVAL, "the address leaves no room for the segment"),
    (libc::ENOMEM, "no room in the address space, a limit such as RLIMIT_AS, or vm.max_map_count is reached"),
    (libc::EPERM, "SHM_EXEC needs a mount and a policy that allow it"),
];

/// As above, where the segment can't be looked at.
const OF_THE_UNSEEN: &[(Errno, &str)] = &[(
    libc::EINVAL,
    "no segment has this id, or the address leaves no room for it; the segment can't be looked at here",
)];

impl Check for Shmat {
    fn as_call(&self) -> &dyn Call {
        self
    }

    fn find_loss(&self, taken: &Taken, caller: usize) -> Option<Loss> {
        self.find_loss(taken, caller)
    }

    fn tell_loss(&self, loss: &Loss, taken: &Taken, report: &Report<'_>) -> Option<Errno> {
        Replacing::Shmat.tell(loss, taken, report)
    }

    fn failed(&self, errno: Errno, report: &Report<'_>) {
        failures::note(Failed::Shmat, report.caller, errno);
        match errno {
            libc::EIDRM => bad_id(Rule::ShmatBadId, self.id, report),
            libc::EINVAL => self.invalid(report),
            libc::EACCES => self.denied(report),
            libc::ENOMEM => self.no_memory(report),
            _ => unexplained(Rule::ShmatFailed, errno, MEANINGS, report),
        }
    }

    fn offends(&self, report: &Report<'_>) -> Option<Errno> {
        if !crate::options::is_on(Rule::ShmatRemovedSegment) {
            return None;
        }
        let segment = segment::any_by_id(self.id).filter(|segment| segment.removed)?;
        report.offence(Rule::ShmatRemovedSegment, Severity::Warning, |draft| {
            draft.message(format_args!(
                "segment {} is marked for removal; only Linux lets processes attach it still",
                self.id
            ));
            draft.note(format_args!("it is {segment}"));
            draft.help(format_args!("remove the segment after the last process has attached it"));
        })
    }
}

impl Shmat {
    fn invalid(&self, report: &Report<'_>) {
        if self.id < 0 {
            bad_id(Rule::ShmatBadId, self.id, report);
        } else if !memory::is_aligned(self.address) && self.flags & libc::SHM_RND == 0 {
            report.finding(Rule::ShmatUnalignedAddress, Severity::Error, |draft| {
                draft.message(format_args!(
                    "shmat address {:#x} is not a multiple of SHMLBA ({})",
                    self.address,
                    page_size()
                ));
                draft.help(format_args!("pass NULL to let the kernel choose, or SHM_RND to round the address down"));
            });
        } else if self.flags & libc::SHM_REMAP != 0 && crate::facts::page_start(self.address) == 0 {
            report.finding(Rule::ShmatRemapNull, Severity::Error, |draft| {
                draft.message(format_args!("SHM_REMAP replaces what is mapped at an address, and the address is NULL"));
                draft.help(format_args!("pass the address to replace, or drop SHM_REMAP"));
            });
        } else {
            self.invalid_by_state(report);
        }
    }

    fn invalid_by_state(&self, report: &Report<'_>) {
        let Some(segment) = segment::any_by_id(self.id) else {
            if segment::exists(self.id) {
                unexplained(Rule::ShmatFailed, libc::EINVAL, OF_THE_UNSEEN, report);
            } else {
                bad_id(Rule::ShmatBadId, self.id, report);
            }
            return;
        };
        let start = crate::facts::page_start(self.address);
        let there = Mappings::open().and_then(|mappings| mappings.at_or_after(start));
        match there.filter(|there| self.address != 0 && there.start < start.saturating_add(segment.size)) {
            Some(there) => {
                report.finding(Rule::ShmatAddressInUse, Severity::Note, |draft| {
                    draft.message(format_args!(
                        "something is mapped in the {} bytes from {start:#x} already",
                        segment.size
                    ));
                    tell_origin(there.start.max(start), draft);
                    draft.mapping(&there);
                    draft.note(format_args!("it is {}", Shown(&there)));
                    draft.help(format_args!(
                        "pass NULL to let the kernel choose, or SHM_REMAP to replace what is there"
                    ));
                });
            }
            None => unexplained(Rule::ShmatFailed, libc::EINVAL, MEANINGS, report),
        }
    }

    fn denied(&self, report: &Report<'_>) {
        report.finding(Rule::ShmatDenied, Severity::Note, |draft| {
            let wants = if self.flags & libc::SHM_RDONLY != 0 { "reading" } else { "reading and writing" };
            draft.message(format_args!("the mode bits of segment {} refuse {wants}", self.id));
            let Some(segment) = segment::any_by_id(self.id) else {
                tell_hidden(self.id, draft);
                return;
            };
            tell_permissions(&segment, draft);
            if self.flags & libc::SHM_RDONLY == 0 && bits_for_caller(&segment) & 4 != 0 {
                draft.help(format_args!("attach it with SHM_RDONLY, which its mode allows"));
            } else {
                draft.help(format_args!("let its owner change the mode with shmctl IPC_SET"));
            }
        });
    }

    fn no_memory(&self, report: &Report<'_>) {
        report.finding(Rule::ShmatFailed, Severity::Note, |draft| {
            let size = segment::any_by_id(self.id).map_or(0, |segment| segment.size as u64);
            memory::tell_no_memory("shmat", size, memory::limit_on(size, false, 0).as_ref(), draft);
        });
    }
}
