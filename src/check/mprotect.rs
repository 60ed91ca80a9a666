//! mprotect(2): the calls that fail, and those that reach too far.

mod overrun;

use super::memory::{self, Coverage, NotMapped, ShownMapping};
use super::provenance::{note_gone, note_origin};
use super::shortage;
use super::{Check, filter_refuses, stored, tell_filter, tell_unexplained};
use crate::call::Mprotect;
use crate::facts::backing::FileId;
use crate::facts::descriptor::{self, Seals, WRITE_SEALS};
use crate::facts::limits::{self, Bytes};
use crate::facts::mapping::{self, Mapping, Mappings};
use crate::finding::Report;
use crate::form::Draft;
use crate::machine::user_space;
use crate::observe::tracked;
use crate::plain::escape::Quoted;
use crate::plain::page;
use crate::plain::texts::{Texts, texts};
use crate::sys::{Errno, access};
use mapsan_model::{Rule, Severity};

const MEANINGS: Texts = texts! {
    libc::EACCES => "a security module (SELinux or another), or a seccomp filter that was inherited",
    libc::EINVAL => "an unknown protection, or PROT_GROWSDOWN of a mapping that does not grow",
    libc::EPERM => "a mapping that mseal(2) has sealed",
};

impl Check for Mprotect {
    fn failed(&self, errno: Errno, report: &Report<'_>) {
        let arguments = [self.address, self.length, crate::sys::int(self.prot), 0, 0, 0];
        if filter_refuses(errno, libc::SYS_mprotect, arguments) {
            return tell_filter(Rule::MprotectFailed, report);
        }
        match errno {
            libc::EINVAL if !memory::is_aligned(self.address) => self.unaligned(report),
            libc::ENOMEM if self.has_hole() => self.not_mapped(report),
            libc::EACCES if self.is_denied() => self.denied(report),
            _ => self.other(errno, report),
        }
    }

    fn violates(&self, report: &Report<'_>) -> Option<Errno> {
        self.overrun(report)
    }
}

impl Mprotect {
    fn unaligned(&self, report: &Report<'_>) {
        report.finding(Rule::MprotectUnalignedAddress, Severity::Error, |draft| {
            if self.address == libc::MAP_FAILED as usize {
                memory::tell_map_failed("mprotect", draft);
                return;
            }
            if stored::tell_address_of_pointer("mprotect", self.address, draft) {
                return;
            }
            memory::say_unaligned("mprotect", self.address, draft);
            memory::note_unaligned(self.address, draft);
            let below = page::page_start(self.address);
            if tracked::at(self.address).is_some() {
                draft.help(format_args!("pass the start of the page, {below:#x}: protection changes for whole pages"));
                return;
            }
            draft.help(format_args!(
                "protection changes for whole pages: take memory from mmap or posix_memalign, not from malloc, and \
                 round the address down to its page"
            ));
        });
    }

    fn pages(&self) -> usize {
        page::whole_pages(self.length)
    }

    fn has_hole(&self) -> bool {
        matches!(memory::coverage(self.address, self.pages()), Coverage::Hole(_))
    }

    /// Whether a mapping of the range may not be given an access, by its flag in /proc/self/smaps.
    fn lacks(&self, flag: [u8; 2]) -> bool {
        mapping::lacks_flag(self.address, self.address.saturating_add(self.length), flag) == Some(true)
    }

    /// Whether a shared mapping that may not be written is the reason: it is, but for what `PROT_EXEC` may be refused for.
    fn is_denied(&self) -> bool {
        let (writes, executes) = (self.prot & libc::PROT_WRITE != 0, self.prot & libc::PROT_EXEC != 0);
        writes && self.first_unwritable_shared().is_some() && (!executes || self.lacks(*b"mw"))
    }

