//! What a run has left in namespaces that are not its own: it goes when the run is over.

use crate::findings::records::IpcKind;
use crate::findings::session::Session;
use crate::run::leftovers;
use crate::system::segments;
use crate::system::sysv::{self, Family};
use std::fs;

/// Removes the objects that the processes of a run have made, and nothing else: by what they have told, and only what is still the
/// same.
pub(crate) fn remove(session: &Session) {
    let listed = segments::list();
    for made in &session.segments {
        let is_it = listed.iter().any(|listed| listed.id == made.what.id && listed.creator == made.pid);
        if is_it {
            // SAFETY: a system call without memory.
            unsafe { libc::shmctl(made.what.id, libc::IPC_RMID, std::ptr::null_mut()) };
        }
    }
    for made in &session.ipc_objects {
        let family = match made.what.object {
            IpcKind::Set => Family::SemaphoreSet,
            IpcKind::Queue => Family::MessageQueue,
        };
        let listed = sysv::list(family).unwrap_or_default();
        let is_it =
            listed.iter().any(|listed| listed.id == made.what.id && leftovers::shown_key(listed.key) == made.what.key);
        match made.what.object {
            _ if !is_it => {}
            // SAFETY: a system call without memory.
            IpcKind::Set => _ = unsafe { libc::semctl(made.what.id, 0, libc::IPC_RMID) },
            // SAFETY: as above.
            IpcKind::Queue => _ = unsafe { libc::msgctl(made.what.id, libc::IPC_RMID, std::ptr::null_mut()) },
        }
    }
    for object in session.objects.iter().filter(|object| leftovers::is_there(&object.what)) {
        let _ = fs::remove_file(&object.what.path);
    }
}

/// Whether a run has made objects by which others can find them: two runs at once would be in each other's way.
pub(crate) fn has_named(session: &Session) -> bool {
    let is_named = |key: &str| key != "IPC_PRIVATE";
    !session.objects.is_empty()
        || session.ipc_objects.iter().any(|made| is_named(&made.what.key))
        || session.segments.iter().any(|made| made.what.call.args.first().is_none_or(|key| is_named(key)))
}
