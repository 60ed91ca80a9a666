//! `mapsan ipc`: the objects of System V and POSIX, and who has them.

use crate::arguments::columns_of;
use crate::failure::Failure;
use crate::form::objects::{Column, Layout, document, table};
use crate::ipc::designator::Designator;
use crate::ipc::inventory::{Entry, Inventory, Object};
use crate::ipc::keys::Keys;
use crate::ipc::orphan;
use crate::ipc::removal::{self, Unremoved};
use crate::say;
use crate::system::processes::printable;
use clap::ArgMatches;
use std::ffi::OsString;
use std::io::{self, BufRead};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Does what its own subcommand says: without one, lists.
pub(crate) fn ipc(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    match matches.subcommand() {
        Some(("rm", matches)) => rm(matches),
        Some(("gc", matches)) => Ok(gc(matches)),
        Some((_, matches)) => list(matches),
        None => list(matches),
    }
}

fn list(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let mut inventory = take(matches)?;
    let all = inventory.entries.len();
    if !matches.get_flag("all-users") {
        let own = rustix::process::geteuid().as_raw();
        inventory.entries.retain(|entry| entry.object.owner() == own);
    }
    let left_out = all - inventory.entries.len();
    if let Some(column) = matches.get_one::<Column>("sort") {
        inventory.entries.sort_by(|one, other| column.compare(one, other));
    }
    if matches.get_flag("json") {
        return say::print(&document(&inventory, left_out)).map(|()| ExitCode::SUCCESS);
    }
    if !inventory.entries.is_empty() {
        say::print(&table(&inventory.entries, &columns_of(matches), &Layout::of_output()))?;
    }
    tell_what_is_not_shown(&inventory, left_out);
    Ok(ExitCode::SUCCESS)
}

/// Takes stock, with the files and records that were named.
fn take(matches: &ArgMatches) -> Result<Inventory, Failure> {
    let files = matches.get_many::<OsString>("ftok").into_iter().flatten();
    let records = matches.get_many::<PathBuf>("records").into_iter().flatten();
    Ok(Inventory::take(&Keys::read(files, records)?))
}

/// Says what a table does not have, on standard error, so that the table can be read by programs.
fn tell_what_is_not_shown(inventory: &Inventory, left_out: usize) {
    let hint = "are not shown; --all-users shows them";
    match (inventory.entries.is_empty(), left_out) {
        (false, 0) => {}
        (true, 0) => say::say!("there are no objects of System V or POSIX"),
        (true, 1) => say::say!("there are none of this user; 1 of another user is not shown; --all-users shows it"),
        (true, some) => say::say!("there are none of this user; {some} of other users {hint}"),
        (false, 1) => say::say!("1 object of another user is not shown; --all-users shows it"),
        (false, some) => say::say!("{some} objects of other users {hint}"),
    }
    for gap in inventory.gaps() {
        say::say!("{gap}");
    }
}

/// Removes what is named, if each word names one object.
fn rm(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let words: Vec<&String> = matches.get_many("object").into_iter().flatten().collect();
    let mut designators = Vec::new();
    for word in words {
        let read = Designator::read(word).map_err(|why| Failure::usage(format!("'{}': {why}", shown(word))))?;
        designators.push((word, read));
    }
    let inventory = Inventory::take(&Keys::default());
    let mut named: Vec<(&str, &Entry)> = Vec::new();
    for (word, designator) in &designators {
        let found = designator.find(&inventory.entries);
        let found = found.map_err(|why| absent(word, &why, &inventory))?;
        match named.iter().find(|(_, entry)| entry.object == found.object) {
            Some((first, _)) => say::say!("'{}': it is named twice, as '{}' before", shown(word), shown(first)),
            None => named.push((word, found)),
        }
    }
    let mut status = ExitCode::SUCCESS;
    for (_, entry) in named {
        if !removed(&entry.object.name(), &removal::remove(entry, &inventory, matches.get_flag("force"))) {
            status = ExitCode::from(1);
        }
    }
    Ok(status)
}

