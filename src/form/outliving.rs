//! What outlives a process, as records tell of it: segments, semaphore sets, message queues, shared memory objects, and locks in
//! shared memory.

use crate::facts::mapping::Mapping;
use crate::plain::errno::Errno;
use crate::plain::ipc::Kind;
use crate::plain::lock::LockKind;
use core::ffi::c_int;

/// A segment that has been made.
pub(crate) struct NewSegment {
    pub(crate) id: c_int,
    pub(crate) key: c_int,
    /// In bytes.
    pub(crate) size: usize,
}

/// A semaphore set or message queue that has been made.
pub(crate) struct NewIpcObject {
    pub(crate) kind: Kind,
    pub(crate) id: c_int,
    pub(crate) key: c_int,
}

/// What a process has done with a segment.
pub(crate) enum SegmentUse {
    /// It has attached it, for the first time.
    Attached,
    /// It has removed it.
    Removed,
    /// It was refused to remove it.
    RemovalRefused(Errno),
    /// It has made it, ends in order, and the segment exists: key and size, and how many attachments it has, of this process
    /// and in all.
    Left { key: c_int, size: usize, own: u64, attached: u64 },
}

/// A shared memory object or a named semaphore that has been made.
pub(crate) struct NewObject<'a> {
    /// Without its leading slashes.
    pub(crate) name: &'a [u8],
    /// The name of its file.
    pub(crate) file: &'a [u8],
    /// Major and minor number.
    pub(crate) device: (u32, u32),
    pub(crate) inode: u64,
    /// The descriptor or address that the call gave.
    pub(crate) result: isize,
    /// The return address of the call.
    pub(crate) site: usize,
}

/// A lock that processes share, and that stays held when its owner dies.
pub(crate) struct NewLock<'a> {
    pub(crate) kind: LockKind,
    pub(crate) address: usize,
    /// Where it lies, as the kernel has it.
    pub(crate) memory: &'a Mapping,
    /// The return address of the call.
    pub(crate) site: usize,
}
