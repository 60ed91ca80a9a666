//! Jumps to where there is no code: what was there, as far as that is known, and what is there now.

use super::words::{OffsetInto, Rights, note_removed};
use super::{LOWEST, is_later};
use crate::call::Fault;
use crate::check::memory::{Lookup, Named, ShownMapping, look_up, mapping_at};
use crate::check::provenance::{note_gone, note_mapped, note_protected};
use crate::facts::mapping::Mapping;
use crate::form::Draft;
use crate::harden;
use crate::observe::tracked;
use crate::plain::escape::Quoted;
use crate::track::{By, Library, Protection, ReleasedMapping, TrackedRange};
use core::fmt;

/// An instruction fetch where nothing is mapped, or nothing executable.
pub(crate) struct Jump {
    now: Option<Mapping>,
    /// What the program has mapped there.
    known: Option<TrackedRange>,
    former: Former,
    /// The call of mprotect that gave what is there its protection.
    given: Option<Protection>,
}

/// What was there.
#[expect(clippy::large_enum_variant, reason = "there is no heap; one of them lives at a time")]
enum Former {
    /// A shared object, until dlclose.
    Library(Library),
    /// A mapping of the program's.
    Mapping(ReleasedMapping),
    Unknown,
}

impl Jump {
    /// Looks at a fetch; `None` if it is one through a null pointer, or if there is code by now.
    pub(super) fn of(fault: &Fault) -> Option<Jump> {
        let address = fault.address;
        // What the library holds itself is nothing to the program.
        let now = mapping_at(address).filter(|_| harden::held(address).is_none());
        let executable = now.as_ref().is_some_and(|there| there.prot() & 4 != 0);
        if executable && fault.code != Fault::PKUERR {
            return None;
        }
        let known = tracked::at(address);
        let former = match (tracked::removed_library(address), tracked::last_gone(address)) {
            // A pointer to code outlives the library more likely than one to data.
            (Some(library), Some(gone)) if is_later(gone.gone.time, library.time) && gone.was.entry.prot & 4 != 0 => {
                Former::Mapping(gone)
            }
            (Some(library), _) => Former::Library(library),
            (None, Some(gone)) => Former::Mapping(gone),
            (None, None) => Former::Unknown,
        };
        if address < LOWEST && known.is_none() && matches!(former, Former::Unknown) {
            return None;
        }
        let prot = now.as_ref().map_or(0, Mapping::prot);
        let since = known.as_ref().map(|known| known.origin.serial);
        let given = now.as_ref().and_then(|_| tracked::protection(address, prot, since));
        Some(Jump { now, known, former, given })
    }

    /// Says what happened.
    pub(super) fn tell(&self, fault: &Fault, draft: &mut Draft) {
        let address = fault.address;
        match &self.former {
            Former::Library(library) => {
                let name = Quoted(library.path());
                draft.message(format_args!("jump to {address:#x}, where {name} was until dlclose removed it"));
                note_removed(library, address, draft);
            }
            Former::Mapping(gone) => tell_mapping(gone, address, draft),
            Former::Unknown => match (&self.now, &self.known) {
                (Some(now), Some(known)) => draft.message(format_args!(
                    "jump to {address:#x}, {}, in memory that is {}, not executable",
                    OffsetInto(known, address),
                    NotExecutable(now)
                )),
                (Some(now), None) => draft.message(format_args!(
                    "jump to {address:#x}, in {}, which is {}, not executable",
                    ForeignMemory(now),
                    NotExecutable(now)
                )),
                (None, _) => draft.message(format_args!("jump to {address:#x}, where {}", WhyNotMapped(address))),
            },
        }
        self.note_what_is_there(address, draft);
        self.tell_remedy(fault, draft);
    }

    fn note_what_is_there(&self, address: usize, draft: &mut Draft) {
        let was_something = !matches!(self.former, Former::Unknown);
        match &self.now {
            None if was_something && matches!(look_up(address), Lookup::Unmapped) => {
                draft.note(format_args!("nothing is mapped there now"));
            }
            None => {}
            Some(now) => {
                draft.mapping(now);
                draft.note(format_args!("there is now: {}", ShownMapping(now)));
                if let Some(given) = &self.given {
                    note_protected("", given, draft);
                }
                if let Some(known) = &self.known {
                    note_mapped(known, draft);
                }
            }
        }
    }

    fn tell_remedy(&self, fault: &Fault, draft: &mut Draft) {
        match &self.former {
            Former::Library(_) => draft.help(format_args!(
                "call dlclose after the last use of what dlsym returned, and of callbacks, exit handlers and threads \
                 of the library; or keep it loaded with RTLD_NODELETE"
            )),
            Former::Mapping(_) => {
                draft.help(format_args!("unmap code only when no pointer to it and no thread in it is left"));
            }
            Former::Unknown => {
                let outside = fault.registers.refused_jump();
                if let Some((_, true)) = outside {
                    draft.note(format_args!("it was a return: its address on the stack was overwritten"));
                } else if outside.is_none() && fault.registers.caller().is_none() {
                    draft.note(format_args!(
                        "no call led there: a return address that was overwritten, or a jump through a wrong pointer, \
                         does that"
                    ));
                }
                draft.help(format_args!(
                    "find out where the pointer that was called, or the return address, got this value: a watchpoint \
                     in a debugger stops there"
                ));
            }
        }
    }
}

/// Says that the jump went to where a mapping of the program's has been.
fn tell_mapping(gone: &ReleasedMapping, address: usize, draft: &mut Draft) {
    let was = &gone.was;
    let state = match gone.gone.by {
        By::Shmdt => "detached",
        By::Mremap => "moved away by mremap",
        By::Mmap => "replaced by MAP_FIXED",
        By::Madvise => "kept back from this forked child (MADV_DONTFORK)",
        _ => "unmapped",
    };
    draft.message(format_args!("jump to {address:#x}, which was {}, until that was {state}", OffsetInto(was, address)));
    note_gone(gone, draft);
    draft.note(format_args!("it was {}", Rights::of_known(was)));
    note_mapped(was, draft);
}

/// Shows why nothing can be executed at an address where nothing is mapped.
struct WhyNotMapped(usize);

impl fmt::Display for WhyNotMapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const VSYSCALL: usize = 0xffff_ffff_ff60_0000;
        match (self.0 >> 48, self.0 & !0xfff) {
            (_, VSYSCALL) => f.write_str("only the entries of [vsyscall] can be called"),
            (0, _) => f.write_str("nothing is mapped"),
            (0xffff, _) => f.write_str("no program has memory: that half of the addresses is the kernel's"),
            _ => f.write_str("no memory can be: it is no address of this machine"),
        }
    }
}

/// Shows the rights of memory that can't be executed, without saying so.
struct NotExecutable<'a>(&'a Mapping);

impl fmt::Display for NotExecutable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.prot() & 3 {
            0 => "neither readable nor writable",
            1 => "readable",
            2 => "writable",
            _ => "readable and writable",
        })
    }
}

/// Shows memory that the program did not map itself.
struct ForeignMemory<'a>(&'a Mapping);

impl fmt::Display for ForeignMemory<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.name() {
            b"[heap]" => f.write_str("the heap"),
            b"[stack]" => f.write_str("the stack of the main thread"),
            _ if self.0.is_anonymous() => write!(f, "anonymous memory{}", Named(self.0)),
            name => write!(f, "{}", Quoted(name)),
        }
    }
}
