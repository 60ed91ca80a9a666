//! Objects as JSON, for programs: docs/ipc.schema.json.

use crate::ipc::inventory::{Entry, Inventory, Object, Party, User};
use crate::system::liveness::Life;
use crate::system::processes::{How, Use};
use serde::Serialize;
use std::time::{Duration, UNIX_EPOCH};

/// All of it.
pub(crate) fn document(inventory: &Inventory, left_out: usize) -> String {
    let document = Document {
        schema: "mapsan-ipc/1",
        objects: inventory.entries.iter().map(Described::from).collect(),
        of_other_users: left_out,
        not_seen: inventory.gaps().collect(),
    };
    serde_json::to_string(&document).map(|text| text + "\n").unwrap_or_default()
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    objects: Vec<Described<'a>>,
    of_other_users: usize,
    not_seen: Vec<&'a String>,
}

#[derive(Serialize)]
struct Described<'a> {
    object: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    uid: u32,
    owner: &'a str,
    mode: String,
    removed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resident: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attachments: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    semaphores: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    creator: Option<Remembered<'a>>,
    last_users: Vec<Remembered<'a>>,
    used: Option<String>,
    changed: String,
    users: Vec<Using<'a>>,
}

impl<'a> From<&'a Entry> for Described<'a> {
    fn from(entry: &'a Entry) -> Described<'a> {
        let object = &entry.object;
        let counted = |what: &str| object.count().filter(|count| count.what == what).map(|count| count.number);
        Described {
            object: object.name(),
            kind: object.kind(),
            id: object.id(),
            name: match object {
                Object::Posix(object) => Some(&object.name),
                Object::SysV(_) => None,
            },
            key: object.key().map(|key| format!("{key:#010x}")),
            file: entry.file.as_deref(),
            uid: object.owner(),
            owner: &entry.owner,
            mode: format!("{:04o}", object.mode()),
            removed: object.is_removed(),
            size: object.size(),
            resident: object.resident(),
            attachments: counted("attached"),
            semaphores: counted("semaphore"),
            messages: counted("message"),
            creator: entry.creator.as_ref().map(Remembered::from),
            last_users: entry.last_users.iter().map(Remembered::from).collect(),
            used: object.used().map(time),
            changed: time(object.changed()),
            users: entry.users.iter().map(Using::from).collect(),
        }
    }
}

fn time(seconds: i64) -> String {
    let time = UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    humantime::format_rfc3339_seconds(time).to_string()
}

/// A process that the kernel remembers.
#[derive(Serialize)]
struct Remembered<'a> {
    pid: Option<u32>,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

impl<'a> From<&'a Party> for Remembered<'a> {
    fn from(party: &'a Party) -> Remembered<'a> {
        let (state, name) = match &party.life {
            Life::Alive(name) => ("alive", Some(name.as_str())),
            Life::Replaced(name) => ("replaced", Some(name.as_str())),
            Life::Dead => ("dead", None),
            Life::Elsewhere => ("elsewhere", None),
        };
        Remembered { pid: Some(party.pid).filter(|pid| *pid != 0), state, name }
    }
}

/// A process that has an object.
#[derive(Serialize)]
pub(super) struct Using<'a> {
    pid: u32,
    name: &'a str,
    uses: Vec<Way<'a>>,
}

impl<'a> From<&'a User> for Using<'a> {
    fn from(user: &'a User) -> Using<'a> {
        Using { pid: user.pid, name: &user.name, uses: user.uses.iter().map(Way::from).collect() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Way<'a> {
    Mapped { start: String, end: String, protection: &'a str, offset: u64 },
    Open { descriptor: u32, reads: bool, writes: bool },
}

impl<'a> From<&'a Use> for Way<'a> {
    fn from(used: &'a Use) -> Way<'a> {
        match &used.how {
            How::Mapped { start, end, protection, offset, .. } => {
                Way::Mapped { start: format!("{start:#x}"), end: format!("{end:#x}"), protection, offset: *offset }
            }
            How::Open { descriptor, reads, writes } => {
                Way::Open { descriptor: *descriptor, reads: *reads, writes: *writes }
            }
        }
    }
}
