//! Faults: what an access that the hardware refused has to do with the program's mappings, or with a failed call.
//!
//! The kernel has just been asked, by the access itself: `si_code` says whether there was a mapping. Its list and the
//! tracker say which, and whose. A fault that has to do with neither is the program's own business.

mod file;
mod overrun;

use super::known::{tell_gone, tell_mapped};
use super::memory::Shown;
use crate::call::{ErrnoName, Fault, Prot};
use crate::facts::mapping::{Mapping, Mappings};
use crate::fault::Access;
use crate::harden::{self, Kind};
use crate::report::{Draft, Place};
use crate::track::failures::{self, Failed, Failure};
use crate::track::{self, By, Known, KnownGone};
use core::ffi::c_int;
use core::fmt;
use file::FileFault;
use mapsan_model::{Rule, Severity};
use overrun::Overrun;

/// How far outside a mapping an access still has to do with it, in bytes.
const NEAR: usize = 64 * 1024;

/// What a fault is due to.
pub(crate) enum Cause {
    /// The result of a call that failed was used.
    MapFailed(Failed, Failure),
    /// What was there has been released.
    Released(KnownGone),
    /// What was there has been released by a call that was not seen.
    Vanished(Known),
    /// The access runs out of a mapping.
    Overrun(Overrun),
    /// The mapping forbids the access.
    Protection(Known, Option<Mapping>),
    /// SIGBUS: the mapping has no page there.
    File(FileFault),
}

/// Finds out what a fault is due to; `None` if it has nothing to do with the program's mappings.
pub(crate) fn cause(fault: &Fault) -> Option<Cause> {
    if fault.signal == libc::SIGBUS {
        return FileFault::of(fault).map(Cause::File);
    }
    // Others do not tell an address.
    if !(Fault::MAPERR..=Fault::PKUERR).contains(&fault.code) {
        return None;
    }
    let address = fault.address;
    // MAP_FAILED and what it points to, modulo 2^64; a null pointer is another matter.
    if address != 0
        && address.wrapping_add(1) < NEAR
        && let Some((kind, failure)) = failures::last_of(&[Failed::Mmap, Failed::Mremap, Failed::Shmat])
    {
        return Some(Cause::MapFailed(kind, failure));
    }
    let there = Mappings::open().and_then(|mappings| mappings.at(address));
    let known = track::at(address);
    if fault.code == Fault::MAPERR {
        return match (known, there) {
            (Some(known), None) => Some(Cause::Vanished(known)),
            (Some(_), Some(_)) => None,
            (None, _) => track::last_gone(address)
                .map(Cause::Released)
                .or_else(|| Overrun::of_neighbour(address).map(Cause::Overrun)),
        };
    }
    let Some(known) = known else {
        return match harden::held(address)? {
            Kind::Quarantined => track::last_gone(address).map(Cause::Released),
            kind => Overrun::into_own_guard(address, kind).map(Cause::Overrun),
        };
    };
    let prot = there.as_ref().map_or(known.entry.prot, Mapping::prot);
    if prot == 0
        && let Some(overrun) = Overrun::into_guard(address)
    {
        return Some(Cause::Overrun(overrun));
    }
    let allowed = match fault.machine.access() {
        Access::Read => libc::PROT_READ,
        Access::Write => libc::PROT_WRITE,
        Access::Execute => libc::PROT_EXEC,
        Access::Unknown => 0,
    };
    let allows = |prot: u8| c_int::from(prot) & allowed != 0;
    // Another thread may have given the right meanwhile, or a protection key forbids what the mapping allows.
    let forbidden = fault.code == Fault::PKUERR || !allows(prot) || !allows(known.entry.prot);
    forbidden.then_some(Cause::Protection(known, there))
}

/// Shows what memory is or was, without its range: `a mapping of 8192 bytes`, `segment 5 of 512 bytes`.
struct What<'a>(&'a Known);

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.origin.by, self.0.file) {
            (By::Shmat, Some(file)) => write!(f, "segment {} of {} bytes", file.inode, file.size),
            (_, Some(_)) => write!(f, "a file mapping of {} bytes", self.0.origin.length),
            _ => write!(f, "a mapping of {} bytes", self.0.origin.length),
        }
    }
}

/// Shows an access and its address: `write to 0x7f00`.
struct Accessed<'a>(&'a Fault);

impl fmt::Display for Accessed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let access = self.0.machine.access();
        let preposition = if access == Access::Write { "to" } else { "of" };
        write!(f, "{} {preposition} {:#x}", access.name(), self.0.address)
    }
}

/// How far into a mapping, as the call gave it, an address lies.
fn into(known: &Known, address: usize) -> usize {
    address.wrapping_sub(known.origin.base)
}

/// Tells of a mapping that is there: as the kernel has it, and where it was made.
fn tell_there(known: &Known, there: Option<&Mapping>, draft: &mut Draft) {
    if let Some(there) = there {
        draft.mapping(there);
        draft.note(format_args!("the mapping: {}", Shown(there)));
        if known.file.is_some() && known.origin.by != By::Shmat {
            draft.note(format_args!("it starts at byte {} of the file", there.offset));
        }
    }
    tell_mapped(known, draft);
}

