//! madvise(2) and `posix_madvise(3)`: the calls that fail, and those that take more than their range.

use super::contents;
use super::memory::{self, Coverage, NotMapped, ShownMapping, mapping_at};
use super::provenance::{note_gone, note_origin};
use super::shortage;
use super::{Check, filter_refuses, stored, tell_filter, tell_unexplained};
use crate::call::{Madvise, Rest};
use crate::facts::mapping::{self, Mapping, Mappings};
use crate::facts::pagemap;
use crate::finding::Report;
use crate::form::Draft;
use crate::observe::tracked;
use crate::output;
use crate::plain::Range;
use crate::plain::advice::{GUARD_INSTALL, GUARD_REMOVE};
use crate::plain::page::{page_size, page_start};
use crate::plain::texts::{Texts, texts};
use crate::sys::{self, Errno};
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use mapsan_model::{Rule, Severity};

const MEANINGS: Texts = texts! {
    libc::EINVAL => "memory that the advice is not for: a driver's, or (MADV_COLLAPSE) none that can be a huge page",
    libc::EACCES => "a security module, or a seccomp filter that was inherited",
    libc::EPERM => "a file that is sealed, or (MADV_HWPOISON) no CAP_SYS_ADMIN",
    libc::ENOMEM => "memory, or huge pages, that are exhausted in the kernel or in a cgroup",
    libc::EAGAIN => "a resource of the kernel that is short for now",
    libc::EBUSY => "pages that are in use otherwise for now",
    libc::EIO => "an error while pages were read",
    libc::EBADF => "memory of no file, in a kernel without swap",
    libc::EFAULT => "pages that can't be made: past the end of the file, or lost by the hardware",
    libc::EOPNOTSUPP => "a filesystem that can't punch holes into its files",
};

/// What it takes to have an advice that is younger than the oldest kernels in use, or that a kernel may be built without.
const SINCE: Texts = texts! {
    libc::MADV_FREE => "Linux 4.5",
    libc::MADV_WIPEONFORK => "Linux 4.14",
    libc::MADV_KEEPONFORK => "Linux 4.14",
    libc::MADV_COLD => "Linux 5.4",
    libc::MADV_PAGEOUT => "Linux 5.4",
    libc::MADV_POPULATE_READ => "Linux 5.14",
    libc::MADV_POPULATE_WRITE => "Linux 5.14",
    libc::MADV_DONTNEED_LOCKED => "Linux 5.18",
    libc::MADV_COLLAPSE => "Linux 6.1, with CONFIG_TRANSPARENT_HUGEPAGE",
    GUARD_INSTALL => "Linux 6.13",
    GUARD_REMOVE => "Linux 6.13",
    libc::MADV_HUGEPAGE => "CONFIG_TRANSPARENT_HUGEPAGE",
    libc::MADV_NOHUGEPAGE => "CONFIG_TRANSPARENT_HUGEPAGE",
    libc::MADV_MERGEABLE => "CONFIG_KSM",
    libc::MADV_UNMERGEABLE => "CONFIG_KSM",
    libc::MADV_HWPOISON => "CONFIG_MEMORY_FAILURE",
    101 => "CONFIG_MEMORY_FAILURE",
};

/// What comes of an advice for the rest of a page; of others that it is full of zeroes, or as the file has it.
const CONSEQUENCES: Texts = texts! {
    libc::MADV_DONTFORK => "a forked child is not given the page: SIGSEGV, if it uses it",
    libc::MADV_WIPEONFORK => "a forked child finds the whole page full of zeroes",
    libc::MADV_FREE => "the kernel may drop the whole page at any time from now on",
    libc::MADV_REMOVE => "the whole page is gone from the file, for all who have it",
    GUARD_INSTALL => "what was in the page is lost, and any access to it raises SIGSEGV",
};

/// What to do where an advice is not for the kind of memory.
const INSTEAD: Texts = texts! {
    libc::MADV_FREE => "pass MADV_DONTNEED, or leave this mapping out",
    libc::MADV_REMOVE => "pass MADV_DONTNEED, which concerns this process alone; or share the file, writable",
    libc::MADV_POPULATE_READ => "give it that access first (mprotect)",
    libc::MADV_POPULATE_WRITE => "give it that access first (mprotect)",
};

