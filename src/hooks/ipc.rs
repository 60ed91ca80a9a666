//! The hooks of System V semaphore sets and message queues.

use super::path::{Follow, follow};
use super::status;
use crate::call::{IpcControl, IpcGet, Msgrcv, Msgsnd, Outcome, Semop};
use crate::enabled::{CHECK, TRACK};
use crate::plain::ipc::Kind;
use crate::{next, observe};
use core::ffi::{c_int, c_long, c_void};
use core::ptr;

impl Follow for IpcGet {
    /// Whether the call makes a set or queue if it succeeds, as far as is known.
    type Taken = bool;

    fn take(&self, enabled: u32, _return_address: usize) -> bool {
        enabled & TRACK != 0 && observe::ipc_creates(self)
    }

    #[inline]
    fn settle(&mut self, creates: &bool, outcome: Outcome, enabled: u32, return_address: usize) -> bool {
        let (Outcome::Succeeded(id), true) = (outcome, enabled & CHECK != 0) else { return false };
        self.made = *creates;
        observe::ipc_given(self, status(id), return_address);
        self.is_doubtful()
    }
}

/// semget(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn semget(key: c_int, count: c_int, flags: c_int, return_address: usize) -> c_int {
    let call = IpcGet { kind: Kind::Set, key, count, flags, made: false };
    status(follow(call, return_address, |call, _| {
        // SAFETY: the program's own call.
        (unsafe { next::semget(call.key, call.count, call.flags) }) as isize
    }))
}

/// msgget(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn msgget(key: c_int, flags: c_int, return_address: usize) -> c_int {
    let call = IpcGet { kind: Kind::Queue, key, count: 0, flags, made: false };
    status(follow(call, return_address, |call, _| {
        // SAFETY: the program's own call.
        (unsafe { next::msgget(call.key, call.flags) }) as isize
    }))
}

impl Follow for IpcControl {
    type Taken = ();

    fn take(&self, _enabled: u32, _return_address: usize) {}

    #[inline]
    fn settle(&mut self, (): &(), outcome: Outcome, enabled: u32, return_address: usize) -> bool {
        let is_noted = self.command == libc::IPC_RMID || self.lists();
        if !is_noted || enabled & CHECK == 0 || !outcome.is_success() {
            return false;
        }
        observe::ipc_controlled(self, return_address);
        self.maker.is_some()
    }
}

/// semctl(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn semctl(
    id: c_int,
    number: c_int,
    command: c_int,
    argument: usize,
    return_address: usize,
) -> c_int {
    let call = IpcControl { kind: Kind::Set, id, number, command, argument, maker: None };
    status(follow(call, return_address, |call, _| {
        // SAFETY: the program's own call.
        (unsafe { next::semctl(call.id, call.number, call.command, call.argument) }) as isize
    }))
}

/// msgctl(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn msgctl(id: c_int, command: c_int, buffer: *mut c_void, return_address: usize) -> c_int {
    let argument = buffer as usize;
    let call = IpcControl { kind: Kind::Queue, id, number: 0, command, argument, maker: None };
    status(follow(call, return_address, |call, _| {
        // SAFETY: the program's own call.
        (unsafe { next::msgctl(call.id, call.command, ptr::with_exposed_provenance_mut(call.argument)) }) as isize
    }))
}

/// What a call that uses a set or queue leaves behind when it has succeeded.
#[inline]
fn note_use(kind: Kind, id: c_int, outcome: Outcome, return_address: usize) -> bool {
    if outcome.is_success() {
        observe::ipc_used(kind, id, return_address);
    }
    false
}

impl Follow for Semop {
    type Taken = ();

    fn take(&self, _enabled: u32, _return_address: usize) {}

    #[inline]
    fn settle(&mut self, (): &(), outcome: Outcome, _enabled: u32, return_address: usize) -> bool {
        note_use(Kind::Set, self.id, outcome, return_address)
    }
}

/// semop(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn semop(
    id: c_int,
    operations: *mut c_void,
    count: usize,
    return_address: usize,
) -> c_int {
    let call = Semop { id, operations: operations as usize, count, timeout: None };
    status(follow(call, return_address, |call, _| {
        // SAFETY: the program's own call.
        (unsafe { next::semop(call.id, ptr::with_exposed_provenance_mut(call.operations), call.count) }) as isize
    }))
}

/// semtimedop(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn semtimedop(
    id: c_int,
    operations: *mut c_void,
    count: usize,
    timeout: *const libc::timespec,
    return_address: usize,
) -> c_int {
    let call = Semop { id, operations: operations as usize, count, timeout: Some(timeout as usize) };
    status(follow(call, return_address, |call, _| {
        let operations = ptr::with_exposed_provenance_mut(call.operations);
        // SAFETY: the program's own call.
        (unsafe { next::semtimedop(call.id, operations, call.count, timeout) }) as isize
    }))
}

impl Follow for Msgsnd {
    type Taken = ();

    fn take(&self, _enabled: u32, _return_address: usize) {}

    #[inline]
    fn settle(&mut self, (): &(), outcome: Outcome, _enabled: u32, return_address: usize) -> bool {
        note_use(Kind::Queue, self.id, outcome, return_address)
    }
}

/// msgsnd(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn msgsnd(
    id: c_int,
    message: *const c_void,
    size: usize,
    flags: c_int,
    return_address: usize,
) -> c_int {
    let call = Msgsnd { id, message: message as usize, size, flags };
    status(follow(call, return_address, |call, _| {
        let message = ptr::with_exposed_provenance(call.message);
        // SAFETY: the program's own call.
        (unsafe { next::msgsnd(call.id, message, call.size, call.flags) }) as isize
    }))
}

impl Follow for Msgrcv {
    type Taken = ();

    fn take(&self, _enabled: u32, _return_address: usize) {}

    #[inline]
    fn settle(&mut self, (): &(), outcome: Outcome, _enabled: u32, return_address: usize) -> bool {
        note_use(Kind::Queue, self.id, outcome, return_address)
    }
}

/// msgrcv(2).
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn msgrcv(
    id: c_int,
    message: *mut c_void,
    size: usize,
    kind: c_long,
    flags: c_int,
    return_address: usize,
) -> isize {
    let call = Msgrcv { id, message: message as usize, size, kind, flags };
    follow(call, return_address, |call, _| {
        let message = ptr::with_exposed_provenance_mut(call.message);
        // SAFETY: the program's own call.
        unsafe { next::msgrcv(call.id, message, call.size, call.kind, call.flags) }
    })
}
