//! System V segments as the kernel has them now.

use super::process;
use std::fs;

/// The bit of a segment's mode that says that it goes with its last attachment.
const DESTROYED: u32 = 0o1000;

/// A segment as the kernel lists it in /proc/sysvipc/shm.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) id: i32,
    pub(crate) key: i32,
    pub(crate) size: u64,
    pub(crate) creator: u32,
    pub(crate) attached: u64,
    /// The user who owns it.
    pub(crate) owner: u32,
    /// Whether a process has ever attached it.
    pub(crate) was_attached: bool,
    /// When it was made, or given other rights, in seconds.
    pub(crate) changed: u64,
}

/// The segments of this IPC namespace that stay.
pub(crate) fn list() -> Vec<Listed> {
    let text = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    text.lines().skip(1).filter_map(parse).collect()
}

/// Reads a line: key, shmid, perms, size, cpid, lpid, nattch, uid, gid, cuid, cgid, atime, dtime, ctime and so on.
fn parse(line: &str) -> Option<Listed> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse().ok();
    let mode = u32::from_str_radix(fields.get(2)?, 8).ok()?;
    let attach_time = || fields.get(11)?.parse::<i64>().ok();
    (mode & DESTROYED == 0).then_some(Listed {
        was_attached: attach_time()? != 0,
        key: fields.first()?.parse().ok()?,
        id: fields.get(1)?.parse().ok()?,
        size: number(3)?,
        creator: u32::try_from(number(4)?).ok()?,
        attached: number(6)?,
        owner: u32::try_from(number(7)?).ok()?,
        changed: number(13)?,
    })
}

/// Copies a part of a segment that may be read.
pub(crate) fn copy(id: i32, offset: usize, bytes: &mut [u8]) -> Option<()> {
    let size = usize::try_from(list().iter().find(|listed| listed.id == id)?.size).ok()?;
    if offset.checked_add(bytes.len())? > size {
        return None;
    }
    // SAFETY: at an address of the kernel's choice, to be read alone.
    let memory = unsafe { libc::shmat(id, std::ptr::null(), libc::SHM_RDONLY) };
    if memory.addr() == usize::MAX {
        return None;
    }
    let from = memory.cast::<u8>().wrapping_add(offset);
    // SAFETY: within the segment, as was asked above; that others write there is the reader's business.
    unsafe { std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), bytes.len()) };
    // SAFETY: attached above.
    unsafe { libc::shmdt(memory) };
    Some(())
}

/// The segments that a process is attached to.
pub(crate) fn attached_by(pid: u32) -> Vec<i32> {
    let maps = fs::read_to_string(process::folder(pid).join("maps")).unwrap_or_default();
    maps.lines().filter_map(attachment).collect()
}

/// The segment of a line of /proc/PID/maps: its id stands where a file has its inode.
fn attachment(line: &str) -> Option<i32> {
    let mut fields = line.split_whitespace().skip(4);
    let id = fields.next()?;
    fields.next()?.starts_with("/SYSV").then(|| id.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_list_is_read() {
        let line = "  -1234567      32769  600                  4096  4242  4243      2  1000  1000     0     \
                    0          0          0 1700000000                  4096                     0";
        let expected = Listed {
            id: 32769,
            key: -1_234_567,
            size: 4096,
            creator: 4242,
            attached: 2,
            owner: 1000,
            was_attached: false,
            changed: 1_700_000_000,
        };
        assert_eq!(parse(line), Some(expected));
        assert_eq!(parse(&line.replace(" 600 ", "1600 ")), None);
        assert_eq!(parse("key shmid"), None);
    }

    #[test]
    fn attachments_are_told_from_files() {
        let line = "7f1-7f2 rw-s 00000000 00:01 32769                      /SYSV00000000 (deleted)";
        assert_eq!(attachment(line), Some(32769));
        assert_eq!(attachment("7f1-7f2 rw-s 00000000 08:01 77      /tmp/file"), None);
        assert_eq!(attachment("7f1-7f2 rw-p 00000000 00:00 0 "), None);
    }
}
