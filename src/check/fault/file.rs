//! SIGBUS: the mapping is there, and the page is not to be had.

use super::{Accessed, tell_there};
use crate::call::Fault;
use crate::check::Count;
use crate::check::memory::FileName;
use crate::facts::backing::{Backing, Identity, Room};
use crate::facts::limits::{self, Bytes, HugePages};
use crate::facts::mapping::{Mapping, Mappings};
use crate::facts::page_size;
use crate::report::Draft;
use crate::track::{self, By, File, Known};
use mapsan_model::Rule;

/// What is known of a page that could not be had.
pub(crate) struct FileFault {
    known: Known,
    there: Option<Mapping>,
    /// The file, its size now if it can be found out, and the byte of it that was accessed.
    file: Option<(File, Option<u64>, u64)>,
    /// The largest size that the file is known to have had.
    largest: u64,
    /// The size of the pages.
    page: u64,
    why: Why,
}

enum Why {
    /// The byte lies in a page past the end of the file.
    PastEnd,
    /// The filesystem is full.
    Full(Room),
    /// The pool of huge pages is empty.
    NoHugePage(HugePages),
    /// The hardware has lost the page.
    Poisoned,
    /// There is no evidence of any of these.
    Unknown,
}

impl FileFault {
    /// Looks at a SIGBUS; `None` if it is not in a mapping of the program's.
    pub(super) fn of(fault: &Fault) -> Option<FileFault> {
        if fault.code == Fault::ADRALN {
            return None;
        }
        let known = track::at(fault.address)?;
        let mappings = Mappings::open();
        let there = mappings.as_ref().and_then(|mappings| mappings.at(fault.address));
        let page = mappings.and_then(|mappings| mappings.page_size_at(fault.address)).unwrap_or(page_size()) as u64;
        let mut found = FileFault { known, there, file: None, largest: 0, page, why: Why::Unknown };
        let room = found.look_at_file(fault.address);
        found.why = found.why(fault, room);
        Some(found)
    }

    /// Finds the file; the room on its filesystem.
    fn look_at_file(&mut self, address: usize) -> Option<Room> {
        let file = self.known.file.filter(|_| self.known.origin.by != By::Shmat)?;
        let offset = match &self.there {
            Some(there) => there.offset.wrapping_add(address.wrapping_sub(there.start) as u64),
            None => file.offset.wrapping_add(super::into(&self.known, address) as u64),
        };
        let identity = Identity { device: file.device, inode: file.inode };
        let backing = Backing::find(identity, file.fd, self.there.as_ref());
        let size = backing.as_ref().and_then(Backing::size);
        self.largest = track::largest_size(file.device, file.inode).unwrap_or(0).max(file.size);
        self.file = Some((file, size, offset));
        backing?.room()
    }

    fn why(&self, fault: &Fault, room: Option<Room>) -> Why {
        if matches!(fault.code, libc::BUS_MCEERR_AR | libc::BUS_MCEERR_AO) {
            return Why::Poisoned;
        }
        if let Some((_, size, offset)) = self.file {
            let start = offset & self.page.wrapping_neg();
            // Without the file, what was never seen to reach there is past the end; of what was, nothing is known.
            if start >= size.unwrap_or(self.largest) {
                return Why::PastEnd;
            }
        }
        if self.page > page_size() as u64 {
            return match limits::huge_pages(self.page) {
                Some(pool) if pool.free <= pool.reserved => Why::NoHugePage(pool),
                _ => Why::Unknown,
            };
        }
        match room {
            Some(room) if room.free < self.page => Why::Full(room),
            _ => Why::Unknown,
        }
    }

    pub(super) fn rule(&self) -> Rule {
        match self.why {
            Why::PastEnd if self.had_reached() => Rule::FaultTruncated,
            Why::PastEnd => Rule::FaultPastEof,
            Why::Full(_) | Why::NoHugePage(_) => Rule::FaultNoSpace,
            Why::Poisoned | Why::Unknown => Rule::FaultMemory,
        }
    }

    /// Whether the file is known to have reached the page.
    fn had_reached(&self) -> bool {
        self.file.is_some_and(|(_, _, offset)| offset & self.page.wrapping_neg() < self.largest)
    }