/// For each call site that gives an advice that takes the rest of a page: in the lower half how many of its calls are not looked at
/// before the next look, in the upper how many were. Sites whose hashes are the same are counted as one.
static CALLS: [AtomicU32; SITES] = [const { AtomicU32::new(0) }; SITES];
const SITES: usize = 64;
/// The first calls of a site are looked at, and one in so many of those that come then.
const FIRST: u32 = 64;
const SAMPLE: u32 = 4096;
/// One look, and what of the word counts the calls before the next.
const LOOK: u32 = 1 << 16;
const BEFORE_NEXT: u32 = LOOK - 1;

/// Whether what a call of this site takes with the rest of its last page is looked at: a look takes ten times as long as the call.
pub(crate) fn is_looked_at(site: usize) -> bool {
    if is_counted_unseen(site) {
        return false;
    }
    if let Some((calls, looks)) = calls_of(site) {
        let is_common = looks >= (FIRST - 1) * LOOK;
        calls.store(if is_common { looks | (SAMPLE - 1) } else { looks.wrapping_add(LOOK) }, Relaxed);
    }
    true
}

/// The same of a call that is to be made: counts it, unless it is one of those that are looked at.
#[inline]
pub(crate) fn is_counted_unseen(site: usize) -> bool {
    let Some((calls, before)) = calls_of(site) else { return false };
    let is_unseen = before & BEFORE_NEXT != 0;
    if is_unseen {
        // In two steps, as in `observe::count`.
        calls.store(before.wrapping_sub(1), Relaxed);
    }
    is_unseen
}

#[inline]
fn calls_of(site: usize) -> Option<(&'static AtomicU32, u32)> {
    // Functions begin at round addresses.
    let calls = CALLS.get((site ^ (site / SITES)) % SITES)?;
    Some((calls, calls.load(Relaxed)))
}

/// Looks, before a call, at what it takes with the rest of its last page. No page is touched that is not there already: a
/// read of it might wake a handler of userfaultfd(2).
#[cold]
#[inline(never)]
pub(crate) fn find_rest(call: &Madvise) -> Option<Rest> {
    let (start, length) = call.rest_of_page().filter(|_| !output::is_inside())?;
    let page = pagemap::page(start).filter(|page| page.is_there() && !page.is_guard())?;
    // Others leave alone what is the file's, or shared.
    let takes_all = matches!(call.advice, libc::MADV_REMOVE | libc::MADV_DONTFORK | GUARD_INSTALL);
    if !takes_all && !page.is_own() {
        return None;
    }
    let written = contents::written(Range::new(start, length))?;
    Some(Rest { first: written.first, count: written.count })
}

impl Check for Madvise {
    /// The kernel looks at the advice, the address, the length, and then at one mapping after the other.
    fn failed(&self, errno: Errno, report: &Report<'_>) {
        let arguments = [self.address, self.length, sys::int(self.advice), 0, 0, 0];
        if filter_refuses(errno, libc::SYS_madvise, arguments) {
            return tell_filter(Rule::MadviseFailed, report);
        }
        match errno {
            libc::EINVAL if !sys::memory::knows_advice(self.advice) => {
                // Of no memory: the program asks whether the kernel has the advice.
                if self.length > 0 {
                    report.finding(Rule::MadviseFailed, Severity::Note, |draft| self.tell_unknown(draft));
                }
            }
            libc::EINVAL if !memory::is_aligned(self.address) => self.unaligned(report),
            _ => {
                report.finding(Rule::MadviseFailed, Severity::Note, |draft| self.tell_failure(errno, draft));
            }
        }
    }

    fn violates(&self, report: &Report<'_>) -> Option<Errno> {
        let rest = if report.outcome.is_considered() { find_rest(self) } else { self.rest }?;
        // Of huge pages the kernel takes those that lie in the range as a whole.
        let page = Mappings::open().and_then(|mappings| mappings.page_size_at(self.address));
        if page.is_some_and(|page| page > page_size()) {
            return None;
        }
        report.offence(Rule::MadviseRounded, Severity::Warning, |draft| self.tell_rounded(rest, draft))
    }
}

