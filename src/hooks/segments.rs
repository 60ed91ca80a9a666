//! The hooks of System V shared memory.

use super::path::{Follow, follow};
use super::{memory, pointer, status, value};
use crate::call::{Ftok, Outcome, Shmat, Shmctl, Shmdt, Shmget};
use crate::enabled::{CHECK, HARDENED, INJECT, OPT_IN, TRACK};
use crate::facts::segment;
use crate::observe::PendingRelease;
use crate::past::{keys, listed_ids};
use crate::plain::Range;
use crate::plain::page::page_size;
use crate::{harden, inject, next, observe};
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr;

impl Follow for Ftok {
    type Taken = ();

    const CHANGES_NOTHING: bool = true;

    fn take(&self, _enabled: u32, _return_address: usize) {}

    #[inline]
    fn settle(&mut self, (): &(), outcome: Outcome, enabled: u32, _return_address: usize) -> bool {
        let (Outcome::Succeeded(value), true) = (outcome, enabled & CHECK != 0) else { return false };
        self.key = status(value);
        let path = ptr::with_exposed_provenance(self.path);
        // SAFETY: ftok has just found a file by this string.
        self.known = keys::was_given(unsafe { CStr::from_ptr(path) }, self.id, self.key);
        !self.known || self.key < 0 || !(1..=255).contains(&self.id)
    }
}

/// ftok(3).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn ftok(path: *const c_char, id: c_int, return_address: usize) -> c_int {
    let call = Ftok { path: path as usize, id, key: -1, known: false };
    // SAFETY: the program's own call.
    status(follow(call, return_address, |_, _| (unsafe { next::ftok(path, id) }) as isize))
}

impl Follow for Shmget {
    type Taken = ();

    fn take(&self, _enabled: u32, _return_address: usize) {}

    #[inline]
    fn settle(&mut self, (): &(), outcome: Outcome, enabled: u32, return_address: usize) -> bool {
        let (Outcome::Succeeded(id), true) = (outcome, enabled & CHECK != 0) else { return false };
        let id = status(id);
        let first = self.may_be_stale(id);
        if enabled & TRACK != 0 && (first || self.surely_creates()) {
            self.made = observe::shmget_succeeded(self, id, return_address);
        }
        self.is_doubtful(enabled & OPT_IN != 0) || first
    }
}

/// shmget(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn shmget(key: c_int, size: usize, flags: c_int, return_address: usize) -> c_int {
    let call = Shmget { key, size, flags, made: false };
    status(follow(call, return_address, |call, _| {
        // SAFETY: the program's own call.
        (unsafe { next::shmget(call.key, call.size, call.flags) }) as isize
    }))
}

impl Follow for Shmat {
    type Taken = PendingRelease;

    fn take(&self, enabled: u32, return_address: usize) -> PendingRelease {
        if enabled & TRACK != 0 && self.flags & libc::SHM_REMAP != 0 && self.address != 0 {
            observe::attaches_over(self.id, self.address, return_address)
        } else {
            PendingRelease::Untracked
        }
    }

    fn doubtful<'a>(&self, taken: &'a PendingRelease) -> Option<&'a PendingRelease> {
        (!matches!(taken, PendingRelease::Untracked)).then_some(taken)
    }

    fn settle(&mut self, taken: &PendingRelease, outcome: Outcome, enabled: u32, return_address: usize) -> bool {
        let Outcome::Succeeded(base) = outcome else {
            taken.rollback();
            return false;
        };
        let count_is_due = enabled & TRACK != 0
            && observe::attached(self.id, base.cast_unsigned(), self.flags, self.address != 0, return_address);
        if enabled & INJECT != 0 {
            // The kernel knows its length.
            inject::unback(self, base.cast_unsigned(), 0, return_address);
        }
        count_is_due || enabled & OPT_IN != 0
    }
}

/// shmat(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn shmat(
    id: c_int,
    address: *const c_void,
    flags: c_int,
    return_address: usize,
) -> *mut c_void {
    let call = Shmat { id, address: address as usize, flags };
    pointer(follow(call, return_address, |call, enabled| {
        value(if enabled & HARDENED == 0 {
            // SAFETY: the program's own call.
            unsafe { next::shmat(call.id, ptr::with_exposed_provenance(call.address), call.flags) }
        } else {
            // SAFETY: the program's own call.
            unsafe { harden::attach(call, observe::segment_size(call.id)) }
        })
    }))
}

impl Follow for Shmdt {
    type Taken = PendingRelease;

    fn take(&self, enabled: u32, return_address: usize) -> PendingRelease {
        if enabled & HARDENED != 0 {
            harden::release_reserved(Range::new(self.address, page_size()));
        }
        if enabled & TRACK == 0 { PendingRelease::Untracked } else { observe::detaches(self.address, return_address) }
    }

    fn inspect(&self, taken: &mut PendingRelease, return_address: usize) {
        memory::inspect_contents(self, taken, 0, return_address);
    }

    fn settle(&mut self, taken: &PendingRelease, outcome: Outcome, enabled: u32, _return_address: usize) -> bool {
        if !outcome.is_success() {
            taken.rollback();
            return false;
        }
        if enabled & HARDENED != 0 {
            observe::released_by(taken, harden::released);
        }
        false
    }
}

/// shmdt(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn shmdt(address: *const c_void, return_address: usize) -> c_int {
    let call = Shmdt { address: address as usize };
    status(follow(call, return_address, |call, _| {
        // SAFETY: the program's own call.
        (unsafe { next::shmdt(ptr::with_exposed_provenance(call.address)) }) as isize
    }))
}

/// `SHM_STAT` and `SHM_STAT_ANY` of `<sys/shm.h>`, which give the id of the segment at an index.
const SHM_STAT: c_int = 13;
const SHM_STAT_ANY: c_int = 15;

impl Follow for Shmctl {
    /// Who made the segment that is to be removed: afterwards the kernel does not know.
    type Taken = Option<(c_int, usize)>;

    fn take(&self, enabled: u32, _return_address: usize) -> Option<(c_int, usize)> {
        let removes = self.command == libc::IPC_RMID && enabled & CHECK != 0;
        if removes { observe::inherited_from(self.id) } else { None }
    }

    #[inline]
    fn settle(&mut self, maker: &Self::Taken, outcome: Outcome, enabled: u32, return_address: usize) -> bool {
        let removes = self.command == libc::IPC_RMID;
        if enabled & CHECK == 0 || !removes && !matches!(self.command, SHM_STAT | SHM_STAT_ANY) {
            return false;
        }
        if removes {
            observe::removes(self, outcome, return_address);
        }
        if outcome.is_success() && matches!(self.command, SHM_STAT | SHM_STAT_ANY) {
            listed_ids::note();
        }
        self.maker = maker.filter(|_| outcome.is_success());
        // A removed segment that is still there is attached by somebody.
        outcome.is_success() && removes && (self.maker.is_some() || segment::exists(self.id))
    }
}

/// shmctl(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn shmctl(id: c_int, command: c_int, buffer: *mut c_void, return_address: usize) -> c_int {
    let call = Shmctl { id, command, buffer: buffer as usize, maker: None };
    status(follow(call, return_address, |call, _| {
        // SAFETY: the program's own call.
        (unsafe { next::shmctl(call.id, call.command, ptr::with_exposed_provenance_mut(call.buffer)) }) as isize
    }))
}
