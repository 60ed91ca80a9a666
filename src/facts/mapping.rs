//! The kernel's list of mappings, asked address by address.

mod flags;

use super::procfile;
use crate::plain::{Range, page};
use crate::sys::{self, Errno, ProcmapQuery, process};
use core::ffi::{CStr, c_int};
use core::sync::atomic::{AtomicI32, Ordering::Relaxed};
use flags::bounds;
pub(crate) use flags::{first_flagged, has_flag, is_kept_back, lacks_flag};

const LIST: &CStr = c"/proc/self/maps";

/// One mapping (a VMA) as the kernel has it.
#[derive(Clone, Copy)]
pub(crate) struct Mapping {
    pub(crate) start: usize,
    /// One past the last byte.
    pub(crate) end: usize,
    /// Bits of `PROCMAP_QUERY_VMA_…`.
    rights: u64,
    /// Where in the file it starts, in bytes.
    pub(crate) offset: u64,
    /// Of the file; the id of a System V segment.
    pub(crate) inode: u64,
    name: [u8; NAME],
    name_length: usize,
}

/// The letters of /proc/self/maps in their order, with the bits of the ioctl.
const RIGHTS: [(u8, u64); 4] = [(b'r', 1), (b'w', 2), (b'x', 4), (b's', 8)];

/// The bytes of a mapping's name that are kept: enough to tell segments and special mappings, and for most paths.
const NAME: usize = 256;

impl Mapping {
    /// Memory that can be read and written, of which no list says more.
    pub(crate) fn unlisted(start: usize, end: usize) -> Mapping {
        Mapping { start, end, rights: 3, offset: 0, inode: 0, name: [0; NAME], name_length: 0 }
    }

    /// The file's path or the kernel's name for it (`[heap]`); empty for an anonymous mapping.
    pub(crate) fn name(&self) -> &[u8] {
        self.name.get(..self.name_length).unwrap_or_default()
    }

    /// The name that the program has given to anonymous memory (`PR_SET_VMA_ANON_NAME` of prctl(2), since Linux 5.17).
    pub(crate) fn given_name(&self) -> Option<&[u8]> {
        let name = self.name();
        let given = name.strip_prefix(b"[anon:").or_else(|| name.strip_prefix(b"[anon_shmem:"))?;
        given.strip_suffix(b"]")
    }

    /// Whether it is anonymous memory, with a given name or without one, and none of the kernel's own kinds.
    pub(crate) fn is_anonymous(&self) -> bool {
        self.name().is_empty() || self.given_name().is_some()
    }

    /// Whether it can be read.
    pub(crate) fn is_readable(&self) -> bool {
        self.rights & 1 != 0
    }

    /// Whether it can be written.
    pub(crate) fn is_writable(&self) -> bool {
        self.rights & 2 != 0
    }

    /// Whether it is shared.
    pub(crate) fn is_shared(&self) -> bool {
        self.rights & 8 != 0
    }

    /// Its protection, `PROT_READ` and so on, which have the ioctl's bits.
    pub(crate) fn prot(&self) -> u8 {
        u8::try_from(self.rights & 7).unwrap_or(0)
    }

    /// Its rights as /proc/self/maps writes them, `rw-p`.
    pub(crate) fn rights(&self) -> [char; 4] {
        let mut letters = ['-', '-', '-', 'p'];
        for (letter, (name, bit)) in letters.iter_mut().zip(RIGHTS) {
            if self.rights & bit != 0 {
                *letter = char::from(name);
            }
        }
        letters
    }

    /// Whether it is an attached System V segment: the kernel names these `/SYSVkkkkkkkk (deleted)`.
    pub(crate) fn is_segment(&self) -> bool {
        let name = self.name();
        name.starts_with(b"/SYSV") && name.ends_with(b" (deleted)") && name.len() == b"/SYSV00000000 (deleted)".len()
    }

    /// The address at which the segment or file would start if it were mapped from its beginning.
    pub(crate) fn base(&self) -> usize {
        self.start.wrapping_sub(usize::try_from(self.offset).unwrap_or(0))
    }

    /// The length in bytes.
    pub(crate) fn length(&self) -> usize {
        self.end.wrapping_sub(self.start)
    }

    /// Whether `address` lies in it.
    pub(crate) fn contains(&self, address: usize) -> bool {
        self.start <= address && address < self.end
    }
}

/// The list, open for some questions in a row.
pub(crate) struct Mappings {
    fd: c_int,
    /// Whether it is read as text: there is no `PROCMAP_QUERY` before Linux 6.11, and sandboxes may not let ioctl(2) through.
    as_text: bool,
}

