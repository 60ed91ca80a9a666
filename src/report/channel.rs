//! The way of records to the command: a local datagram socket in the abstract namespace (unix(7)), `log_path=@NAME`.

use crate::sys::{self, sockets};
use core::ffi::c_int;

/// Whether a `log_path` means a socket.
pub(super) fn is_one(log: &[u8]) -> bool {
    log.starts_with(b"@")
}

/// Connects to the reader.
pub(super) fn connect(log: &[u8]) -> sys::Result<c_int> {
    let name = log.get(1..).unwrap_or_default();
    let fd = sockets::datagram()?;
    sockets::connect_abstract(fd, name).map(|()| fd).inspect_err(|_| sys::close(fd))
}
