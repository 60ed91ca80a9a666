//! What a run has left: segments, semaphore sets, message queues and shared memory objects that its processes have made and that
//! are there when the last of them has gone.
//!
//! The library of each process tells what it makes; whether somebody else removes it later is seen here alone. What a
//! process that still runs has made, or is attached to, is in use, and nothing is said of it.

mod ipc;

pub(crate) use ipc::shown_key;

use crate::findings::records::{
    Call, Finding, Frame, Kind, Object, Record, Related, RelatedCall, Segment, SegmentUse, UseKind,
};
use crate::findings::session::{Attributed, Session};
use crate::system::segments::{self, Listed};
use crate::system::signal;
use crate::system::tree::Living;
use mapsan_model::{Counted, Rule, Severity};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Things that are told one by one; of more only the number is.
const TOLD: usize = 6;
/// What is said of a maker that has told of no end.
pub(crate) const NO_EXIT: &str = "did not end by exit(3)";
/// Ids and names that are listed.
const LISTED: usize = 64;

/// What decides what a run has left, when it is over.
pub(crate) struct Leftovers<'a> {
    pub(crate) session: &'a Session,
    /// The processes of the run that still run.
    pub(crate) living: &'a [Living],
    /// The signal that ended the program's own process.
    pub(crate) killed_by: Option<i32>,
    /// The severity with which a finding is told that has this one otherwise; `None` if it is not wanted.
    pub(crate) told_severity: &'a dyn Fn(Rule, Severity) -> Option<Severity>,
}

/// Those that one call has left.
struct Group<T> {
    call: Call,
    stack: Vec<Frame>,
    pid: u32,
    exe: String,
    left: Vec<T>,
}

/// What there is to say of a group.
struct Told {
    message: String,
    notes: Vec<String>,
    help: Vec<String>,
    related: Vec<Related>,
}

/// A segment that is left, and what is known of it.
struct LeftSegment<'a> {
    listed: Listed,
    record: Option<&'a Attributed<Segment>>,
}

