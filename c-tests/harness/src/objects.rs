//! The objects of /dev/shm that a program leaves: found out, and taken away.
//!
//! As root the judge has a /dev/shm of its own, which goes with it. Else it is everybody's, and what is new there is a program's
//! of c-tests by its name. (Objects of System V go with the IPC namespace that each run has as root.)

use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::ffi::{CStr, OsString};
use std::fs;
use std::path::Path;
use std::ptr::null;

const FOLDER: &str = "/dev/shm";
/// How the names of our programs' objects and semaphores begin.
const OURS: [&str; 2] = ["mapsan-", "sem.mapsan-"];

/// What was there before a run.
pub(crate) struct Objects(BTreeSet<OsString>);

impl Objects {
    pub(crate) fn before_the_run() -> Result<Objects> {
        Ok(Objects(names()?))
    }

    /// Removes what has come since.
    pub(crate) fn left(self) -> Result<Vec<String>> {
        let now = names()?;
        let new = now.difference(&self.0).filter(|name| {
            let name = name.to_string_lossy();
            OURS.iter().any(|start| name.starts_with(start))
        });
        let remove = |name| {
            let path = Path::new(FOLDER).join(name);
            fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
            Ok(path.display().to_string())
        };
        new.map(remove).collect()
    }
}

/// Gives this process a /dev/shm of its own, where that may be done: as root, outside of containers that forbid it.
pub(crate) fn take_own_folder() {
    let mount = |from: &CStr, to: &CStr, kind: &CStr, flags, options: *const libc::c_char| {
        // SAFETY: terminated strings, or none.
        unsafe { libc::mount(from.as_ptr(), to.as_ptr(), kind.as_ptr(), flags, options.cast()) == 0 }
    };
    // SAFETY: changes nothing but what is mounted for this process, which has no other thread.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } == 0 {
        let _ = mount(c"none", c"/", c"none", libc::MS_REC | libc::MS_PRIVATE, null())
            && mount(c"tmpfs", c"/dev/shm", c"tmpfs", libc::MS_NOSUID | libc::MS_NODEV, c"mode=1777".as_ptr());
    }
}

fn names() -> Result<BTreeSet<OsString>> {
    let entries = fs::read_dir(FOLDER).with_context(|| format!("reading {FOLDER}"))?;
    entries.map(|entry| Ok(entry?.file_name())).collect()
}
