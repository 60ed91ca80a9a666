//! Faults: what an access that the hardware refused has to do with the program's mappings, or with a failed call.
//!
//! The kernel has just been asked, by the access itself: `si_code` says whether there was a mapping. Its list and the
//! tracker say which, and whose. A fault that has to do with neither is the program's own business.

mod code;
mod failed;
mod file;
mod inherited;
mod jump;
mod overrun;
mod protection;
mod released;
mod semaphore;
mod stack;
mod stored;
mod unexplained;
mod words;

use super::memory::{ShownMapping, mapping_at};
use super::provenance::note_mapped;
use crate::call::Fault;
use crate::facts::mapping::Mapping;
use crate::facts::pagemap;
use crate::form::Draft;
use crate::harden::{self, Purpose};
use crate::machine::Access;
use crate::observe::tracked;
use crate::past::failures::Failure;
use crate::track::{Advice, Advised, By, Library, ReleasedMapping, TrackedRange};
use code::ChangedCode;
use core::ffi::c_int;
use failed::FailedPointer;
use file::FileFault;
use jump::Jump;
use mapsan_model::{Rule, Severity};
use overrun::Overrun;
use protection::Forbidden;
use stack::{Looked, Overflow};
pub(crate) use unexplained::unexplained;

/// How far outside a mapping an access still has to do with it, in bytes.
const NEAR: usize = 64 * 1024;

/// The lowest address that a program without privileges may map (`vm.mmap_min_addr` as it is shipped): below it lies what
/// null pointers with an offset point to.
const LOWEST: usize = 64 * 1024;

/// What a fault is due to.
#[expect(clippy::large_enum_variant, reason = "there is no heap; one of them lives at a time")]
pub(crate) enum Cause {
    /// The result of a call that failed was used.
    MapFailed(FailedPointer),
    /// The result of a `sem_open` that failed was used.
    SemFailed(Failure),
    /// The processor went where there is no code.
    BadJump(Jump),
    /// What was there has been released.
    Released(ReleasedMapping),
    /// What was there has been released by a call that was not seen.
    Vanished(TrackedRange),
    /// The process was forked without it, and it is no mapping of the program's.
    NotInherited(Advice),
    /// What was there belonged to a shared object that dlclose removed.
    Unloaded(Library),
    /// The stack is used up.
    StackOverflow(Overflow),
    /// The access runs out of a mapping.
    Overrun(Overrun),
    /// The mapping forbids the access.
    Forbidden(Forbidden),
    /// SIGBUS: the mapping has no page there.
    File(FileFault),
}

/// Whether a fault is due to a stack that is used up.
pub(crate) fn cause_by_stack(fault: &Fault) -> Option<Cause> {
    match stack::look(fault) {
        Looked::Below(overflow) if fault.signal == libc::SIGSEGV => Some(Cause::StackOverflow(overflow)),
        _ => None,
    }
}

/// Finds out what a fault is due to; `None` if it has nothing to do with the program's mappings.
pub(crate) fn cause(fault: &Fault) -> Option<Cause> {
    if fault.signal == libc::SIGBUS {
        return FileFault::of(fault).map(Cause::File);
    }
    if fault.code == Fault::KERNEL && fault.registers.refused_jump().is_some() {
        return Jump::of(fault).map(Cause::BadJump);
    }
    // Others do not tell an address; and what zeros in the place of code do is not the program's.
    if !(Fault::MAPERR..=Fault::PKUERR).contains(&fault.code) || ChangedCode::cut(fault).is_some() {
        return None;
    }
    if let Some(failure) = semaphore::failed(fault) {
        return Some(Cause::SemFailed(failure));
    }
    if let Some(pointer) = FailedPointer::of(fault) {
        return Some(Cause::MapFailed(pointer));
    }
    if fault.registers.access() == Access::Execute {
        return Jump::of(fault).map(Cause::BadJump);
    }
    match stack::look(fault) {
        Looked::Below(overflow) => return Some(Cause::StackOverflow(overflow)),
        Looked::BelowUnknown => return None,
        Looked::Elsewhere => {}
    }
    if fault.code == Fault::MAPERR { not_mapped(fault) } else { forbidden(fault) }
}

/// The cause of a read or write where nothing is mapped.
fn not_mapped(fault: &Fault) -> Option<Cause> {
    let address = fault.address;
    match (tracked::at(address), mapping_at(address)) {
        (Some(known), None) => Some(Cause::Vanished(known)),
        (Some(known), Some(there)) => advised(address, &known, &there),
        // A guard of madvise(2) in memory of which nothing is known.
        (None, Some(_)) if pagemap::is_guard(address) => None,
        (None, _) => match (tracked::last_gone(address), tracked::removed_library(address)) {
            (Some(gone), Some(library)) if is_later(gone.gone.time, library.time) => Some(Cause::Released(gone)),
            (_, Some(library)) => Some(Cause::Unloaded(library)),
            (Some(gone), None) => Some(Cause::Released(gone)),
            (None, None) => match inherited::kept_back(address) {
                Some(by) => Some(Cause::NotInherited(by)),
                None => Overrun::where_nothing_is(fault).map(Cause::Overrun),
            },
        },
    }
}