    fn not_mapped(&self, report: &Report<'_>) {
        report.finding(Rule::MprotectNotMapped, Severity::Error, |draft| {
            draft.message(format_args!("{}", NotMapped(self.address, self.length)));
            if let Coverage::Hole(hole) = memory::coverage(self.address, self.pages()) {
                memory::note_hole(hole, self.address, draft);
                if let Some(gone) = tracked::last_gone(hole) {
                    note_gone(&gone, draft);
                }
                if hole != self.address {
                    draft.note(format_args!("the pages before the hole have the new protection"));
                }
            }
            if let Some((lowest, limit)) = self.stack_to_come() {
                draft.note(format_args!(
                    "the stack of the main thread grows into it on demand: down to {lowest:#x}, by its limit of {} \
                     (RLIMIT_STACK)",
                    Bytes(limit)
                ));
                draft.help(format_args!(
                    "leave the main thread's stack as it is: the kernel keeps a gap below it that can't be accessed; \
                     put guards only into stacks that the program has mapped"
                ));
                return;
            }
            match memory::coverage(self.address, self.pages()) {
                Coverage::Hole(hole) if hole > self.address => self.tell_mapped(hole, draft),
                _ => draft.help(format_args!("pass an address and length within a mapping that is still there")),
            }
        });
    }

    /// What to do where the range is mapped up to a hole.
    fn tell_mapped(&self, hole: usize, draft: &mut Draft) {
        let mapped = hole.wrapping_sub(self.address);
        let is_heap = || Mappings::open()?.at_or_after(self.address).map(|there| there.name() == b"[heap]");
        if is_heap() == Some(true) {
            draft.help(format_args!(
                "give mprotect memory of its own, from mmap: malloc's blocks share pages with others"
            ));
        } else {
            draft.help(format_args!("pass a length of {mapped}, as far as it is mapped"));
        }
    }

    /// The lowest address that the main thread's stack may grow down to, and its limit in bytes, if the first hole is in the
    /// part that has not grown yet.
    fn stack_to_come(&self) -> Option<(usize, u64)> {
        let Coverage::Hole(hole) = memory::coverage(self.address, self.pages()) else { return None };
        let above = Mappings::open()?.at_or_after(hole).filter(|there| there.name().starts_with(b"[stack"))?;
        let limit = limits::soft(libc::RLIMIT_STACK)?;
        let lowest = above.end.checked_sub(usize::try_from(limit).ok()?)?;
        (lowest <= hole).then_some((lowest, limit))
    }

    /// A shared mapping may not be made writable.
    fn denied(&self, report: &Report<'_>) {
        report.finding(Rule::MprotectDenied, Severity::Warning, |draft| {
            let Some(there) = self.first_unwritable_shared() else {
                draft.message(format_args!("PROT_WRITE on memory that may not be made writable"));
                draft.help(format_args!("map the memory anew, with PROT_WRITE, from a descriptor opened with O_RDWR"));
                return;
            };
            let address = there.start.max(self.address);
            draft.mapping(&there);
            if there.is_segment() {
                draft.message(format_args!("PROT_WRITE on a segment that was attached with SHM_RDONLY"));
                note_origin(address, draft);
                draft.note(format_args!("it is {}", ShownMapping(&there)));
                draft.help(format_args!("attach it without SHM_RDONLY"));
                return;
            }
            // By the descriptor of the mapping, if it is still open and the same file.
            let file = tracked::at(address).and_then(|known| known.file);
            let still = file.filter(|file| FileId { device: file.device, inode: file.inode }.is_of(file.fd));
            let name = Quoted(there.name());
            let seals = still.and_then(|file| descriptor::seals(file.fd)).filter(|seals| seals & WRITE_SEALS != 0);
            if let Some(seals) = seals {
                draft.message(format_args!(
                    "PROT_WRITE on a shared mapping of {name}, which is sealed against writing ({})",
                    Seals(seals)
                ));
                draft.help(format_args!("map it with MAP_PRIVATE, if the changes need not reach the file"));
            } else {
                draft.message(format_args!(
                    "PROT_WRITE on a shared mapping of {name}, whose descriptor was opened with O_RDONLY"
                ));
                draft.help(format_args!(
                    "map it from a descriptor opened with O_RDWR, or with MAP_PRIVATE if the changes need not reach \
                     the file"
                ));
            }
            note_origin(address, draft);
            draft.note(format_args!("it is {}", ShownMapping(&there)));
        });
    }

