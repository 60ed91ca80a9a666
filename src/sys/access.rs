//! What this process may do, by the kernel's word.

use super::{Result, int, plain, small};
use core::ffi::{CStr, c_int};

/// faccessat2(2), Linux 5.8, for the effective user: whether a path may be used so (`R_OK` and the like).
pub(crate) fn may(path: &CStr, mode: c_int) -> Result<()> {
    const SYS_FACCESSAT2: i64 = 439;
    let arguments = [int(libc::AT_FDCWD), path.as_ptr() as usize, int(mode), int(libc::AT_EACCESS), 0, 0];
    plain(SYS_FACCESSAT2, arguments).map(|_| ())
}

/// `PR_GET_MDWE` (Linux 6.3): whether memory may not become executable that is or was writable.
pub(crate) fn denies_write_execute() -> bool {
    const PR_GET_MDWE: c_int = 66;
    plain(libc::SYS_prctl, [int(PR_GET_MDWE), 0, 0, 0, 0, 0]).is_ok_and(|flags| small(Ok(flags)) & 1 != 0)
}
