//! The calls by which a program shuts its own way to the file system: another root, other namespaces, another user. The
//! log is opened before them, and stays open (see `output::sink`). They are passed on as they were made: libc's change
//! the user of all threads.

use crate::next;
use crate::output::{self, sink};
use crate::sys::{self, process};
use core::ffi::c_void;

/// A call is about to be made, by number ([`next::PassedCall`]): the address of the function that makes it.
pub(crate) extern "C" fn shuts_way(call: usize) -> *mut c_void {
    keep_log();
    next::next_of_passed(call)
}

/// Opens the log, if it is one that is opened for each report, before the way to it is shut.
pub(crate) fn keep_log() {
    // A child of vfork has descriptors of its own and its parent's memory.
    if !sink::can_hold() || output::is_inside() || sys::getpid() != process::pid() {
        return;
    }
    if let Ok(lock) = output::enter() {
        sink::hold(&lock);
        lock.leave();
    }
}
