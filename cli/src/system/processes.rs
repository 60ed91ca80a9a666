//! Every process that may be looked at: which segments and files it has mapped, and which files open.

use super::process;
use rustix::fs::{AtFlags, Dir, Mode, OFlags, makedev, openat, statat};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::thread;

/// Of which objects the uses are wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) segments: bool,
    /// Files of these devices.
    pub(crate) devices: Vec<u64>,
    pub(crate) files: Vec<WantedFile>,
    /// Every mapping of a file, or those that are shared.
    pub(crate) mapped: Mapped,
}

/// A file by its inode number, and its device or path: what a mapping calls a device is not always what stat(2) calls so (btrfs).
#[derive(Clone, Debug)]
pub(crate) struct WantedFile {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) path: String,
}

impl WantedFile {
    fn identity(&self) -> Identity {
        Identity::File { device: self.device, inode: self.inode }
    }
}

/// Which mappings are wanted whatever is mapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mapped {
    #[default]
    None,
    Shared,
    All,
}

/// What is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Identity {
    Segment(i32),
    File { device: u64, inode: u64 },
}

/// How.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Mapped { start: u64, end: u64, protection: String, offset: u64, path: String },
    Open { descriptor: u32, reads: bool, writes: bool },
}

/// A use of an object by a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) of: Identity,
    pub(crate) how: How,
}

/// A process that uses something that is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) name: String,
    pub(crate) uses: Vec<Use>,
}

/// What was found, and what could not be looked at.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) processes: Vec<Process>,
    /// Processes that may not be looked at.
    pub(crate) unreadable: Vec<u32>,
}

impl Scan {
    /// Says why processes may be missing, one sentence each.
    pub(crate) fn gaps(&self) -> Vec<String> {
        let by = if rustix::process::geteuid().is_root() { "" } else { " by this user; root sees more" };
        let mut gaps = unseen();
        let called = |pid: &u32| format!("{pid} ({})", name(*pid));
        match &self.unreadable[..] {
            [] => {}
            [one] => gaps.push(format!("process {} may not be looked at{by}", called(one))),
            [one, other] => {
                gaps.push(format!("processes {} and {} may not be looked at{by}", called(one), called(other)));
            }
            more => gaps.push(format!("{} processes may not be looked at{by}", more.len())),
        }
        gaps
    }
}

/// Looks at every process.
pub(crate) fn scan(wanted: &Wanted) -> io::Result<Scan> {
    let own = namespace("self");
    let pids: Vec<u32> =
        fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    let share = pids.len().div_ceil(thread::available_parallelism().map_or(1, usize::from)).max(64);
    let mut scan = Scan::default();
    thread::scope(|scope| {
        let looks: Vec<_> =
            pids.chunks(share).map(|pids| scope.spawn(move || look_at_all(pids, wanted, own))).collect();
        for looked in looks {
            let Ok(part) = looked.join() else { continue };
            scan.processes.extend(part.processes);
            scan.unreadable.extend(part.unreadable);
        }
    });
    scan.processes.sort_by_key(|process| process.pid);
    Ok(scan)
}

fn look_at_all(pids: &[u32], wanted: &Wanted, own: Option<u64>) -> Scan {
    let mut scan = Scan::default();
    let mut buffer = Vec::new();
    for pid in pids {
        match uses(*pid, wanted, own, &mut buffer) {
            Ok(uses) if uses.is_empty() => {}
            Ok(uses) => scan.processes.push(Process { pid: *pid, name: name(*pid), uses }),
            Err(error) if [Some(libc::EACCES), Some(libc::EPERM)].contains(&error.raw_os_error()) => {
                scan.unreadable.push(*pid);
            }
            // It has ended meanwhile.
            Err(_) => {}
        }
    }
    scan
}