/// Tells of a mapping that is gone: what it was, as far as that is remembered, and where it was made.
fn tell_was(known: &Known, draft: &mut Draft) {
    let entry = known.entry;
    let length = entry.end.wrapping_sub(entry.start);
    let prot = Prot(c_int::from(entry.prot));
    let what = What(known);
    match known.file.filter(|_| known.origin.by != By::Shmat) {
        Some(file) => draft.note(format_args!(
            "there was {what}, {prot}, at {:#x}-{:#x} ({length} bytes), from byte {} of the file with inode {} on device \
             {}:{}",
            entry.start,
            entry.end,
            file.offset,
            file.inode,
            file.device >> 20,
            file.device & 0xf_ffff
        )),
        None => draft.note(format_args!(
            "there was {what}, {prot}, at {:#x}-{:#x} ({length} bytes)",
            entry.start, entry.end
        )),
    }
    tell_mapped(known, draft);
}

impl Cause {
    /// The rule that is broken.
    pub(crate) fn rule(&self) -> Rule {
        match self {
            Cause::MapFailed(..) => Rule::FaultMapFailed,
            Cause::Released(gone) if gone.was.origin.by == By::Shmat => Rule::FaultAfterDetach,
            Cause::Vanished(known) if known.origin.by == By::Shmat => Rule::FaultAfterDetach,
            Cause::Released(_) | Cause::Vanished(_) => Rule::FaultAfterUnmap,
            Cause::Overrun(_) => Rule::FaultOverrun,
            Cause::Protection(..) => Rule::FaultProtection,
            Cause::File(fault) => fault.rule(),
        }
    }

    /// The severity of the finding.
    pub(crate) fn severity(&self) -> Severity {
        match self.rule() {
            Rule::FaultMemory => Severity::Note,
            _ => Severity::Error,
        }
    }

    /// Says what happened.
    pub(crate) fn tell(&self, fault: &Fault, draft: &mut Draft) {
        match self {
            Cause::MapFailed(kind, failure) => map_failed(*kind, failure, fault, draft),
            Cause::Released(gone) => released(gone, fault, draft),
            Cause::Vanished(known) => vanished(known, fault, draft),
            Cause::Overrun(overrun) => overrun.tell(fault, draft),
            Cause::Protection(known, there) => protection(known, there.as_ref(), fault, draft),
            Cause::File(file) => file.tell(fault, draft),
        }
    }
}

fn map_failed(kind: Failed, failure: &Failure, fault: &Fault, draft: &mut Draft) {
    let function = kind.function();
    let result = if kind == Failed::Shmat { "(void *) -1" } else { "MAP_FAILED" };
    match fault.address.wrapping_add(1) {
        0 => draft
            .message(format_args!("{}, which is {result}: {function} failed, and its result is used", Accessed(fault))),
        offset => draft.message(format_args!(
            "{}, which is {result} + {offset}: {function} failed, and its result is used",
            Accessed(fault)
        )),
    }
    draft.place(failure.site, format_args!("the last {function} that failed ({})", ErrnoName(failure.errno)));
    if fault.address != usize::MAX && !fault.machine.holds(usize::MAX) {
        draft.note(format_args!("a null pointer with an offset of {} bytes gives this address, too", fault.address));
    }
    draft.note(format_args!(
        "a call that fails gives (void *) -1, not NULL: a test for NULL or for < 0 does not see it"
    ));
    draft.help(format_args!("after {function}: if (p == {result}) {{ perror(\"{function}\"); exit(1); }}"));
}

fn released(gone: &KnownGone, fault: &Fault, draft: &mut Draft) {
    let was = &gone.was;
    let into = into(was, fault.address);
    let (state, help) = match gone.gone.by {
        _ if was.origin.by == By::Shmat => ("detached", "let nobody use the pointer after shmdt"),
        By::Mremap => ("moved away by mremap", "use the address that mremap returned; the old one is no longer mapped"),
        _ => ("unmapped", "let nobody use the pointer after munmap; set it to NULL there"),
    };
    draft.message(format_args!("{}, which is {state}: it was {into} bytes into {}", Accessed(fault), What(was)));
    tell_gone(gone, draft);
    tell_was(was, draft);
    draft.help(format_args!("{help}"));
}

fn vanished(known: &Known, fault: &Fault, draft: &mut Draft) {
    draft.message(format_args!(
        "{}, which is no longer mapped: it was {} bytes into {}",
        Accessed(fault),
        into(known, fault.address),
        What(known)
    ));
    tell_was(known, draft);
    draft.note(format_args!("who unmapped it is not known: no call that was seen did"));
}

fn protection(known: &Known, there: Option<&Mapping>, fault: &Fault, draft: &mut Draft) {
    let prot = there.map_or(known.entry.prot, Mapping::prot);
    draft.message(format_args!(
        "{} in memory that is mapped {}: {} bytes into {}",
        Accessed(fault),
        Prot(c_int::from(prot)),
        into(known, fault.address),
        What(known)
    ));
    if fault.code == Fault::PKUERR {
        draft.note(format_args!("a protection key of the thread forbids it (pkeys(7))"));
    }
    let given = track::protection(fault.address, prot);
    if let Some(given) = &given {
        let place = Place { start: given.range.start, length: given.range.length(), ..Place::of_site(given.site) };
        draft.place_of(place, format_args!("protected here"));
    }
    tell_there(known, there, draft);
    let right = match fault.machine.access() {
        Access::Write => "PROT_WRITE",
        Access::Execute => "PROT_EXEC",
        Access::Read | Access::Unknown => "PROT_READ",
    };
    if known.origin.by == By::Shmat && given.is_none() && prot & 2 == 0 {
        draft.note(format_args!("the segment was attached with SHM_RDONLY"));
        draft.help(format_args!("attach it without SHM_RDONLY where it is written"));
    } else if prot == 0 {
        draft.help(format_args!("commit the memory before it is used: mprotect(address, length, {right})"));
    } else {
        draft.help(format_args!("map it with {right}, or give it that by mprotect before"));
    }
}
