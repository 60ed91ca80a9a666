//! The processes that have a file open or mapped, as far as this process may see: asked of /proc, in a bounded time.

use super::mapping::Mapping;
use super::{folder, process, procfile};
use crate::plain::Line;
use crate::sys;
use core::ffi::{CStr, c_int};
use core::fmt::{self, Write as _};

/// Processes that are named.
const NAMED: usize = 6;
/// How long the question may take, in milliseconds.
const LONGEST: i64 = 500;

/// Who has a file open or mapped.
pub(crate) struct Holders {
    pids: [c_int; NAMED],
    count: usize,
    /// Processes that may not be looked at.
    hidden: usize,
    /// Whether there was no time for all of them.
    cut: bool,
}

impl Holders {
    /// Of the file with these numbers, whose path begins with `folder`.
    pub(crate) fn of(device: (u32, u32), inode: u64, folder: &[u8]) -> Holders {
        Holders::find(|pid| holds(pid, device, inode, folder))
    }

    /// Of what is mapped at some place: all other processes that have it mapped.
    pub(crate) fn of_mapping(mapping: &Mapping) -> Holders {
        let own = sys::getpid();
        Holders::find(|pid| if pid == own { Some(false) } else { has_mapped(pid, mapping) })
    }

    fn find(holds: impl Fn(c_int) -> Option<bool>) -> Holders {
        let mut holders = Holders { pids: [0; NAMED], count: 0, hidden: 0, cut: false };
        let until = milliseconds().saturating_add(LONGEST);
        let _: Option<()> = folder::find_name(c"/proc", |name| {
            let pid = core::str::from_utf8(name).ok()?.parse().ok()?;
            if milliseconds() > until {
                holders.cut = true;
                return Some(());
            }
            match holds(pid) {
                Some(true) => {
                    if let Some(place) = holders.pids.get_mut(holders.count) {
                        *place = pid;
                    }
                    holders.count = holders.count.wrapping_add(1);
                }
                Some(false) => {}
                None => holders.hidden = holders.hidden.wrapping_add(1),
            }
            None
        });
        holders
    }

    /// Whether all processes were looked at.
    pub(crate) fn are_all(&self) -> bool {
        self.hidden == 0 && !self.cut
    }

    /// How many are known.
    pub(crate) fn count(&self) -> usize {
        self.count
    }
}

fn milliseconds() -> i64 {
    let now = sys::realtime();
    now.tv_sec.wrapping_mul(1000).wrapping_add(now.tv_nsec.wrapping_div(1_000_000))
}

/// Whether a process has the file open or mapped; `None` if it may not be looked at.
fn holds(pid: c_int, device: (u32, u32), inode: u64, folder: &[u8]) -> Option<bool> {
    by_process_or_thread(pid, &|way| holds_by(way, device, inode, folder))
}

/// Asks by way of a process in /proc, and by a thread of it where the main one has ended.
fn by_process_or_thread(pid: c_int, ask: &dyn Fn(&str) -> Option<bool>) -> Option<bool> {
    let mut way = Line::<24>::new();
    write!(way, "/proc/{pid}").ok()?;
    match ask(way.as_str()) {
        Some(false) => process::living_thread(pid).map_or(Some(false), |way| ask(way.as_str())),
        answer => answer,
    }
}

fn holds_by(way: &str, device: (u32, u32), inode: u64, folder: &[u8]) -> Option<bool> {
    let mut descriptors = Line::<64>::new();
    write!(descriptors, "{way}/fd\0").ok()?;
    let descriptors = CStr::from_bytes_until_nul(descriptors.as_bytes()).ok()?;
    match sys::access::may(descriptors, libc::R_OK) {
        Err(libc::EACCES | libc::EPERM | libc::ENOSYS) => return None,
        // It has ended meanwhile.
        Err(_) => return Some(false),
        Ok(()) => {}
    }
    let open = folder::find_name(descriptors, |number| {
        let mut path = Line::<80>::new();
        path.push_bytes(descriptors.to_bytes());
        path.push_bytes(b"/");
        path.push_bytes(number);
        path.push_bytes(b"\0");
        let path = CStr::from_bytes_until_nul(path.as_bytes()).ok()?;
        // The name first: of a file on a server that is gone, more could not be asked.
        if !sys::readlink(path, &mut [0; 64]).ok()?.starts_with(folder) {
            return None;
        }
        let found = sys::statx_path(path).ok()?;
        ((found.stx_dev_major, found.stx_dev_minor, found.stx_ino) == (device.0, device.1, inode)).then_some(())
    });
    Some(open.is_some() || maps(way, device, inode))
}

