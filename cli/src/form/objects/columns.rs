//! The columns of a table of objects.

use crate::ipc::inventory::{Count, Entry, Object, Party, User};
use crate::system::liveness::Life;
use crate::system::processes::{How, Use};
use humansize::{BINARY, FormatSizeOptions, format_size};
use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Object,
    Kind,
    Key,
    File,
    Owner,
    Mode,
    Size,
    Resident,
    Count,
    Creator,
    Last,
    Used,
    Changed,
    Users,
}

impl Column {
    pub(crate) const ALL: [Column; 14] = [
        Column::Object,
        Column::Kind,
        Column::Key,
        Column::File,
        Column::Owner,
        Column::Mode,
        Column::Size,
        Column::Resident,
        Column::Count,
        Column::Creator,
        Column::Last,
        Column::Used,
        Column::Changed,
        Column::Users,
    ];

    /// Those that are shown where none are asked for.
    pub(crate) const USUAL: [Column; 9] = [
        Column::Object,
        Column::Key,
        Column::Owner,
        Column::Mode,
        Column::Size,
        Column::Resident,
        Column::Used,
        Column::Creator,
        Column::Users,
    ];

    /// Those for which a narrow terminal has room.
    pub(crate) const FEW: [Column; 3] = [Column::Object, Column::Size, Column::Users];

    /// As it is asked for.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Column::Object => "object",
            Column::Kind => "kind",
            Column::Key => "key",
            Column::File => "file",
            Column::Owner => "owner",
            Column::Mode => "mode",
            Column::Size => "size",
            Column::Resident => "resident",
            Column::Count => "count",
            Column::Creator => "creator",
            Column::Last => "last",
            Column::Used => "used",
            Column::Changed => "changed",
            Column::Users => "users",
        }
    }

    /// What it shows.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Column::Object => "kind and id, or name",
            Column::Kind => "what it is, in words",
            Column::Key => "the key, and the file of which ftok makes it",
            Column::File => "that file alone",
            Column::Owner => "the user who owns it",
            Column::Mode => "permissions",
            Column::Size => "bytes; of a queue, those in it",
            Column::Resident => "bytes of it that are in memory",
            Column::Count => "attachments of a segment, semaphores of a set, messages in a queue",
            Column::Creator => "the process that made it, and whether it lives",
            Column::Last => "the processes that used it last, and whether they live",
            Column::Used => {
                "when it was last attached, detached, operated on, sent to or received from, read or written"
            }
            Column::Changed => "when it was made, or its owner or mode changed",
            Column::Users => "who has it attached, mapped (r, w, x) or open",
        }
    }

    /// One that is no name of another's, and takes no more room than it needs.
    pub(super) fn is_short(self) -> bool {
        !matches!(
            self,
            Column::Object | Column::File | Column::Key | Column::Creator | Column::Last | Column::Users | Column::Kind
        )
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Column::Size | Column::Resident)
    }

    pub(super) fn title(self) -> String {
        match self {
            // As top(1) has it.
            Column::Resident => "RES".to_owned(),
            other => other.name().to_uppercase(),
        }
    }

    /// What it shows of an object, a line each.
    pub(super) fn cell(self, entry: &Entry) -> Vec<String> {
        let one = |text: String| vec![text];
        let object = &entry.object;
        match self {
            Column::Object if object.is_removed() => vec![object.name(), "(removed)".to_owned()],
            Column::Object => one(object.name()),
            Column::Kind => one(object.kind().to_owned()),
            Column::Key => object.key_text().into_iter().chain(entry.file.clone()).collect(),
            Column::File => entry.file.clone().into_iter().collect(),
            Column::Owner => one(entry.owner.clone()),
            Column::Mode => one(format!("{:03o}", object.mode())),
            Column::Size => object.size().map(short_size).into_iter().collect(),
            Column::Resident => object.resident().map(short_size).into_iter().collect(),
            Column::Count => object.count().map(count).into_iter().collect(),
            Column::Creator => entry.creator.iter().map(party).collect(),
            Column::Last => entry.last_users.iter().map(party).collect(),
            Column::Used => one(object.used().map_or_else(|| "never".to_owned(), age)),
            Column::Changed => one(age(object.changed())),
            Column::Users => users(entry),
        }
    }

    /// The order in which it puts objects: names upwards, what is large, late or much first.
    pub(crate) fn compare(self, one: &Entry, other: &Entry) -> Ordering {
        let by_name = || one.object.order().cmp(&other.object.order());
        let downwards = |key: fn(&Entry) -> Option<u64>| Reverse(key(one)).cmp(&Reverse(key(other)));
        let late = |key: fn(&Entry) -> Option<i64>| Reverse(key(one)).cmp(&Reverse(key(other)));
        let pid = |party: Option<&Party>| party.map(|party| party.pid);
        let first = match self {
            Column::Object | Column::Kind => Ordering::Equal,
            Column::Key => one.object.key().cmp(&other.object.key()),
            Column::File => one.file.cmp(&other.file),
            Column::Owner => one.owner.cmp(&other.owner),
            Column::Mode => one.object.mode().cmp(&other.object.mode()),
            Column::Size => downwards(|entry| entry.object.size()),
            Column::Resident => downwards(|entry| entry.object.resident()),
            Column::Count => downwards(|entry| entry.object.count().map(|count| count.number)),
            Column::Creator => pid(one.creator.as_ref()).cmp(&pid(other.creator.as_ref())),
            Column::Last => pid(one.last_users.first()).cmp(&pid(other.last_users.first())),
            Column::Used => late(|entry| entry.object.used()),
            Column::Changed => late(|entry| Some(entry.object.changed())),
            Column::Users => other.users.len().cmp(&one.users.len()),
        };
        first.then_with(by_name)
    }
}

