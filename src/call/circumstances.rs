//! What of a call counts where it is made to fail: which errnos matter, and whether it was given a failed result.

use super::Outcome;
use core::ffi::c_int;
use mapsan_model::{Circumstances, Injectable};

/// What of a call counts where it is made to fail.
pub(crate) struct Given {
    /// What decides which errnos matter.
    pub(crate) circumstances: Circumstances,
    /// The argument that holds what a call gives that has failed, by its name in the manual page.
    pub(crate) failed_result: Option<&'static str>,
}

impl Given {
    pub(super) fn failed(failed_result: Option<&'static str>) -> Given {
        Given { circumstances: Circumstances::NONE, failed_result }
    }
}

impl From<Circumstances> for Given {
    fn from(circumstances: Circumstances) -> Given {
        Given { circumstances, failed_result: None }
    }
}

/// The argument of this name, if it is the address that a failed call gives.
pub(super) fn failed_pointer(address: usize, argument: &'static str) -> Option<&'static str> {
    (address == usize::MAX).then_some(argument)
}

/// Those of a call that finds or makes an object by a System V key.
pub(super) fn ipc_circumstances(key: c_int, flags: c_int) -> Circumstances {
    let has_key = key != libc::IPC_PRIVATE;
    let creates = flags & libc::IPC_CREAT != 0;
    Circumstances::NONE
        .and(Circumstances::KEY, has_key)
        .and(Circumstances::CREATE, creates || !has_key)
        .and(Circumstances::EXCL, has_key && creates && flags & libc::IPC_EXCL != 0)
        .and(Circumstances::OPEN, has_key && !creates)
}

/// Those of a call that opens or makes an object by its name.
pub(super) fn open_circumstances(flags: c_int) -> Circumstances {
    let creates = flags & libc::O_CREAT != 0;
    Circumstances::NONE
        .and(Circumstances::CREATE, creates)
        .and(Circumstances::EXCL, creates && flags & libc::O_EXCL != 0)
        .and(Circumstances::OPEN, !creates)
}

/// The value of a call of this function: of those that give their errno, that.
pub(super) fn shown_value(function: &str, outcome: Outcome) -> Option<isize> {
    match outcome {
        Outcome::Injected(errno) if Injectable::from_name(function).is_some_and(Injectable::gives_errno) => {
            isize::try_from(errno).ok()
        }
        _ => outcome.value(),
    }
}
