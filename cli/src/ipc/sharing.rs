//! Who has one object, file or mapping: what `who` is asked about, and the processes that have it mapped or open.

use crate::failure::{Failure, reason};
use crate::ipc::designator::Designator;
use crate::ipc::inventory::{Entry, Inventory, Object, User};
use crate::ipc::keys::Keys;
use crate::system::processes::{self, How, Identity, Mapped, Use, Wanted, WantedFile};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What a word asks about.
#[derive(Debug)]
enum Subject<'a> {
    Object(Designator),
    File(&'a Path),
    Process { pid: u32, address: Option<u64> },
}

/// Something that processes have.
#[derive(Debug)]
pub(crate) struct Shared {
    /// As it is asked for: an object's name, or a path.
    pub(crate) name: String,
    /// What it is, in the words of the manual pages.
    pub(crate) kind: &'static str,
    pub(crate) users: Vec<User>,
}

/// The answer.
#[derive(Debug, Default)]
pub(crate) struct Sharing {
    pub(crate) shared: Vec<Shared>,
    /// What could not be looked at.
    pub(crate) gaps: Vec<String>,
}

impl Sharing {
    /// Of a word: an object, a path, a process, or an address in one.
    pub(crate) fn find(word: &OsStr) -> Result<Sharing, Failure> {
        match Subject::read(word)? {
            Subject::Object(designator) => of_object(word, &designator),
            Subject::File(path) => of_file(path),
            Subject::Process { pid, address: None } => of_process(pid),
            Subject::Process { pid, address: Some(address) } => of_address(pid, address),
        }
    }

    fn add(&mut self, name: String, kind: &'static str, users: Vec<User>) {
        self.shared.push(Shared { name, kind, users });
    }
}

impl<'a> Subject<'a> {
    fn read(word: &'a OsStr) -> Result<Subject<'a>, Failure> {
        let wrong = |why: &str| Failure::usage(format!("'{}': {why}", shown(word)));
        let path = Path::new(word);
        let Some(text) = word.to_str() else { return Ok(Subject::File(path)) };
        let (pid, address) = text.split_once(':').map_or((text, None), |(pid, address)| (pid, Some(address)));
        if !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()) {
            let pid = pid.parse().ok().filter(|pid| (1..=i32::MAX.unsigned_abs()).contains(pid));
            let pid =
                pid.ok_or_else(|| wrong("a pid is a number from 1 to 2147483647; a segment is written shm:ID"))?;
            let address = match address.map(read_number) {
                Some(None) => return Err(wrong("an address is written as in 4242:0x7f0012345000")),
                address => address.flatten(),
            };
            return Ok(Subject::Process { pid, address });
        }
        let has_kind = ["shm:", "sem:", "msg:", "mq:"].iter().any(|kind| text.starts_with(kind));
        let is_name = !text.strip_prefix('/').unwrap_or(text).contains('/');
        if !has_kind && (!is_name || !text.starts_with('/') && path.exists()) {
            return Ok(Subject::File(path));
        }
        let is_object = || Path::new("/dev/shm").join(text.trim_start_matches('/')).exists();
        if !has_kind && text.starts_with('/') && path.exists() {
            if is_object() {
                return Err(wrong(&format!("it could be an object or a file; write shm:{text} or /.{text}")));
            }
            return Ok(Subject::File(path));
        }
        Designator::read(text).map(Subject::Object).map_err(|why| wrong(&why))
    }
}

/// An address or an offset: decimal, or hexadecimal behind `0x`.
pub(crate) fn read_number(text: &str) -> Option<u64> {
    text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |digits| u64::from_str_radix(digits, 16).ok())
}

fn of_object(word: &OsStr, designator: &Designator) -> Result<Sharing, Failure> {
    let inventory = Inventory::take(&Keys::default());
    let found = designator.find(&inventory.entries).map_err(|why| {
        let whys = [&[why], &inventory.unlisted[..]].concat().join("; ");
        Failure::not_found(format!("'{}': {whys}", shown(word)))
    })?;
    let mut sharing = Sharing { gaps: inventory.unseen.clone(), ..Sharing::default() };
    sharing.gaps.extend(unseen_of(found));
    sharing.add(found.object.name(), found.object.kind(), found.users.clone());
    Ok(sharing)
}

/// What can't be known of the users of an object.
fn unseen_of(entry: &Entry) -> Option<String> {
    let name = entry.object.name();
    if matches!(entry.object, Object::SysV(_)) && entry.object.identity().is_none() {
        return Some(format!("who uses {name} can't be seen: no process maps or opens a {}", entry.object.kind()));
    }
    match entry.unseen_attachments() {
        0 => None,
        unseen => {
            Some(format!("{name} has {unseen} more attachment{}, of processes that were not seen", plural(unseen)))
        }
    }
}

fn plural(number: u64) -> &'static str {
    if number == 1 { "" } else { "s" }
}

fn of_file(path: &Path) -> Result<Sharing, Failure> {
    let shown = shown(path.as_os_str());
    let why = |error: &io::Error| Failure::not_found(format!("'{shown}': {}", reason(error)));
    let metadata = fs::metadata(path).map_err(|error| why(&error))?;
    let real = fs::canonicalize(path).map_err(|error| why(&error))?;
    if metadata.is_dir() {
        return Err(Failure::usage(format!("'{shown}' is a directory, which no process maps")));
    }
    let path = processes::printable(real.as_os_str().as_bytes());
    let file = WantedFile { device: metadata.dev(), inode: metadata.ino(), path: path.clone() };
    let wanted = Wanted { files: vec![file], ..Wanted::default() };
    let mut sharing = Sharing::default();
    let users = scan(&mut sharing, &wanted)?;
    sharing.add(path, "file", users);
    Ok(sharing)
}

