//! A process that runs, looked at from outside: it is neither stopped nor changed.

use super::memory::{KernelMapping, Memory};
use crate::failure::{Failure, reason};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

/// The most that is read by one call: the kernel holds the process's mappings still for a part of that at a time.
const MOST: usize = 1 << 24;

/// A process that runs.
pub(crate) struct Process {
    pid: libc::pid_t,
}

impl Process {
    /// A process that may be read.
    pub(crate) fn open(pid: u32) -> Result<Process, Failure> {
        let missing = || Failure::not_found(format!("there is no process {pid}"));
        let number = libc::pid_t::try_from(pid).map_err(|_| missing())?;
        let process = Process { pid: number };
        // Its own executable's link is as well guarded as its memory.
        match fs::read_link(process.folder().join("exe")) {
            Ok(_) => Ok(process),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(if process.folder().exists() {
                Failure::own(format!("process {pid} has no memory: it is a zombie, or a thread of the kernel"))
            } else {
                missing()
            }),
            Err(error) => Err(process.refused(&error)),
        }
    }

    fn folder(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.pid))
    }

    fn refused(&self, error: &io::Error) -> Failure {
        let pid = self.pid;
        if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESRCH)) {
            return Failure::own(format!("process {pid} has ended while it was read"));
        }
        let advice = "that takes the same user and kernel.yama.ptrace_scope=0, or CAP_SYS_PTRACE";
        Failure::own(format!("process {pid} can't be read: {}; {advice}", reason(error)))
    }

    /// The file that it executes, as the kernel names it.
    pub(crate) fn program(&self) -> PathBuf {
        fs::read_link(self.folder().join("exe")).unwrap_or_default()
    }

    /// The file that it executes, to be opened, though it has been removed.
    pub(crate) fn program_file(&self) -> PathBuf {
        self.folder().join("exe")
    }

    /// All that is mapped, lowest first.
    pub(crate) fn mappings(&self) -> Result<Vec<KernelMapping>, Failure> {
        let list = fs::read(self.folder().join("maps")).map_err(|error| self.refused(&error))?;
        Ok(String::from_utf8_lossy(&list).lines().filter_map(mapping).collect())
    }

    /// Whether its memory may be read; `address` is of some that it has.
    pub(crate) fn check(&self, address: u64) -> Result<(), Failure> {
        let mut byte = [0];
        self.read_some(address, &mut byte).map(drop).map_err(|error| self.refused(&error))
    }

    fn read_some(&self, address: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let local = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        let base = std::ptr::without_provenance_mut(usize::try_from(address).unwrap_or(0));
        let remote = libc::iovec { iov_base: base, iov_len: buffer.len() };
        // SAFETY: fills the buffer at most; the other address is in the other process, and tried by the kernel.
        let read = unsafe { libc::process_vm_readv(self.pid, &raw const local, 1, &raw const remote, 1, 0) };
        usize::try_from(read).map_err(|_| io::Error::last_os_error())
    }
}

impl Memory for Process {
    fn read(&self, address: u64, buffer: &mut [u8]) -> bool {
        let mut at = address;
        for part in buffer.chunks_mut(MOST) {
            if !self.read_some(at, part).is_ok_and(|read| read == part.len()) {
                return false;
            }
            at = at.saturating_add(part.len() as u64);
        }
        true
    }
}

/// A line of /proc/PID/maps.
fn mapping(line: &str) -> Option<KernelMapping> {
    let mut words = line.splitn(6, ' ');
    let (range, rights, offset, _device, _inode) =
        (words.next()?, words.next()?, words.next()?, words.next()?, words.next()?);
    let (start, end) = range.split_once('-')?;
    let number = |text: &str| u64::from_str_radix(text, 16).ok();
    let name = words.next().unwrap_or_default().trim_start().to_owned();
    Some(KernelMapping {
        start: number(start)?,
        end: number(end)?,
        rights: rights.to_owned(),
        offset: number(offset)?,
        name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let line = "7f00-8000 r-xp 00001000 08:01 77                         /a b/c (deleted)";
        let read = mapping(line).unwrap();
        assert_eq!((read.start, read.end, read.offset), (0x7f00, 0x8000, 0x1000));
        assert_eq!((read.rights.as_str(), read.name.as_str()), ("r-xp", "/a b/c (deleted)"));
        assert_eq!(mapping("1000-2000 rw-p 00000000 00:00 0 ").unwrap().name, "");
        assert_eq!(mapping("nonsense"), None);
    }

    #[test]
    fn a_process_is_read_and_what_is_not_there_is_not() {
        let process = Process::open(std::process::id()).ok().unwrap();
        let text = *b"known bytes";
        assert_eq!(process.bytes(text.as_ptr() as u64, text.len()).unwrap(), text);
        assert_eq!(process.bytes(1, 8), None);
        assert!(process.mappings().ok().unwrap().iter().any(KernelMapping::is_of_file));
        assert_eq!(Process::open(u32::MAX).err().unwrap().status(), 127);
    }
}