fn uses(pid: u32, wanted: &Wanted, own: Option<u64>, buffer: &mut Vec<u8>) -> io::Result<Vec<Use>> {
    let (process, mut uses) = open_with_mappings(pid, wanted, buffer)?;
    let has_segments = uses.iter().any(|used| matches!(used.of, Identity::Segment(_)));
    // Ids of another IPC namespace are other segments.
    if has_segments && own.is_some() && namespace(&pid.to_string()) != own {
        uses.retain(|used| !matches!(used.of, Identity::Segment(_)));
    }
    if !wanted.devices.is_empty() || !wanted.files.is_empty() {
        descriptors(&process, wanted, &mut uses)?;
    }
    Ok(uses)
}

/// What one process has mapped of what is wanted; of segments, also those of another IPC namespace.
pub(crate) fn mapped_by(pid: u32, wanted: &Wanted) -> io::Result<Vec<Use>> {
    open_with_mappings(pid, wanted, &mut Vec::new()).map(|(_, uses)| uses)
}

/// The range of a mapping and its protection, whatever is mapped there; `None` where nothing is.
pub(crate) fn range_at(pid: u32, address: u64) -> io::Result<Option<(u64, u64, String)>> {
    let text = fs::read(process::folder(pid).join("maps"))?;
    let range = |line: &[u8]| {
        let mut fields = line.splitn(3, |byte| *byte == b' ');
        let mut ends = fields.next()?.splitn(2, |byte| *byte == b'-');
        let (start, end) = (number(ends.next()?, 16)?, number(ends.next()?, 16)?);
        Some((start, end, String::from_utf8_lossy(fields.next()?).into_owned()))
    };
    let mut ranges = text.split(|byte| *byte == b'\n').filter_map(range);
    Ok(ranges.find(|(start, end, _)| (*start..*end).contains(&address)))
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    let folder = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, folder, Mode::empty())?)
}

/// The folder of a process, or of a thread of it, and what is mapped there of what is wanted.
fn open_with_mappings(pid: u32, wanted: &Wanted, buffer: &mut Vec<u8>) -> io::Result<(OwnedFd, Vec<Use>)> {
    let listed = PathBuf::from(format!("/proc/{pid}"));
    let process = open(&listed)?;
    let uses = mappings(&process, wanted, buffer)?;
    // As of the kernel's own threads, and of a main thread that has ended.
    let living = if buffer.is_empty() { process::folder(pid) } else { listed.clone() };
    if living == listed {
        return Ok((process, uses));
    }
    let thread = open(&living)?;
    let uses = mappings(&thread, wanted, buffer)?;
    Ok((thread, uses))
}

fn mappings(process: &OwnedFd, wanted: &Wanted, buffer: &mut Vec<u8>) -> io::Result<Vec<Use>> {
    buffer.clear();
    let read_only = OFlags::RDONLY | OFlags::CLOEXEC;
    let mut maps = File::from(openat(process, "maps", read_only, Mode::empty())?);
    loop {
        let filled = buffer.len();
        buffer.resize(filled + 16384, 0);
        let read = maps.read(&mut buffer[filled..])?;
        buffer.truncate(filled + read);
        if read == 0 {
            break;
        }
    }
    Ok(buffer.split(|byte| *byte == b'\n').filter_map(|line| mapping(line, wanted)).collect())
}