/// The cause of a fault that says that nothing is mapped, where something is: a guard of madvise(2). If it is none, another
/// thread has mapped it meanwhile.
#[inline(never)]
fn advised(address: usize, known: &TrackedRange, there: &Mapping) -> Option<Cause> {
    if !is_advised_guard(address, known) {
        return None;
    }
    Some(match Overrun::into_advised_guard(address, known) {
        Some(overrun) => Cause::Overrun(overrun),
        None => Cause::Forbidden(Forbidden::of_guard(known, there)),
    })
}

/// Whether a page of a mapping is a guard of madvise(2): as the kernel says (since Linux 6.15), or as is remembered.
fn is_advised_guard(address: usize, known: &TrackedRange) -> bool {
    pagemap::is_guard(address) || tracked::advice(address, Advised::Guarded, Some(known.origin.serial)).is_some()
}

/// Whether the first of two times is the later one, modulo 2^32.
fn is_later(one: u32, other: u32) -> bool {
    one.wrapping_sub(other).cast_signed() > 0
}

/// The cause of a read or write that a mapping forbids.
fn forbidden(fault: &Fault) -> Option<Cause> {
    let address = fault.address;
    let there = mapping_at(address);
    let Some(known) = tracked::at(address) else {
        return match harden::held(address) {
            Some(Purpose::Quarantined) => tracked::last_gone(address).map(Cause::Released),
            Some(kind) => Overrun::into_own_guard(address, kind).map(Cause::Overrun),
            None => match Forbidden::of_foreign(fault, &there?) {
                Some(forbidden) => Some(Cause::Forbidden(forbidden)),
                None => Overrun::of_run(fault).map(Cause::Overrun),
            },
        };
    };
    let prot = there.as_ref().map_or(known.entry.prot, Mapping::prot);
    if prot == 0
        && let Some(overrun) = Overrun::into_guard(fault)
    {
        return Some(Cause::Overrun(overrun));
    }
    // Another thread may have given the right meanwhile, or a protection key forbids what the mapping allows.
    let is_forbidden = fault.code == Fault::PKUERR || !allows(fault, prot) || !allows(fault, known.entry.prot);
    is_forbidden.then(|| Cause::Forbidden(Forbidden::of_own(fault, &known, there.as_ref())))
}

/// Whether a protection allows reading.
fn allows_read(prot: u8) -> bool {
    c_int::from(prot) & libc::PROT_READ != 0
}

/// Whether a protection allows what the instruction wanted.
fn allows(fault: &Fault, prot: u8) -> bool {
    let wanted = match fault.registers.access() {
        Access::Read => libc::PROT_READ,
        Access::Write => libc::PROT_WRITE,
        Access::Execute => libc::PROT_EXEC,
        Access::Unknown => 0,
    };
    c_int::from(prot) & wanted != 0
}

/// Tells of a mapping that is there: as the kernel has it, and where it was made.
fn note_there(known: Option<&TrackedRange>, there: Option<&Mapping>, draft: &mut Draft) {
    if let Some(there) = there {
        draft.mapping(there);
        draft.note(format_args!("the mapping: {}", ShownMapping(there)));
        let of_file = known.map_or(there.inode != 0, |known| known.file.is_some() && known.origin.by != By::Shmat);
        if of_file && there.offset != 0 {
            draft.note(format_args!("it starts at byte {} of the file", there.offset));
        }
    }
    if let Some(known) = known {
        note_mapped(known, draft);
    }
}

impl Cause {
    /// The rule that is broken.
    pub(crate) fn rule(&self) -> Rule {
        match self {
            Cause::MapFailed(_) => Rule::FaultMapFailed,
            Cause::SemFailed(_) => Rule::FaultSemFailed,
            Cause::BadJump(_) => Rule::FaultBadJump,
            Cause::Released(gone) if gone.gone.by == By::Madvise => Rule::FaultNotInherited,
            Cause::Released(gone) if gone.was.origin.by == By::Shmat => Rule::FaultAfterDetach,
            Cause::Vanished(known) if known.origin.by == By::Shmat => Rule::FaultAfterDetach,
            Cause::Released(_) | Cause::Vanished(_) | Cause::Unloaded(_) => Rule::FaultAfterUnmap,
            Cause::NotInherited(_) => Rule::FaultNotInherited,
            Cause::StackOverflow(_) => Rule::FaultStackOverflow,
            Cause::Overrun(_) => Rule::FaultOverrun,
            Cause::Forbidden(_) => Rule::FaultProtection,
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
            Cause::MapFailed(pointer) => pointer.tell(fault, draft),
            Cause::SemFailed(failure) => semaphore::tell(failure, fault, draft),
            Cause::BadJump(jump) => jump.tell(fault, draft),
            Cause::Released(gone) if gone.gone.by == By::Madvise => inherited::tell(gone, fault, draft),
            Cause::Released(gone) => released::tell(gone, fault, draft),
            Cause::Vanished(known) => released::tell_vanished(known, fault, draft),
            Cause::Unloaded(library) => released::tell_unloaded(library, fault, draft),
            Cause::NotInherited(by) => inherited::tell_foreign(by, fault, draft),
            Cause::StackOverflow(overflow) => overflow.tell(fault, draft),
            Cause::Overrun(overrun) => overrun.tell(fault, draft),
            Cause::Forbidden(forbidden) => forbidden.tell(fault, draft),
            Cause::File(file) => file.tell(fault, draft),
        }
    }
}
