//! A path, as bytes.

use super::mapping;
use crate::plain::escape::Escaped;
use crate::plain::page::{page_remainder, page_size};
use crate::sys::{self, Errno};
use core::ffi::{CStr, c_int};
use core::fmt::{self, Write as _};

/// The longest path that the kernel takes, with its closing zero byte (`PATH_MAX`).
const LONGEST: usize = 4096;

/// A path of at most `PATH_MAX` bytes, held by value: 4 KiB, for the report's stack only.
pub(crate) struct Path {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Path {
    const EMPTY: Path = Path { bytes: [0; LONGEST], length: 0 };

    /// The file behind a descriptor, as /proc/self/fd names it (`pipe:[123]` for what has no path).
    pub(crate) fn of_descriptor(fd: c_int) -> Option<Path> {
        let mut link = Writer { bytes: [0; 32], length: 0 };
        write!(link, "/proc/self/fd/{fd}").ok()?;
        let link = CStr::from_bytes_until_nul(&link.bytes).ok()?;
        let mut path = Path::EMPTY;
        path.length =
            sys::process::ask_own(link, &mut |link| sys::readlink(link, &mut path.bytes).map(<[u8]>::len)).ok()?;
        Some(path)
    }

    /// The string at an address of this process that may not be mapped; `None` if it is not, or is not terminated.
    pub(crate) fn at(address: usize) -> Option<Path> {
        let mut path = Path::EMPTY;
        path.length = read_string(address, &mut path.bytes)?;
        Some(path)
    }

    /// The path with these bytes; `None` if it is longer than the kernel takes.
    pub(crate) fn of(bytes: &[u8]) -> Option<Path> {
        let mut path = Path::EMPTY;
        path.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        path.length = bytes.len();
        Some(path)
    }

    /// The first part of the path, from its start to a slash, that can't be looked up, or (for EACCES and ENOTDIR) in which
    /// nothing can be: with this errno.
    pub(crate) fn first_that_fails(&self, errno: Errno) -> Option<&[u8]> {
        let bytes = self.bytes();
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at.max(1));
        ends.chain([bytes.len()]).filter_map(|end| bytes.get(..end)).find(|part| {
            let fails = |path: Path| path.as_c_str().is_some_and(|path| sys::statx_path(path).err() == Some(errno));
            let inside = || {
                let mut path = Path::of(part)?;
                path.bytes.get_mut(path.length..path.length.checked_add(2)?)?.copy_from_slice(b"/.");
                path.length = path.length.checked_add(2)?;
                Some(path)
            };
            let path = if errno == libc::ENOENT { Path::of(part) } else { inside() };
            path.is_some_and(fails)
        })
    }

    /// The working directory.
    pub(crate) fn working_directory() -> Option<Path> {
        let mut path = Path::EMPTY;
        path.length = sys::getcwd(&mut path.bytes).ok()?.len();
        Some(path)
    }

    /// The path's bytes, without a closing zero.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Whether it starts at the root.
    pub(crate) fn is_absolute(&self) -> bool {
        self.bytes.first() == Some(&b'/')
    }

    /// The path as system calls take it; `None` if no room was left for the zero.
    pub(crate) fn as_c_str(&self) -> Option<&CStr> {
        let with_zero = self.bytes.get(..self.length.checked_add(1)?)?;
        CStr::from_bytes_with_nul(with_zero).ok()
    }
}

/// Copies the string at an address that may not be mapped; its length. `None` if it is not, or the string does not end in
/// the room that there is.
pub(super) fn read_string(address: usize, to: &mut [u8]) -> Option<usize> {
    let mut length = 0_usize;
    while length < to.len() {
        let from = address.checked_add(length)?;
        // Never across the end of a page, so that what can be read is read.
        let room = page_size().wrapping_sub(page_remainder(from));
        let end = to.len().min(length.wrapping_add(room));
        let chunk = to.get_mut(length..end)?;
        let read = read(from, chunk)?;
        if let Some(zero) = chunk.get(..read)?.iter().position(|byte| *byte == 0) {
            return Some(length.wrapping_add(zero));
        }
        length = length.wrapping_add(read);
    }
    None
}

/// Copies from memory that may not be mapped, within one page.
fn read(from: usize, chunk: &mut [u8]) -> Option<usize> {
    match sys::read_memory(from, chunk) {
        Ok(read) => Some(read),
        // The call is not there or not allowed (a sandbox, an emulator): what is mapped and readable can be read.
        Err(libc::ENOSYS | libc::EPERM) if mapping::Mappings::open()?.at(from)?.is_readable() => {
            // SAFETY: the whole page is mapped, as the kernel has just said.
            unsafe { sys::read_mapped(from, chunk) };
            Some(chunk.len())
        }
        Err(_) => None,
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(self.bytes()).fmt(f)
    }
}

/// Room for a short path that is put together.
struct Writer {
    bytes: [u8; 32],
    length: usize,
}

impl fmt::Write for Writer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length.checked_add(text.len()).filter(|end| *end < self.bytes.len()).ok_or(fmt::Error)?;
        self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}
