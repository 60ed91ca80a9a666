//! prot and flags in each other's place. Both are small numbers, so the kernel refuses what it makes of them, or maps it.

use crate::call::{MAP_TYPE, MapFlags, Mmap, Prot};
use crate::form::Draft;
use core::ffi::c_int;

const PROTECTION: c_int = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
const BOTH: c_int = libc::MAP_SHARED | libc::MAP_PRIVATE;

/// How sure it is that prot and flags are swapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Swap {
    /// prot holds bits that only flags have.
    Certain,
    /// Each can be the other, and the flags are none that a program would ask for.
    Likely,
}

impl Mmap {
    /// Whether prot holds only bits that make flags, and flags only those of a protection.
    pub(super) fn swap(&self) -> Option<Swap> {
        let known = MapFlags::ALL | BOTH;
        if self.prot & BOTH == 0 || self.prot & !known != 0 || self.flags & !PROTECTION != 0 {
            return None;
        }
        if self.prot & !MAP_TYPE != 0 {
            return Some(Swap::Certain);
        }
        // MAP_SHARED and MAP_PRIVATE are PROT_READ and PROT_WRITE, too. Type 3 is for MAP_SYNC alone, 4 to 7 are none.
        (self.prot & MAP_TYPE != BOTH && self.flags >= BOTH).then_some(Swap::Likely)
    }

    /// The headline of swapped arguments; whether they are.
    pub(super) fn tell_swapped(&self, draft: &mut Draft) -> bool {
        let (prot, flags) = (Prot(self.flags), MapFlags(self.prot));
        match self.swap() {
            Some(Swap::Certain) => {
                draft.message(format_args!("prot and flags are swapped: prot is {flags}, and flags is {prot}"));
            }
            Some(Swap::Likely) => draft.message(format_args!(
                "prot and flags look swapped: flags is {}, which is {prot}, and prot is {}, which is {flags}",
                self.flags, self.prot
            )),
            None => return false,
        }
        draft.help(format_args!("pass the protection first: mmap(address, length, {prot}, {flags}, ...)"));
        true
    }

    /// As [`Mmap::tell_swapped`], for a call that the kernel has refused for what it made of the two.
    pub(super) fn tell_swapped_and_refused(&self, draft: &mut Draft) -> bool {
        let is_swapped = self.tell_swapped(draft);
        if is_swapped {
            draft.note(format_args!(
                "so the kernel was asked for {} and {} of descriptor {}, and refused that",
                Prot(self.prot),
                MapFlags(self.flags),
                self.fd
            ));
        }
        is_swapped
    }

    /// Says it beside another cause.
    pub(super) fn note_swapped(&self, draft: &mut Draft) {
        if self.swap().is_some() {
            draft.note(format_args!(
                "prot and flags look swapped, too: the protection comes first, mmap(address, length, {}, {}, ...)",
                Prot(self.flags),
                MapFlags(self.prot)
            ));
        }
    }

    /// Says of `PROT_WRITE` and `MAP_SHARED` what they are in each other's place; whether it is them.
    pub(super) fn note_maybe_swapped(&self, draft: &mut Draft) -> bool {
        let may_be = self.prot == libc::MAP_PRIVATE && self.flags == libc::PROT_READ;
        if may_be {
            draft.note(format_args!(
                "prot is 2 and flags is 1, which are MAP_PRIVATE and PROT_READ, too: the two may be swapped"
            ));
        }
        may_be
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swapped_arguments_are_told_from_others() {
        const RW: c_int = libc::PROT_READ | libc::PROT_WRITE;
        const ANONYMOUS: c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let swap = |prot, flags| Mmap { address: 0, length: 1, prot, flags, fd: -1, offset: 0 }.swap();
        for (prot, flags, expected) in [
            (ANONYMOUS, RW, Some(Swap::Certain)),
            (ANONYMOUS | libc::MAP_NORESERVE, libc::PROT_NONE, Some(Swap::Certain)),
            (libc::MAP_SHARED | libc::MAP_POPULATE, libc::PROT_READ, Some(Swap::Certain)),
            (libc::MAP_SHARED, RW, Some(Swap::Likely)),
            (libc::MAP_PRIVATE, libc::PROT_READ | libc::PROT_EXEC, Some(Swap::Likely)),
            (libc::PROT_READ, libc::MAP_SHARED, None),
            (libc::PROT_WRITE, libc::MAP_SHARED, None),
            (libc::PROT_READ, 0, None),
            (RW, libc::MAP_SHARED | libc::MAP_PRIVATE, None),
            (RW, ANONYMOUS, None),
            (RW | libc::PROT_GROWSDOWN, libc::MAP_SHARED, None),
        ] {
            assert_eq!(swap(prot, flags), expected, "{prot:#x} {flags:#x}");
        }
    }
}