/// A size in five cells.
fn short_size(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let with_decimals = |places: usize| {
        let options = FormatSizeOptions::from(BINARY).decimal_zeroes(0).space_after_value(false);
        let text = format_size(bytes, options.decimal_places(places));
        text.strip_suffix("iB").unwrap_or(&text).to_owned()
    };
    let text = with_decimals(1);
    if text.len() <= 5 { text } else { with_decimals(0) }
}

fn count(count: Count) -> String {
    let Count { number, what } = count;
    let ending = if number == 1 || what == "attached" { "" } else { "s" };
    format!("{number} {what}{ending}")
}

/// How long ago, in the largest unit.
fn age(time: i64) -> String {
    let time = UNIX_EPOCH + Duration::from_secs(u64::try_from(time).unwrap_or(0));
    let Ok(since) = SystemTime::now().duration_since(time) else { return "now".to_owned() };
    let seconds = since.as_secs();
    let units = [(86400 * 365, "y"), (86400, "d"), (3600, "h"), (60, "m")];
    match units.iter().find(|(unit, _)| seconds >= *unit) {
        Some((unit, letter)) => format!("{}{letter} ago", seconds / unit),
        None => format!("{seconds}s ago"),
    }
}

/// A process that the kernel remembers.
fn party(party: &Party) -> String {
    match &party.life {
        Life::Alive(name) => format!("{} {name}", party.pid),
        Life::Replaced(name) => format!("{} (now {name})", party.pid),
        Life::Dead => format!("{} (dead)", party.pid),
        Life::Elsewhere => "? (other PID namespace)".to_owned(),
    }
}

fn users(entry: &Entry) -> Vec<String> {
    let mut lines: Vec<String> = entry.users.iter().map(user).collect();
    match entry.unseen_attachments() {
        0 => {}
        unseen => lines.push(format!("{unseen} not seen")),
    }
    lines
}

/// A process with what it may do by its mappings, or by the descriptors that are open.
fn user(user: &User) -> String {
    let mut ways: BTreeMap<String, usize> = BTreeMap::new();
    for used in &user.uses {
        *ways.entry(way(used)).or_default() += 1;
    }
    let ways: Vec<String> =
        ways.into_iter().map(|(way, times)| if times == 1 { way } else { format!("{way} x{times}") }).collect();
    format!("{} {} {}", user.pid, user.name, ways.join(", "))
}

fn way(used: &Use) -> String {
    match &used.how {
        How::Mapped { protection, .. } => {
            let rights: String = protection.chars().take(3).filter(|right| *right != '-').collect();
            if rights.is_empty() { "no access".to_owned() } else { rights }
        }
        How::Open { reads, writes, .. } => {
            format!("open {}{}", if *reads { "r" } else { "" }, if *writes { "w" } else { "" }).trim_end().to_owned()
        }
    }
}

impl Object {
    fn key_text(&self) -> Option<String> {
        self.key().map(|key| format!("{key:#010x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_five_cells() {
        for (bytes, shown) in [(0, "0B"), (1023, "1023B"), (1024, "1K"), (1536, "1.5K"), (24_684_084 << 10, "23.5G")] {
            assert_eq!(short_size(bytes), shown);
        }
        for shift in 0..63 {
            let shown = short_size((1 << shift) - 1);
            assert!(shown.len() <= 5, "{shown}");
        }
    }

    #[test]
    fn ages_have_one_unit() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed();
        for (seconds, shown) in [(0, "0s ago"), (59, "59s ago"), (60, "1m ago"), (90_000, "1d ago"), (-100, "now")] {
            assert_eq!(age(now - seconds), shown);
        }
    }
}
