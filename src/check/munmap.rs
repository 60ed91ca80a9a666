//! munmap(2): the calls that fail. Those that succeed and should not are looked at in [`super::releases`].

use super::known::{tell_origin, whole};
use super::memory::{self, Shown, There};
use super::{Check, Loss, tell_failure, unexplained};
use crate::call::{Call, Munmap};
use crate::facts::{self, page_size};
use crate::report::Report;
use crate::sys::Errno;
use crate::track::failures::Failed;
use crate::track::{self, Taken};
use mapsan_model::{Rule, Severity};

const MEANINGS: &[(Errno, &str)] = &[
    (libc::EINVAL, "the address or length is not one that munmap takes, or a huge page would be cut"),
    (libc::ENOMEM, "the mapping would have to be split, and vm.max_map_count is reached"),
    (libc::EPERM, "the range holds a mapping that mseal(2) has sealed (Linux 6.10)"),
];

impl Check for Munmap {
    fn as_call(&self) -> &dyn Call {
        self
    }

    fn find_loss(&self, taken: &Taken, caller: usize) -> Option<Loss> {
        self.find_loss(taken, caller)
    }

    fn tell_loss(&self, loss: &Loss, taken: &Taken, report: &Report<'_>) -> Option<Errno> {
        self.tell(loss, taken, report)
    }

    fn failed(&self, errno: Errno, report: &Report<'_>) {
        if errno != libc::EINVAL {
            return other(errno, report);
        }
        if self.address == libc::MAP_FAILED as usize {
            report.finding(Rule::MunmapMapFailed, Severity::Error, |draft| {
                draft.message(format_args!("munmap of MAP_FAILED: a mapping call failed, and nobody looked"));
                tell_failure(Failed::Mmap, draft);
                draft.help(format_args!("compare what mmap returns with MAP_FAILED before using it (it is not NULL)"));
            });
        } else if !memory::is_aligned(self.address) {
            report.finding(Rule::MunmapUnalignedAddress, Severity::Error, |draft| {
                memory::say_unaligned("munmap", self.address, draft);
                memory::tell_unaligned(self.address, draft);
                tell_origin(self.address, draft);
                draft.help(format_args!("unmap the very pointer that mmap returned"));
            });
        } else if self.length == 0 {
            self.zero_length(report);
        } else if facts::whole_pages(self.length) == 0 || self.address.checked_add(self.length).is_none_or(is_kernel) {
            report.finding(Rule::MunmapBadRange, Severity::Error, |draft| {
                draft.message(format_args!(
                    "the range of {}{} bytes from {:#x} leaves the user address space",
                    self.length,
                    memory::signed(self.length),
                    self.address
                ));
                draft.help(format_args!("pass the address and the length that were given to and by mmap"));
            });
        } else {
            other(errno, report);
        }
    }
}

/// Whether an end of a range is past the highest user address (56 bits are the most on both architectures).
fn is_kernel(end: usize) -> bool {
    end as u64 > 1 << 56 || end as u64 > memory::USER_SPACE && !has_wide_addresses()
}

/// Whether something is mapped above 47 bits, so that this machine has 5-level page tables in use.
fn has_wide_addresses() -> bool {
    let above = usize::try_from(memory::USER_SPACE).unwrap_or(usize::MAX);
    facts::mapping::Mappings::open()
        .and_then(|mappings| mappings.at_or_after(above))
        .is_some_and(|mapping| (mapping.start as u64) < 1 << 56)
}

impl Munmap {
    fn zero_length(&self, report: &Report<'_>) {
        report.finding(Rule::MunmapZeroLength, Severity::Error, |draft| {
            draft.message(format_args!("munmap length is 0; it must be greater than 0"));
            match memory::there(self.address) {
                There::Mapping(mapping) => {
                    // The kernel joins neighbours: the program's own mapping may end before.
                    let end =
                        track::at(self.address).map_or(mapping.end, |known| whole(&known).end.min(known.entry.end));
                    let to_end = end.wrapping_sub(self.address);
                    draft.mapping(&mapping);
                    draft.note(format_args!("the address lies in {}", Shown(&mapping)));
                    tell_origin(self.address, draft);
                    draft.help(format_args!(
                        "pass the length that was mapped; from here to its end there are {to_end} bytes"
                    ));
                }
                There::Nothing => {
                    draft.help(format_args!("pass the length that was mapped; nothing is mapped at this address now"));
                }
                There::Unknown => {
                    tell_origin(self.address, draft);
                    draft.help(format_args!("pass the length that was mapped"));
                }
            }
        });
    }
}

/// What is left: limits and seals.
fn other(errno: Errno, report: &Report<'_>) {
    if errno == libc::ENOMEM {
        report.finding(Rule::MunmapFailed, Severity::Note, |draft| {
            draft.message(format_args!("munmap failed with ENOMEM: it would have to split a mapping"));
            if !memory::tell_map_count(draft) {
                draft.note(format_args!(
                    "the pieces of {} bytes need a mapping more than the process may have",
                    page_size()
                ));
            }
        });
    } else {
        unexplained(Rule::MunmapFailed, errno, MEANINGS, report);
    }
}
