//! Semaphore sets and message queues that a run has left. The kernel lists them without who made them, and does not count
//! who uses them: the record of their making decides, and what a process that still runs will remove is not known.

use super::{Group, Leftovers, TOLD, Told, joined, own_namespace, place, user};
use crate::findings::records::{Call, IpcKind, IpcObject, Record};
use crate::findings::session::Attributed;
use crate::system::sysv::{self, Family, SysV};
use mapsan_model::{Counted, Rule, Severity};
use std::collections::{BTreeMap, BTreeSet};

/// How a kind is spoken of.
struct Words {
    kind: IpcKind,
    family: Family,
    rule: Rule,
    name: &'static str,
    get: &'static str,
    removal: &'static str,
    /// The option of ipcrm(1).
    letter: char,
}

const WORDS: [Words; 2] = [
    Words {
        kind: IpcKind::Set,
        family: Family::SemaphoreSet,
        rule: Rule::LeakSemaphore,
        name: "semaphore set",
        get: "semget",
        removal: "semctl(id, 0, IPC_RMID)",
        letter: 's',
    },
    Words {
        kind: IpcKind::Queue,
        family: Family::MessageQueue,
        rule: Rule::LeakQueue,
        name: "message queue",
        get: "msgget",
        removal: "msgctl(id, IPC_RMID, NULL)",
        letter: 'q',
    },
];

/// One that is left, and the record of its making.
struct Left<'a> {
    listed: SysV,
    record: Option<&'a Attributed<IpcObject>>,
}

impl Leftovers<'_> {
    /// The findings, as records.
    pub(super) fn ipc_findings(&self) -> Vec<Record> {
        let of_kind = |words| self.left_of(words).into_values().filter_map(move |group| self.of_ipc(words, &group));
        WORDS.iter().flat_map(of_kind).collect()
    }

    /// Those of a kind, by the call that made them.
    fn left_of(&self, words: &Words) -> BTreeMap<String, Group<Left<'_>>> {
        if self.session.ipc_objects.is_empty() && !self.session.private {
            return BTreeMap::new();
        }
        let namespace = own_namespace();
        let mut groups = BTreeMap::new();
        for listed in sysv::list(words.family).unwrap_or_default() {
            let is_its = |made: &&Attributed<IpcObject>| {
                let IpcObject { object, id, key, ipc_namespace, .. } = &made.what;
                let is_here = ipc_namespace.is_none_or(|there| Some(there) == namespace);
                is_here && (*object, *id) == (words.kind, listed.id) && *key == shown_key(listed.key)
            };
            let record = self.session.ipc_objects.iter().rfind(is_its);
            let made_by_living = record.is_some_and(|made| self.living.iter().any(|living| living.pid == made.pid));
            if (record.is_none() && !self.session.private) || made_by_living {
                continue;
            }
            let (call, stack) = match record {
                Some(made) => (made.what.call.clone(), made.what.stack.clone()),
                None => (unseen(words, &listed), Vec::new()),
            };
            let exe = record.map(|made| made.exe.clone()).unwrap_or_default();
            let pid = record.map(|made| made.pid).or(self.session.main).unwrap_or(0);
            let group = groups.entry(place(&call, &stack)).or_insert(Group { call, stack, pid, exe, left: Vec::new() });
            group.left.push(Left { listed, record });
        }
        groups
    }

    fn of_ipc(&self, words: &Words, group: &Group<Left<'_>>) -> Option<Record> {
        let Words { name, rule, .. } = words;
        let left = &group.left;
        let ids = joined(left.iter().map(|left| left.listed.id.to_string()));
        let message = match (&left[..], self.living.is_empty()) {
            ([_], true) => format!("{name} {ids}, made here, still exists when the run is over"),
            (_, true) => format!("{} {name}s made here still exist when the run is over: {ids}", left.len()),
            ([_], false) => format!("{name} {ids}, made here, is still there; {}", self.still_run()),
            (_, false) => format!("{name}s {ids}, made here, are still there; {}", self.still_run()),
        };
        let mut notes = Vec::new();
        if let [Left { listed, .. }] = &left[..] {
            notes.push(match shown_key(listed.key).as_str() {
                "IPC_PRIVATE" => "its key is IPC_PRIVATE: it can be found by its id alone".to_owned(),
                key => format!("its key is {key}"),
            });
            if words.kind == IpcKind::Queue && listed.count > 0 {
                notes.push(format!("it holds {}", Counted(listed.count, "message")));
            }
        }
        let makers: BTreeSet<u32> = left.iter().filter_map(|left| Some(left.record?.pid)).collect();
        notes.extend(makers.iter().filter_map(|maker| self.end_of_maker(*maker)).take(TOLD));
        let owners: BTreeSet<u32> = left.iter().map(|left| left.listed.owner).collect();
        let it = if left.len() == 1 { "it" } else { "them" };
        notes.extend(
            owners.iter().filter(|owner| **owner != own_user()).map(|owner| format!("{} owns {it}", user(*owner))),
        );
        let told = Told { message, notes, help: vec![self.ipc_help(words, left)], related: Vec::new() };
        // Nobody is left who knows the id.
        let is_lost = self.living.is_empty() && left.iter().any(|left| shown_key(left.listed.key) == "IPC_PRIVATE");
        let severity = if is_lost { Severity::Warning } else { Severity::Note };
        self.record(*rule, severity, group, told)
    }

    /// What to do: by hand only with what is the user's own, when nobody of the run is left who may use it.
    fn ipc_help(&self, words: &Words, left: &[Left<'_>]) -> String {
        let Words { removal, letter, .. } = words;
        let one = left.len() == 1;
        if !self.living.is_empty() {
            let each = if one { "it" } else { "each" };
            return format!(
                "if none of the processes that still run removes it, remove {each} with {removal} after its last use"
            );
        }
        let each = if one { "it is not meant to stay, remove it" } else { "they are not meant to stay, remove each" };
        let help = format!("if {each} with {removal} after its last use");
        if self.session.private {
            return format!("{help}; {} went with the namespace of this run", if one { "it" } else { "they" });
        }
        if left.iter().any(|left| left.listed.owner != own_user()) {
            return help;
        }
        let ids = left.iter().take(super::LISTED).map(|left| format!(" -{letter} {}", left.listed.id));
        format!("{help}; by hand: ipcrm{}", ids.collect::<String>())
    }
}

/// A key as records have it.
pub(crate) fn shown_key(key: u32) -> String {
    match key {
        0 => "IPC_PRIVATE".to_owned(),
        u32::MAX => "-1".to_owned(),
        _ => format!("{key:#010x}"),
    }
}

/// The call that nobody saw.
fn unseen(words: &Words, listed: &SysV) -> Call {
    let semaphores = (words.kind == IpcKind::Set).then(|| listed.count.to_string());
    let args = [Some(shown_key(listed.key)), semaphores, Some("...".to_owned())];
    Call {
        function: words.get.to_owned(),
        args: args.into_iter().flatten().collect(),
        result: listed.id.to_string(),
        errno: None,
    }
}

fn own_user() -> u32 {
    // SAFETY: takes nothing and can't fail.
    unsafe { libc::geteuid() }
}
