//! Local sockets.

use super::{Result, int, plain, small};
use core::ffi::c_int;
use core::mem::offset_of;

/// A local datagram socket, which is closed by execve(2) and never waits.
pub(crate) fn datagram() -> Result<c_int> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    plain(libc::SYS_socket, [int(libc::AF_UNIX), int(kind), 0, 0, 0, 0]).map(|fd| small(Ok(fd)))
}

/// Connects a local socket to the one of this name in the abstract namespace (unix(7)), which takes no file.
pub(crate) fn connect_abstract(fd: c_int, name: &[u8]) -> Result<()> {
    let family = libc::AF_UNIX as libc::sa_family_t;
    let mut address = libc::sockaddr_un { sun_family: family, sun_path: [0; 108] };
    let path = address.sun_path.get_mut(1..).unwrap_or_default();
    for (to, from) in path.get_mut(..name.len()).ok_or(libc::ENAMETOOLONG)?.iter_mut().zip(name) {
        *to = from.cast_signed();
    }
    let length = offset_of!(libc::sockaddr_un, sun_path).wrapping_add(1).wrapping_add(name.len());
    plain(libc::SYS_connect, [int(fd), (&raw const address) as usize, length, 0, 0, 0]).map(|_| ())
}
