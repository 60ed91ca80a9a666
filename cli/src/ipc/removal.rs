//! Removing an object: the kernel is asked again right before, and what is in use stays.

use crate::failure::reason;
use crate::ipc::inventory::{Entry, Inventory, Object};
use crate::system::lease::{LeaseError, Leased};
use crate::system::posix::{self, Posix};
use crate::system::segment::{self, Removal, Segment};
use crate::system::sysv::{self, SysV};
use std::io;

/// Why an object was not removed.
#[derive(Debug)]
pub(crate) enum Unremoved {
    /// Another has removed it since it was listed.
    Gone,
    /// It stays, and why.
    Stays(String),
}

impl From<io::Error> for Unremoved {
    fn from(error: io::Error) -> Unremoved {
        match error.raw_os_error() {
            Some(libc::EINVAL | libc::EIDRM | libc::ENOENT) => Unremoved::Gone,
            _ => Unremoved::Stays(format!("it can't be removed: {}", reason(&error))),
        }
    }
}

fn stays(why: impl Into<String>) -> Result<(), Unremoved> {
    Err(Unremoved::Stays(why.into()))
}

/// Removes an object of this user that nobody has attached, mapped, open, or waits for; or, with force, one that is in use.
pub(crate) fn remove(entry: &Entry, inventory: &Inventory, force: bool) -> Result<(), Unremoved> {
    if entry.object.owner() != rustix::process::geteuid().as_raw() {
        return stays(format!("it belongs to the user {}, who alone may remove it with this command", entry.owner));
    }
    match &entry.object {
        Object::SysV(object) if force => Ok(sysv::remove(object.family, object.id)?),
        Object::Posix(object) if force => Ok(remove_posix(object)?),
        Object::SysV(object) if object.family == sysv::Family::Segment => remove_segments(&[(entry, object)]).remove(0),
        Object::SysV(object) => remove_unawaited(object),
        Object::Posix(object) if object.family == posix::Family::Queue => remove_queue(entry, object, inventory),
        Object::Posix(object) => remove_file(entry, object),
    }
}

/// Removes segments that nobody has attached, and that nobody has used since they were listed; what became of each.
pub(crate) fn remove_segments(listed: &[(&Entry, &SysV)]) -> Vec<Result<(), Unremoved>> {
    let as_listed: Vec<_> = listed.iter().map(|(entry, object)| ask_unused(entry, object)).collect();
    let unused: Vec<Segment> = as_listed.iter().filter_map(|asked| asked.as_ref().ok().copied()).collect();
    let mut removals = segment::remove_unused(&unused).into_iter();
    let became = |asked: Result<Segment, Unremoved>| {
        asked?;
        match removals.next().unwrap_or(Ok(Removal::Used))? {
            Removal::Done => Ok(()),
            Removal::Used => stays("a process attached it while this command looked at it"),
            Removal::Overtaken => stays(
                "a process attached it in the moment in which it was removed: it stays until that \
                 detaches, but its key leads to it no more",
            ),
        }
    };
    as_listed.into_iter().map(became).collect()
}

/// Asks for a segment that is listed as attached by nobody, and has not been used since.
fn ask_unused(entry: &Entry, listed: &SysV) -> Result<Segment, Unremoved> {
    if let Some(attached) = entry.attached() {
        return Err(Unremoved::Stays(attached));
    }
    let segment = Segment::ask(listed.id)?;
    let last = listed.last_users.first().copied().unwrap_or(0);
    if segment.uses() != (listed.key, listed.used, last) || segment.changed() != listed.changed {
        return Err(Unremoved::Stays("it was used or changed while this command looked at it".to_owned()));
    }
    Ok(segment)
}

/// Removes a set that nobody waits for, or a queue.
fn remove_unawaited(object: &SysV) -> Result<(), Unremoved> {
    if object.family == sysv::Family::SemaphoreSet {
        match sysv::waiters(object.id, object.count) {
            Ok(0) => {}
            Ok(1) => return stays("a thread waits for it in semop"),
            Ok(more) => return stays(format!("{more} threads wait for it in semop")),
            Err(error) if error.raw_os_error() == Some(libc::EACCES) => {
                return stays("whether a thread waits for it may not be asked: its mode does not let its owner read");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(sysv::remove(object.family, object.id)?)
}

/// Removes a queue that no process has open; the kernel does not count them, so all must have been looked at.
fn remove_queue(entry: &Entry, object: &Posix, inventory: &Inventory) -> Result<(), Unremoved> {
    if let Some(open) = entry.open() {
        return stays(open);
    }
    if inventory.has_unseen_processes {
        return stays("a process that may not be looked at may have it open");
    }
    Ok(posix::remove_queue(object)?)
}

/// Removes a file of /dev/shm that no process has open or mapped.
fn remove_file(entry: &Entry, object: &Posix) -> Result<(), Unremoved> {
    let Some(path) = &object.path else { return stays("it has no file") };
    if let Some(open) = entry.open() {
        return stays(open);
    }
    match Leased::take(path, object.device, object.inode) {
        Ok(leased) => match leased.remove() {
            Ok(true) => Ok(()),
            Ok(false) => stays("a process opened it while this command looked at it"),
            Err(error) => Err(error.into()),
        },
        Err(LeaseError::InUse) => stays("a process that was not seen has it open or mapped"),
        Err(LeaseError::Replaced) => Err(Unremoved::Gone),
        Err(LeaseError::Failed(error)) => stays(format!("whether it is in use can't be found out: {}", reason(&error))),
    }
}

fn remove_posix(object: &Posix) -> io::Result<()> {
    if object.family == posix::Family::Queue { posix::remove_queue(object) } else { posix::remove_file(object) }
}
