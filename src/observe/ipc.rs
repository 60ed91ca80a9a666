//! From a call of System V semaphore sets and message queues to what is remembered of them.

use crate::call::{IpcControl, IpcGet};
use crate::facts;
use crate::finding;
use crate::form::NewIpcObject;
use crate::past::ipc::{self, Met};
use crate::past::listed_ids;
use crate::plain::ipc::Kind;
use crate::sys::process;
use core::ffi::c_int;

/// Whether a semget or msgget that is about to be made makes what it gives, as far as is known. The kernel does not say who
/// has made what is there, so it is asked before, once a key.
#[inline]
pub(crate) fn ipc_creates(call: &IpcGet) -> bool {
    call.surely_creates()
        || call.flags & libc::IPC_CREAT != 0 && !ipc::is_key_known(call.kind, call.key) && has_none(call)
}

#[cold]
fn has_none(call: &IpcGet) -> bool {
    facts::ipc::id_of_key(call.kind, call.key) == Err(libc::ENOENT)
}

/// semget or msgget has given an id.
#[inline]
pub(crate) fn ipc_given(call: &IpcGet, id: c_int, return_address: usize) {
    let IpcGet { kind, key, flags, count, made } = *call;
    if made || !ipc::led_to(kind, key, id) {
        let maker = made.then(process::pid);
        ipc::met(&Met { kind, id, key, flags, count, maker, site: return_address, removal: None });
    }
    if made {
        finding::write_ipc_object(call, &NewIpcObject { kind, id, key }, return_address);
    }
}

/// `IPC_RMID` has succeeded, or a command that gives ids by index.
#[cold]
pub(crate) fn ipc_controlled(call: &mut IpcControl, return_address: usize) {
    if call.lists() {
        listed_ids::note();
        return;
    }
    let made = ipc::removed(call.kind, call.id, return_address);
    let others = made.and_then(|met| Some((met.maker?, met.site)));
    call.maker = others.filter(|(pid, _)| *pid != process::pid());
}

/// A call has used a set or queue.
#[inline]
pub(crate) fn ipc_used(kind: Kind, id: c_int, return_address: usize) {
    ipc::used(kind, id, return_address);
}
