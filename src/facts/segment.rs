//! System V segments as the kernel has them.

use crate::facts::process;
use crate::plain::bits::Octal;
use crate::sys::{self, Result};
use core::ffi::{CStr, c_int};
use core::fmt;

/// One segment (`struct shmid_ds`).
#[derive(Clone, Copy)]
pub(crate) struct Segment {
    pub(crate) id: c_int,
    pub(crate) key: c_int,
    pub(crate) size: usize,
    /// Mode bits, 0 to 0777.
    pub(crate) mode: c_int,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) creator_uid: u32,
    /// 0 when the creator lives in another pid namespace.
    pub(crate) creator_pid: c_int,
    /// How many attachments it has.
    pub(crate) attached: u64,
    /// Whether `IPC_RMID` has marked it: it goes away with the last detach.
    pub(crate) removed: bool,
    /// The last attach and the last change, in seconds since 1970.
    pub(crate) attach_time: i64,
    pub(crate) change_time: i64,
    /// Who has attached or detached it last; 0 if nobody has, or in another pid namespace.
    pub(crate) last_pid: c_int,
}

impl Segment {
    fn new(id: c_int, segment: &libc::shmid_ds) -> Segment {
        // 16 bits wide on x86-64, 32 on AArch64.
        let mode = i64::from(segment.shm_perm.mode);
        Segment {
            id,
            key: segment.shm_perm.__key,
            size: segment.shm_segsz,
            mode: c_int::try_from(mode & 0o777).unwrap_or(0),
            uid: segment.shm_perm.uid,
            gid: segment.shm_perm.gid,
            creator_uid: segment.shm_perm.cuid,
            creator_pid: segment.shm_cpid,
            attached: segment.shm_nattch,
            removed: mode & 0o1000 != 0,
            attach_time: segment.shm_atime,
            change_time: segment.shm_ctime,
            last_pid: segment.shm_lpid,
        }
    }

    /// Whether this process has made it just now.
    pub(crate) fn was_just_made(&self) -> bool {
        // The kernel's clock for these times stands up to a tick behind.
        let now = sys::realtime().tv_sec;
        self.creator_pid == sys::getpid() && self.attach_time == 0 && self.change_time >= now.wrapping_sub(1)
    }

    /// Whether its creator is known and no longer runs.
    pub(crate) fn creator_is_gone(&self) -> bool {
        self.creator_pid != 0 && !process::runs(self.creator_pid)
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Segment { id, size, mode, uid, creator_pid, creator_uid, attached, .. } = self;
        write!(f, "segment {id}: {size} bytes, mode {}, owner uid {uid}, created by ", Octal(*mode))?;
        match creator_pid {
            0 => write!(f, "a process of another pid namespace")?,
            pid if self.creator_is_gone() => write!(f, "pid {pid} (no longer running)")?,
            pid => write!(f, "pid {pid}")?,
        }
        write!(f, " of uid {creator_uid}, attached {}", Times(*attached))
    }
}

/// Shows how many attachments a segment has: `2 times`.
pub(crate) struct Times(pub(crate) u64);

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 time"),
            times => write!(f, "{times} times"),
        }
    }
}

/// Whether the process that started this one is known to be in the same IPC namespace: only there an id means the same
/// segment. As it can't be asked of a process of another user, the machine's own namespace counts, too.
pub(crate) fn is_namespace_shared() -> bool {
    /// `PROC_IPC_INIT_INO` of the kernel.
    const MACHINE: u64 = 0xefff_ffff;
    let inode = |path: &CStr| sys::process::ask_own(path, &mut sys::statx_path).ok().map(|found| found.stx_ino);
    let Some(own) = inode(c"/proc/self/ns/ipc") else { return false };
    let mut path = crate::plain::Line::<40>::new();
    let _ = fmt::Write::write_fmt(&mut path, format_args!("/proc/{}/ns/ipc\0", sys::getppid()));
    match CStr::from_bytes_until_nul(path.as_bytes()).ok().and_then(inode) {
        Some(starter) => starter == own,
        None => own == MACHINE,
    }
}

/// The segment with an id, by `IPC_STAT`: EINVAL or EIDRM if there is none, EACCES if its mode bits hide it.
pub(crate) fn by_id(id: c_int) -> Result<Segment> {
    sys::segments::segment(id).map(|segment| Segment::new(id, &segment))
}

/// Whether there is a segment with an id, marked for removal or not.
pub(crate) fn exists(id: c_int) -> bool {
    !matches!(sys::segments::probe_segment(id), Err(libc::EINVAL | libc::EIDRM))
}

/// Whether the kernel says that there is a segment with an id.
pub(crate) fn is_known(id: c_int) -> bool {
    matches!(sys::segments::probe_segment(id), Ok(_) | Err(libc::EFAULT | libc::EACCES))
}

/// The segment with an id, whatever its mode bits (`SHM_STAT_ANY`, Linux 4.17).
pub(crate) fn any_by_id(id: c_int) -> Option<Segment> {
    by_id(id).ok().or_else(|| find(|segment| segment.id == id))
}

/// The segment at an index of the kernel's table, whatever its mode bits.
pub(crate) fn any_at(index: c_int) -> Option<Segment> {
    sys::segments::segment_at(index).ok().map(|(id, segment)| Segment::new(id, &segment))
}

/// The segment with a key, whatever its mode bits.
pub(crate) fn any_by_key(key: c_int) -> Option<Segment> {
    sys::segments::find_segment(key)
        .and_then(by_id)
        .ok()
        .or_else(|| find(|segment| segment.key == key && !segment.removed))
}

/// The first segment of the IPC namespace that `wanted` takes.
pub(crate) fn find(mut wanted: impl FnMut(&Segment) -> bool) -> Option<Segment> {
    let (highest, _) = sys::segments::segment_limits().ok()?;
    (0..=highest).find_map(|index| {
        let (id, segment) = sys::segments::segment_at(index).ok()?;
        Some(Segment::new(id, &segment)).filter(&mut wanted)
    })
}

/// The limits of the IPC namespace.
pub(crate) fn limits() -> Option<sys::segments::ShmLimits> {
    sys::segments::segment_limits().ok().map(|(_, limits)| limits)
}

/// What the IPC namespace uses.
pub(crate) fn usage() -> Option<sys::segments::ShmUsage> {
    sys::segments::segment_usage().ok()
}