impl Leftovers<'_> {
    /// The findings, as records.
    pub(crate) fn findings(&self) -> Vec<Record> {
        let segments = self.segments().into_values().filter_map(|group| self.of_segments(&group));
        let objects = self.objects().into_values().filter_map(|group| self.of_objects(&group));
        segments.chain(self.ipc_findings()).chain(objects).collect()
    }

    /// The segments that are left, by the call that made them.
    fn segments(&self) -> BTreeMap<String, Group<LeftSegment<'_>>> {
        if self.session.segments.is_empty() && !self.session.private {
            return BTreeMap::new();
        }
        let namespace = own_namespace();
        let alive: BTreeSet<u32> = self.living.iter().map(|living| living.pid).collect();
        let held: BTreeSet<i32> = alive.iter().flat_map(|pid| segments::attached_by(*pid)).collect();
        let mut groups = BTreeMap::new();
        for listed in segments::list() {
            let here =
                |made: &&Attributed<Segment>| made.what.ipc_namespace.is_none_or(|there| Some(there) == namespace);
            let record = self
                .session
                .segments
                .iter()
                .rfind(|made| made.what.id == listed.id && made.pid == listed.creator)
                .filter(here);
            if (record.is_none() && !self.session.private)
                || held.contains(&listed.id)
                || alive.contains(&listed.creator)
            {
                continue;
            }
            let (call, stack) = match record {
                Some(made) => (made.what.call.clone(), made.what.stack.clone()),
                None => (unseen(&listed), Vec::new()),
            };
            let exe = record.map(|made| made.exe.clone()).unwrap_or_default();
            let pid = listed.creator;
            let group = groups.entry(place(&call, &stack)).or_insert(Group { call, stack, pid, exe, left: Vec::new() });
            group.left.push(LeftSegment { listed, record });
        }
        groups
    }

    fn of_segments(&self, group: &Group<LeftSegment<'_>>) -> Option<Record> {
        let left = &group.left;
        let lost = |left: &LeftSegment<'_>| left.listed.key == libc::IPC_PRIVATE && left.listed.attached == 0;
        // Who still runs may know the id, and remove it yet.
        let run_is_over = self.living.is_empty();
        let severity = if run_is_over && left.iter().any(lost) { Severity::Warning } else { Severity::Note };
        let message = match &left[..] {
            _ if !run_is_over => {
                let ids = joined(left.iter().map(|left| left.listed.id.to_string()));
                let (what, are) = if left.len() == 1 { ("segment", "is") } else { ("segments", "are") };
                format!("{what} {ids}, made here, {are} still there; {}", self.still_run())
            }
            [one] => format!(
                "segment {} of {}, made here, still exists when the run is over",
                one.listed.id,
                Counted(one.listed.size, "byte")
            ),
            _ => format!(
                "{} segments made here still exist when the run is over: {}",
                left.len(),
                joined(left.iter().map(|left| left.listed.id.to_string()))
            ),
        };
        let mut notes = Vec::new();
        for one in left.iter().take(TOLD) {
            let LeftSegment { listed, .. } = one;
            let times = times(listed.attached);
            let key = if listed.key == libc::IPC_PRIVATE {
                "IPC_PRIVATE".to_owned()
            } else {
                format!("{:#010x}", listed.key)
            };
            notes.push(match (left.len(), listed.key) {
                (1, libc::IPC_PRIVATE) => {
                    format!("its key is IPC_PRIVATE: it can be found by its id alone; it is attached {times}")
                }
                (1, _) => format!("its key is {key}; it is attached {times}"),
                _ => {
                    format!("segment {} of {} has key {key}, attached {times}", listed.id, Counted(listed.size, "byte"))
                }
            });
            notes.extend(self.history(one));
            if self.may_be_taken_for_failure(one) {
                notes.push("0 is a valid id: only -1 means that shmget failed".to_owned());
            }
        }
        if left.len() > TOLD {
            notes.push(format!("{} more are like these", left.len() - TOLD));
        }
        let told = Told { message, notes, help: self.help(left), related: self.last_able_to_remove(left) };
        self.record(Rule::LeakSegment, severity, group, told)
    }

    /// What processes have done with a segment, as far as it explains why it is left.
    fn history(&self, left: &LeftSegment<'_>) -> Vec<String> {
        let Listed { id, creator, owner, .. } = left.listed;
        let mut notes = Vec::new();
        let uses: Vec<&Attributed<SegmentUse>> = self.session.uses.iter().filter(|used| used.what.id == id).collect();
        let others: BTreeSet<u32> = self.other_attaches(left).map(|used| used.pid).collect();
        if left.record.is_some() {
            notes.extend(self.end_of_maker(creator));
        }
        if !others.is_empty() {
            let able: BTreeSet<u32> = self.able_to_remove(left).map(|used| used.pid).collect();
            let names = joined(others.iter().map(|pid| self.name(*pid)));
            let word = if others.len() == 1 { "process" } else { "processes" };
            let could = if able == others { ", and had the right to remove it" } else { "" };
            notes.push(format!("{word} {names} attached it, too{could}"));
        }
        for refused in uses.iter().filter(|used| used.what.kind == UseKind::RemovalRefused) {
            let errno = refused.what.call.errno.clone().unwrap_or_else(|| refused.what.call.result.clone());
            let maker = left.record.and_then(|made| made.what.uid).filter(|uid| *uid != refused.what.uid);
            let dropped = maker.map_or_else(String::new, |uid| format!("; it was made by {}", user(uid)));
            notes.push(format!(
                "process {} tried to remove it as {}, and was refused ({errno}){dropped}",
                refused.pid,
                user(refused.what.uid)
            ));
        }
        // SAFETY: takes nothing and can't fail.
        let own = unsafe { libc::geteuid() };
        if owner != own {
            notes.push(format!("{} owns it", user(owner)));
        }
        notes
    }

    /// How the process that made something has ended, if it has told of no end.
    fn end_of_maker(&self, maker: u32) -> Option<String> {
        if self.session.processes.get(&maker).is_none_or(|process| process.ended) {
            return None;
        }
        Some(match self.killed_by.filter(|_| self.session.main == Some(maker)) {
            Some(signal) => format!("process {maker}, which made it, was ended by {}", signal::name(signal)),
            None => format!("process {maker}, which made it, {NO_EXIT}: it was killed, or called exec"),
        })
    }

    /// Whether it has id 0, and the process that made it has ended in order without attaching it: who takes 0 for a failure leaves
    /// such a one.
    fn may_be_taken_for_failure(&self, left: &LeftSegment<'_>) -> bool {
        left.listed.id == 0 && !left.listed.was_attached && self.end_of_maker(left.listed.creator).is_none()
    }

    /// The first attaches of a segment by processes that did not make it, in their order.
    fn other_attaches(&self, left: &LeftSegment<'_>) -> impl Iterator<Item = &Attributed<SegmentUse>> {
        let Listed { id, creator, .. } = left.listed;
        let attached = move |used: &&Attributed<SegmentUse>| used.what.id == id && used.what.kind == UseKind::Attached;
        self.session.uses.iter().filter(attached).filter(move |used| used.pid != creator)
    }

    /// Those of them by users who may remove it.
    fn able_to_remove(&self, left: &LeftSegment<'_>) -> impl Iterator<Item = &Attributed<SegmentUse>> {
        let users = [Some(left.listed.owner), left.record.and_then(|made| made.what.uid), Some(0)];
        self.other_attaches(left).filter(move |used| users.contains(&Some(used.what.uid)))
    }

    /// Where the last process that could have removed a segment attached it.
    fn last_able_to_remove(&self, left: &[LeftSegment<'_>]) -> Vec<Related> {
        let [one] = left else { return Vec::new() };
        let last = self.able_to_remove(one).last().filter(|used| !used.what.stack.is_empty());
        let related = last.map(|used| {
            let label = format!("attached by process {} here", self.name(used.pid));
            let call = RelatedCall { function: used.what.call.function.clone() };
            Related::new(label, Some(call), used.what.stack.clone())
        });
        related.into_iter().collect()
    }

    /// A process by its number and program.
    fn name(&self, pid: u32) -> String {
        let exe = self.session.processes.get(&pid).and_then(|process| Path::new(&process.exe).file_name());
        exe.map_or_else(|| pid.to_string(), |exe| format!("{pid} ({})", exe.to_string_lossy()))
    }

    /// What to do about segments: by hand only those that are nobody's any more, and the user's own.
    fn help(&self, left: &[LeftSegment<'_>]) -> Vec<String> {
        // SAFETY: takes nothing and can't fail.
        let own = unsafe { libc::geteuid() };
        let refused = |left: &LeftSegment<'_>| {
            self.session
                .uses
                .iter()
                .any(|used| used.what.id == left.listed.id && used.what.kind == UseKind::RemovalRefused)
        };
        let mut help = if left.iter().any(refused) {
            "remove it while the process still has the rights of its maker: with shmctl(id, IPC_RMID, NULL) right \
             after the last attach; it lives until the last detach"
                .to_owned()
        } else {
            let each = if left.len() == 1 {
                "it is not meant to stay, remove it"
            } else {
                "they are not meant to stay, remove each"
            };
            format!(
                "if {each} with shmctl(id, IPC_RMID, NULL) when the last process has attached it: it lives until the \
                 last detach"
            )
        };
        let orphans =
            self.living.is_empty() && left.iter().all(|left| left.listed.attached == 0 && left.listed.owner == own);
        if orphans && !self.session.private {
            help.push_str("; by hand: ipcrm");
            for left in left.iter().take(LISTED) {
                let _ = write!(help, " -m {}", left.listed.id);
            }
        } else if self.session.private {
            help.push_str(if left.len() == 1 { "; it went" } else { "; they went" });
            help.push_str(" with the namespace of this run");
        }
        if left.iter().any(|left| self.may_be_taken_for_failure(left)) {
            help.insert_str(0, "compare what shmget returns with -1 alone; ");
        }
        vec![help]
    }

    /// The objects that are left, by the call that made them.
    fn objects(&self) -> BTreeMap<String, Group<&Object>> {
        let mut groups: BTreeMap<String, Group<&Object>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for Attributed { pid, exe, what } in self.session.objects.iter().rev() {
            let made_by_living = self.living.iter().any(|living| living.pid == *pid);
            if made_by_living || !is_there(what) || !seen.insert(&what.path) {
                continue;
            }
            let (call, stack) = (what.call.clone(), what.stack.clone());
            let new = Group { pid: *pid, exe: exe.clone(), left: Vec::new(), stack, call };
            groups.entry(place(&what.call, &what.stack)).or_insert(new).left.insert(0, what);
        }
        groups
    }

    fn of_objects(&self, group: &Group<&Object>) -> Option<Record> {
        let left = &group.left;
        let names = joined(left.iter().map(|object| format!("'{}'", object.name)));
        let (kind, unlink, stays) = match group.call.function.as_str() {
            "sem_open" => ("named semaphore", "sem_unlink", "who has it open keeps it"),
            _ => ("shared memory object", "shm_unlink", "mappings of it stay"),
        };
        let one = left.len() == 1;
        let (what, list) = if one {
            (format!("the {kind} {names}, made here,"), String::new())
        } else {
            (format!("{} {kind}s made here", left.len()), format!(": {names}"))
        };
        let mut notes = vec![match (&left[..], self.session.private_objects) {
            ([_], true) => "it went with the /dev/shm of this run".to_owned(),
            (_, true) => "they went with the /dev/shm of this run".to_owned(),
            ([object], false) => format!("it is the file {}", object.path),
            (_, false) => "they are files in /dev/shm".to_owned(),
        }];
        notes.extend(self.end_of_maker(group.pid));
        let each = if one { "it" } else { "each of them" };
        let (message, help) = if self.living.is_empty() {
            (
                format!("{what} still {} when the run is over{list}", if one { "exists" } else { "exist" }),
                format!("call {unlink} for {each} when every process that needs it has opened it: {stays}"),
            )
        } else {
            let there = if one { "is" } else { "are" };
            (
                format!("{what} {there} still there; {}{list}", self.still_run()),
                format!("if none of the processes that still run removes it, call {unlink} for {each}"),
            )
        };
        let told = Told { message, notes, help: vec![help], related: Vec::new() };
        self.record(Rule::LeakShmObject, Severity::Note, group, told)
    }

    /// Which processes of the run still run.
    fn still_run(&self) -> String {
        let living: Vec<String> = self.living.iter().take(TOLD).map(|living| living.pid.to_string()).collect();
        let (word, run) = if self.living.len() == 1 { ("process", "runs") } else { ("processes", "run") };
        format!("{word} {} of this run still {run}", living.join(", "))
    }

    fn record<T>(&self, rule: Rule, severity: Severity, group: &Group<T>, told: Told) -> Option<Record> {
        let severity = (self.told_severity)(rule, severity)?;
        let Group { call, stack, pid, exe, .. } = group;
        let Told { message, notes, help, related } = told;
        let finding = Finding {
            rule: rule.name().to_owned(),
            severity: severity.name().to_owned(),
            call: call.clone(),
            message,
            notes,
            help,
            stack: stack.clone(),
            related,
            ..Finding::default()
        };
        Some(Record::now(*pid, exe, Kind::Finding(Box::new(finding))))
    }
}

