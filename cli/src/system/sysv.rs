//! System V objects as the kernel has them: segments, semaphore sets and message queues of this IPC namespace.
//!
//! The lists are /proc/sysvipc, which show every object, whoever may use it (sysvipc(7)).

use crate::system::segment;
use std::fs;
use std::io;

/// The bit of a segment's mode that says that it goes with its last attachment.
const DESTROYED: u32 = 0o1000;

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Family {
    Segment,
    SemaphoreSet,
    MessageQueue,
}

impl Family {
    pub(crate) const ALL: [Family; 3] = [Family::Segment, Family::SemaphoreSet, Family::MessageQueue];

    /// The word before its ids, which is its file's name, too.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Family::Segment => "shm",
            Family::SemaphoreSet => "sem",
            Family::MessageQueue => "msg",
        }
    }
}

/// An object as the kernel lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SysV {
    pub(crate) family: Family,
    pub(crate) id: i32,
    /// 0 is `IPC_PRIVATE`.
    pub(crate) key: u32,
    pub(crate) mode: u32,
    /// Whether it goes with its last attachment.
    pub(crate) is_destroyed: bool,
    /// In bytes; of a set, which has none, 0.
    pub(crate) size: u64,
    /// Of a segment.
    pub(crate) resident: Option<u64>,
    /// Attachments of a segment, semaphores of a set, messages in a queue.
    pub(crate) count: u64,
    pub(crate) owner: u32,
    /// Who made it; the kernel remembers that of segments alone. 0 is a process of another PID namespace.
    pub(crate) creator: Option<u32>,
    /// Who used it last: attached or detached, sent, received. 0 is nobody, or a process of another PID namespace.
    pub(crate) last_users: Vec<u32>,
    /// When it was used last, in seconds since 1970; 0 is never.
    pub(crate) used: i64,
    /// When it was made, or its owner or mode changed.
    pub(crate) changed: i64,
}

/// The objects of a kind.
pub(crate) fn list(family: Family) -> io::Result<Vec<SysV>> {
    let text = fs::read_to_string(format!("/proc/sysvipc/{}", family.word()))?;
    Ok(text.lines().skip(1).filter_map(|line| parse(family, line)).collect())
}

/// Reads a line, whose columns sysvipc(7) lists.
fn parse(family: Family, line: &str) -> Option<SysV> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<i64>().ok();
    let unsigned = |index: usize| u64::try_from(number(index)?).ok();
    let short = |index: usize| u32::try_from(number(index)?).ok();
    let bits = u32::from_str_radix(fields.get(2)?, 8).ok()?;
    let (size, resident, count, creator, last_users, owner, used, changed) = match family {
        Family::Segment => {
            let used = number(11)?.max(number(12)?);
            (unsigned(3)?, unsigned(14), unsigned(6)?, short(4), vec![short(5)?], short(7)?, used, number(13)?)
        }
        Family::SemaphoreSet => (0, None, unsigned(3)?, None, vec![], short(4)?, number(8)?, number(9)?),
        Family::MessageQueue => {
            let used = number(11)?.max(number(12)?);
            (unsigned(3)?, None, unsigned(4)?, None, vec![short(5)?, short(6)?], short(7)?, used, number(13)?)
        }
    };
    Some(SysV {
        family,
        id: i32::try_from(number(1)?).ok()?,
        key: u32::from_ne_bytes(i32::try_from(number(0)?).ok()?.to_ne_bytes()),
        mode: bits & 0o777,
        is_destroyed: family == Family::Segment && bits & DESTROYED != 0,
        size,
        resident,
        count,
        owner,
        creator,
        last_users,
        used,
        changed,
    })
}

/// Removes an object, whoever uses it.
pub(crate) fn remove(family: Family, id: i32) -> io::Result<()> {
    let removed = match family {
        Family::Segment => return segment::remove(id),
        // SAFETY: IPC_RMID takes no fourth argument.
        Family::SemaphoreSet => unsafe { libc::semctl(id, 0, libc::IPC_RMID) },
        // SAFETY: IPC_RMID takes no structure.
        Family::MessageQueue => unsafe { libc::msgctl(id, libc::IPC_RMID, std::ptr::null_mut()) },
    };
    if removed == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// How many threads wait in semop(2) for a set of so many semaphores.
pub(crate) fn waiters(id: i32, semaphores: u64) -> io::Result<u64> {
    let mut waiting = 0;
    for number in 0..i32::try_from(semaphores).unwrap_or(i32::MAX) {
        for command in [libc::GETNCNT, libc::GETZCNT] {
            // SAFETY: neither command takes a fourth argument.
            let count = unsafe { libc::semctl(id, number, command) };
            waiting += u64::try_from(count).map_err(|_| io::Error::last_os_error())?;
        }
    }
    Ok(waiting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_lists_are_read() {
        let line = "-1234567 32769 1600 4096 4242 4243 2 1000 1000 7 7 1700000001 1700000002 1700000000 8192 0";
        let segment = parse(Family::Segment, line).unwrap();
        assert_eq!((segment.id, segment.key, segment.mode), (32769, 0xffed_2979, 0o600));
        assert!(segment.is_destroyed);
        assert_eq!((segment.size, segment.resident, segment.count), (4096, Some(8192), 2));
        assert_eq!((segment.creator, segment.last_users, segment.owner), (Some(4242), vec![4243], 1000));
        assert_eq!((segment.used, segment.changed), (1_700_000_002, 1_700_000_000));
        let set = parse(Family::SemaphoreSet, "17 3 644 5 1000 1000 0 0 0 1700000000").unwrap();
        assert_eq!((set.key, set.count, set.owner, set.used, set.changed), (17, 5, 1000, 0, 1_700_000_000));
        let queue = parse(Family::MessageQueue, "0 4 600 12 3 9 0 1000 1000 0 0 1700000005 0 1700000000").unwrap();
        assert_eq!((queue.size, queue.count, queue.last_users), (12, 3, vec![9, 0]));
        assert_eq!(parse(Family::Segment, "key shmid"), None);
    }
}