impl Drop for Mappings {
    fn drop(&mut self) {
        sys::close(self.fd);
    }
}

/// Why the list could not be read when it was first asked for in vain; 0 before.
static UNREADABLE: AtomicI32 = AtomicI32::new(0);

/// Why the list could not be read, if it was ever needed and could not.
pub(crate) fn unreadable() -> Option<Errno> {
    Some(UNREADABLE.load(Relaxed)).filter(|errno| *errno != 0)
}

/// Notes that the list can't be read.
pub(crate) fn note_unreadable(errno: Errno) {
    let _ = UNREADABLE.compare_exchange(0, errno, Relaxed, Relaxed);
}

/// This is a forked child, which has needed nothing yet.
pub(crate) fn forked() {
    // Written to only where something is to be changed: a page that is written to is copied.
    if unreadable().is_some() {
        UNREADABLE.store(0, Relaxed);
    }
}

impl Mappings {
    /// Opens the list; `None` where there is no /proc, or it can't be read: from then on, what is not found is not there.
    pub(crate) fn open() -> Option<Mappings> {
        process::ask_own(LIST, &mut Mappings::of).inspect_err(|errno| note_unreadable(*errno)).ok()
    }

    /// Of a main thread that has ended the list is empty.
    fn of(list: &CStr) -> sys::Result<Mappings> {
        let mut mappings = Mappings { fd: sys::open(list, libc::O_RDONLY, 0)?, as_text: false };
        match query(mappings.fd, 0) {
            Ok(_) | Err(libc::ENOENT) => return Ok(mappings),
            Err(libc::ESRCH) => return Err(libc::ESRCH),
            Err(_) => mappings.as_text = true,
        }
        match scan(mappings.fd, 0) {
            Some(_) => Ok(mappings),
            None if is_at_end(mappings.fd) => Err(libc::ESRCH),
            None => Err(libc::EACCES),
        }
    }

    /// Whether a question takes as long as reading the list up to its answer.
    pub(crate) fn is_slow(&self) -> bool {
        self.as_text
    }

    /// The mapping that holds `address`, or else the next one above it.
    pub(crate) fn at_or_after(&self, address: usize) -> Option<Mapping> {
        if self.as_text { scan(self.fd, address) } else { query(self.fd, address).ok() }
    }

    /// The mapping that holds `address`.
    pub(crate) fn at(&self, address: usize) -> Option<Mapping> {
        self.at_or_after(address).filter(|mapping| mapping.contains(address))
    }

    /// The page size of the mapping that holds `address`, in bytes; only `PROCMAP_QUERY` tells.
    pub(crate) fn page_size_at(&self, address: usize) -> Option<usize> {
        let mut query = ProcmapQuery { query_addr: address as u64, ..ProcmapQuery::default() };
        sys::procmap_query(self.fd, &mut query).ok()?;
        usize::try_from(query.vma_page_size).ok()
    }

    /// The first address of `start..end` that is not mapped.
    pub(crate) fn first_hole(&self, start: usize, end: usize) -> Option<usize> {
        let mut address = start;
        while address < end {
            match self.at(address) {
                Some(mapping) => address = mapping.end,
                None => return Some(address),
            }
        }
        None
    }
}

/// Whether nothing can be read from the beginning on.
fn is_at_end(fd: c_int) -> bool {
    sys::rewind(fd).is_ok() && sys::read(fd, &mut [0]) == Ok(0)
}

/// How much of a range is mapped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coverage {
    /// Every page.
    Whole,
    /// This is the first page that is not.
    Hole(usize),
    /// The list can't be read, and the kernel does not say otherwise.
    Unknown,
}

/// How much of `start..end` is mapped. Where the list can't be read, the first hole is looked for.
pub(crate) fn coverage(start: usize, end: usize) -> Coverage {
    if let Some(mappings) = Mappings::open() {
        return mappings.first_hole(start, end).map_or(Coverage::Whole, Coverage::Hole);
    }
    let (mut from, mut to) = (page::page_start(start), end);
    match sys::memory::is_mapped(from, to.saturating_sub(from)) {
        Some(true) => return Coverage::Whole,
        Some(false) => {}
        None => return Coverage::Unknown,
    }
    // All is mapped below `from`, and not all of `from..to`.
    while let half = page::page_start(from.midpoint(to))
        && half > from
    {
        match sys::memory::is_mapped(from, half.wrapping_sub(from)) {
            Some(true) => from = half,
            Some(false) => to = half,
            None => return Coverage::Unknown,
        }
    }
    Coverage::Hole(from.max(start))
}

