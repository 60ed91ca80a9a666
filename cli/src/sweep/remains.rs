//! What a run has left in namespaces that are not its own: it goes when the run is over.

use crate::findings::records::{IpcKind, Record};
use crate::findings::session::Session;
use crate::run::leftovers;
use crate::system::ledger::Ledger;
use crate::system::sysv::{self, Family};
use crate::system::{folder, segments};
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// The file of a run's folder with its records, and that which is there if its objects are those of all, with its processes.
pub(crate) const RECORDS: &str = "records";
pub(crate) const LEDGER: &str = "ledger";
/// How often the processes of a run are ended that may start others meanwhile, and how long each time takes.
const ROUNDS: u32 = 1000;
const ROUND: Duration = Duration::from_millis(1);

/// Removes the objects that the processes of a run have made, and nothing else: by what they have told, and only what is still the
/// same. Of segments the kernel knows who has made them, also where nobody has come to tell it.
pub(crate) fn remove(session: &Session, folder: &Path) {
    let kept = Ledger::read(&folder.join(LEDGER)).unwrap_or_default();
    for listed in segments::list() {
        let is_told = session.segments.iter().any(|made| made.what.id == listed.id && made.pid == listed.creator);
        if is_told || kept.has(listed.creator, listed.changed) {
            // SAFETY: a system call without memory.
            unsafe { libc::shmctl(listed.id, libc::IPC_RMID, std::ptr::null_mut()) };
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

/// Removes what a run that has come to no end has made, by the records in its folder, if it had no namespaces of its own.
pub(crate) fn remove_of(folder: &Path) {
    if !folder.join(LEDGER).exists() {
        return;
    }
    let mut session = Session::default();
    let records = fs::read(folder.join(RECORDS)).unwrap_or_default();
    for record in String::from_utf8_lossy(&records).lines().filter_map(|line| Record::read(line).ok()) {
        session.ingest(&record);
    }
    remove(&session, folder);
}

/// Clears up after sweeps that were killed, with all their processes: ends those of their runs that nobody has ended, and removes
/// what they have made, and their folders.
pub(crate) fn clear_up() {
    for abandoned in folder::abandoned_sweeps() {
        let _ = (0..ROUNDS).take_while(|_| folder::end_users(&abandoned)).map(|_| thread::sleep(ROUND)).last();
        let runs = fs::read_dir(&abandoned).into_iter().flatten().flatten();
        runs.for_each(|run| remove_of(&run.path()));
        let _ = fs::remove_dir_all(abandoned);
    }
}

/// Whether a run has made objects by which others can find them: two runs at once would be in each other's way.
pub(crate) fn has_named(session: &Session) -> bool {
    let is_named = |key: &str| key != "IPC_PRIVATE";
    !session.objects.is_empty()
        || session.ipc_objects.iter().any(|made| is_named(&made.what.key))
        || session.segments.iter().any(|made| made.what.call.args.first().is_none_or(|key| is_named(key)))
}