/// The IPC namespace of the command, and of the run.
fn own_namespace() -> Option<u64> {
    std::fs::metadata("/proc/self/ns/ipc").map(|namespace| namespace.ino()).ok()
}

/// Where a call was made, whichever process made it.
fn place(call: &Call, stack: &[Frame]) -> String {
    format!("{} {}", call.function, stack.first().map(Frame::place).unwrap_or_default())
}

/// The call that nobody saw.
fn unseen(segment: &Listed) -> Call {
    Call {
        function: "shmget".to_owned(),
        args: vec![format!("{:#010x}", segment.key), segment.size.to_string(), "...".to_owned()],
        result: segment.id.to_string(),
        errno: None,
    }
}

/// Whether an object is still the file of its name.
pub(crate) fn is_there(object: &Object) -> bool {
    std::fs::symlink_metadata(&object.path).is_ok_and(|now| {
        let device = format!("{}:{}", libc::major(now.dev()), libc::minor(now.dev()));
        now.ino() == object.inode && device == object.device
    })
}

/// A list of words, of which a great many are left out.
fn joined(words: impl ExactSizeIterator<Item = String>) -> String {
    let more = words.len().saturating_sub(LISTED);
    let mut listed: Vec<String> = words.take(LISTED).collect();
    if more > 0 {
        listed.push(format!("and {more} more"));
    }
    listed.join(", ")
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        _ => format!("{count} times"),
    }
}

/// A user by number, and by name where there is one.
fn user(uid: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let name = named.into_iter().find(|fields| fields.get(2).and_then(|uid| uid.parse().ok()) == Some(uid));
    match name.as_deref() {
        Some([name, ..]) => format!("user {uid} ({name})"),
        _ => format!("user {uid}"),
    }
}