/// That a word names nothing, or nothing that could be seen.
fn absent(word: &str, why: &str, inventory: &Inventory) -> Failure {
    let whys = [&[why.to_owned()], &inventory.unlisted[..]].concat().join("; ");
    Failure::not_found(format!("'{}': {whys}; nothing was removed", shown(word)))
}

/// Says what became of a removal; whether the object is there no more.
fn removed(name: &str, outcome: &Result<(), Unremoved>) -> bool {
    match outcome {
        Ok(()) => say::say!("{name} is removed"),
        Err(Unremoved::Gone) => say::say!("{name} has gone meanwhile: another has removed it"),
        Err(Unremoved::Stays(why)) => say::say!("{name} stays: {why}"),
    }
    !matches!(outcome, Err(Unremoved::Stays(_)))
}

fn shown(word: &str) -> String {
    printable(word.as_bytes())
}

/// How many segments are removed at once: until all are, nobody can attach one of them, and a SIGKILL leaves them so.
const AT_ONCE: usize = 256;

/// Removes what is left over, when the user agrees.
fn gc(matches: &ArgMatches) -> ExitCode {
    let unused_for = matches.get_one::<Duration>("older-than").copied().unwrap_or_default();
    let mut inventory = Inventory::take(&Keys::default());
    let own = rustix::process::geteuid().as_raw();
    let all = inventory.entries.len();
    inventory.entries.retain(|entry| entry.object.owner() == own);
    let left_out = all - inventory.entries.len();
    let judged = inventory.entries.iter().map(|entry| (entry, orphan::reason_to_keep(entry, unused_for)));
    let (left, kept): (Vec<_>, Vec<_>) = judged.partition(|(_, reason)| reason.is_none());
    for (entry, reason) in kept {
        say::say!("{} stays: {}", entry.object.name(), reason.unwrap_or_default());
    }
    tell_others(left_out);
    for gap in &inventory.unlisted {
        say::say!("{gap}");
    }
    let bytes: u64 = left.iter().filter_map(|(entry, _)| entry.object.size()).sum();
    for (entry, _) in &left {
        say::say!(
            "{} is left over: {} bytes, {}",
            entry.object.name(),
            entry.object.size().unwrap_or(0),
            history(entry)
        );
    }
    if left.is_empty() {
        say::say!("nothing that is left over was found");
        return ExitCode::SUCCESS;
    }
    let segments = if left.len() == 1 { "1 segment".to_owned() } else { format!("{} segments", left.len()) };
    if matches.get_flag("dry-run") {
        say::say!("{segments} ({bytes} bytes) would be removed; nothing was");
        return ExitCode::SUCCESS;
    }
    if !matches.get_flag("yes") && !agrees(&format!("mapsan: remove {segments} ({bytes} bytes)? [y/N] ")) {
        say::say!("nothing was removed");
        return ExitCode::SUCCESS;
    }
    let mut status = ExitCode::SUCCESS;
    let segments: Vec<_> = left
        .into_iter()
        .filter_map(|(entry, _)| match &entry.object {
            Object::SysV(object) => Some((entry, object)),
            Object::Posix(_) => None,
        })
        .collect();
    for some in segments.chunks(AT_ONCE) {
        for ((entry, _), outcome) in some.iter().zip(removal::remove_segments(some)) {
            if !removed(&entry.object.name(), &outcome) {
                status = ExitCode::from(1);
            }
        }
    }
    status
}

fn tell_others(left_out: usize) {
    match left_out {
        0 => {}
        1 => say::say!("1 object of another user stays"),
        some => say::say!("{some} objects of other users stay"),
    }
}

/// Who made it, and used it last, all dead.
fn history(entry: &Entry) -> String {
    let creator = entry.creator.as_ref().map_or(0, |creator| creator.pid);
    match entry.last_users.first() {
        Some(last) if last.pid != creator => format!("made by {creator} and last used by {}, both dead", last.pid),
        _ => format!("made by {creator}, which is dead"),
    }
}

/// Asks.
fn agrees(question: &str) -> bool {
    let _ = say::to_stderr(question.as_bytes());
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.is_ok() && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}
