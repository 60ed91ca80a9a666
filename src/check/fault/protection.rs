//! Accesses that the protection of live memory forbids.

use super::words::{Accessed, OffsetInto, Rights, note_advised_guard, tell_hint};
use super::{NEAR, allows, note_there};
use crate::call::Fault;
use crate::check::provenance::{note_last_page, note_mapped, note_protected};
use crate::facts::Module;
use crate::facts::mapping::{self, Mapping, Mappings};
use crate::form::Draft;
use crate::machine::{Access, Architecture, Machine};
use crate::observe::tracked;
use crate::plain::page::page_start;
use crate::track::{By, Protection, Protector, TrackedRange};
use core::ffi::c_int;

/// An access to live memory whose protection forbids it.
pub(crate) struct Forbidden {
    /// What the program has mapped there; `None` for memory of libc's or the loader's that it has protected.
    known: Option<TrackedRange>,
    there: Option<Mapping>,
    /// The call of mprotect that gave it its protection.
    given: Option<Protection>,
    /// Whether it is a guard of madvise(2).
    is_guard: bool,
}

impl Forbidden {
    /// An access to a mapping of the program's.
    pub(super) fn of_own(fault: &Fault, known: &TrackedRange, there: Option<&Mapping>) -> Forbidden {
        let prot = there.map_or(known.entry.prot, Mapping::prot);
        let given = tracked::protection(fault.address, prot, Some(known.origin.serial));
        Forbidden { known: Some(*known), there: there.copied(), given, is_guard: false }
    }

    /// An access to a guard of madvise(2), far from what can be accessed.
    pub(super) fn of_guard(known: &TrackedRange, there: &Mapping) -> Forbidden {
        Forbidden { known: Some(*known), there: Some(*there), given: None, is_guard: true }
    }

    /// An access to memory that the program has not mapped by a call that was seen; `None` unless it has protected it.
    pub(super) fn of_foreign(fault: &Fault, there: &Mapping) -> Option<Forbidden> {
        // A key forbids what the mapping allows.
        if fault.code != Fault::PKUERR && allows(fault, there.prot()) {
            return None;
        }
        let given = tracked::protection(fault.address, there.prot(), None)?;
        Some(Forbidden { known: None, there: Some(*there), given: Some(given), is_guard: false })
    }

    fn rights(&self) -> Option<Rights> {
        self.there.as_ref().map(Rights::of).or_else(|| self.known.as_ref().map(Rights::of_known))
    }

    fn prot(&self) -> c_int {
        let known = self.known.as_ref().map_or(0, |known| known.entry.prot);
        c_int::from(self.there.as_ref().map_or(known, Mapping::prot))
    }

    /// Says what happened.
    pub(super) fn tell(&self, fault: &Fault, draft: &mut Draft) {
        let access = Accessed(fault);
        let Some(rights) = self.rights() else { return };
        let key = match fault.code {
            Fault::PKUERR => ", and closed to this thread by a protection key",
            _ if self.is_guard => ", and closed by MADV_GUARD_INSTALL",
            _ => "",
        };
        match &self.known {
            Some(known) => draft.message(format_args!(
                "{access} in memory that is {rights}{key}: it is {}",
                OffsetInto(known, fault.address)
            )),
            None => draft.message(format_args!(
                "{access} in memory that is {rights}{key}: the program's own {} has made {} so",
                self.by(),
                self.foreign(fault)
            )),
        }
        if let Some(given) = &self.given {
            note_protected("", given, draft);
            // What closes memory to a thread is what the key was given to.
            if fault.code != Fault::PKUERR || given.by == Protector::PkeyMprotect {
                note_last_page(given.by.function(), &given.range, fault.address, draft);
            }
        }
        note_there(self.known.as_ref(), self.there.as_ref(), draft);
        self.tell_remedy(fault, draft);
    }

