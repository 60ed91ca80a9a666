//! System calls about the threads of this process.

use super::memory::is_readable_by_kernel;
use super::{Result, filled, int, plain};
use crate::machine::{Architecture, Machine};
use core::ffi::c_int;

/// Where the list of robust mutexes of a thread starts (0: this one), `get_robust_list(2)`: libc keeps it in the thread's
/// control block. 0 if the thread has none, as one that ends.
pub(crate) fn robust_list(tid: c_int) -> Result<usize> {
    let (mut head, mut length) = (0_usize, 0_usize);
    let arguments = [int(tid), (&raw mut head) as usize, (&raw mut length) as usize, 0, 0, 0];
    plain(libc::SYS_get_robust_list, arguments).map(|_| head)
}

/// Entries of a folder, getdents64(2): how many bytes of the buffer they take, 0 at the end.
pub(crate) fn entries(fd: c_int, buffer: &mut [u8]) -> Result<usize> {
    plain(libc::SYS_getdents64, [int(fd), buffer.as_mut_ptr() as usize, buffer.len(), 0, 0, 0])
}

/// Whether the control block of this thread can still be read.
#[cold]
pub(crate) fn has_control_block() -> bool {
    is_readable_by_kernel(pointer())
}

/// This thread's own address, asked of the kernel where no instruction tells it: its control block need not be there.
fn pointer() -> usize {
    let Some((number, what)) = Machine::thread_pointer_call() else { return Machine::thread_pointer() };
    filled(|out: *mut usize| plain(number, [what, out as usize, 0, 0, 0, 0])).unwrap_or(0)
}

/// The calling thread's name, `PR_GET_NAME` of prctl(2).
pub(crate) fn own_name(name: &mut [u8; 16]) -> Result<()> {
    plain(libc::SYS_prctl, [int(libc::PR_GET_NAME), name.as_mut_ptr() as usize, 0, 0, 0, 0]).map(|_| ())
}
