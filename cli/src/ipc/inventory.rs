//! What there is: all objects of this IPC namespace and of /dev/shm, with the processes that use them.

use crate::failure::reason;
use crate::ipc::keys::Keys;
use crate::system::liveness::Life;
use crate::system::posix::{self, Posix};
use crate::system::processes::{self, Identity, Scan, Use, Wanted};
use crate::system::sysv::{self, SysV};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;

/// An object of either kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    SysV(SysV),
    Posix(Posix),
}

impl Object {
    /// As `rm` and `who` take it.
    pub(crate) fn name(&self) -> String {
        match self {
            Object::SysV(object) => format!("{}:{}", object.family.word(), object.id),
            Object::Posix(object) => {
                let shown = processes::printable(object.name.as_bytes());
                match object.family {
                    posix::Family::Object => shown,
                    posix::Family::Semaphore => format!("sem:{shown}"),
                    posix::Family::Queue => format!("mq:{shown}"),
                }
            }
        }
    }

    /// What it is, in the words of the manual pages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Object::SysV(object) => match object.family {
                sysv::Family::Segment => "segment",
                sysv::Family::SemaphoreSet => "semaphore set",
                sysv::Family::MessageQueue => "message queue",
            },
            Object::Posix(object) => match object.family {
                posix::Family::Object => "shared memory object",
                posix::Family::Semaphore => "named semaphore",
                posix::Family::Queue => "POSIX message queue",
            },
        }
    }

    /// By kind, then by id or name.
    pub(crate) fn order(&self) -> (u8, i32, &str) {
        match self {
            Object::SysV(object) => (object.family as u8, object.id, ""),
            Object::Posix(object) => (3 + object.family as u8, 0, &object.name),
        }
    }

    pub(crate) fn owner(&self) -> u32 {
        match self {
            Object::SysV(object) => object.owner,
            Object::Posix(object) => object.owner,
        }
    }

    pub(crate) fn mode(&self) -> u32 {
        match self {
            Object::SysV(object) => object.mode,
            Object::Posix(object) => object.mode,
        }
    }

    /// In bytes; semaphore sets have none.
    pub(crate) fn size(&self) -> Option<u64> {
        match self {
            Object::SysV(object) if object.family == sysv::Family::SemaphoreSet => None,
            Object::SysV(object) => Some(object.size),
            Object::Posix(object) => Some(object.size),
        }
    }

    pub(crate) fn resident(&self) -> Option<u64> {
        match self {
            Object::SysV(object) => object.resident,
            Object::Posix(object) => object.resident,
        }
    }

    /// The key of a System V object; `None` of one that has none.
    pub(crate) fn key(&self) -> Option<u32> {
        match self {
            Object::SysV(object) => Some(object.key).filter(|key| *key != 0),
            Object::Posix(_) => None,
        }
    }

    /// The id of a System V object.
    pub(crate) fn id(&self) -> Option<i32> {
        match self {
            Object::SysV(object) => Some(object.id),
            Object::Posix(_) => None,
        }
    }

    /// Whether it is a segment that goes with its last attachment.
    pub(crate) fn is_removed(&self) -> bool {
        matches!(self, Object::SysV(object) if object.is_destroyed)
    }

    /// What it has many of; files in /dev/shm have nothing of the kind.
    pub(crate) fn count(&self) -> Option<Count> {
        let Object::SysV(object) = self else { return None };
        let what = match object.family {
            sysv::Family::Segment => "attached",
            sysv::Family::SemaphoreSet => "semaphore",
            sysv::Family::MessageQueue => "message",
        };
        Some(Count { number: object.count, what })
    }

    /// When it was last used, in seconds since 1970; `None` of one that never was.
    pub(crate) fn used(&self) -> Option<i64> {
        let used = match self {
            Object::SysV(object) => object.used,
            Object::Posix(object) => object.used,
        };
        Some(used).filter(|used| *used != 0)
    }

    /// When it was made, or its owner or mode changed, in seconds since 1970.
    pub(crate) fn changed(&self) -> i64 {
        match self {
            Object::SysV(object) => object.changed,
            Object::Posix(object) => object.changed,
        }
    }

    /// As what processes have it.
    pub(crate) fn identity(&self) -> Option<Identity> {
        match self {
            Object::SysV(object) if object.family == sysv::Family::Segment => Some(Identity::Segment(object.id)),
            Object::SysV(_) => None,
            Object::Posix(object) => Some(Identity::File { device: object.device, inode: object.inode }),
        }
    }
}

