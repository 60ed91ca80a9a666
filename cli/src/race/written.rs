//! What `mapsan who --writes` is asked about, and what it says.

use crate::failure::{Failure, reason};
use crate::findings::found::Located;
use crate::findings::symbols::Symbols;
use crate::form::text::write_frame;
use crate::ipc::inventory::User;
use crate::ipc::sharing::{Shared, Sharing, read_number};
use crate::race::judge::{Judge, value};
use crate::race::writers::{Seen, Target, Writer};
use crate::system::processes::{How, Identity, name, printable};
use std::cmp::Reverse;
use std::ffi::OsStr;
use std::fmt::Write;
use std::io;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::process;
use std::time::Duration;

/// A word of an object, or of one process's own memory.
#[derive(Debug)]
pub(crate) struct Question {
    /// As it is called in what is said.
    name: String,
    pub(crate) target: Target,
    /// What could not be looked at.
    pub(crate) gaps: Vec<String>,
}

impl Question {
    /// Of `NAME+OFFSET` or `PID:ADDRESS`.
    pub(crate) fn read(word: &OsStr) -> Result<Question, Failure> {
        let shown = printable(word.as_bytes());
        let wrong = || {
            let what = "--writes watches one place: write an object and an offset in it, as in shm:5+64 or /name+0x40, or a \
                        process and an address, as in 4242:0x7f0012345000";
            Failure::usage(format!("'{shown}': {what}"))
        };
        let text = word.to_str().ok_or_else(wrong)?;
        if let Some((object, offset)) = object_and_offset(text) {
            let sharing = Sharing::find(OsStr::new(object))?;
            let shared = sharing.shared.first().ok_or_else(wrong)?;
            let name = format!("offset {offset} of {}", called(shared));
            return Question::of(name, shared, offset, &sharing);
        }
        let (pid, address) = text.split_once(':').ok_or_else(wrong)?;
        let (pid, address) = pid.parse::<u32>().ok().zip(read_number(address)).ok_or_else(wrong)?;
        let sharing = Sharing::find(word)?;
        let here = |shared: &Shared| {
            let users = shared.users.iter().filter(|user| user.pid == pid);
            users.flat_map(parts).find(|part| part.at.contains(&address))
        };
        let found = sharing.shared.iter().find_map(|shared| Some((shared, here(shared)?)));
        let (shared, part) = found.ok_or_else(wrong)?;
        if part.is_private {
            let target = Target { places: [(id(pid), word_at(address))].into() };
            return Ok(Question { name: format!("address {address:#x} of process {pid}"), target, gaps: sharing.gaps });
        }
        let offset = address - part.at.start + part.offset;
        let name = format!("address {address:#x} of process {pid}, offset {offset} of {}", called(shared));
        Question::of(name, shared, offset, &sharing)
    }

    fn of(name: String, shared: &Shared, offset: u64, sharing: &Sharing) -> Result<Question, Failure> {
        let mut target = Target::default();
        for user in shared.users.iter().filter(|user| user.pid != process::id()) {
            let parts = parts(user);
            let mut there = parts.iter().filter(|part| !part.is_private);
            let at = |part: &Part| part.at.start.checked_add(offset.checked_sub(part.offset)?);
            let address = there.find_map(|part| at(part).filter(|address| part.at.contains(address)));
            target.places.extend(address.map(|address| (id(user.pid), word_at(address))));
        }
        if target.places.is_empty() {
            return Err(Failure::not_found(format!(
                "no process was seen to have {name} mapped and shared, so none can write it there"
            )));
        }
        Ok(Question { name, target, gaps: sharing.gaps.clone() })
    }

