//! mmap(2), mmap64(3).
//!
//! The order of the causes is that of libc and of the kernel (`ksys_mmap_pgoff`, `do_mmap` of mm/mmap.c, Linux 6.18):
//! libc refuses an unaligned offset; then EBADF, length 0, a length that wraps, an offset that overflows; the address;
//! the sharing type; the descriptor's mode, the mount, the file's own mmap; memory; seals. The kind of file is looked
//! at before the descriptor's mode, because no mode makes a pipe mappable.

mod access;
mod descriptor;
mod other_causes;
mod room;
mod succeeded;
mod swapped;
mod unknown;

use super::memory::{self, ShownMapping};
use super::provenance::note_origin;
use super::releases::Replacing;
use super::{Check, Frame, Loss};
use crate::call::{MAP_DROPPABLE, MAP_TYPE, Mmap};
use crate::facts::descriptor::{FileKind, Filesystem};
use crate::facts::{self, mapping};
use crate::finding::Report;
use crate::past::failures::{self, Failed};
use crate::plain::page::{self, page_size};
use crate::sys::Errno;
use crate::track::ReleasedPieces;
use core::ffi::c_int;
use mapsan_model::{Rule, Severity};

impl Mmap {
    fn is_anonymous(&self) -> bool {
        self.flags & libc::MAP_ANONYMOUS != 0
    }

    /// The type bits: shared, private or another.
    fn sharing(&self) -> c_int {
        self.flags & MAP_TYPE
    }

    fn is_shared(&self) -> bool {
        matches!(self.sharing(), libc::MAP_SHARED | libc::MAP_SHARED_VALIDATE)
    }

    fn is_shared_writable(&self) -> bool {
        self.is_shared() && self.prot & libc::PROT_WRITE != 0
    }

    fn wants_address(&self) -> bool {
        self.flags & (libc::MAP_FIXED | libc::MAP_FIXED_NOREPLACE) != 0
    }

    fn is_offset_aligned(&self) -> bool {
        self.offset.cast_unsigned().is_multiple_of(page_size() as u64)
    }

    fn has_sharing(&self) -> bool {
        matches!(self.sharing(), libc::MAP_SHARED | libc::MAP_PRIVATE | libc::MAP_SHARED_VALIDATE | MAP_DROPPABLE)
    }

    /// The size of huge pages that `MAP_HUGETLB` asks for, 0 for the default.
    fn huge_page_bits(&self) -> u32 {
        (self.flags.cast_unsigned() >> libc::MAP_HUGE_SHIFT.cast_unsigned()) & libc::MAP_HUGE_MASK.cast_unsigned()
    }
}

impl Check for Mmap {
    fn failed(&self, errno: Errno, report: &Report<'_>) {
        failures::note(Failed::Mmap, report.return_address, errno);
        let offset_is_refused = errno == libc::EINVAL && !self.is_offset_aligned();
        if !offset_is_refused && self.refused_by_filter(errno, report) {
            return;
        }
        let explained = match errno {
            libc::EINVAL => self.invalid(report),
            libc::EBADF => {
                self.bad_descriptor(report);
                true
            }
            libc::EOVERFLOW => self.offset_overflow(report),
            libc::ENOMEM => {
                self.no_memory(report);
                true
            }
            libc::EACCES | libc::ENODEV | libc::EIO | libc::ENXIO => self.not_accessible(errno, report),
            libc::EPERM => self.not_permitted(report),
            libc::EEXIST => {
                self.address_in_use(report);
                true
            }
            libc::EAGAIN if self.is_locked() => {
                self.lock_limit(report);
                true
            }
            _ => false,
        };
        if !explained {
            self.unexplained(errno, report);
        }
    }

    fn find_loss(&self, taken: &ReleasedPieces, frame: Frame) -> Option<Loss> {
        self.find_loss(taken, frame)
    }

    fn inspect_files(&self, taken: &ReleasedPieces) {
        self.inspect_files(taken);
    }

