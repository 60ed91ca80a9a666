//! A temporary folder, for the runs that need one: a compiled program, a library whose path can't be preloaded.

use crate::failure::{Failure, reason};
use crate::say::say;
use std::env;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// How the name of a folder begins, and that of a sweep's, which tells of more than files that may be to be removed; the pid of the
/// command that made it follows, and a `-`.
const PREFIX: &str = "mapsan-";
const SWEEP_PREFIX: &str = "mapsan-sweep-";
/// The room that a file system must have to be of use, in bytes.
const ROOM: u64 = 1 << 20;

/// A folder that is made when it is asked for, and removed in the end.
pub(crate) struct Folder {
    made: Option<tempfile::TempDir>,
    prefix: &'static str,
}

impl Default for Folder {
    fn default() -> Folder {
        Folder { made: None, prefix: PREFIX }
    }
}

impl Folder {
    /// One for the runs of a sweep.
    pub(crate) fn of_sweep() -> Folder {
        Folder { made: None, prefix: SWEEP_PREFIX }
    }

    /// Where it is.
    pub(crate) fn path(&mut self) -> Result<&Path, Failure> {
        if self.made.is_none() {
            let folder = make(self.prefix)?;
            // The program may give up its rights before it needs what is there.
            let _ = fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711));
            self.made = Some(folder);
        }
        Ok(self.made.as_ref().map_or(Path::new("/"), tempfile::TempDir::path))
    }
}

/// Makes a folder in the first place that has room.
fn make(prefix: &str) -> Result<tempfile::TempDir, Failure> {
    let mut refusals: Vec<String> = Vec::new();
    for place in places() {
        let shown = if place == env::temp_dir() { " (TMPDIR)" } else { "" };
        match make_in(&place, prefix) {
            Ok(folder) => {
                if !refusals.is_empty() {
                    say!("no folder can be made in {}; '{}' is used instead", refusals.join(" or "), place.display());
                }
                remove_abandoned(&place);
                return Ok(folder);
            }
            Err(error) => refusals.push(format!("'{}'{shown}: {}", place.display(), reason(&error))),
        }
    }
    Err(Failure::own(format!("no folder can be made in {}", refusals.join(" or "))))
}

/// The places for temporary folders, the user's own first.
fn places() -> Vec<PathBuf> {
    let mut places = vec![env::temp_dir()];
    for place in [Path::new("/tmp"), Path::new("/var/tmp"), Path::new("/dev/shm")] {
        if !places.iter().any(|other| other == place) {
            places.push(place.to_owned());
        }
    }
    places
}

fn make_in(place: &Path, prefix: &str) -> io::Result<tempfile::TempDir> {
    let folder = tempfile::Builder::new().prefix(&format!("{prefix}{}-", std::process::id())).tempdir_in(place)?;
    if room_in(folder.path()).is_some_and(|room| room < ROOM) {
        return Err(io::Error::from_raw_os_error(libc::ENOSPC));
    }
    Ok(folder)
}

/// The bytes that are free where a folder lies.
fn room_in(folder: &Path) -> Option<u64> {
    let path = std::ffi::CString::new(folder.as_os_str().as_bytes()).ok()?;
    let mut system = MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: a string, and a structure to be filled in.
    if unsafe { libc::statvfs(path.as_ptr(), system.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: zeroed, and filled in by the call.
    let system = unsafe { system.assume_init() };
    Some(system.f_bavail.saturating_mul(system.f_frsize))
}

/// Removes the folders of commands that were killed, unless a program of theirs still needs them.
fn remove_abandoned(place: &Path) {
    for folder in abandoned(place, PREFIX).filter(|folder| !is_needed(folder)) {
        let _ = fs::remove_dir_all(folder);
    }
}

/// The folders of sweeps that were killed, wherever this user's are made.
pub(crate) fn abandoned_sweeps() -> Vec<PathBuf> {
    places().iter().flat_map(|place| abandoned(place, SWEEP_PREFIX)).collect()
}

/// This user's folders whose names begin so, and whose makers are gone.
fn abandoned(place: &Path, prefix: &'static str) -> impl Iterator<Item = PathBuf> {
    // SAFETY: takes nothing and can't fail.
    let own = unsafe { libc::geteuid() };
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    let of_gone = entries.filter(move |entry| {
        let name = entry.file_name();
        let maker = name.to_str().and_then(|name| name.strip_prefix(prefix)?.split_once('-')?.0.parse::<i32>().ok());
        let is_own = || entry.metadata().is_ok_and(|entry| entry.is_dir() && entry.uid() == own);
        maker.is_some_and(|maker| !is_alive(maker)) && is_own()
    });
    of_gone.map(|entry| entry.path())
}

fn is_alive(pid: i32) -> bool {
    // SAFETY: signal 0 only asks.
    unsafe { libc::kill(pid, 0) == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH) }
}

/// Whether a process was started from a folder, or with it in its environment.
fn is_needed(folder: &Path) -> bool {
    users(folder).is_none_or(|users| !users.is_empty())
}

/// Ends the processes that were started from a folder, or with it in their environment; whether there were any that could be ended.
pub(crate) fn end_users(folder: &Path) -> bool {
    let pids = users(folder).unwrap_or_default();
    // SAFETY: a system call.
    let ended = pids.into_iter().filter(|pid| unsafe { libc::kill(*pid, libc::SIGKILL) } == 0);
    ended.count() > 0
}

/// Those processes; `None` where /proc does not tell.
fn users(folder: &Path) -> Option<Vec<i32>> {
    let word = folder.as_os_str().as_bytes();
    let has_word = |bytes: Vec<u8>| bytes.windows(word.len()).any(|window| window == word);
    let of_folder = |process: &Path| {
        fs::read_link(process.join("exe")).is_ok_and(|exe| exe.starts_with(folder))
            || fs::read(process.join("environ")).is_ok_and(has_word)
    };
    let processes = fs::read_dir("/proc").ok()?.flatten().filter(|process| of_folder(&process.path()));
    Some(processes.filter_map(|process| process.file_name().to_str()?.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn what_a_killed_command_left_is_removed_when_nobody_needs_it() {
        let place = tempfile::tempdir().unwrap();
        // A pid that nobody has: that of a child which has been waited for.
        let mut child = Command::new("true").spawn().unwrap();
        let gone = child.id();
        child.wait().unwrap();
        let names = [
            format!("mapsan-{gone}-a"),
            format!("mapsan-{gone}-needed"),
            format!("mapsan-{}-b", std::process::id()),
            "mapsan-x-c".to_owned(),
            "mapsan-7".to_owned(),
        ];
        for name in &names {
            fs::create_dir(place.path().join(name)).unwrap();
        }
        let needed = place.path().join(&names[1]);
        let mut user = Command::new("cat").env("LD_LIBRARY_PATH", &needed).stdin(Stdio::piped()).spawn().unwrap();
        while !is_needed(&needed) {
            std::thread::yield_now();
        }
        remove_abandoned(place.path());
        let left: Vec<bool> = names.iter().map(|name| place.path().join(name).exists()).collect();
        assert_eq!(left, [false, true, true, true, true]);
        drop(user.stdin.take());
        user.wait().unwrap();
        remove_abandoned(place.path());
        assert!(!needed.exists());
    }
}