/// Everything that a process shares, with whom.
fn of_process(pid: u32) -> Result<Sharing, Failure> {
    let wanted = Wanted { segments: true, mapped: Mapped::Shared, ..Wanted::default() };
    let uses = processes::mapped_by(pid, &wanted).map_err(|error| unreadable(pid, &error))?;
    among_all(pid, &uses)
}

/// What is at an address of a process, with whom it shares it.
fn of_address(pid: u32, address: u64) -> Result<Sharing, Failure> {
    let range = processes::range_at(pid, address).map_err(|error| unreadable(pid, &error))?;
    let Some((start, end, protection)) = range else {
        return Err(Failure::not_found(format!("nothing is mapped at {address:#x} in process {pid}")));
    };
    let wanted = Wanted { mapped: Mapped::All, ..Wanted::default() };
    let mut there = processes::mapped_by(pid, &wanted).map_err(|error| unreadable(pid, &error))?;
    there.retain(|used| matches!(used.how, How::Mapped { start, end, .. } if (start..end).contains(&address)));
    if there.is_empty() {
        let how = How::Mapped { start, end, protection, offset: 0, path: String::new() };
        // No file: nothing else can have it.
        let only = Use { of: Identity::File { device: 0, inode: 0 }, how };
        let mut sharing = Sharing::default();
        let owner = vec![User { pid, name: processes::name(pid), uses: vec![only] }];
        sharing.add(format!("{pid}:{address:#x}"), "private memory of no file", owner);
        return Ok(sharing);
    }
    among_all(pid, &there)
}

/// The objects of these uses, with all processes that have them.
fn among_all(pid: u32, mapped: &[Use]) -> Result<Sharing, Failure> {
    let mut sharing = Sharing::default();
    let mut objects: Vec<(Identity, &str)> = Vec::new();
    let is_here = processes::namespace(&pid.to_string()) == processes::namespace("self");
    for used in mapped {
        let How::Mapped { path, .. } = &used.how else { continue };
        if !objects.iter().any(|(identity, _)| *identity == used.of) {
            objects.push((used.of, path));
        }
    }
    let all = objects.len();
    objects.retain(|(identity, _)| is_here || !matches!(identity, Identity::Segment(_)));
    if objects.len() < all {
        sharing.gaps.push(format!("the segments of process {pid} are not shown: it is in another IPC namespace"));
    }
    let files = objects.iter().filter_map(|(identity, path)| match *identity {
        Identity::File { device, inode } => Some(WantedFile { device, inode, path: (*path).to_owned() }),
        Identity::Segment(_) => None,
    });
    let wanted = Wanted { segments: true, files: files.collect(), ..Wanted::default() };
    let everyone = scan(&mut sharing, &wanted)?;
    for (identity, path) in objects {
        let of_it = everyone.iter().filter_map(|user| {
            let uses: Vec<Use> = user.uses.iter().filter(|used| used.of == identity).cloned().collect();
            (!uses.is_empty()).then(|| User { pid: user.pid, name: user.name.clone(), uses })
        });
        let (name, kind) = match identity {
            Identity::Segment(id) => (format!("shm:{id}"), "segment"),
            Identity::File { .. } => (path.to_owned(), "file"),
        };
        sharing.add(name, kind, of_it.collect());
    }
    Ok(sharing)
}

/// All processes that have what is wanted.
fn scan(sharing: &mut Sharing, wanted: &Wanted) -> Result<Vec<User>, Failure> {
    let scan = processes::scan(wanted)
        .map_err(|error| Failure::own(format!("/proc can't be read, which lists the processes: {}", reason(&error))))?;
    sharing.gaps.extend(scan.gaps());
    let user = |process: processes::Process| User { pid: process.pid, name: process.name, uses: process.uses };
    Ok(scan.processes.into_iter().map(user).collect())
}

fn unreadable(pid: u32, error: &io::Error) -> Failure {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ESRCH) => {
            Failure::not_found(format!("no process has the pid {pid}, as far as /proc shows them"))
        }
        _ => Failure::own(format!("process {pid} may not be looked at: {}", reason(error))),
    }
}

fn shown(word: &OsStr) -> String {
    processes::printable(word.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_what_they_ask_about() {
        for (word, subject) in [
            ("shm:5", "Object"),
            ("0x4d01", "Object"),
            ("/no-such-object", "Object"),
            ("no-such-name", "Object"),
            ("mq:/q", "Object"),
            ("/etc/passwd", "File"),
            ("/etc", "File"),
            ("./x", "File"),
            ("/no/such", "File"),
            ("Cargo.toml", "File"),
            ("1", "Process { pid: 1, address: None }"),
            ("12:0x10", "Process { pid: 12, address: Some(16) }"),
            ("12:16", "Process { pid: 12, address: Some(16) }"),
        ] {
            let read = format!("{:?}", Subject::read(OsStr::new(word)).unwrap());
            assert!(read.starts_with(subject), "{word}: {read}");
        }
        for (word, why) in [
            ("0", "a pid is a number from 1"),
            ("-1", "no id is negative"),
            ("99999999999", "a pid is a number from 1"),
            ("12:", "an address is written as"),
            ("12:0x", "an address is written as"),
            ("12:7fff", "an address is written as"),
            ("12:0x10000000000000000", "an address is written as"),
            ("0x0", "IPC_PRIVATE"),
            ("seg:5", "no kind 'seg'"),
            ("", "one slash"),
        ] {
            let said = Subject::read(OsStr::new(word)).unwrap_err();
            assert!(said.status() == 2 && said.to_string().contains(why), "{word}: {said}");
        }
    }
}