    fn tell_loss(&self, loss: &Loss, taken: &ReleasedPieces, report: &Report<'_>) -> Option<Errno> {
        Replacing::Mmap.tell(loss, taken, report)
    }

    fn violates(&self, report: &Report<'_>) -> Option<Errno> {
        // Every rule that counts is told; the first in the catalogue's order refuses.
        let sharing = self.both_sharing(report);
        let descriptor = self.anonymous_descriptor(report);
        let rights = self.writable_executable(report);
        sharing.or(descriptor).or(rights)
    }

    fn succeeded(&self, report: &Report<'_>) {
        self.past_end_of_file(report);
    }
}

impl Mmap {
    /// EINVAL: in libc's and the kernel's order.
    fn invalid(&self, report: &Report<'_>) -> bool {
        if !self.is_offset_aligned() {
            self.unaligned_offset(report);
        } else if self.length == 0 {
            self.zero_length(report);
        } else if self.wants_address() && !memory::is_aligned(self.address) {
            report.finding(Rule::MmapUnalignedAddress, Severity::Error, |draft| {
                let flag = if self.flags & libc::MAP_FIXED != 0 { "MAP_FIXED" } else { "MAP_FIXED_NOREPLACE" };
                draft.message(format_args!(
                    "{flag} address {:#x} is not a multiple of the page size ({})",
                    self.address,
                    page_size()
                ));
                let below = page::page_start(self.address);
                draft.help(format_args!("map at {below:#x}, the start of its page, or leave the choice to the kernel"));
            });
        } else if !self.has_sharing() {
            self.no_sharing(report);
        } else if self.is_anonymous() && self.sharing() == libc::MAP_SHARED_VALIDATE && self.flags & libc::MAP_SYNC == 0
        {
            Self::both_sharing_anonymous(report);
        } else if self.is_huge() {
            self.huge_pages(report);
        } else {
            return false;
        }
        true
    }

    fn is_huge(&self) -> bool {
        self.flags & libc::MAP_HUGETLB != 0
            || !self.is_anonymous() && facts::descriptor::filesystem(self.fd) == Filesystem::Hugetlbfs
    }

    fn unaligned_offset(&self, report: &Report<'_>) {
        // Loaders of foreign programs try this, and read when it fails.
        let fixed = self.flags & libc::MAP_FIXED != 0;
        let severity = if fixed { Severity::Warning } else { Severity::Error };
        report.finding(Rule::MmapUnalignedOffset, severity, |draft| {
            let page = page_size();
            draft.message(format_args!("offset {} is not a multiple of the page size ({page})", self.offset));
            let into = self.offset.rem_euclid(i64::try_from(page).unwrap_or(4096));
            let below = self.offset.wrapping_sub(into);
            self.note_other_causes(draft);
            let is_descriptor = c_int::try_from(self.offset).is_ok_and(|fd| facts::descriptor::flags(fd).is_ok());
            if self.fd == 0 && is_descriptor {
                draft.note(format_args!(
                    "{} is an open descriptor, and the descriptor passed is 0: the two look swapped",
                    self.offset
                ));
                draft.help(format_args!(
                    "pass the descriptor first and the offset last: mmap(address, length, prot, flags, {}, 0)",
                    self.offset
                ));
            } else if fixed {
                draft.help(format_args!(
                    "read the bytes to this address with pread: a mapping starts at a page of the file ({below} is the \
                     one below, {into} bytes before)"
                ));
            } else {
                draft.help(format_args!(
                    "map {} bytes from offset {below} and add {into} to the pointer that comes back; \
                     unmap what mmap returned, not the sum",
                    self.length.saturating_add(usize::try_from(into).unwrap_or(0))
                ));
            }
        });
    }

