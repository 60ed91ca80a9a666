//! System V semaphore sets and message queues.

use super::{Result, filled, int, plain, small};
use core::ffi::c_int;

const IPC_INFO: c_int = 3;

/// semctl(2) with a command that fills `T`; the kernel's answer and the value.
fn semctl<T>(id: c_int, command: c_int) -> Result<(c_int, T)> {
    let mut answer = 0;
    let value = filled(|out: *mut T| {
        let raw = plain(libc::SYS_semctl, [int(id), 0, int(command), out as usize, 0, 0]);
        answer = raw.map_or(0, |value| small(Ok(value)));
        raw
    })?;
    Ok((answer, value))
}

/// msgctl(2), likewise.
fn msgctl<T>(id: c_int, command: c_int) -> Result<(c_int, T)> {
    let mut answer = 0;
    let value = filled(|out: *mut T| {
        let raw = plain(libc::SYS_msgctl, [int(id), int(command), out as usize, 0, 0, 0]);
        answer = raw.map_or(0, |value| small(Ok(value)));
        raw
    })?;
    Ok((answer, value))
}

/// `IPC_STAT` of a set by its id.
pub(crate) fn set(id: c_int) -> Result<libc::semid_ds> {
    semctl(id, libc::IPC_STAT).map(|(_, set)| set)
}

/// `IPC_STAT` of a queue by its id.
pub(crate) fn queue(id: c_int) -> Result<libc::msqid_ds> {
    msgctl(id, libc::IPC_STAT).map(|(_, queue)| queue)
}

/// `SEM_STAT_ANY` (Linux 4.17) of the set with an index: its id and state, whatever its mode bits.
pub(crate) fn set_at(index: c_int) -> Result<(c_int, libc::semid_ds)> {
    const SEM_STAT_ANY: c_int = 20;
    semctl(index, SEM_STAT_ANY)
}

/// `MSG_STAT_ANY` (Linux 4.17) of the queue with an index, likewise.
pub(crate) fn queue_at(index: c_int) -> Result<(c_int, libc::msqid_ds)> {
    const MSG_STAT_ANY: c_int = 13;
    msgctl(index, MSG_STAT_ANY)
}

/// `IPC_INFO`: the highest index in use, and the limits of the IPC namespace on sets.
pub(crate) fn set_limits() -> Result<(c_int, libc::seminfo)> {
    semctl(0, IPC_INFO)
}

/// `SEM_INFO`: what is in use of them: sets in `semusz`, semaphores in `semaem`.
pub(crate) fn set_usage() -> Result<libc::seminfo> {
    const SEM_INFO: c_int = 19;
    semctl(0, SEM_INFO).map(|(_, usage)| usage)
}

/// `IPC_INFO`: the highest index in use, and the limits of the IPC namespace on queues.
pub(crate) fn queue_limits() -> Result<(c_int, libc::msginfo)> {
    msgctl(0, IPC_INFO)
}

/// `MSG_INFO`: what is in use of them: queues in `msgpool`.
pub(crate) fn queue_usage() -> Result<libc::msginfo> {
    const MSG_INFO: c_int = 12;
    msgctl(0, MSG_INFO).map(|(_, usage)| usage)
}

/// `GETPID` of a semaphore: the process that last operated on it; 0 if none has, or it lives in another pid namespace.
pub(crate) fn semaphore_pid(id: c_int, number: c_int) -> Result<c_int> {
    plain(libc::SYS_semctl, [int(id), int(number), int(libc::GETPID), 0, 0, 0]).map(|pid| small(Ok(pid)))
}

/// semget(2) and msgget(2) that can only find: the id of the set with `key`, or of the queue.
pub(crate) fn find_set(key: c_int) -> Result<c_int> {
    plain(libc::SYS_semget, [int(key), 0, 0, 0, 0, 0]).map(|id| small(Ok(id)))
}

/// As [`find_set`].
pub(crate) fn find_queue(key: c_int) -> Result<c_int> {
    plain(libc::SYS_msgget, [int(key), 0, 0, 0, 0, 0]).map(|id| small(Ok(id)))
}