    /// The file's name, where the kernel's list tells it.
    fn name(&self) -> FileName<'_> {
        FileName(self.there.as_ref().map_or(b"", Mapping::name))
    }

    /// Says what happened.
    pub(super) fn tell(&self, fault: &Fault, draft: &mut Draft) {
        let name = self.name();
        let access = Accessed(fault);
        match (&self.why, self.file) {
            (Why::PastEnd, Some((file, size, offset))) => self.past_end(&file, size, offset, fault, draft),
            (Why::Full(room), _) => {
                draft.message(format_args!(
                    "{access}: the filesystem of {name} is full, so the page can't be allocated"
                ));
                draft.note(format_args!("of its {}, {} are free", Bytes(room.total), Bytes(room.free)));
                self.tell_size(draft);
                draft.help(format_args!(
                    "allocate before you map: posix_fallocate(fd, 0, length) fails with ENOSPC where ftruncate does not"
                ));
                if name.0.starts_with(b"/dev/shm/") {
                    draft.help(format_args!(
                        "make /dev/shm larger: mount -o remount,size=SIZE; in a container, --shm-size"
                    ));
                }
            }
            (Why::NoHugePage(pool), _) => {
                draft.message(format_args!("{access}: no huge page of {} is free", Bytes(self.page)));
                draft.note(format_args!(
                    "the pool has {} pages, of which {} are free and {} reserved",
                    pool.total, pool.free, pool.reserved
                ));
                draft.help(format_args!(
                    "enlarge the pool (vm.nr_hugepages), or map without MAP_NORESERVE, which fails then"
                ));
            }
            (Why::Poisoned, _) => {
                draft.message(format_args!("{access}: the hardware has lost the memory (a machine check)"));
                draft.help(format_args!("see the kernel's log (dmesg); the machine's memory needs a check"));
            }
            (_, Some((_, None, offset))) => {
                draft.message(format_args!("{access}: the page of byte {offset} of a mapped file can't be had"));
                self.tell_out_of_sight(draft);
                draft.note(format_args!(
                    "it had {} bytes when it was mapped, and may have been shortened since",
                    self.largest
                ));
            }
            (_, file) => {
                match file {
                    Some((_, _, offset)) => draft.message(format_args!(
                        "{access}: byte {offset} of {name} is inside the file, and its page can't be had"
                    )),
                    None => draft.message(format_args!("{access}: the page can't be had")),
                }
                self.tell_size(draft);
                draft.note(format_args!(
                    "an I/O error, a file server that is gone, a quota, a lack of memory or a userfaultfd does that"
                ));
                draft.help(format_args!("see the kernel's log (dmesg)"));
            }
        }
        tell_there(&self.known, self.there.as_ref(), draft);
    }

    fn past_end(&self, file: &File, size: Option<u64>, offset: u64, fault: &Fault, draft: &mut Draft) {
        let (name, access) = (self.name(), Accessed(fault));
        let now = size.unwrap_or(self.largest);
        let past = offset.wrapping_sub(now).wrapping_add(1);
        if self.had_reached() {
            draft.message(format_args!(
                "{access}: byte {offset} of {name}, which was shortened after it was mapped: it had {} bytes and has {now}",
                self.largest
            ));
            draft.note(format_args!("the access is {} past the end of the file", Count(past)));
            draft.help(format_args!(
                "nobody may shorten a file that others have mapped: write a new one and rename(2) it, or lock it; read(2) \
                 what may shrink"
            ));
        } else {
            draft.message(format_args!(
                "{access}: byte {offset} of {name}, which has {now} bytes: the page lies past the end of the file"
            ));
            draft.note(format_args!("the access is {} past the end of the file", Count(past)));
            draft.note(format_args!("the file had {} bytes when it was mapped", file.size));
            if self.known.entry.notable {
                draft.note(format_args!(
                    "no byte of the mapping can be accessed: it starts at or past the end of the file"
                ));
            }
            draft.help(format_args!(
                "give the file its length first, ftruncate(fd, length), or map no more than it has"
            ));
        }
        if size.is_none() {
            self.tell_out_of_sight(draft);
        }
    }

    /// Says why the file can't be looked at.
    fn tell_out_of_sight(&self, draft: &mut Draft) {
        if self.there.is_some() {
            draft.note(format_args!("the file can't be looked at any more: it has no name and no open descriptor"));
        } else {
            draft.note(format_args!("the file can't be looked at: it has no open descriptor, and /proc can't be read"));
        }
    }

    fn tell_size(&self, draft: &mut Draft) {
        if let Some((file, Some(size), offset)) = self.file {
            draft.note(format_args!(
                "byte {offset} was accessed; the file had {} bytes when it was mapped, and has {size} now",
                file.size
            ));
        }
    }
}
