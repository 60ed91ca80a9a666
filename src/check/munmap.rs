//! munmap(2): the calls that fail. Those that succeed and should not are looked at in [`super::releases`].

use super::memory::{self, Lookup, ShownMapping};
use super::provenance::{note_origin, whole};
use super::{Check, Frame, Loss, filter_refuses, heap, shortage, stored, tell_filter, tell_unexplained};
use crate::call::Munmap;
use crate::facts::limits::Size;
use crate::facts::mapping::{self, Mappings};
use crate::finding::Report;
use crate::machine::{WIDEST_USER_SPACE, user_space};
use crate::observe::tracked;
use crate::plain::page::{self, page_size};
use crate::plain::texts::{Texts, texts};
use crate::sys::Errno;
use crate::track::ReleasedPieces;
use mapsan_model::{Rule, Severity};

const MEANINGS: Texts = texts! {
    libc::EINVAL => "an address or length that munmap does not take",
    libc::EPERM => "a mapping that mseal(2) has sealed",
};

impl Check for Munmap {
    fn find_loss(&self, taken: &ReleasedPieces, frame: Frame) -> Option<Loss> {
        self.find_loss(taken, frame)
    }

    fn inspect_files(&self, taken: &ReleasedPieces) {
        self.inspect_files(taken);
    }

    fn tell_loss(&self, loss: &Loss, taken: &ReleasedPieces, report: &Report<'_>) -> Option<Errno> {
        self.tell(loss, taken, report)
    }

    fn failed(&self, errno: Errno, report: &Report<'_>) {
        if filter_refuses(errno, libc::SYS_munmap, [self.address, self.length, 0, 0, 0, 0]) {
            return tell_filter(Rule::MunmapFailed, report);
        }
        if errno != libc::EINVAL {
            return self.other(errno, report);
        }
        if self.address == libc::MAP_FAILED as usize {
            report.finding(Rule::MunmapMapFailed, Severity::Error, |draft| memory::tell_map_failed("munmap", draft));
        } else if !memory::is_aligned(self.address) {
            self.unaligned(report);
        } else if self.length == 0 {
            self.zero_length(report);
        } else if page::whole_pages(self.length) == 0 || self.address.checked_add(self.length).is_none_or(is_kernel) {
            report.finding(Rule::MunmapBadRange, Severity::Error, |draft| {
                draft.message(format_args!(
                    "the range of {}{} bytes from {:#x} leaves the addresses of programs",
                    self.length,
                    memory::signed(self.length),
                    self.address
                ));
                note_origin(self.address, draft);
                match tracked::at(self.address).filter(|known| known.origin.base == self.address) {
                    Some(known) => draft.help(format_args!("pass the length that was mapped: {}", known.origin.length)),
                    None => {
                        draft
                            .help(format_args!("pass the address that mmap returned, with the length that was mapped"));
                    }
                }
            });
        } else {
            self.other(errno, report);
        }
    }
}

/// Whether an end of a range is past the highest address of programs.
fn is_kernel(end: usize) -> bool {
    end as u64 > WIDEST_USER_SPACE || end as u64 > user_space() && !memory::has_wide_addresses()
}

impl Munmap {
    fn unaligned(&self, report: &Report<'_>) {
        report.finding(Rule::MunmapUnalignedAddress, Severity::Error, |draft| {
            if stored::tell_address_of_pointer("munmap", self.address, draft) {
                return;
            }
            let is_block = heap::is_block(self.address);
            if is_block {
                draft.message(format_args!("munmap of memory that malloc gave, {:#x}", self.address));
                draft.note(format_args!(
                    "its address is not a multiple of the page size ({}), so nothing was unmapped",
                    page_size()
                ));
            } else {
                memory::say_unaligned("munmap", self.address, draft);
            }
            memory::note_unaligned(self.address, draft);
            note_origin(self.address, draft);
            match tracked::at(self.address) {
                Some(known) => draft.help(format_args!(
                    "unmap {:#x}, the pointer that {} returned",
                    known.origin.base,
                    known.origin.by.function()
                )),
                None if is_block => {
                    draft.help(format_args!("give memory of malloc back with free; unmap only what mmap returned"));
                }
                None => draft.help(format_args!("pass the pointer that mmap returned")),
            }
        });
    }

    fn zero_length(&self, report: &Report<'_>) {
        report.finding(Rule::MunmapZeroLength, Severity::Error, |draft| {
            draft.message(format_args!("munmap length is 0; it must be greater than 0"));
            match memory::look_up(self.address) {
                Lookup::Mapping(mapping) => {
                    // The kernel joins neighbours: the program's own mapping may end before.
                    let end =
                        tracked::at(self.address).map_or(mapping.end, |known| whole(&known).end.min(known.entry.end));
                    let to_end = end.wrapping_sub(self.address);
                    draft.mapping(&mapping);
                    draft.note(format_args!("the address lies in {}", ShownMapping(&mapping)));
                    note_origin(self.address, draft);
                    draft.help(format_args!(
                        "pass the length that was mapped; from here to its end there are {to_end} bytes"
                    ));
                }
                Lookup::Unmapped => {
                    draft.help(format_args!("pass the length that was mapped; nothing is mapped at this address now"));
                }
                Lookup::Unknown => {
                    note_origin(self.address, draft);
                    draft.help(format_args!("pass the length that was mapped"));
                }
            }
        });
    }

    /// What is left: limits, seals and huge pages.
    fn other(&self, errno: Errno, report: &Report<'_>) {
        report.finding(Rule::MunmapFailed, Severity::Note, |draft| {
            let end = self.address.saturating_add(self.length);
            let huge = if errno == libc::EINVAL { self.cut_huge_page() } else { None };
            if let Some(page) = huge {
                draft.message(format_args!(
                    "the {} bytes at {:#x} do not hold whole huge pages ({})",
                    self.length,
                    self.address,
                    Size(page as u64)
                ));
                draft.help(format_args!("pass an address and a length that are multiples of {page}"));
            } else if errno == libc::ENOMEM {
                shortage::tell_no_split("munmap", draft);
            } else if errno == libc::EPERM && mapping::has_flag(self.address, end, *b"sl") == Some(true) {
                memory::tell_sealed("munmap", draft);
            } else {
                tell_unexplained("munmap", errno, MEANINGS, draft);
            }
        });
    }

    /// The size of the huge page that the range would cut.
    fn cut_huge_page(&self) -> Option<usize> {
        let mappings = Mappings::open()?;
        let cuts = |address: usize| {
            mappings.page_size_at(address).filter(|page| *page > page_size() && !address.is_multiple_of(*page))
        };
        cuts(self.address).or_else(|| cuts(self.address.saturating_add(page::whole_pages(self.length))))
    }
}