/// A line of /proc/PID/maps, if it is wanted: `start-end rwxp offset major:minor inode path`.
fn mapping(line: &[u8], wanted: &Wanted) -> Option<Use> {
    let mut fields = line.splitn(6, |byte| *byte == b' ');
    let (range, protection, offset) = (fields.next()?, fields.next()?, fields.next()?);
    let (device, inode) = (fields.next()?, fields.next()?);
    let path = fields.next().unwrap_or_default().trim_ascii_start();
    // Most lines end here: anonymous memory. The first segment of a namespace has the id 0, too.
    if inode == b"0" && !path.starts_with(b"/SYSV") {
        return None;
    }
    let device = device_number(device)?;
    let inode = number(inode, 10)?;
    let is_shared = protection.get(3) == Some(&b's');
    let any = wanted.mapped == Mapped::All || wanted.mapped == Mapped::Shared && is_shared;
    let of = if is_segment(device, path) {
        let id = i32::try_from(inode).ok()?;
        Some(Identity::Segment(id)).filter(|_| wanted.segments || any)?
    } else {
        let is_file = |file: &&WantedFile| file.inode == inode && (file.device == device || is_path(path, &file.path));
        let file = wanted.files.iter().find(is_file).map(WantedFile::identity);
        let other = || Some(Identity::File { device, inode }).filter(|_| any || wanted.devices.contains(&device));
        file.or_else(other)?
    };
    let mut ends = range.splitn(2, |byte| *byte == b'-');
    let how = How::Mapped {
        start: number(ends.next()?, 16)?,
        end: number(ends.next()?, 16)?,
        protection: String::from_utf8_lossy(protection).into_owned(),
        offset: number(offset, 16)?,
        path: printable(path),
    };
    Some(Use { of, how })
}

/// Whether a mapping is a System V segment: the kernel's own file, which no folder has, and whose inode number is the id.
/// Those of huge pages are on another device of no disk.
fn is_segment(device: u64, path: &[u8]) -> bool {
    let key = path.strip_prefix(b"/SYSV").and_then(|rest| rest.strip_suffix(b" (deleted)"));
    rustix::fs::major(device) == 0 && key.is_some_and(|key| key.len() == 8 && key.iter().all(u8::is_ascii_hexdigit))
}

fn is_path(path: &[u8], name: &str) -> bool {
    path.strip_suffix(b" (deleted)").unwrap_or(path) == name.as_bytes()
}

fn device_number(text: &[u8]) -> Option<u64> {
    let mut parts = text.splitn(2, |byte| *byte == b':');
    let mut part = || u32::try_from(number(parts.next()?, 16)?).ok();
    Some(makedev(part()?, part()?))
}

fn number(text: &[u8], radix: u32) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(text).ok()?, radix).ok()
}

fn descriptors(process: &OwnedFd, wanted: &Wanted, uses: &mut Vec<Use>) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = match openat(process, "fd", flags, Mode::empty()) {
        Ok(folder) => folder,
        Err(Errno::NOENT | Errno::SRCH) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for entry in Dir::read_from(&folder)?.flatten() {
        let name = entry.file_name();
        let Some(descriptor) = name.to_str().ok().and_then(|name| name.parse().ok()) else { continue };
        let Ok(stat) = statat(&folder, name, AtFlags::empty()) else { continue };
        let (device, inode) = (stat.st_dev, stat.st_ino);
        let is_file =
            |file: &&WantedFile| file.inode == inode && (file.device == device || leads_to(&folder, name, &file.path));
        let file = wanted.files.iter().find(is_file).map(WantedFile::identity);
        let other = || Some(Identity::File { device, inode }).filter(|_| wanted.devices.contains(&device));
        let Some(of) = file.or_else(other) else { continue };
        // The link's own mode says how the file was opened (proc_pid_fd(5)).
        let bits = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW).map_or(0, |link| link.st_mode);
        let how = How::Open { descriptor, reads: bits & 0o400 != 0, writes: bits & 0o200 != 0 };
        uses.push(Use { of, how });
    }
    Ok(())
}

fn leads_to(folder: &OwnedFd, name: &std::ffi::CStr, path: &str) -> bool {
    rustix::fs::readlinkat(folder, name, Vec::new()).is_ok_and(|target| is_path(target.as_bytes(), path))
}

/// The inode number of a process's IPC namespace.
pub(crate) fn namespace(pid: &str) -> Option<u64> {
    namespace_of(pid, "ipc")
}

/// The inode number of a namespace of a process.
pub(crate) fn namespace_of(pid: &str, kind: &str) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    let of_process = fs::metadata(format!("/proc/{pid}/ns/{kind}"));
    let of_thread = || fs::metadata(process::folder(pid.parse().ok()?).join("ns").join(kind)).ok();
    of_process.ok().or_else(of_thread).map(|metadata| metadata.ino())
}

