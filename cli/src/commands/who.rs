//! `mapsan who`: the processes that have an object, a file or a mapping.

use crate::failure::Failure;
use crate::form::objects::{Layout, sharing_document, sharing_table};
use crate::ipc::sharing::Sharing;
#[cfg(target_arch = "x86_64")]
use crate::race::{
    follow, writers,
    written::{Question, object_and_offset},
};
use crate::say;
#[cfg(target_arch = "x86_64")]
use crate::system::{child, tracer, watchpoint};
use clap::ArgMatches;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::process::ExitCode;
#[cfg(target_arch = "x86_64")]
use std::thread;
use std::time::Duration;
#[cfg(target_arch = "x86_64")]
use std::time::Instant;

/// Says who has it; 1 if nobody was seen to.
pub(crate) fn who(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let word = matches.get_one::<OsString>("what").map(OsString::as_os_str).unwrap_or_default();
    if let Some(time) = matches.get_one::<Duration>("writes") {
        return writes(word, *time);
    }
    let sharing = Sharing::find(word).map_err(|failure| meant_offset(word, failure))?;
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

/// Why nothing was found, and what to write if the word is an object that can be mapped and an offset in it.
#[cfg(target_arch = "x86_64")]
fn meant_offset(word: &OsStr, failure: Failure) -> Failure {
    match word.to_str().and_then(object_and_offset) {
        Some((object, _)) if Sharing::find(OsStr::new(object)).is_ok() => {
            let what = "who writes at an offset of it is told by --writes";
            Failure::of_status(failure.status(), format!("{failure}; {object} is there: {what}"))
        }
        _ => failure,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn meant_offset(_: &OsStr, failure: Failure) -> Failure {
    failure
}

/// Says who writes a word; 1 if nobody was seen to.
#[cfg(target_arch = "x86_64")]
fn writes(word: &OsStr, time: Duration) -> Result<ExitCode, Failure> {
    let question = Question::read(word)?;
    watchpoint::check().map_err(|error| follow::refusal(&error))?;
    child::note_interruptions();
    tracer::block_children();
    let (target, start) = (question.target.clone(), Instant::now());
    // With the end of the thread the processes are let go.
    let seen = thread::spawn(move || writers::watch(target, time)).join();
    let seen = seen.map_err(|_| Failure::own("the thread that watches has ended early"))?;
    let (text, said) = question.answer(&seen, start.elapsed());
    say::print(&text)?;
    for line in said.iter().chain(&question.gaps) {
        say::say!("{line}");
    }
    Ok(if seen.writers.is_empty() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

#[cfg(not(target_arch = "x86_64"))]
fn writes(_: &OsStr, _: Duration) -> Result<ExitCode, Failure> {
    Err(super::elsewhere::refusal("mapsan who --writes"))
}