    /// What is left: limits, seals, and what forbids execution.
    fn other(&self, errno: Errno, report: &Report<'_>) {
        report.finding(Rule::MprotectFailed, Severity::Note, |draft| {
            let end = self.address.saturating_add(self.length);
            let executes = self.prot & libc::PROT_EXEC != 0;
            let (down, up) = (self.prot & libc::PROT_GROWSDOWN != 0, self.prot & libc::PROT_GROWSUP != 0);
            match errno {
                libc::ENOMEM => self.no_memory(draft),
                libc::EPERM if mapping::has_flag(self.address, end, *b"sl") == Some(true) => {
                    memory::tell_sealed("mprotect", draft);
                }
                libc::EACCES if executes && self.lacks(*b"me") => {
                    draft.message(format_args!("PROT_EXEC is refused: the file lies on a mount with noexec"));
                    note_origin(self.address, draft);
                    draft.help(format_args!(
                        "map it from a mount without noexec (see findmnt), or do without PROT_EXEC"
                    ));
                }
                libc::EACCES if executes && access::denies_write_execute() => {
                    draft.message(format_args!(
                        "PROT_EXEC is refused: PR_SET_MDWE of this process forbids to make memory executable later, or \
                         writable at the same time"
                    ));
                    draft.help(format_args!(
                        "map the code with PROT_EXEC from the start, from a file or a memfd that is written by another \
                         mapping"
                    ));
                }
                libc::EINVAL if down && up => {
                    draft.message(format_args!("PROT_GROWSDOWN and PROT_GROWSUP exclude each other"));
                    draft.help(format_args!("pass one of them, or none"));
                }
                libc::EINVAL if down => {
                    draft.message(format_args!("PROT_GROWSDOWN is for mappings that grow (stacks, MAP_GROWSDOWN)"));
                    draft.help(format_args!("pass the protection without PROT_GROWSDOWN"));
                }
                _ => tell_unexplained("mprotect", errno, MEANINGS, draft),
            }
        });
    }

    /// ENOMEM without a hole: a range outside of the addresses of programs, a split too many, or a promise.
    fn no_memory(&self, draft: &mut Draft) {
        let end = self.address.checked_add(self.pages());
        if end.is_none_or(|end| end as u64 > user_space() && !memory::has_wide_addresses()) {
            draft.message(format_args!(
                "the {} bytes at {:#x} leave the addresses of programs",
                self.length, self.address
            ));
            if let Some((lowest, limit)) = self.stack_to_come() {
                draft.note(format_args!(
                    "the stack of the main thread grows into it on demand: down to {lowest:#x}, by its limit of {} \
                     (RLIMIT_STACK)",
                    Bytes(limit)
                ));
                draft.help(format_args!(
                    "leave the main thread's stack as it is: the kernel keeps a gap below it that can't be accessed; \
                     put guards only into stacks that the program has mapped"
                ));
                return;
            }
            draft.help(format_args!("pass an address and length within a mapping that is still there"));
            return;
        }
        let wanted = self.pages() as u64;
        let splits = shortage::limit_on(0, false, 2);
        // Private memory that becomes writable counts as data, and has to be promised.
        let cause = splits.is_none().then(|| {
            let writes = self.prot & libc::PROT_WRITE != 0;
            writes.then(|| shortage::limit_on_data(wanted).or_else(|| shortage::overcommit_on(wanted)))?
        });
        match cause.flatten() {
            Some(cause) => shortage::tell_no_memory("mprotect", wanted, Some(&cause), draft),
            None => shortage::tell_no_split("mprotect", draft),
        }
    }

    fn first_unwritable_shared(&self) -> Option<Mapping> {
        let mappings = Mappings::open()?;
        let end = self.address.checked_add(self.length)?;
        let mut address = self.address;
        while address < end {
            let mapping = mappings.at(address)?;
            if mapping.is_shared() && !mapping.is_writable() {
                return Some(mapping);
            }
            address = mapping.end;
        }
        None
    }
}
