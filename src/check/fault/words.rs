//! The words that findings about faults share.

use crate::call::Fault;
use crate::check::ByteCount;
use crate::check::memory::{Named, mapping_at};
use crate::check::provenance::note_advised;
use crate::facts::limits::Bytes;
use crate::facts::mapping::Mapping;
use crate::form::Draft;
use crate::machine::Access;
use crate::observe::tracked;
use crate::plain::escape::Quoted;
use crate::track::{Advised, By, Library, Requested, TrackedRange};
use core::ffi::c_int;
use core::fmt;

/// Shows an access and its address: `write to 0x7f00`.
pub(super) struct Accessed<'a>(pub(super) &'a Fault);

impl fmt::Display for Accessed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let access = self.0.registers.access();
        let preposition = if matches!(access, Access::Write | Access::Execute) { "to" } else { "of" };
        write!(f, "{} {preposition} {:#x}", access.name(), self.0.address)
    }
}

/// Shows what memory is or was, without its range: `a mapping of 8192 bytes`, `segment 5 of 512 bytes`.
pub(super) struct RememberedMemory<'a>(pub(super) &'a TrackedRange);

impl fmt::Display for RememberedMemory<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.origin.by, self.0.file) {
            (By::Shmat, Some(file)) => write!(f, "segment {} of {}", file.inode, Bytes(file.size)),
            (_, Some(_)) => write!(f, "a file mapping of {}", Bytes(self.0.origin.length as u64)),
            _ => write!(f, "a mapping of {}", Bytes(self.0.origin.length as u64)),
        }?;
        // The kernel keeps the names of what is still there.
        let start = self.0.entry.start;
        let is_there = tracked::at(start).is_some_and(|known| known.origin.serial == self.0.origin.serial);
        let there = if is_there { mapping_at(start) } else { None };
        there.map_or(Ok(()), |there| Named(&there).fmt(f))
    }
}

/// Shows where in a mapping, as the call gave it, an address lies: `8 bytes into segment 5 of 512 bytes`.
pub(super) struct OffsetInto<'a>(pub(super) &'a TrackedRange, pub(super) usize);

impl fmt::Display for OffsetInto<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OffsetInto(known, address) = *self;
        match offset_into(known, address) {
            0 => write!(f, "at the start of {}", RememberedMemory(known)),
            bytes => write!(f, "{} into {}", ByteCount(bytes as u64), RememberedMemory(known)),
        }
    }
}

/// How far into a mapping, as the call gave it, an address lies.
pub(super) fn offset_into(known: &TrackedRange, address: usize) -> usize {
    address.wrapping_sub(known.origin.base)
}

/// Shows what may be done with memory: `readable, not writable, private`.
#[derive(Clone, Copy)]
pub(super) struct Rights {
    prot: c_int,
    is_shared: Option<bool>,
}

impl Rights {
    /// The rights that a mapping has by the kernel's list.
    pub(super) fn of(there: &Mapping) -> Rights {
        Rights { prot: c_int::from(there.prot()), is_shared: Some(there.is_shared()) }
    }

    /// The rights that a piece of a mapping has, or had, by what is remembered.
    pub(super) fn of_known(known: &TrackedRange) -> Rights {
        const TYPE: c_int = libc::MAP_SHARED | libc::MAP_PRIVATE;
        let is_shared = match known.origin.by {
            By::Shmat => Some(true),
            By::Mmap => Some(known.origin.flags & TYPE != libc::MAP_PRIVATE),
            // It is as it was where it was moved from.
            _ => None,
        };
        Rights { prot: c_int::from(known.entry.prot), is_shared }
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const READ: c_int = libc::PROT_READ;
        const WRITE: c_int = libc::PROT_WRITE;
        f.write_str(match self.prot & (READ | WRITE) {
            0 if self.prot & libc::PROT_EXEC != 0 => "executable, neither readable nor writable",
            0 => "not accessible (PROT_NONE)",
            READ if self.prot & libc::PROT_EXEC != 0 => "readable and executable, not writable",
            READ => "readable, not writable",
            WRITE => "writable",
            _ if self.prot & libc::PROT_EXEC != 0 => "readable, writable and executable",
            _ => "readable and writable",
        })?;
        f.write_str(match self.is_shared {
            Some(true) => ", shared",
            Some(false) => ", private",
            None => "",
        })
    }
}

/// Says that a mapping was asked for where the address lies, and is elsewhere, if that is so: the likeliest cause.
pub(super) fn tell_hint(address: usize, draft: &mut Draft) -> bool {
    let Some(meant) = tracked::meant_to_hold(address) else { return false };
    let Requested::Address(asked) = meant.requested else { return false };
    draft.related(
        meant.origin.by.function(),
        meant.origin.site,
        format_args!("a mapping was asked for at {asked:#x} here"),
    );
    draft.note(format_args!(
        "it would hold this address, but the address that mmap is given without MAP_FIXED is a hint, and the mapping \
         lies at {:#x}",
        meant.origin.base
    ));
    draft.help(format_args!(
        "compare what mmap returns with the address that was asked for; to have mappings side by side, reserve the \
         room for all with one mmap and place each in it with MAP_FIXED"
    ));
    true
}

/// Says that an access ran into a guard of madvise(2), and where that was installed.
pub(super) fn note_advised_guard(address: usize, draft: &mut Draft) {
    draft.note(format_args!("the access ran into a guard of madvise (MADV_GUARD_INSTALL)"));
    let since = tracked::at(address).map(|known| known.origin.serial);
    if let Some(by) = tracked::advice(address, Advised::Guarded, since) {
        note_advised(&by, format_args!("the guard was installed here"), draft);
    }
}

/// Tells where the shared object that was at an address was removed, and what was at the address.
pub(super) fn note_removed(library: &Library, address: usize, draft: &mut Draft) {
    let offset = address.wrapping_sub(library.start());
    draft.note(format_args!(
        "in that library the address was offset {offset:#x} (addr2line -f -e {} {offset:#x})",
        Quoted(library.path())
    ));
    match library.site() {
        Some(site) => draft.related("dlclose", site, format_args!("removed by dlclose here")),
        None => {
            draft.note(format_args!("several threads were inside dlclose then, so which call removed it is not known"));
        }
    }
}
