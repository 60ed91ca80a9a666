//! SIGBUS: the mapping is there, and the page is not available.

use super::note_there;
use super::words::Accessed;
use crate::call::Fault;
use crate::check::ByteCount;
use crate::check::memory::{FileName, mapping_at};
use crate::check::span::Span;
use crate::facts::backing::{Backing, Changed, FileId, Room};
use crate::facts::limits::{self, Bytes, HugePages};
use crate::facts::mapping::{Mapping, Mappings};
use crate::facts::module;
use crate::form::Draft;
use crate::machine::Access;
use crate::observe::tracked;
use crate::plain::page::page_size;
use crate::sys;
use crate::sys::memory::EMPTY;
use crate::track::{By, TrackedRange};
use core::fmt;
use mapsan_model::Rule;

/// What is known of a page that is not available.
pub(crate) struct FileFault {
    /// What the program has mapped there; `None` for what the loader, libc or a raw system call has.
    known: Option<TrackedRange>,
    there: Option<Mapping>,
    file: Option<FaultedFile>,
    /// The size of the pages.
    page: u64,
    why: Reason,
    /// Whether the loader made the access: what it loads is not in its index yet.
    is_by_loader: bool,
}

/// A file of which a page is not available.
#[derive(Clone, Copy)]
struct FaultedFile {
    /// The byte of it that was accessed.
    byte: u64,
    /// Its size now, if that can be found out.
    now: Option<u64>,
    /// When it was mapped, if that was seen.
    mapped: Option<u64>,
    /// The largest that was seen when it was mapped, and whenever it was mapped again.
    largest: u64,
    /// Whether it is a device or another file without a size.
    is_special: bool,
    changed: Option<Changed>,
}

enum Reason {
    /// The byte lies in a page past the end of the file.
    PastEnd,
    /// The page is there now, and was not.
    Transient,
    /// The filesystem is full.
    Full(Room),
    /// The pool of huge pages is empty.
    NoHugePage(HugePages),
    /// The hardware has lost the page.
    Poisoned,
    /// Its pages were made to fail.
    Injected,
    /// There is no evidence of any of these.
    Unknown,
}

impl FileFault {
    /// Looks at a SIGBUS; `None` if it is not in a mapping of the program's or of a file.
    pub(super) fn of(fault: &Fault) -> Option<FileFault> {
        // Others tell no address, or one that the instruction does not take.
        if !(libc::BUS_ADRERR..=libc::BUS_MCEERR_AO).contains(&fault.code) {
            return None;
        }
        let known = tracked::at(fault.address);
        let mappings = Mappings::open();
        let there = mappings.as_ref().and_then(|mappings| mappings.at(fault.address));
        let is_file = |there: &Mapping| there.inode != 0 && there.name().starts_with(b"/") && !there.is_segment();
        if known.is_none() && !is_poisoned(fault) && !there.as_ref().is_some_and(is_file) {
            return None;
        }
        let page = mappings.and_then(|mappings| mappings.page_size_at(fault.address)).unwrap_or(page_size()) as u64;
        let is_by_loader = module::is_of_loader(fault.registers.instruction());
        let mut found = FileFault { known, there, file: None, page, why: Reason::Unknown, is_by_loader };
        let room = found.inspect_file(fault.address);
        found.why = found.why(fault, room);
        Some(found)
    }

    /// Finds the file; the room on its filesystem.
    fn inspect_file(&mut self, address: usize) -> Option<Room> {
        let there = self.there.as_ref();
        let file = self.known.as_ref().and_then(|known| known.file.filter(|_| known.origin.by != By::Shmat));
        let backing = match (&file, &self.known) {
            (Some(file), _) => Backing::find(FileId { device: file.device, inode: file.inode }, file.fd, there),
            (None, None) => there.and_then(Backing::of),
            (None, Some(_)) => return None,
        };
        let byte = match (there, &self.known, &file) {
            (Some(there), ..) => there.offset.wrapping_add(address.wrapping_sub(there.start) as u64),
            (None, Some(known), Some(file)) => {
                file.offset.wrapping_add(super::words::offset_into(known, address) as u64)
            }
            _ => return None,
        };
        let largest = match (&file, &self.known) {
            (Some(file), Some(known)) => {
                tracked::largest_size(file.device, file.inode, known.origin.serial).unwrap_or(0).max(file.size)
            }
            _ => 0,
        };
        self.file = Some(FaultedFile {
            byte,
            now: backing.as_ref().and_then(Backing::size),
            mapped: file.map(|file| file.size),
            largest,
            is_special: backing.as_ref().is_some_and(Backing::is_special),
            changed: backing.as_ref().and_then(Backing::changed),
        });
        backing?.room()
    }