/// Whether a process has the file mapped.
fn maps(way: &str, device: (u32, u32), inode: u64) -> bool {
    let mut path = Line::<64>::new();
    let _ = write!(path, "{way}/maps\0");
    let Ok(path) = CStr::from_bytes_until_nul(path.as_bytes()) else { return false };
    procfile::find_line(path, |line| {
        let mut fields = core::str::from_utf8(line.get(..73).unwrap_or(line)).ok()?.split_ascii_whitespace();
        let (major, minor) = fields.nth(3)?.split_once(':')?;
        let [major, minor] = [major, minor].map(|number| u32::from_str_radix(number, 16).ok());
        (fields.next()?.parse() == Ok(inode) && (major?, minor?) == device).then_some(())
    })
    .is_some()
}

/// Whether a process, or the process of a thread, has mapped what is mapped here at some place; `None` if it may not be looked
/// at. What has ended has nothing mapped.
pub(crate) fn has_mapped(pid: c_int, mapping: &Mapping) -> Option<bool> {
    by_process_or_thread(pid, &|way| has_mapped_by(way, mapping))
}

fn has_mapped_by(way: &str, mapping: &Mapping) -> Option<bool> {
    let mut path = Line::<64>::new();
    write!(path, "{way}/maps\0").ok()?;
    let path = CStr::from_bytes_until_nul(path.as_bytes()).ok()?;
    match sys::access::may(path, libc::R_OK) {
        Err(libc::EACCES | libc::EPERM | libc::ENOSYS) => return None,
        Err(_) => return Some(false),
        Ok(()) => {}
    }
    let found = procfile::find_line(path, |line| {
        let mut rest = line;
        let mut inode = None;
        for place in 0..5 {
            let end = rest.iter().position(|byte| *byte == b' ')?;
            if place == 4 {
                inode = core::str::from_utf8(rest.get(..end)?).ok()?.parse::<u64>().ok();
            }
            rest = rest.get(end..)?.trim_ascii_start();
        }
        let is_same = inode == Some(mapping.inode) && rest.starts_with(mapping.name());
        is_same.then_some(())
    });
    Some(found.is_some())
}

/// The process of a thread, or the same number if that can't be found out.
pub(crate) fn process_of(thread: c_int) -> c_int {
    let mut path = Line::<40>::new();
    let _ = write!(path, "/proc/{thread}/status\0");
    let Ok(path) = CStr::from_bytes_until_nul(path.as_bytes()) else { return thread };
    procfile::field(path, b"Tgid:").and_then(|pid| c_int::try_from(pid).ok()).unwrap_or(thread)
}

/// As after "has it open": `process 12 and process 13`.
impl fmt::Display for Holders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.pids.get(..self.count).unwrap_or(&self.pids);
        let own = sys::getpid();
        for (place, pid) in named.iter().enumerate() {
            let separator = match place {
                0 => "",
                _ if place.wrapping_add(1) == self.count => " and ",
                _ => ", ",
            };
            if *pid == own {
                write!(f, "{separator}this process")?;
            } else {
                write!(f, "{separator}pid {pid}")?;
            }
        }
        match self.count.saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn who_has_a_file_open_is_found() {
        let folder = std::env::temp_dir();
        let path = folder.join(format!("mapsan-holders-{}", std::process::id()));
        let file = std::fs::File::create(&path).unwrap();
        let found = sys::statx_fd(file.as_raw_fd()).unwrap();
        let of = || {
            Holders::of((found.stx_dev_major, found.stx_dev_minor), found.stx_ino, folder.to_str().unwrap().as_bytes())
        };
        assert_eq!((of().count, of().to_string()), (1, "this process".to_owned()));
        drop(file);
        assert_eq!(of().count, 0);
        std::fs::remove_file(&path).unwrap();
    }
}
