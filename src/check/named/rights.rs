//! Whose what has a name in /dev/shm is, who may use it, and who has it open.

use crate::check::span::Span;
use crate::facts::holders::Holders;
use crate::facts::object::{self, Object, ObjectName};
use crate::form::Draft;
use crate::plain::bits::Octal;
use crate::plain::escape::Quoted;
use crate::plain::shm::{FOLDER, Named};
use crate::sys;
use core::ffi::c_int;
use core::fmt::{self, Display};

/// Whether the mode of something, opened so, gives its owner less than that needs.
pub(in crate::check) fn lacks_owners_bits(named: Named, mode: c_int, flags: c_int) -> bool {
    let writes = named == Named::Semaphore || flags & libc::O_ACCMODE == libc::O_RDWR;
    mode & 0o400 == 0 || writes && mode & 0o200 == 0
}

/// Says that the mode of something gives its owner too little.
pub(in crate::check) fn tell_no_permissions(named: Named, object: &Object, draft: &mut Draft) {
    let what = match object.mode & 0o600 {
        0 => "read or write it",
        0o400 => "write it",
        _ => "read it",
    };
    draft.message(format_args!("the mode of the {named} ({}) does not let its own owner {what}", Octal(object.mode)));
    let has = if named == Named::Object { "has a descriptor" } else { "can use it" };
    draft.note(format_args!(
        "the call that made it {has}; each later one is refused with EACCES, that of a privileged process excepted"
    ));
    match named {
        Named::Object => {
            draft.help(format_args!("make it with mode 0600, or set its mode with fchmod before others open it"));
        }
        Named::Semaphore => draft.help(format_args!("make it with mode 0600: each sem_open needs to read and write")),
    }
}

/// Tells of what size something is, whose, and since when it exists.
pub(in crate::check) fn note_age(object: &Object, draft: &mut Draft) {
    draft.note(format_args!(
        "it has {} bytes, mode {}, owner uid {}{}",
        object.size,
        Octal(object.mode),
        object.uid,
        crate::check::IfSome(object.age.map(Made))
    ));
}

pub(super) fn note_caller(draft: &mut Draft) {
    let (uid, gid) = (sys::geteuid(), sys::getegid());
    match object::umask() {
        Some(umask) => {
            draft.note(format_args!("the process has effective uid {uid}, gid {gid}, and umask {}", Octal(umask)));
        }
        None => draft.note(format_args!("the process has effective uid {uid}, gid {gid}")),
    }
}

/// Tells who has something open; whether it is known that nobody has.
pub(super) fn note_holders(object: &Object, draft: &mut Draft) -> bool {
    note_holders_of(object.device, object.inode, draft)
}

/// As [`note_holders`], of the file with these numbers.
pub(in crate::check) fn note_holders_of(device: (u32, u32), inode: u64, draft: &mut Draft) -> bool {
    let holders = Holders::of(device, inode, object::PREFIX);
    match (holders.count(), holders.are_all()) {
        (0, true) => draft.note(format_args!("no process has it open")),
        (0, false) => draft.note(format_args!("no process that may be looked at has it open")),
        (1, _) => draft.note(format_args!("{holders} has it open")),
        _ => draft.note(format_args!("{holders} have it open")),
    }
    holders.count() == 0 && holders.are_all()
}

/// Tells why something may not be removed; whether that is known.
pub(in crate::check) fn tell_unlink_denied(named: Named, address: usize, draft: &mut Draft) -> bool {
    let Some(name) = ObjectName::at(address) else { return false };
    let object = name.path(named).and_then(|path| Object::at(&path));
    let (Some(object), Some(folder)) = (object, object::folder()) else { return false };
    if may_remove(&object) || folder.mode & 0o1000 == 0 || folder.uid == sys::geteuid() {
        return false;
    }
    draft.message(format_args!(
        "the {named} {} belongs to uid {}, and {FOLDER} has the sticky bit: only its owner or root may remove it",
        Quoted(name.bytes()),
        object.uid
    ));
    draft.note(format_args!("the process has effective uid {}", sys::geteuid()));
    draft.help(format_args!("let a process of uid {}, or of root, remove it", object.uid));
    true
}

/// Whether this process may remove a file of /dev/shm.
pub(super) fn may_remove(object: &Object) -> bool {
    [0, object.uid].contains(&sys::geteuid())
}

/// Shows since when something exists: `, made 5 seconds ago`.
struct Made(i64);

impl Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ", made {} ago", Span(self.0))
    }
}