    fn zero_length(&self, report: &Report<'_>) {
        let file = if self.is_anonymous() { None } else { facts::descriptor::file(self.fd).ok() };
        let size = file.filter(|file| file.kind == FileKind::Regular).map(|file| file.size);
        // The length came from an empty file: correct programs look at the answer.
        let severity = if size == Some(0) { Severity::Warning } else { Severity::Error };
        report.finding(Rule::MmapZeroLength, severity, |draft| {
            draft.message(format_args!("the length is 0; it must be greater than 0"));
            match size {
                Some(0) => {
                    draft.note(format_args!("the file is empty (0 bytes), and the length probably came from its size"));
                    draft.help(format_args!(
                        "treat an empty file by itself, or make it longer with ftruncate before mapping it"
                    ));
                }
                Some(size) => {
                    draft.note(format_args!("the file has {size} bytes"));
                    draft.help(format_args!("pass the number of bytes to map; take the size with fstat just before"));
                }
                None => draft.help(format_args!("pass the number of bytes to map")),
            }
            self.note_no_sharing(draft);
        });
    }

    fn no_sharing(&self, report: &Report<'_>) {
        report.finding(Rule::MmapNoSharing, Severity::Error, |draft| {
            if self.tell_swapped(draft) {
                return;
            }
            draft.message(format_args!(
                "the flags have none of MAP_SHARED, MAP_PRIVATE and MAP_SHARED_VALIDATE; exactly one is needed"
            ));
            self.note_descriptor_mode(draft);
            draft.help(format_args!(
                "add MAP_PRIVATE for memory of this process alone, MAP_SHARED for memory that the file or a child \
                 shares"
            ));
        });
    }

    fn both_sharing_anonymous(report: &Report<'_>) {
        report.finding(Rule::MmapBothSharing, Severity::Error, |draft| {
            draft.message(format_args!(
                "MAP_SHARED|MAP_PRIVATE is MAP_SHARED_VALIDATE, which anonymous memory does not take"
            ));
            draft.help(format_args!("choose one: MAP_PRIVATE, or MAP_SHARED for memory that children share"));
        });
    }

    /// EOVERFLOW: the end of the range is past what the file's offsets can hold.
    fn offset_overflow(&self, report: &Report<'_>) -> bool {
        if self.is_anonymous() {
            return false;
        }
        report.finding(Rule::MmapOffsetOverflow, Severity::Error, |draft| {
            if self.offset < 0 {
                draft.message(format_args!("the offset is negative: {} ({:#x})", self.offset, self.offset));
            } else {
                draft.message(format_args!(
                    "the offset {:#x} plus the length {} is past {}",
                    self.offset,
                    self.length,
                    if (self.offset.cast_unsigned()).saturating_add(self.length as u64) > i64::MAX.cast_unsigned() {
                        "the largest file offset (0x7fffffffffffffff)"
                    } else {
                        "the largest file that its filesystem can have"
                    }
                ));
            }
            draft.help(format_args!("check the calculation of the offset; off_t is signed, 64 bits wide"));
        });
        true
    }

    fn address_in_use(&self, report: &Report<'_>) {
        report.finding(Rule::MmapAddressInUse, Severity::Note, |draft| {
            let end = self.address.saturating_add(page::whole_pages(self.length));
            match mapping::Mappings::open().and_then(|mappings| mappings.at_or_after(self.address)) {
                Some(there) if there.start < end => {
                    draft.message(format_args!(
                        "MAP_FIXED_NOREPLACE: something is mapped in the {} bytes from {:#x} already",
                        self.length, self.address
                    ));
                    draft.mapping(&there);
                    draft.note(format_args!("it is {}", ShownMapping(&there)));
                    note_origin(there.start.max(self.address), draft);
                }
                _ => draft.message(format_args!(
                    "MAP_FIXED_NOREPLACE: something was mapped in the {} bytes from {:#x}",
                    self.length, self.address
                )),
            }
            draft.help(format_args!(
                "take another address, or leave MAP_FIXED_NOREPLACE out: the kernel then finds a free one"
            ));
        });
    }
}
