//! Calls of the ways on which reports leave the process: terminals, sockets, and a table of descriptors of one's own.

use super::{Result, int, plain, seccomp_allows, small, syscall};
use crate::machine::{Architecture, Machine};
use crate::plain::callback::Work;
use core::ffi::{c_char, c_int, c_void};
use core::mem::offset_of;

/// Whether a descriptor is a terminal: it answers `TCGETS`.
pub(crate) fn is_terminal(fd: c_int) -> bool {
    const TCGETS: usize = 0x5401;
    let mut termios = [0_u8; 64]; // struct termios of the kernel has 36 bytes
    plain(libc::SYS_ioctl, [int(fd), TCGETS, termios.as_mut_ptr() as usize, 0, 0, 0]).is_ok()
}

/// Whether a descriptor is the master's side of a pseudo-terminal.
pub(crate) fn is_terminal_master(fd: c_int) -> bool {
    const TIOCGPTN: usize = 0x8004_5430;
    let mut number: c_int = 0;
    plain(libc::SYS_ioctl, [int(fd), TIOCGPTN, (&raw mut number) as usize, 0, 0, 0]).is_ok()
}

/// The address of a Unix socket.
pub(crate) struct SocketAddress {
    raw: libc::sockaddr_un,
    length: usize,
}

impl SocketAddress {
    /// The address of a path, or, after an `@`, of a name in the abstract namespace; `None` if it is too long.
    pub(crate) fn of(name: &[u8]) -> Option<SocketAddress> {
        let family = libc::sa_family_t::try_from(libc::AF_UNIX).ok()?;
        let mut raw = libc::sockaddr_un { sun_family: family, sun_path: [0; 108] };
        let is_abstract = name.starts_with(b"@");
        // A path is closed by a zero byte, an abstract name by its length.
        if name.len() >= raw.sun_path.len() {
            return None;
        }
        let zero: &[u8] = if is_abstract { &[0] } else { &[] };
        for (to, from) in raw.sun_path.iter_mut().zip(zero.iter().chain(name.get(zero.len()..)?)) {
            *to = c_char::from_ne_bytes([*from]);
        }
        let length =
            offset_of!(libc::sockaddr_un, sun_path).wrapping_add(name.len()).wrapping_add(usize::from(!is_abstract));
        Some(SocketAddress { raw, length })
    }
}

/// A Unix datagram socket that sends to an address, socket(2) and connect(2).
pub(crate) fn socket_to(address: &SocketAddress) -> Result<c_int> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    let fd = small(Ok(plain(libc::SYS_socket, [int(libc::AF_UNIX), int(kind), 0, 0, 0, 0])?));
    let raw = &raw const address.raw;
    match plain(libc::SYS_connect, [int(fd), raw as usize, address.length, 0, 0, 0]) {
        Ok(_) => Ok(fd),
        Err(errno) => {
            super::close(fd);
            Err(errno)
        }
    }
}

/// Does work in a child that shares this process's memory, has a copy of its table of descriptors, and ends with it;
/// this thread waits meanwhile, with all signals blocked. No handler of the program's runs in it, and its end raises no
/// signal. What the work says, or why there was no child.
pub(crate) fn with_own_descriptors(mut work: impl FnMut() -> Result<()>) -> Result<()> {
    let mut outcome = Err(libc::EIO);
    in_child(Work::of(&mut || outcome = work()))?;
    outcome
}

fn in_child(mut work: Work<'_>) -> Result<()> {
    extern "C" fn call(work: *mut c_void) {
        // SAFETY: the work below lives until the child has ended.
        let work = unsafe { &mut *work.cast::<Work<'_>>() };
        work.call();
    }
    let flags = usize::try_from(libc::CLONE_VM | libc::CLONE_VFORK).unwrap_or(0);
    let waited_for = [0, 0, int(libc::__WCLONE), 0, 0, 0];
    if !seccomp_allows(libc::SYS_clone, [flags, 0, 0, 0, 0, 0])
        || !seccomp_allows(libc::SYS_wait4, waited_for)
        || !seccomp_allows(libc::SYS_exit, [0; 6])
    {
        return Err(libc::ENOSYS);
    }
    // SAFETY: `call` fits, and the work lives longer than the child, for which this thread waits.
    let child = super::answer(unsafe { Machine::spawn(call, (&raw mut work).cast(), flags) })?;
    loop {
        // SAFETY: numbers alone.
        match super::answer(unsafe { syscall(libc::SYS_wait4, [child, 0, int(libc::__WCLONE), 0, 0, 0]) }) {
            Err(libc::EINTR) => {}
            _ => return Ok(()),
        }
    }
}