/// How many of what an object has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) number: u64,
    pub(crate) what: &'static str,
}

/// A process that has an object.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) pid: u32,
    pub(crate) name: String,
    pub(crate) uses: Vec<Use>,
}

/// Who made or used an object.
#[derive(Clone, Debug)]
pub(crate) struct Party {
    pub(crate) pid: u32,
    pub(crate) life: Life,
}

/// An object with all that is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) object: Object,
    /// The name of its owner, or the number of one without a name.
    pub(crate) owner: String,
    /// The file and project id of which `ftok` makes its key.
    pub(crate) file: Option<String>,
    pub(crate) creator: Option<Party>,
    pub(crate) last_users: Vec<Party>,
    pub(crate) users: Vec<User>,
}

impl Entry {
    /// How many attachments no process was seen to have.
    pub(crate) fn unseen_attachments(&self) -> u64 {
        let attached = self.object.count().filter(|count| count.what == "attached").map_or(0, |count| count.number);
        let seen = self.users.iter().map(|user| u64::try_from(user.uses.len()).unwrap_or(0)).sum();
        attached.saturating_sub(seen)
    }
}

impl Entry {
    /// By whom a segment is attached, as the end of a sentence; `None` of one that is not.
    pub(crate) fn attached(&self) -> Option<String> {
        let times = self.object.count().filter(|count| count.what == "attached" && count.number > 0)?;
        let times = if times.number == 1 { "once".to_owned() } else { format!("{} times", times.number) };
        let by = if self.users.is_empty() {
            "by processes that were not seen".to_owned()
        } else {
            format!("by {}", self.names())
        };
        Some(format!("it is attached {times}, {by}"))
    }

    /// By whom a file is open or mapped, as the end of a sentence.
    pub(crate) fn open(&self) -> Option<String> {
        (!self.users.is_empty()).then(|| format!("it is open or mapped by {}", self.names()))
    }

    /// The first of those who use it.
    fn names(&self) -> String {
        const SHOWN: usize = 3;
        let shown: Vec<String> =
            self.users.iter().take(SHOWN).map(|user| format!("{} {}", user.pid, user.name)).collect();
        let more = self.users.len().saturating_sub(SHOWN);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("{}{more}", shown.join(", "))
    }
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    pub(crate) entries: Vec<Entry>,
    /// Which kinds of objects could not be listed.
    pub(crate) unlisted: Vec<String>,
    /// Which processes could not be looked at.
    pub(crate) unseen: Vec<String>,
    /// Which segments have attachments that no process was seen to have.
    unseen_attachments: Option<String>,
    /// Whether there may be processes that were not looked at.
    pub(crate) has_unseen_processes: bool,
}

impl Inventory {
    /// Takes stock.
    pub(crate) fn take(keys: &Keys) -> Inventory {
        let mut inventory = Inventory::default();
        let objects = inventory.objects();
        let mut users = inventory.users(&objects);
        let lives = Lives::default();
        let mut owners = BTreeMap::new();
        for object in objects {
            let (creator, last_users) = parties(&object, keys, &lives);
            let users = object.identity().and_then(|identity| users.remove(&identity)).unwrap_or_default();
            let file = object.key().and_then(|key| keys.file(key));
            let uid = object.owner();
            let owner = owners.entry(uid).or_insert_with(|| user_name(uid)).clone();
            inventory.entries.push(Entry { object, owner, file, creator, last_users, users });
        }
        inventory.entries.sort_by(|one, other| one.object.order().cmp(&other.object.order()));
        inventory.count_unseen_attachments();
        inventory
    }

    /// All that could not be looked at.
    pub(crate) fn gaps(&self) -> impl Iterator<Item = &String> {
        self.unlisted.iter().chain(&self.unseen).chain(&self.unseen_attachments)
    }