    fn why(&self, fault: &Fault, room: Option<Room>) -> Reason {
        if is_poisoned(fault) {
            return Reason::Poisoned;
        }
        if self.there.as_ref().is_some_and(|there| there.name() == EMPTY) {
            return Reason::Injected;
        }
        let start = self.file.map(|file| file.byte & self.page.wrapping_neg());
        if let (Some(file), Some(start)) = (self.file.filter(|file| !file.is_special), start) {
            match (file.now, file.mapped) {
                (Some(now), _) if start >= now => return Reason::PastEnd,
                // Without the file, what was never seen to reach there is past the end; of what was, nothing is known.
                (None, Some(_)) if start >= file.largest => return Reason::PastEnd,
                _ => {}
            }
        }
        if self.page > page_size() as u64 {
            return match limits::huge_pages(self.page) {
                Some(pool) if pool.free <= pool.reserved => Reason::NoHugePage(pool),
                _ => Reason::Unknown,
            };
        }
        // Only a file of memory takes room when a page is read; and a private copy takes none.
        let writes = fault.registers.access() == Access::Write && self.there.as_ref().is_some_and(Mapping::is_shared);
        if let Some(room) = room.filter(|room| room.free < self.page && (room.is_memory || writes)) {
            return Reason::Full(room);
        }
        let has_size = self.file.is_some_and(|file| file.now.is_some());
        if has_size && can_be_read(fault.address) { Reason::Transient } else { Reason::Unknown }
    }

    pub(super) fn rule(&self) -> Rule {
        match self.why {
            Reason::PastEnd | Reason::Transient if self.had_reached() => Rule::FaultTruncated,
            Reason::PastEnd | Reason::Transient => Rule::FaultPastEof,
            Reason::Full(_) | Reason::NoHugePage(_) => Rule::FaultNoSpace,
            Reason::Poisoned | Reason::Injected | Reason::Unknown => Rule::FaultMemory,
        }
    }

    /// Whether the file is known to have reached the page, or the loader has taken it for so long.
    fn had_reached(&self) -> bool {
        let seen = self.file.is_some_and(|file| file.byte & self.page.wrapping_neg() < file.largest);
        seen || self.is_loaded() && !self.is_incomplete()
    }

    /// Whether the file is as it was before the program started.
    fn is_incomplete(&self) -> bool {
        self.file.and_then(|file| file.changed?.is_since_start) == Some(false)
    }

    /// Whether the loader has mapped it.
    fn is_loaded(&self) -> bool {
        // Beside objects the loader maps its cache.
        let is_loading = |there: &Mapping| !there.is_shared() && !there.name().ends_with(b"/ld.so.cache");
        let is_object = |there: &Mapping| module::is_in_object(there.start) || self.is_by_loader && is_loading(there);
        self.known.is_none() && self.there.as_ref().is_some_and(is_object)
    }

