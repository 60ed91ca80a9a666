//! From a call of System V or POSIX shared memory to what the tracker, and the records, are told.

use super::locks::note_shared;
use super::pending::{self, PendingRelease};
use super::{events, releaser, rights, tracked, with_outer};
use crate::call::{CreatedObject, ObjectMaker, Outcome, Shmat, Shmctl, Shmget};
use crate::form::{self, NewObject, SegmentUse};
use crate::plain::hidden::Hidden;
use crate::plain::page::{page_start, whole_pages};
use crate::plain::shm::{self, Named};
use crate::plain::{Range, errno};
use crate::sys::process;
use crate::track::{By, File, NewMapping, Object, ObjectCreation, ShmgetSuccess};
use crate::{clock, enabled, facts, finding, sys};
use core::ffi::{CStr, c_int};

/// What `shm_open` or `sem_open` was asked to make, and the descriptor or address that it gave.
pub(crate) struct MadeObject {
    pub(crate) named: Named,
    pub(crate) flags: c_int,
    pub(crate) mode: u32,
    pub(crate) initial: u32,
    pub(crate) result: isize,
}

/// shmat with `SHM_REMAP` is about to be called.
#[cold]
pub(crate) fn attaches_over(id: c_int, address: usize, return_address: usize) -> PendingRelease {
    let range = Range::new(page_start(address), whole_pages(segment_size(id)));
    with_outer(enabled::bits(), return_address, |outer| {
        pending::release(range, releaser(By::Shmat, return_address), outer)
    })
}

/// The size of a segment in bytes, asked of the kernel the first time.
pub(crate) fn segment_size(id: c_int) -> usize {
    match tracked::segment_size(id) {
        0 => ask_size(id),
        size => size,
    }
}

#[cold]
fn ask_size(id: c_int) -> usize {
    let size = facts::segment::any_by_id(id).map_or(0, |segment| segment.size);
    events::size_learned(id, size);
    size
}

/// shmget has led to a segment for the first time, or has made it: whether it is known to have made it.
#[inline(never)]
pub(crate) fn shmget_succeeded(call: &Shmget, id: c_int, return_address: usize) -> bool {
    let (size, created) = if call.surely_creates() {
        (call.size, true)
    } else if let Some(segment) = facts::segment::any_by_id(id) {
        // What is known already is not new, and the kernel's times have whole seconds.
        let created = call.flags & libc::IPC_CREAT != 0
            && segment.was_just_made()
            && (segment.size, segment.mode) == (call.size, call.flags & 0o777)
            && tracked::segment(id).is_none_or(|known| known.removed_at().is_some());
        (segment.size, created)
    } else {
        return false;
    };
    events::shmget_succeeded(ShmgetSuccess {
        id,
        key: call.key,
        size,
        flags: call.flags,
        created,
        site: Hidden::new(return_address),
    });
    if created {
        finding::write_segment(call, &form::NewSegment { id, key: call.key, size }, return_address);
    }
    created
}

/// Who made a segment, and where, if that was a process that forked this one: asked of the kernel before it is removed.
#[cold]
#[inline(never)]
pub(crate) fn inherited_from(id: c_int) -> Option<(c_int, usize)> {
    let known = tracked::segment(id)?;
    if !known.is_created() || tracked::is_own(known.generation) {
        return None;
    }
    let before = errno::get();
    let maker = facts::segment::any_by_id(id).map(|segment| (segment.creator_pid, known.site()));
    errno::set(before);
    maker.filter(|(pid, _)| *pid != 0)
}

/// `IPC_RMID` has succeeded, or was refused.
#[cold]
#[inline(never)]
pub(crate) fn removes(call: &Shmctl, outcome: Outcome, return_address: usize) {
    let before = errno::get();
    match outcome {
        Outcome::Succeeded(value) => {
            events::removed(call.id, return_address);
            finding::write_segment_use(call, value, call.id, &SegmentUse::Removed, return_address);
        }
        Outcome::Failed(refusal @ (libc::EPERM | libc::EACCES)) => {
            events::removal_refused(call.id, return_address, refusal);
            finding::write_segment_use(call, -1, call.id, &SegmentUse::RemovalRefused(refusal), return_address);
        }
        _ => {}
    }
    errno::set(before);
}