/// Whether nothing is mapped in `start..end`; `None` if nobody tells, or there are too many pages to look at each.
pub(crate) fn is_empty(start: usize, end: usize) -> Option<bool> {
    /// 128 MiB, which take some milliseconds.
    const MOST: usize = 1 << 15;
    if let Some(mappings) = Mappings::open() {
        return Some(mappings.at_or_after(start).is_none_or(|there| there.start >= end));
    }
    let mut page = page::page_start(start);
    for _ in 0..MOST {
        if page >= end {
            return Some(true);
        }
        if sys::memory::is_mapped(page, page::page_size())? {
            return Some(false);
        }
        page = page.checked_add(page::page_size())?;
    }
    None
}

/// The largest room between `low` and `high` in which nothing is mapped, in bytes.
pub(crate) fn largest_hole(low: usize, high: usize) -> Option<usize> {
    let mut from = low;
    let mut largest = 0;
    let mut lines = 0_usize;
    procfile::find_line(LIST, |line| {
        lines = lines.wrapping_add(1);
        let (start, end) = bounds(line)?;
        if end > from {
            largest = largest.max(start.min(high).saturating_sub(from));
            from = end;
        }
        None::<()>
    });
    (lines > 0).then_some(largest.max(high.saturating_sub(from)))
}

/// The bytes of a range that are mapped.
pub(crate) fn mapped_in(low: usize, high: usize) -> usize {
    let mut mapped = 0_usize;
    procfile::find_line(LIST, |line| {
        let (start, end) = bounds(line)?;
        mapped = mapped.saturating_add(end.min(high).saturating_sub(start.max(low)));
        None::<()>
    });
    mapped
}

/// The bytes of all mappings whose name starts so.
pub(crate) fn bytes_named(name: &[u8]) -> u64 {
    let mut bytes = 0_u64;
    procfile::find_line(LIST, |line| {
        if let Some(mapping) = parse(line).filter(|mapping| mapping.name().starts_with(name)) {
            bytes = bytes.saturating_add(mapping.length() as u64);
        }
        None::<()>
    });
    bytes
}

/// Asks by `PROCMAP_QUERY`.
fn query(fd: c_int, address: usize) -> sys::Result<Mapping> {
    const COVERING_OR_NEXT: u64 = 0x10;
    let mut name = [0_u8; NAME];
    let mut query = ProcmapQuery {
        query_flags: COVERING_OR_NEXT,
        query_addr: address as u64,
        vma_name_size: 256,
        vma_name_addr: name.as_mut_ptr() as u64,
        ..ProcmapQuery::default()
    };
    match sys::procmap_query(fd, &mut query) {
        Err(libc::ENAMETOOLONG) => {
            query.vma_name_size = 0;
            query.vma_name_addr = 0;
            sys::procmap_query(fd, &mut query)?;
        }
        answer => answer?,
    }
    Ok(Mapping {
        start: usize::try_from(query.vma_start).unwrap_or(0),
        end: usize::try_from(query.vma_end).unwrap_or(0),
        rights: query.vma_flags,
        offset: query.vma_offset,
        inode: query.inode,
        name,
        // The size counts the closing zero byte.
        name_length: (query.vma_name_size as usize).saturating_sub(1),
    })
}

/// Reads the list as text, by the same descriptor: there may be no other left.
#[cold]
#[inline(never)]
fn scan(fd: c_int, address: usize) -> Option<Mapping> {
    sys::rewind(fd).ok()?;
    procfile::find_line_in(fd, |line| parse(line).filter(|mapping| mapping.end > address))
}

/// Hands over all mappings, lowest first, read as text in one go.
pub(crate) fn for_each(mut each: impl FnMut(&Mapping)) {
    procfile::find_line(LIST, |line| {
        if let Some(mapping) = parse(line) {
            each(&mapping);
        }
        None::<()>
    });
}

/// How many mappings the process has, as `vm.max_map_count` counts them; takes milliseconds for ten thousands.
pub(crate) fn count() -> Option<u64> {
    let mut count = 0_u64;
    for_each_line(&mut |_: &[u8]| count = count.wrapping_add(1));
    (count > 0).then_some(count)
}

/// Hands over the ends of each of these mappings, lowest first.
pub(crate) fn for_each_range(each: &mut impl FnMut(Range)) {
    for_each_line(&mut |line: &[u8]| {
        if let Some((start, end)) = bounds(line) {
            each(Range { start, end });
        }
    });
}

fn for_each_line(each: &mut impl FnMut(&[u8])) {
    procfile::find_line(LIST, |line| {
        // A page of the kernel's that is in the list and not in the count.
        if !line.ends_with(b"[vsyscall]") {
            each(line);
        }
        None::<()>
    });
}