    /// The file's name, where the kernel's list tells it.
    fn name(&self) -> FileName<'_> {
        FileName(self.there.as_ref().map_or(b"", Mapping::name))
    }

    fn is_writable(&self) -> bool {
        self.there.as_ref().is_some_and(|there| there.is_writable() && there.is_shared())
    }

    /// Says what happened.
    pub(super) fn tell(&self, fault: &Fault, draft: &mut Draft) {
        match (&self.why, self.file) {
            (Reason::PastEnd, Some(file)) if self.is_loaded() => self.tell_loaded(&file, fault, draft),
            (Reason::PastEnd, Some(file)) => self.tell_past_end(&file, fault, draft),
            (Reason::Transient, Some(file)) => self.tell_passed(&file, fault, draft),
            (Reason::Full(room), _) => self.tell_full(room, fault, draft),
            (Reason::NoHugePage(pool), _) => {
                draft.message(format_args!("{}: no huge page of {} is free", Accessed(fault), Bytes(self.page)));
                draft.note(format_args!(
                    "the pool has {} pages, of which {} are free and {} reserved",
                    pool.total, pool.free, pool.reserved
                ));
                draft.help(format_args!(
                    "enlarge the pool (vm.nr_hugepages); without MAP_NORESERVE mmap fails instead when there are not \
                     enough"
                ));
            }
            (Reason::Poisoned, _) => {
                draft.message(format_args!("{}: the hardware has lost the memory (a machine check)", Accessed(fault)));
                draft.help(format_args!("see the kernel's log (dmesg) and have the machine's memory checked"));
            }
            (Reason::Injected, _) => {
                draft.message(format_args!("{} in memory that was made to fail (inject=)", Accessed(fault)));
                draft.note(format_args!(
                    "so it is where a mapped file has been cut, a disk is full, or the pool of huge pages is empty"
                ));
                draft.help(format_args!("to survive it, handle SIGBUS around the access, or read(2) the file instead"));
            }
            (_, file) => self.tell_unknown(file, fault, draft),
        }
        note_there(self.known.as_ref(), self.there.as_ref(), draft);
        if self.known.is_none() && !self.is_loaded() {
            draft.note(format_args!(
                "the mapping was made by no call that was seen (one inside libc, or a raw system call), so how long \
                 the file was then is not known"
            ));
        }
        if self.known.is_none()
            && let Some(changed) = self.file.and_then(|file| file.changed)
        {
            let against = match changed.is_since_start {
                Some(true) => ", after the program had started",
                Some(false) => ", before the program started",
                None => "",
            };
            draft.note(format_args!("the contents of the file were last changed {}{against}", Ago(changed.passed)));
        }
    }

    /// Says that a page past the end was accessed.
    fn tell_past_end(&self, file: &FaultedFile, fault: &Fault, draft: &mut Draft) {
        let (name, access, byte) = (self.name(), Accessed(fault), file.byte);
        let reached = self.had_reached();
        match file.now {
            Some(now) if reached => draft.message(format_args!(
                "{access}: byte {byte} of {name}, which was shortened after it was mapped: it had {} bytes and has \
                 {now}",
                file.largest
            )),
            Some(now) => draft.message(format_args!(
                "{access}: byte {byte} of {name}, which has {now} bytes: the page lies past the end of the file"
            )),
            None => draft.message(format_args!(
                "{access}: byte {byte} of {name}, which had {} bytes when it was mapped: the page lay past the end of \
                 the file",
                file.largest
            )),
        }
        if let Some(now) = file.now {
            draft.note(format_args!(
                "the access is {} past the end of the file",
                ByteCount(byte.wrapping_sub(now).wrapping_add(1))
            ));
        } else {
            self.note_out_of_sight(draft);
        }
        if reached {
            draft.help(format_args!(
                "do not shorten a file that is mapped (ftruncate, O_TRUNC, cp over it): write a new file and rename(2) \
                 it into place; use read(2) for files that others may shorten"
            ));
            return;
        }
        note_sizes(file, draft);
        let name = self.there.as_ref().map_or(&b""[..], Mapping::name);
        if self.known.is_none() && name.starts_with(b"/dev/shm/sem.") {
            draft.help(format_args!(
                "the file bears the name of a semaphore of sem_open and is too short for one: remove it, and let \
                 sem_open(O_CREAT) make it"
            ));
        } else if self.is_writable() {
            draft.help(format_args!(
                "give the file its length, ftruncate(fd, length), before anything is accessed, and map no more than it \
                 has"
            ));
        } else if self.known.is_none() {
            draft.help(format_args!(
                "do not shorten a file that is in use: write a new one and rename(2) it into place; map no more than \
                 its length (fstat)"
            ));
        } else {
            draft.help(format_args!("access no more than the file's length (fstat), and map no more"));
        }
    }

    /// Says that a page of a loaded object is gone.
    fn tell_loaded(&self, file: &FaultedFile, fault: &Fault, draft: &mut Draft) {
        let (name, access, byte) = (self.name(), Accessed(fault), file.byte);
        draft.message(format_args!(
            "{access}: byte {byte} of {name}, a loaded object, whose file has only {} bytes now",
            file.now.unwrap_or(0)
        ));
        if self.is_incomplete() {
            draft.note(format_args!("the loader mapped this page as part of it: the file was not complete then"));
            draft.help(format_args!(
                "write the library anew: a file that was cut short is left by a full disk, or by a copy that did not \
                 end"
            ));
            return;
        }
        draft.note(format_args!(
            "the loader mapped this page as part of it: the file was shortened or overwritten since, or never was \
             complete"
        ));
        draft.help(format_args!(
            "replace a library by writing a new file and renaming it into place, as install(1) and mv do; cp writes \
             into the file that is in use"
        ));
    }

    /// Says that the file is long enough by now.
    fn tell_passed(&self, file: &FaultedFile, fault: &Fault, draft: &mut Draft) {
        let (name, access, byte) = (self.name(), Accessed(fault), file.byte);
        let now = file.now.unwrap_or(0);
        if self.had_reached() {
            draft.message(format_args!(
                "{access}: byte {byte} of {name}, which has {now} bytes now, and was probably shorter at the moment of \
                 the access"
            ));
        } else {
            draft.message(format_args!(
                "{access}: byte {byte} of {name}, which has {now} bytes now, and was probably still too short at the \
                 access"
            ));
        }
        note_sizes(file, draft);
        draft.note(format_args!(
            "the page can be read again; a read error or a full filesystem that has passed would leave no other trace"
        ));
        if self.had_reached() {
            draft.help(format_args!(
                "do not shorten a file that is mapped, not for a moment (ftruncate, O_TRUNC, fopen with \"w\"): \
                 overwrite it at its length, or write a new file and rename(2) it into place"
            ));
        } else {
            draft.help(format_args!(
                "wait until the file has its length (fstat) before you use the mapping; who creates it, sets its \
                 length before others can find it"
            ));
        }
    }

    /// Says that there is no room for the page.
    fn tell_full(&self, room: &Room, fault: &Fault, draft: &mut Draft) {
        let name = self.name();
        draft.message(format_args!(
            "{}: the filesystem of {name} is full, so the page can't be allocated",
            Accessed(fault)
        ));
        draft.note(format_args!("of its {}, {} are free", Bytes(room.total), Bytes(room.free)));
        if let Some(file) = self.file {
            draft.note(format_args!("byte {} of the file was accessed", file.byte));
        }
        draft.help(format_args!(
            "allocate before you map: posix_fallocate(fd, 0, length) fails with ENOSPC where ftruncate does not"
        ));
        if name.0.starts_with(b"/dev/shm/") {
            draft.help(format_args!(
                "or make /dev/shm larger: mount -o remount,size=SIZE /dev/shm; in a container, --shm-size"
            ));
        }
    }

    /// Says that nothing is known of the cause.
    fn tell_unknown(&self, file: Option<FaultedFile>, fault: &Fault, draft: &mut Draft) {
        let (name, access) = (self.name(), Accessed(fault));
        match file {
            Some(file) if file.is_special => {
                draft.message(format_args!(
                    "{access}: byte {} of {name}, a device, whose driver has no page for it",
                    file.byte
                ));
                draft.help(format_args!("see the driver's documentation, and the kernel's log (dmesg)"));
                return;
            }
            Some(file @ FaultedFile { now: None, .. }) => {
                draft.message(format_args!("{access}: the page of byte {} of {name} is not available", file.byte));
                self.note_out_of_sight(draft);
                if let Some(mapped) = file.mapped {
                    draft.note(format_args!(
                        "it had {mapped} bytes when it was mapped, and may have been shortened since"
                    ));
                }
            }
            Some(file) => {
                draft.message(format_args!(
                    "{access}: byte {} of {name} is inside the file, and its page is not available",
                    file.byte
                ));
                note_sizes(&file, draft);
            }
            None => {
                draft.message(format_args!("{access}: the page is not available"));
                draft.note(format_args!(
                    "a userfaultfd(2) that is to raise SIGBUS, a read error of the swap device, or a lack of memory \
                     does that"
                ));
                draft.help(format_args!("see the kernel's log (dmesg)"));
                return;
            }
        }
        draft.note(format_args!("an I/O error, a file server that is gone, a quota, or a lack of memory does that"));
        draft.help(format_args!("see the kernel's log (dmesg)"));
    }

    /// Says why the file can't be looked at.
    fn note_out_of_sight(&self, draft: &mut Draft) {
        if self.there.is_some() {
            draft.note(format_args!(
                "its length now is not known: no descriptor and no name that leads to it was found"
            ));
        } else {
            draft.note(format_args!("its length now is not known: no descriptor leads to it, and /proc can't be read"));
        }
    }
}

