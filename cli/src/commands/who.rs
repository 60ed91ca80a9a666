//! `mapsan who`: the processes that have an object, a file or a mapping.

use crate::failure::Failure;
use crate::form::objects::{Layout, sharing_document, sharing_table};
use crate::ipc::sharing::Sharing;
use crate::say;
use clap::ArgMatches;
use std::ffi::OsString;
use std::process::ExitCode;

/// Says who has it; 1 if nobody was seen to.
pub(crate) fn who(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let word = matches.get_one::<OsString>("what").map(OsString::as_os_str).unwrap_or_default();
    let sharing = Sharing::find(word)?;
    let nobody = sharing.shared.iter().all(|shared| shared.users.is_empty());
    let status = if nobody { ExitCode::from(1) } else { ExitCode::SUCCESS };
    if matches.get_flag("json") {
        return say::print(&sharing_document(&sharing)).map(|()| status);
    }
    say::print(&sharing_table(&sharing.shared, &Layout::of_output()))?;
    if sharing.shared.is_empty() {
        say::say!("process {} shares no memory", word.display());
    }
    for shared in sharing.shared.iter().filter(|shared| shared.users.is_empty()) {
        say::say!("no process was seen to have {} mapped or open", shared.name);
    }
    for gap in &sharing.gaps {
        say::say!("{gap}");
    }
    Ok(status)
}