    /// The call that gave it its protection.
    fn by(&self) -> &'static str {
        self.given.as_ref().map_or("mprotect", |given| given.by.function())
    }

    /// What memory is that the program did not map.
    fn foreign(&self, fault: &Fault) -> &'static str {
        match self.there.as_ref().map(Mapping::name) {
            Some(b"[heap]") => "this part of the heap",
            _ if is_on_stack(fault) => "this part of the stack",
            _ if Module::find(fault.address).is_some() => "this part of the program or a library",
            Some(name) if name.starts_with(b"/") => "this part of a loaded file",
            _ => "it",
        }
    }

    fn tell_remedy(&self, fault: &Fault, draft: &mut Draft) {
        let right = right_for(fault);
        let writes = fault.registers.access() == Access::Write;
        if fault.code == Fault::PKUERR {
            if self.prot() == libc::PROT_EXEC {
                draft.note(format_args!("memory that is mapped with PROT_EXEC alone can't be read on this machine"));
                draft.help(format_args!("map it with PROT_READ|PROT_EXEC if it is to be read"));
            } else {
                draft.note(format_args!(
                    "each thread has its own rights to a key (pkeys(7)): those of another do not count"
                ));
                draft.help(format_args!("open the key in this thread before the access, with pkey_set(3)"));
            }
            return;
        }
        if self.is_guard {
            note_advised_guard(fault.address, draft);
            draft.help(format_args!("open it first with MADV_GUARD_REMOVE, or use other memory"));
            return;
        }
        let by = self.by();
        let Some(known) = &self.known else {
            draft.note(format_args!(
                "{by} changes whole pages, and malloc's blocks and variables share pages with others"
            ));
            draft.help(format_args!(
                "give {by} memory that shares no page with anything else, from mmap; or, if this access is meant, \
                 give it {right} first"
            ));
            return;
        };
        if fault.address.wrapping_sub(known.entry.start) < NEAR {
            self.note_below(known, draft);
        }
        if tell_hint(fault.address, draft) {
            return;
        }
        if known.origin.by == By::Shmat && known.origin.flags & libc::SHM_RDONLY != 0 && writes {
            draft.note(format_args!("the segment was attached with SHM_RDONLY"));
            draft.help(format_args!("attach it without SHM_RDONLY where it is written"));
        } else if self.given.is_some() && allows(fault, known.origin.prot) {
            help_protected(by, fault, draft);
        } else if self.given.is_some() {
            draft.help(format_args!("let that {by}, or another before the access, give it {right}"));
        } else if self.prot() == 0 {
            if known.origin.prot == 0 {
                draft.note(format_args!("it was mapped with PROT_NONE"));
            } else {
                draft.note(format_args!("which call took the access away is not remembered"));
            }
            draft.help(format_args!("make the part that is used accessible first: mprotect(address, length, {right})"));
        } else if writes {
            tell_how_to_write(fault.address, draft);
        } else {
            draft.help(format_args!("map it with PROT_READ, too, or make it readable first with mprotect"));
        }
    }

    /// Tells of accessible memory that ends where this mapping starts: the access may have come from there.
    fn note_below(&self, known: &TrackedRange, draft: &mut Draft) {
        let (Some(below), _) = tracked::neighbours(known.entry.start) else { return };
        if self.prot() == 0 && below.entry.end == known.entry.start && below.entry.prot & 3 == 3 {
            draft.note(format_args!(
                "memory that can be accessed ends at {:#x}, where this mapping starts: the access may have run out \
                 of it",
                below.entry.end
            ));
            note_mapped(&below, draft);
        }
    }
}

/// The protection that an access needs.
fn right_for(fault: &Fault) -> &'static str {
    if fault.registers.access() == Access::Write { "PROT_READ|PROT_WRITE" } else { "PROT_READ" }
}

/// Says what helps where a call has taken access away that the memory was mapped with.
pub(super) fn help_protected(by: &str, fault: &Fault, draft: &mut Draft) {
    draft.help(format_args!(
        "access it before that {by}, or give the access back first: mprotect(address, length, {})",
        right_for(fault)
    ));
}

/// Whether an address lies in the part of a stack that is in use: what is mapped without a gap from the stack pointer up, as far
/// as the thread's control block or the end of the main stack. The kernel names only one piece of that one.
fn is_on_stack(fault: &Fault) -> bool {
    /// Changes of protection make several of one.
    const MOST: usize = 64;
    let (pointer, address, block) = (fault.registers.stack(), fault.address, Machine::thread_pointer());
    let Some(mappings) = Mappings::open().filter(|_| page_start(pointer) <= address) else { return false };
    let mut at = pointer;
    for _ in 0..MOST {
        let Some(there) = mappings.at(at) else { return false };
        if pointer < block && there.contains(block) {
            return address < block;
        }
        if there.name().starts_with(b"[stack") {
            return address < there.end;
        }
        at = there.end;
    }
    false
}

/// Says how memory that is mapped without `PROT_WRITE` can be written, as far as the kernel would let it.
fn tell_how_to_write(address: usize, draft: &mut Draft) {
    match mapping::lacks_flag(address, address.saturating_add(1), *b"mw").map(|lacks| !lacks) {
        Some(true) => draft.help(format_args!(
            "if it is to be written, make it writable first with mprotect, or map it with PROT_READ|PROT_WRITE"
        )),
        Some(false) => {
            draft.note(format_args!(
                "it can't be made writable: it is shared, and its descriptor was not open for writing or its file is \
                 sealed"
            ));
            draft.help(format_args!(
                "to change the file, open it with O_RDWR and map that with PROT_WRITE; to change a copy, map with \
                 MAP_PRIVATE"
            ));
        }
        None => draft.help(format_args!(
            "if it is to be written, map it with PROT_READ|PROT_WRITE; sharing a file so takes a descriptor opened \
             with O_RDWR"
        )),
    }
}