impl Madvise {
    /// The advice as a finding names it.
    fn name(&self) -> &'static str {
        self.advice_name().unwrap_or("the advice")
    }

    fn tell_rounded(&self, rest: Rest, draft: &mut Draft) {
        let Some((start, length)) = self.rest_of_page() else { return };
        let name = self.name();
        let there = mapping_at(start);
        draft.message(format_args!(
            "{name} of {} bytes works on whole pages, so on the {length} bytes behind them, too, of which {} not 0",
            self.length,
            Are(rest.count)
        ));
        if let Some(there) = &there {
            draft.mapping(there);
        }
        note_origin(start, draft);
        let is = |name: &[u8]| there.as_ref().is_some_and(|there| there.name() == name);
        let what = if is(b"[heap]") { "; other blocks of malloc, and its own records, lie there" } else { "" };
        draft.note(format_args!("the first that is not 0 is at {:#x}{what}", rest.first));
        let anonymous = is(b"") || is(b"[heap]");
        let otherwise =
            if anonymous { "the whole page is full of zeroes now" } else { "what was written to the page is lost" };
        draft.note(format_args!("{}", CONSEQUENCES.of(self.advice).unwrap_or(otherwise)));
        let whole = page_start(self.length);
        let drops = !matches!(self.advice, libc::MADV_DONTFORK | libc::MADV_WIPEONFORK | GUARD_INSTALL);
        if drops && whole > 0 {
            draft.help(format_args!("pass a length of {whole}, the pages that lie in the range as a whole"));
        } else {
            draft.help(format_args!("put what is advised on pages where nothing else lies: take them from mmap"));
        }
    }

    fn unaligned(&self, report: &Report<'_>) {
        report.finding(Rule::MadviseUnalignedAddress, Severity::Error, |draft| {
            let function = if self.is_posix { "posix_madvise" } else { "madvise" };
            if self.address == libc::MAP_FAILED as usize {
                return memory::tell_map_failed(function, draft);
            }
            if stored::tell_address_of_pointer(function, self.address, draft) {
                return;
            }
            memory::say_unaligned(function, self.address, draft);
            memory::note_unaligned(self.address, draft);
            let below = page_start(self.address);
            let above = below.wrapping_add(page_size());
            if !Madvise::is_remembered(self.advice) && !Madvise::takes_rest(1, self.advice) {
                draft.help(format_args!("pass the start of the page, {below:#x}: advice is for whole pages"));
            } else if self.address.saturating_add(self.length) < above.saturating_add(page_size()) {
                draft.help(format_args!("no whole page lies in the range: take what is to be advised from mmap"));
            } else {
                draft
                    .help(format_args!("round the address up, to {above:#x}: the page before holds other things, too"));
            }
        });
    }

    /// The kernel does not have the advice.
    fn tell_unknown(&self, draft: &mut Draft) {
        match self.advice_name() {
            Some(name) => draft.message(format_args!("this kernel does not have {name}")),
            None => draft.message(format_args!("{} is no advice that this kernel has", self.advice)),
        }
        if let Some(since) = SINCE.of(self.advice) {
            draft.note(format_args!("it takes a kernel with {since}"));
        }
        if !memory::is_aligned(self.address) {
            draft.note(format_args!("the address is not a multiple of the page size ({}), either", page_size()));
        }
        draft.help(format_args!("go on without it where the kernel does not have it"));
    }

    fn tell_failure(&self, errno: Errno, draft: &mut Draft) {
        let Some(end) = self.end().filter(|end| *end > self.address || self.length == 0) else {
            draft.message(format_args!(
                "the range of {}{} bytes from {:#x} leaves the addresses of programs",
                self.length,
                memory::signed(self.length),
                self.address
            ));
            note_origin(self.address, draft);
            draft.help(format_args!("pass an address and length within one mapping"));
            return;
        };
        let range = Range { start: self.address, end };
        let explained = match errno {
            libc::EINVAL | libc::EACCES => self.tell_refused(range, draft),
            libc::ENOMEM => self.tell_hole(range, draft),
            libc::EAGAIN => tell_no_split(draft),
            libc::EPERM if mapping::has_flag(range.start, range.end, *b"sl") == Some(true) => {
                memory::tell_sealed("madvise", draft);
                true
            }
            _ => false,
        };
        if !explained {
            tell_unexplained("madvise", errno, MEANINGS, draft);
            note_origin(range.start, draft);
        }
    }

    /// A mapping of the range is not one that the advice is for.
    fn tell_refused(&self, range: Range, draft: &mut Draft) -> bool {
        let Some((there, why)) = self.refusing(range) else { return false };
        draft.mapping(&there);
        draft.message(format_args!("{} of memory that {why}", self.name()));
        draft.note(format_args!("it is {}", ShownMapping(&there)));
        note_origin(there.start.max(range.start), draft);
        if there.start > range.start {
            draft.note(format_args!("what lies before it in the range has been advised"));
        }
        match INSTEAD.of(self.advice) {
            _ if why == LOCKED => draft.help(format_args!(
                "unlock it first (munlock); MADV_DONTNEED_LOCKED (Linux 5.18) drops what is locked"
            )),
            instead => draft.help(format_args!("{}", instead.unwrap_or("leave this mapping out"))),
        }
        true
    }

    /// The first mapping of the range that the advice is not for, and what it is.
    fn refusing(&self, range: Range) -> Option<(Mapping, &'static str)> {
        let refuses = |there: &Mapping| match self.advice {
            libc::MADV_FREE | libc::MADV_WIPEONFORK if there.is_shared() => Some("is shared"),
            libc::MADV_FREE | libc::MADV_WIPEONFORK if there.inode != 0 => Some("belongs to a file"),
            libc::MADV_REMOVE if !there.is_shared() => Some("is private"),
            libc::MADV_REMOVE if !there.is_writable() => Some("may not be written"),
            libc::MADV_POPULATE_READ if !there.is_readable() => Some("can't be read"),
            libc::MADV_POPULATE_WRITE if !there.is_writable() => Some("can't be written"),
            _ => None,
        };
        let mappings = Mappings::open()?;
        let mut at = range.start;
        while let Some(there) = mappings.at_or_after(at).filter(|there| there.start < range.end) {
            if let Some(why) = refuses(&there) {
                return Some((there, why));
            }
            at = there.end;
        }
        // Others may be locked: the flag says nothing of what they are refused for.
        let of_kind = match self.advice {
            libc::MADV_DODUMP | libc::MADV_KEEPONFORK => *b"dp",
            _ => *b"lo",
        };
        let (start, flag) = mapping::first_flagged(range.start, range.end, &[of_kind, *b"ht"])?;
        let why = match &flag {
            b"lo" => LOCKED,
            b"dp" => "is MAP_DROPPABLE",
            _ => "has huge pages, which the advice is not for, or of which the range holds a part",
        };
        Some((mappings.at(start)?, why))
    }

    /// A part of the range is not mapped.
    fn tell_hole(&self, range: Range, draft: &mut Draft) -> bool {
        let Coverage::Hole(hole) = mapping::coverage(range.start, range.end) else { return false };
        draft.message(format_args!("{}", NotMapped(self.address, self.length)));
        memory::note_hole(hole, self.address, draft);
        if let Some(gone) = tracked::last_gone(hole) {
            note_gone(&gone, draft);
        }
        if matches!(self.advice, libc::MADV_POPULATE_READ | libc::MADV_POPULATE_WRITE) {
            draft.note(format_args!("the kernel stops at the hole"));
        } else if mapping::is_empty(range.start, range.end) == Some(false) {
            draft.note(format_args!("all that is mapped of the range has been advised"));
        }
        draft.help(format_args!("pass an address and length within a mapping that is still there"));
        true
    }
}

const LOCKED: &str = "is locked";

/// `vm.max_map_count`: an advice of a part makes two or three mappings of one.
fn tell_no_split(draft: &mut Draft) -> bool {
    let limit = shortage::limit_on(0, false, 2);
    if let Some(limit) = &limit {
        shortage::tell_no_memory("madvise", 0, Some(limit), draft);
    }
    limit.is_some()
}

/// Shows how many there are: `1 is`, `7 are`.
struct Are(usize);

impl core::fmt::Display for Are {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1 { "is" } else { "are" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_calls_of_a_site_are_looked_at_and_then_one_of_many() {
        let site = 0x1234;
        let looked_at = |calls: u32| (0..calls).filter(|_| is_looked_at(site)).count();
        assert_eq!(looked_at(FIRST), FIRST as usize);
        assert_eq!(looked_at(SAMPLE - 1), 0);
        assert_eq!(looked_at(1), 1);
        // Calls that are made at once are counted, too.
        assert!((1..SAMPLE).all(|_| is_counted_unseen(site)) && !is_counted_unseen(site) && is_looked_at(site));
        assert_eq!(looked_at(10 * SAMPLE), 10);
        assert!(is_looked_at(site + 1), "another site");
    }
}
