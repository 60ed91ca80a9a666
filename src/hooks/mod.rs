//! Entrances, the hooks: one for each call, reached through its door; a file a family. Their way is in [`path`].

mod advice;
mod execution;
mod files;
mod heap;
mod injected;
mod ipc;
mod locks;
mod losses;
mod memory;
mod objects;
mod path;
mod process;
mod protection;
mod ranges;
mod sandbox;
mod segments;
mod semaphores;
mod threads;
mod ways;

pub(crate) use advice::*;
pub(crate) use execution::*;
pub(crate) use files::*;
pub(crate) use heap::*;
pub(crate) use ipc::*;
pub(crate) use locks::*;
pub(crate) use memory::*;
pub(crate) use objects::*;
pub(crate) use process::*;
pub(crate) use protection::*;
pub(crate) use ranges::*;
pub(crate) use sandbox::*;
pub(crate) use segments::*;
pub(crate) use semaphores::*;
pub(crate) use threads::*;
pub(crate) use ways::{keep_log, shuts_way};

use core::ffi::{c_int, c_void};
use core::ptr;

/// An address as the value of a call.
#[inline]
fn value(address: *mut c_void) -> isize {
    (address as usize).cast_signed()
}

/// The value of a call as an address.
#[inline]
fn pointer(value: isize) -> *mut c_void {
    ptr::with_exposed_provenance_mut(value.cast_unsigned())
}

/// The value of a call as a status or id, which it was before.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the call gave an int")]
fn status(value: isize) -> c_int {
    value as c_int
}