/// The name of a process.
pub(crate) fn name(pid: u32) -> String {
    let name = fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    printable(name.strip_suffix(b"\n").unwrap_or(&name))
}

/// What may be shown on a terminal.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if text.chars().any(char::is_control) { text.escape_debug().to_string() } else { text.into_owned() }
}

/// Why /proc may not have all processes, if so.
fn unseen() -> Vec<String> {
    /// `PROC_PID_INIT_INO` of the kernel: the machine's own PID namespace.
    const MACHINE: u64 = 0xefff_fffc;
    let mut reasons = Vec::new();
    if namespace_of("self", "pid").is_some_and(|namespace| namespace != MACHINE) {
        reasons.push("processes outside this PID namespace can't be seen".to_owned());
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let hides = mounts.lines().filter(|line| line.split(' ').nth(4) == Some("/proc")).any(|line| {
        let options = line.rsplit(' ').next().unwrap_or_default().split(',');
        options.filter_map(|option| option.strip_prefix("hidepid=")).any(|value| value != "0" && value != "off")
    });
    if hides && !rustix::process::geteuid().is_root() {
        reasons.push("/proc is mounted with hidepid: processes of other users may be hidden".to_owned());
    }
    if !Path::new("/proc/self").exists() {
        reasons.push("/proc is not mounted: no process can be seen".to_owned());
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let segments = Wanted { segments: true, ..Wanted::default() };
        let line = b"7f10-7f20 rw-s 00000000 00:01 32769                      /SYSV4d000001 (deleted)";
        let used = mapping(line, &segments).unwrap();
        assert_eq!(used.of, Identity::Segment(32769));
        assert!(matches!(used.how, How::Mapped { start: 0x7f10, end: 0x7f20, .. }));
        let first = b"7f10-7f20 rw-s 00000000 00:01 0                      /SYSV00000000 (deleted)";
        assert_eq!(mapping(first, &segments).unwrap().of, Identity::Segment(0));
        for other in [
            b"7f10-7f20 rw-s 00000000 08:01 32769 /SYSV4d000001 (deleted)".as_slice(),
            b"7f10-7f20 rw-s 00000000 00:01 32769 /SYSV4d000001",
            b"7f10-7f20 rw-s 00000000 00:01 5 /memfd:SYSV4d000001 (deleted)",
            b"7f10-7f20 rw-p 00000000 00:00 0 ",
            b"",
        ] {
            assert_eq!(mapping(other, &segments), None, "{}", String::from_utf8_lossy(other));
        }
        let file = WantedFile { device: 1, inode: 77, path: "/tmp/a b".to_owned() };
        let files = Wanted { files: vec![file], ..Wanted::default() };
        let line = b"7f10-7f20 r--p 00001000 00:2a 77    /tmp/a b (deleted)";
        assert_eq!(mapping(line, &files).unwrap().of, Identity::File { device: 1, inode: 77 });
        for other in ["00:2a 77    /tmp/b", "00:2a 78    /tmp/a b"] {
            assert_eq!(mapping(format!("7f10-7f20 r--p 00001000 {other}").as_bytes(), &files), None, "{other}");
        }
    }

    #[test]
    fn a_few_that_may_not_be_looked_at_are_named() {
        let own = std::process::id();
        let gap = |unreadable| Scan { unreadable, ..Scan::default() }.gaps().pop().unwrap();
        assert!(gap(vec![own]).starts_with(&format!("process {own} ({}) may not be looked at", name(own))));
        assert!(gap(vec![own, own]).starts_with(&format!("processes {own} (")));
        assert!(gap(vec![own; 3]).starts_with("3 processes may not be looked at"));
    }

    #[test]
    fn names_do_no_harm_to_a_terminal() {
        assert_eq!(printable(b"a\x1b[31m"), "a\\u{1b}[31m");
    }
}
