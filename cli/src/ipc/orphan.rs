//! Whether an object is left over: what `gc` may remove, and why not, by what the kernel remembers alone.

use crate::ipc::inventory::{Entry, Object, Party};
use crate::system::liveness::Life;
use crate::system::{posix, sysv};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Why an object has to stay; `None` of one that nobody is attached to, whose maker and last user are dead, and that has not
/// been used for so long.
pub(crate) fn reason_to_keep(entry: &Entry, unused_for: Duration) -> Option<String> {
    match &entry.object {
        Object::SysV(object) if object.family == sysv::Family::Segment => {}
        Object::SysV(object) if object.family == sysv::Family::SemaphoreSet => {
            return Some("the kernel does not remember who made a semaphore set".to_owned());
        }
        Object::SysV(_) => return Some("the kernel does not remember who made a message queue".to_owned()),
        Object::Posix(object) if object.family == posix::Family::Queue => {
            return Some("the kernel does not remember who made a message queue".to_owned());
        }
        Object::Posix(_) => return Some("the kernel does not remember who made a file in /dev/shm".to_owned()),
    }
    if let Some(attached) = entry.attached() {
        return Some(attached);
    }
    let Some(creator) = &entry.creator else { return Some("its creator is not known".to_owned()) };
    let lives =
        lives(creator, "its creator").or_else(|| entry.last_users.iter().find_map(|last| lives(last, "its last user")));
    lives.or_else(|| used_lately(&entry.object, unused_for))
}

/// Why a process may still want it.
fn lives(party: &Party, who: &str) -> Option<String> {
    match &party.life {
        Life::Dead => None,
        Life::Alive(name) if name.is_empty() => Some(format!("{who} lives: {}", party.pid)),
        Life::Alive(name) => Some(format!("{who} lives: {} {name}", party.pid)),
        Life::Replaced(name) => {
            Some(format!("{name} has pid {} now, which {who} had; it can't be proved dead", party.pid))
        }
        Life::Elsewhere => Some(format!("{who} is in another PID namespace, and may live")),
    }
}

fn used_lately(object: &Object, unused_for: Duration) -> Option<String> {
    let last = object.used().unwrap_or(0).max(object.changed());
    let time = UNIX_EPOCH + Duration::from_secs(u64::try_from(last).unwrap_or(0));
    // A time that is still to come is no proof of age.
    let since = SystemTime::now().duration_since(time).unwrap_or_default();
    let shown = || humantime::format_duration(Duration::from_secs(since.as_secs()));
    (since < unused_for).then(|| format!("it was made or used {} ago", shown()))
}