    fn objects(&mut self) -> Vec<Object> {
        let mut objects = Vec::new();
        for family in sysv::Family::ALL {
            match sysv::list(family) {
                Ok(list) => objects.extend(list.into_iter().map(Object::SysV)),
                Err(error) => {
                    let word = family.word();
                    self.unlisted.push(format!("/proc/sysvipc/{word} can't be read: {}", reason(&error)));
                }
            }
        }
        match posix::list_files() {
            Ok(list) => objects.extend(list.into_iter().map(Object::Posix)),
            Err(error) => self.unlisted.push(format!("{} can't be read: {}", posix::FOLDER, reason(&error))),
        }
        match posix::list_queues() {
            Ok(list) => objects.extend(list.into_iter().map(Object::Posix)),
            Err(error) => self.unlisted.push(format!("POSIX message queues can't be listed: {}", reason(&error))),
        }
        objects
    }

    fn users(&mut self, objects: &[Object]) -> BTreeMap<Identity, Vec<User>> {
        let mut wanted = Wanted { segments: true, ..Wanted::default() };
        for object in objects {
            if let Object::Posix(Posix { device, .. }) = object
                && !wanted.devices.contains(device)
            {
                wanted.devices.push(*device);
            }
        }
        let mut users: BTreeMap<Identity, Vec<User>> = BTreeMap::new();
        for process in self.scan(&wanted).processes {
            let mut by_object: BTreeMap<Identity, Vec<Use>> = BTreeMap::new();
            for used in process.uses {
                by_object.entry(used.of).or_default().push(used);
            }
            for (identity, uses) in by_object {
                users.entry(identity).or_default().push(User { pid: process.pid, name: process.name.clone(), uses });
            }
        }
        users
    }

    fn scan(&mut self, wanted: &Wanted) -> Scan {
        let scan = processes::scan(wanted).unwrap_or_default();
        let unseen = scan.gaps();
        self.has_unseen_processes = !unseen.is_empty();
        self.unseen.extend(unseen);
        scan
    }

    /// Says which segments have attachments that no process was seen to have.
    fn count_unseen_attachments(&mut self) {
        let unseen: Vec<&Entry> = self.entries.iter().filter(|entry| entry.unseen_attachments() > 0).collect();
        let Some(first) = unseen.first() else { return };
        let of_first = format!("{} to {}", first.unseen_attachments(), first.object.name());
        let gap = match unseen.len() - 1 {
            0 => format!("attachments that no process was seen to have: {of_first}"),
            1 => format!("attachments that no process was seen to have: {of_first}, and to another segment"),
            more => format!("attachments that no process was seen to have: {of_first}, and to {more} other segments"),
        };
        self.unseen_attachments = Some(gap);
    }
}

/// The name of a user, or the number.
fn user_name(uid: u32) -> String {
    uzers::get_user_by_uid(uid).map_or_else(|| uid.to_string(), |user| processes::printable(user.name().as_bytes()))
}

/// Who made an object, and who used it last, as the kernel or a record remembers.
fn parties(object: &Object, keys: &Keys, lives: &Lives) -> (Option<Party>, Vec<Party>) {
    let party = |pid: u32, time: i64| Party { pid, life: lives.of(pid, time) };
    match object {
        Object::SysV(object) => {
            let creator = object.creator.map(|pid| party(pid, object.changed));
            // 0 is nobody where it was never used.
            let used = object.last_users.iter().filter(|pid| **pid != 0 || object.used != 0);
            let mut last: Vec<Party> = used.map(|pid| party(*pid, object.used)).collect();
            if last.iter().any(|last| last.pid != 0) && object.family == sysv::Family::MessageQueue {
                last.retain(|last| last.pid != 0);
            }
            (creator, last)
        }
        Object::Posix(object) => (keys.maker(object).map(|(pid, time)| party(pid, time)), Vec::new()),
    }
}

/// What has become of processes, each asked for once.
#[derive(Default)]
struct Lives(RefCell<BTreeMap<(u32, i64), Life>>);

impl Lives {
    fn of(&self, pid: u32, time: i64) -> Life {
        self.0.borrow_mut().entry((pid, time)).or_insert_with(|| Life::of(pid, time)).clone()
    }
}
