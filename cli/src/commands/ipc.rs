//! `mapsan ipc`: the objects of System V and POSIX, and who has them.

use crate::arguments::columns_of;
use crate::failure::Failure;
use crate::form::objects::{Column, Layout, document, table};
use crate::ipc::inventory::Inventory;
use crate::ipc::keys::Keys;
use crate::say;
use clap::ArgMatches;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Does what its own subcommand says: without one, lists.
pub(crate) fn ipc(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    match matches.subcommand() {
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
    for gap in &inventory.gaps {
        say::say!("{gap}");
    }
}