    /// What was seen, for people.
    pub(crate) fn answer(&self, seen: &Seen, time: Duration) -> (String, Vec<String>) {
        let (mut judge, mut symbols) = (Judge::default(), Symbols::default());
        let mut text = String::new();
        let mut writers: Vec<&Writer> = seen.writers.iter().collect();
        writers.sort_by_key(|writer| Reverse(writer.times));
        for writer in writers {
            let _ = writeln!(text, "{}", line(writer));
            for place in &writer.stack {
                let frame = judge.frame(place);
                let places = symbols.places(&frame, "");
                write_frame(&Located { frame, places }, "    ", &mut text);
            }
        }
        let watched = match seen.watched.len() {
            1 => "1 process".to_owned(),
            more => format!("{more} processes"),
        };
        let what = if seen.writers.is_empty() { "nobody was seen to write" } else { "watched for writes to" };
        let mut said = vec![format!("{what} {}: {watched} watched for {:.1} s", self.name, time.as_secs_f64())];
        if seen.unplaced > 0 {
            said.push(format!(
                "{} more writes were seen of which it can't be known by which instruction",
                seen.unplaced
            ));
        }
        for (pid, error) in &seen.refused {
            said.push(format!("process {pid} can't be watched: {}", why(error)));
        }
        (text, said)
    }
}

/// An object that can be mapped, as it is called, and an offset in it.
pub(crate) fn object_and_offset(text: &str) -> Option<(&str, u64)> {
    let (object, offset) = text.rsplit_once('+')?;
    let is_process = object.bytes().all(|byte| byte.is_ascii_digit());
    let is_never_mapped =
        ["sem:", "msg:", "mq:"].iter().any(|kind| object.starts_with(kind)) && !object.starts_with("sem:/");
    if is_process || is_never_mapped { None } else { Some((object, read_number(offset)?)) }
}

/// A mapping of an object.
struct Part {
    at: Range<u64>,
    offset: u64,
    is_private: bool,
}

fn parts(user: &User) -> Vec<Part> {
    let part = |used: &crate::system::processes::Use| {
        let How::Mapped { start, end, protection, offset, .. } = &used.how else { return None };
        let has_file = !matches!(used.of, Identity::File { inode: 0, .. });
        Some(Part { at: *start..*end, offset: *offset, is_private: protection.ends_with('p') || !has_file })
    };
    user.uses.iter().filter_map(part).collect()
}

fn called(shared: &Shared) -> &str {
    let is_anonymous = shared.name.trim_end_matches(" (deleted)") == "/dev/zero";
    if is_anonymous { "anonymous shared memory" } else { &shared.name }
}

/// The aligned word that an address is in.
fn word_at(address: u64) -> Range<u64> {
    let start = address & !7;
    start..start + 8
}

fn id(pid: u32) -> i32 {
    i32::try_from(pid).unwrap_or(i32::MAX)
}

/// Who it was, and what he did.
fn line(writer: &Writer) -> String {
    let Writer { pid, threads, times, length, address, value: word, .. } = writer;
    let name = name(pid.unsigned_abs());
    let threads = match threads.len() {
        1 if threads.contains(pid) => String::new(),
        1 => format!(", thread {}", threads.first().unwrap_or(pid)),
        more => format!(", {more} threads"),
    };
    let times = if *times == 1 { "once".to_owned() } else { format!("{times} times") };
    let bytes = if *length == 1 { "byte" } else { "bytes" };
    let (start, word) = (address & !7, value(word));
    format!(
        "process {pid} ({name}){threads} writes {length} {bytes} at {address:#x}, seen {times}; after the last the 8 bytes at \
         {start:#x} were {word}"
    )
}

fn why(error: &io::Error) -> String {
    let why = reason(error);
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => format!(
            "{why}; it takes the rights of a debugger: root, or the same user with kernel.yama.ptrace_scope=0, and nobody who \
             traces it already (a debugger, strace)"
        ),
        Some(libc::ENOSPC | libc::EBUSY) => format!("{why}; all of the processor's watchpoints are in use"),
        _ => why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_no_place_is_refused() {
        for word in ["shm:5", "/name", "4242", "/srv/data", "4242:xyz", "x+y", "4242+64", "sem:5+64", "mq:/name+64"] {
            let said = Question::read(OsStr::new(word)).unwrap_err();
            assert!(said.status() == 2 && said.to_string().contains("one place"), "{word}: {said}");
        }
    }

    #[test]
    fn words_are_aligned() {
        assert_eq!(word_at(0x1007), 0x1000..0x1008);
        assert_eq!(word_at(0x1008), 0x1008..0x1010);
    }
}
