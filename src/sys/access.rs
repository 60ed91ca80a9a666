//! What this process may do, by the kernel's word.

use super::{Result, filled, int, plain, small};
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

/// getsockopt(2) of a number at the level of sockets.
pub(crate) fn socket_option(fd: c_int, option: c_int) -> Result<c_int> {
    let (mut value, mut length): (c_int, libc::socklen_t) = (0, 4);
    let (to, size) = ((&raw mut value) as usize, (&raw mut length) as usize);
    plain(libc::SYS_getsockopt, [int(fd), int(libc::SOL_SOCKET), int(option), to, size, 0])?;
    Ok(value)
}

/// The flags of the mount that `fd` lies on, `ST_NOEXEC` and the like; fstatfs(2).
pub(crate) fn mount_flags(fd: c_int) -> Result<u64> {
    /// `struct statfs` of the kernel in words, on machines of 64 bits: type, block size, five counts, id, length of names,
    /// fragment size, flags, four spare ones.
    type Statfs = [u64; 15];
    let found = filled(|out: *mut Statfs| plain(libc::SYS_fstatfs, [int(fd), out as usize, 0, 0, 0, 0]))?;
    let [_, _, _, _, _, _, _, _, _, _, flags, ..] = found;
    Ok(flags)
}