/// Whether something of this name is there, before a call with `O_CREAT` may make it.
#[cold]
pub(crate) fn has_object(named: Named, name: &CStr) -> bool {
    shm::path(named, name).is_some_and(|path| path.as_c_str().is_some_and(|path| sys::statx_path(path).is_ok()))
}

/// `shm_open` or `sem_open` has made an object of this name.
#[cold]
pub(crate) fn object_made(name: &CStr, made: &MadeObject, return_address: usize) {
    let MadeObject { named, flags, mode, initial, result } = *made;
    let Some(path) = shm::path(named, name) else { return };
    let file = match named {
        Named::Object => sys::statx_fd(fd_of(result)),
        Named::Semaphore => path.as_c_str().ok_or(libc::EINVAL).and_then(sys::statx_path),
    };
    let (Ok(file), Some(mut object)) = (file, Object::named(path.file_name())) else { return };
    let creation = &mut object.creation;
    creation.device = (file.stx_dev_major, file.stx_dev_minor);
    creation.inode = file.stx_ino;
    (creation.named, creation.flags, creation.mode, creation.initial) = (named, flags, mode, initial);
    (creation.result, creation.pid) = (Hidden::new(result.cast_unsigned()), process::pid());
    object.made_by(return_address);
    events::object_made(&mut object);
    let call = CreatedObject { named, name: object.bare(), flags, mode, initial };
    let ObjectCreation { device, inode, .. } = object.creation;
    let record = NewObject { name: object.bare(), file: object.name(), device, inode, result, site: return_address };
    finding::write_object(&call, &record);
}

#[expect(clippy::cast_possible_truncation, reason = "the call gave an int")]
fn fd_of(result: isize) -> c_int {
    result as c_int
}

/// `shm_unlink` or `sem_unlink` has succeeded: who made the object, if that was a process that forked this one.
#[cold]
pub(crate) fn object_unlinked(named: Named, name: &CStr) -> Option<ObjectMaker> {
    let creation = events::object_unlinked(shm::path(named, name)?.file_name())?;
    let ObjectCreation { pid, device, inode, generation, .. } = creation;
    (!tracked::is_own(generation)).then(|| ObjectMaker { pid, device, inode, site: creation.site() })
}

/// shmat has succeeded. True if the kernel is to be asked how many mappings there are.
pub(crate) fn attached(id: c_int, base: usize, flags: c_int, placed: bool, return_address: usize) -> bool {
    let size = segment_size(id);
    let write = if flags & libc::SHM_RDONLY == 0 { libc::PROT_WRITE } else { 0 };
    let execute = if flags & libc::SHM_EXEC == 0 { 0 } else { libc::PROT_EXEC };
    let made = NewMapping {
        by: By::Shmat,
        site: return_address,
        base,
        length: size,
        prot: rights(libc::PROT_READ | write | execute),
        flags,
        placed,
        needs_check: true,
        file: Some(File { inode: u64::from(id.cast_unsigned()), size: size as u64, offset: 0, device: 0, fd: -1 }),
        time: clock::now(),
    };
    let range = Range::new(base, whole_pages(size));
    note_shared(range);
    let count_is_due = with_outer(enabled::bits(), return_address, |outer| events::mapped(range, made, outer));
    if finding::are_recorded() && events::attached(id) {
        let call = Shmat { id, address: if placed { base } else { 0 }, flags };
        finding::write_segment_use(&call, base.cast_signed(), id, &SegmentUse::Attached, return_address);
    }
    count_is_due
}

/// shmdt is about to be called.
#[inline]
pub(crate) fn detaches(address: usize, return_address: usize) -> PendingRelease {
    with_outer(enabled::bits(), return_address, |outer| {
        pending::detach(address, releaser(By::Shmdt, return_address), outer)
    })
}