/// Tells the lengths that were seen.
fn note_sizes(file: &FaultedFile, draft: &mut Draft) {
    let Some(mapped) = file.mapped else { return };
    let between = if file.largest > mapped { file.largest } else { 0 };
    match (file.now, between) {
        (Some(now), 0) => draft.note(format_args!(
            "the file had {mapped} bytes when it was mapped, and has {now} now; what it had in between was not seen"
        )),
        (Some(now), between) => draft.note(format_args!(
            "the file had {mapped} bytes when it was mapped, {between} when it was mapped again, and has {now} now"
        )),
        (None, _) => {}
    }
}

/// Shows how long ago something was, in nanoseconds.
pub(super) struct Ago(pub(super) u64);

impl fmt::Display for Ago {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.wrapping_div(1_000_000);
        match i64::try_from(milliseconds.wrapping_div(1000)) {
            Ok(seconds @ 10..) => write!(f, "{} ago", Span(seconds)),
            _ => write!(f, "{}.{:03} seconds ago", milliseconds.wrapping_div(1000), milliseconds % 1000),
        }
    }
}

/// Whether the kernel says that the memory itself is lost.
fn is_poisoned(fault: &Fault) -> bool {
    matches!(fault.code, libc::BUS_MCEERR_AR | libc::BUS_MCEERR_AO)
}

/// Whether the byte at an address can be read now.
fn can_be_read(address: usize) -> bool {
    mapping_at(address).is_some_and(|there| there.is_readable()) && sys::read_memory(address, &mut [0]) == Ok(1)
}
