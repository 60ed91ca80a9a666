//! System V shared memory.

use super::{Result, filled, int, plain, small};
use core::ffi::c_int;

/// shmctl(2) with a command that fills `T`; the kernel's answer and the value.
fn shmctl<T>(id: c_int, command: c_int) -> Result<(c_int, T)> {
    let mut answer = 0;
    let value = filled(|out: *mut T| {
        let raw = plain(libc::SYS_shmctl, [int(id), int(command), out as usize, 0, 0, 0]);
        answer = raw.map_or(0, |value| small(Ok(value)));
        raw
    })?;
    Ok((answer, value))
}

/// `IPC_STAT` of a segment by its id.
pub(crate) fn segment(id: c_int) -> Result<libc::shmid_ds> {
    shmctl(id, libc::IPC_STAT).map(|(_, segment)| segment)
}

/// `IPC_STAT` without room for the answer: EFAULT if the segment is there, EACCES if it is hidden, else EINVAL or EIDRM.
pub(crate) fn probe_segment(id: c_int) -> Result<usize> {
    plain(libc::SYS_shmctl, [int(id), int(libc::IPC_STAT), 0, 0, 0, 0])
}

/// `SHM_STAT_ANY` (Linux 4.17) of the segment with an index: its id and state, whatever its mode bits.
pub(crate) fn segment_at(index: c_int) -> Result<(c_int, libc::shmid_ds)> {
    const SHM_STAT_ANY: c_int = 15;
    shmctl(index, SHM_STAT_ANY)
}

/// `struct shminfo` of `<sys/shm.h>`: the system's limits.
#[repr(C)]
pub(crate) struct ShmLimits {
    pub(crate) max_size: u64,
    pub(crate) min_size: u64,
    pub(crate) max_segments: u64,
    pub(crate) max_attached: u64,
    pub(crate) max_pages: u64,
    reserved: [u64; 4],
}

/// `IPC_INFO`: the highest index in use, and the limits of the IPC namespace.
pub(crate) fn segment_limits() -> Result<(c_int, ShmLimits)> {
    const IPC_INFO: c_int = 3;
    shmctl(0, IPC_INFO)
}

/// `struct shm_info` of `<sys/shm.h>`: what is in use.
#[repr(C)]
pub(crate) struct ShmUsage {
    pub(crate) segments: c_int,
    pub(crate) pages: u64,
    pub(crate) resident: u64,
    pub(crate) swapped: u64,
    reserved: [u64; 2],
}

/// `SHM_INFO`: what the IPC namespace uses.
pub(crate) fn segment_usage() -> Result<ShmUsage> {
    const SHM_INFO: c_int = 14;
    shmctl(0, SHM_INFO).map(|(_, usage)| usage)
}

/// shmget(2) that can only find: the id of the segment with `key`.
pub(crate) fn find_segment(key: c_int) -> Result<c_int> {
    plain(libc::SYS_shmget, [int(key), 0, 0, 0, 0, 0]).map(|id| small(Ok(id)))
}
