//! System V semaphore sets and message queues as the kernel has them.

use crate::facts::process;
use crate::plain::bits::Octal;
use crate::plain::ipc::Kind;
use crate::sys::{Result, ipc};
use core::ffi::c_int;
use core::fmt;

/// One set or queue.
#[derive(Clone, Copy)]
pub(crate) struct Object {
    pub(crate) kind: Kind,
    pub(crate) id: c_int,
    pub(crate) key: c_int,
    /// Mode bits, 0 to 0777.
    pub(crate) mode: c_int,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) creator_uid: u32,
    /// Semaphores, or messages in the queue.
    pub(crate) count: u64,
    /// Bytes in the queue.
    bytes: u64,
    /// The processes that have last sent and received; 0 for none.
    pids: [c_int; 2],
}

impl Object {
    fn set(id: c_int, set: &libc::semid_ds) -> Object {
        Object { count: set.sem_nsems, ..Object::of(Kind::Set, id, &set.sem_perm) }
    }

    fn queue(id: c_int, queue: &libc::msqid_ds) -> Object {
        Object {
            count: queue.msg_qnum,
            bytes: queue.__msg_cbytes,
            pids: [queue.msg_lspid, queue.msg_lrpid],
            ..Object::of(Kind::Queue, id, &queue.msg_perm)
        }
    }

    fn of(kind: Kind, id: c_int, permissions: &libc::ipc_perm) -> Object {
        // 16 bits wide on x86-64, 32 on AArch64.
        let mode = i64::from(permissions.mode);
        let (count, bytes, pids) = (0, 0, [0; 2]);
        let libc::ipc_perm { __key: key, uid, gid, cuid: creator_uid, .. } = *permissions;
        let mode = c_int::try_from(mode & 0o777).unwrap_or(0);
        Object { kind, id, key, mode, uid, gid, creator_uid, count, bytes, pids }
    }

    /// Whether all processes that are known to have used it last no longer run, and there are any.
    pub(crate) fn is_orphan(&self) -> bool {
        let pids = match self.kind {
            Kind::Set => [ipc::semaphore_pid(self.id, 0).unwrap_or(0), 0],
            Kind::Queue => self.pids,
        };
        let mut known = pids.iter().filter(|pid| **pid != 0).peekable();
        known.peek().is_some() && known.all(|pid| !process::runs(*pid))
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Object { kind, id, count, bytes, mode, uid, creator_uid, .. } = self;
        write!(f, "{kind} {id}: ")?;
        match (kind, count) {
            (Kind::Set, 1) => f.write_str("1 semaphore")?,
            (Kind::Set, _) => write!(f, "{count} semaphores")?,
            (Kind::Queue, 1) => write!(f, "1 message of {bytes} bytes")?,
            (Kind::Queue, _) => write!(f, "{count} messages, {bytes} bytes")?,
        }
        write!(f, ", mode {}, owner uid {uid}, created by uid {creator_uid}", Octal(*mode))
    }
}

/// The set or queue with an id, by `IPC_STAT`: EINVAL or EIDRM if there is none, EACCES if its mode bits hide it.
pub(crate) fn by_id(kind: Kind, id: c_int) -> Result<Object> {
    match kind {
        Kind::Set => ipc::set(id).map(|set| Object::set(id, &set)),
        Kind::Queue => ipc::queue(id).map(|queue| Object::queue(id, &queue)),
    }
}

/// Whether there is one with an id.
pub(crate) fn exists(kind: Kind, id: c_int) -> bool {
    !matches!(by_id(kind, id), Err(libc::EINVAL | libc::EIDRM))
}

/// The one with an id, whatever its mode bits (Linux 4.17).
pub(crate) fn any_by_id(kind: Kind, id: c_int) -> Option<Object> {
    by_id(kind, id).ok().or_else(|| find(kind, |object| object.id == id))
}

/// The one at an index of the kernel's table, whatever its mode bits.
pub(crate) fn any_at(kind: Kind, index: c_int) -> Option<Object> {
    match kind {
        Kind::Set => ipc::set_at(index).ok().map(|(id, set)| Object::set(id, &set)),
        Kind::Queue => ipc::queue_at(index).ok().map(|(id, queue)| Object::queue(id, &queue)),
    }
}

/// The id of the one with a key, whatever its mode bits.
pub(crate) fn id_of_key(kind: Kind, key: c_int) -> Result<c_int> {
    match kind {
        Kind::Set => ipc::find_set(key),
        Kind::Queue => ipc::find_queue(key),
    }
}

/// The one with a key, whatever its mode bits.
pub(crate) fn any_by_key(kind: Kind, key: c_int) -> Option<Object> {
    id_of_key(kind, key).and_then(|id| by_id(kind, id)).ok().or_else(|| find(kind, |object| object.key == key))
}

/// The first of the IPC namespace that `wanted` takes.
pub(crate) fn find(kind: Kind, mut wanted: impl FnMut(&Object) -> bool) -> Option<Object> {
    let highest = match kind {
        Kind::Set => ipc::set_limits().ok()?.0,
        Kind::Queue => ipc::queue_limits().ok()?.0,
    };
    (0..=highest).find_map(|index| any_at(kind, index).filter(&mut wanted))
}

/// How many there are in the IPC namespace, how many of them are orphans, and the most that there may be (SEMMNI, MSGMNI).
pub(crate) fn population(kind: Kind) -> Option<(u64, u64, u64)> {
    let (used, most) = match kind {
        Kind::Set => (ipc::set_usage().ok()?.semusz, ipc::set_limits().ok()?.1.semmni),
        Kind::Queue => (ipc::queue_usage().ok()?.msgpool, ipc::queue_limits().ok()?.1.msgmni),
    };
    let mut orphans = 0_u64;
    find(kind, |object| {
        orphans = orphans.wrapping_add(u64::from(object.is_orphan()));
        false
    });
    Some((u64::try_from(used).ok()?, orphans, u64::try_from(most).ok()?))
}