/// Reads a line such as `7f01-7f02 rw-s 00000000 00:01 32769    /SYSV00000000 (deleted)`.
fn parse(line: &[u8]) -> Option<Mapping> {
    let line = core::str::from_utf8(line).ok()?;
    let mut rest = line;
    let mut field = || {
        let (field, after) = rest.trim_start().split_once(' ').unwrap_or((rest, ""));
        rest = after;
        field
    };
    let (start, end) = field().split_once('-')?;
    let rights = field().as_bytes();
    let offset = u64::from_str_radix(field(), 16).ok()?;
    let _device = field();
    let inode = field().parse().ok()?;
    let mut name = [0_u8; NAME];
    let path = rest.trim_start().as_bytes();
    let name_length = path.len().min(NAME);
    name.get_mut(..name_length)?.copy_from_slice(path.get(..name_length)?);
    Some(Mapping {
        start: usize::from_str_radix(start, 16).ok()?,
        end: usize::from_str_radix(end, 16).ok()?,
        rights: RIGHTS.iter().zip(rights).map(|((letter, bit), there)| if letter == there { *bit } else { 0 }).sum(),
        offset,
        inode,
        name,
        name_length,
    })
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may overflow, and fails then")]
mod tests {
    use super::*;

    #[test]
    fn the_text_and_the_ioctl_say_the_same() {
        // Code, which is never the first that an object has mapped.
        let here = scan as *const () as usize;
        let mappings = Mappings::open().unwrap();
        assert!(scan(mappings.fd, 0).unwrap().end <= here, "the list starts anew each time");
        let by_text = scan(mappings.fd, here).unwrap();
        assert!(by_text.contains(here));
        if let Ok(by_query) = query(mappings.fd, here) {
            assert_eq!((by_query.start, by_query.end, by_query.inode), (by_text.start, by_text.end, by_text.inode));
            assert_eq!(by_query.name(), by_text.name());
            assert_eq!(by_query.rights(), by_text.rights());
        }
    }

    #[test]
    fn names_that_are_given_are_known() {
        let named =
            |name: &[u8]| parse(&[b"7f0000000000-7f0000001000 rw-p 00000000 00:00 0  ", name].concat()).unwrap();
        assert_eq!(named(b"[anon:ring: 1]").given_name(), Some(&b"ring: 1"[..]));
        assert_eq!(named(b"[anon_shmem:ring]").given_name(), Some(&b"ring"[..]));
        assert!(named(b"").is_anonymous() && named(b"[anon:ring]").is_anonymous());
        for other in [&b"[heap]"[..], b"[stack]", b"/dev/zero (deleted)", b"/tmp/[anon:ring]"] {
            assert!(named(other).given_name().is_none() && !named(other).is_anonymous());
        }
    }

    #[test]
    fn a_segment_is_told_by_its_name() {
        let line = b"7f0000000000-7f0000001000 rw-s 00002000 00:01 32769                      /SYSV0000abcd (deleted)";
        let mapping = parse(line).unwrap();
        assert!(mapping.is_segment() && mapping.is_shared());
        assert_eq!((mapping.inode, mapping.base()), (32769, 0x7eff_ffff_e000));
        assert!(!parse(b"1000-2000 r--p 00000000 08:01 7 /SYSV/etc").unwrap().is_segment());
    }

    proptest::proptest! {
        /// Lines of the kernel's form are read to the letter; others are not, and do no harm.
        #[test]
        fn lines_are_read(start in 0_usize..1 << 47, pages in 1_usize..1000, rights in 0_usize..16, offset: u32,
                          inode: u32, name in "[^\\n]{0,300}", noise in proptest::collection::vec(proptest::num::u8::ANY, 0..120)) {
            let end = start + pages * 4096;
            let letters: String = RIGHTS.iter().zip("---p".chars()).enumerate().map(|(bit, ((letter, _), none))| {
                if rights >> bit & 1 == 1 { char::from(*letter) } else { none }
            }).collect();
            let name = name.trim_start();
            let line = format!("{start:x}-{end:x} {letters} {offset:08x} fe:01 {inode}                   {name}");
            let mapping = parse(line.as_bytes()).unwrap();
            assert_eq!((mapping.start, mapping.end, mapping.offset), (start, end, u64::from(offset)));
            assert_eq!((mapping.inode, mapping.rights), (u64::from(inode), rights as u64));
            assert!(name.as_bytes().starts_with(mapping.name()));
            parse(&noise);
        }
    }

    #[test]
    fn nothing_is_mapped_at_the_null_page() {
        assert_eq!(Mappings::open().unwrap().first_hole(0, 4096), Some(0));
    }
}
