//! The hooks of calls on what is mapped that leave it there: protection, writing back, and locks on memory.

use super::injected::or_injected;
use super::path::{Follow, follow};
use super::status;
use crate::call::{Mprotect, Msync, Outcome};
use crate::enabled::{HARDENED, TRACK};
use crate::past::mlockall;
use crate::plain::Range;
use crate::plain::page::whole_pages;
use crate::track::Protector;
use crate::{begin, harden, next, observe};
use core::ffi::{c_int, c_void};
use core::ptr;

impl Follow for Mprotect {
    type Taken = ();

    fn take(&self, _enabled: u32, _return_address: usize) {}

    fn settle(&mut self, (): &(), outcome: Outcome, enabled: u32, return_address: usize) -> bool {
        if enabled & TRACK == 0 {
            return false;
        }
        if !outcome.is_success() {
            observe::not_protected(self, Protector::Mprotect, return_address);
            return false;
        }
        self.runs_into = observe::protected(self, Protector::Mprotect, return_address);
        self.runs_into.is_some() || observe::count::is_noted()
    }
}

/// mprotect(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn mprotect(
    address: *mut c_void,
    length: usize,
    prot: c_int,
    return_address: usize,
) -> c_int {
    let call = Mprotect { address: address as usize, length, prot, runs_into: None };
    status(follow(call, return_address, |call, enabled| {
        let address = ptr::with_exposed_provenance_mut(call.address);
        if enabled & HARDENED == 0 {
            // SAFETY: the program's own call.
            (unsafe { next::mprotect(address, call.length, call.prot) }) as isize
        } else {
            // SAFETY: the program's own call.
            (unsafe { harden::protect(address, call.length, call.prot) }) as isize
        }
    }))
}

/// `pkey_mprotect(2)`, of which only the protection is noted.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn pkey_mprotect(
    address: *mut c_void,
    length: usize,
    prot: c_int,
    key: c_int,
    return_address: usize,
) -> c_int {
    or_injected!("pkey_mprotect", return_address, [address, length, prot, key]);
    let enabled = begin::enabled_when_ready();
    // SAFETY: the program's own call.
    let make = || unsafe { next::pkey_mprotect(address, length, prot, key) };
    let status = if enabled & HARDENED == 0 {
        make()
    } else {
        harden::visit(Range::new(address as usize, whole_pages(length)), make)
    };
    if enabled & TRACK != 0 {
        let call = Mprotect { address: address as usize, length, prot, runs_into: None };
        if status == 0 {
            observe::protected(&call, Protector::PkeyMprotect, return_address);
        } else {
            observe::not_protected(&call, Protector::PkeyMprotect, return_address);
        }
    }
    status
}

impl Follow for Msync {
    type Taken = ();

    fn take(&self, enabled: u32, _return_address: usize) {
        if enabled & HARDENED != 0 {
            harden::release_reserved(Range::new(self.address, whole_pages(self.length)));
        }
    }

    fn settle(&mut self, (): &(), _outcome: Outcome, _enabled: u32, _return_address: usize) -> bool {
        false
    }
}

/// msync(2). A thread may be cancelled inside it: nothing is held here that would need to be given back.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn msync(
    address: *mut c_void,
    length: usize,
    flags: c_int,
    return_address: usize,
) -> c_int {
    let call = Msync { address: address as usize, length, flags };
    status(follow(call, return_address, |call, _| {
        // SAFETY: the program's own call.
        (unsafe { next::msync(ptr::with_exposed_provenance_mut(call.address), call.length, call.flags) }) as isize
    }))
}

/// mlockall(2), followed because it decides about mappings to come.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn mlockall(flags: c_int, return_address: usize) -> c_int {
    or_injected!("mlockall", return_address, [flags]);
    // SAFETY: the program's own call.
    let status = unsafe { next::mlockall(flags) };
    if status == 0 {
        mlockall::succeeded(flags & libc::MCL_FUTURE != 0, return_address);
    }
    status
}

/// munlockall(2), which ends it.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn munlockall(return_address: usize) -> c_int {
    or_injected!("munlockall", return_address, []);
    // SAFETY: the program's own call.
    let status = unsafe { next::munlockall() };
    if status == 0 {
        mlockall::ended();
    }
    status
}
