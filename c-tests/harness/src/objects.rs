//! The objects of /dev/shm and of System V that a program leaves: found out, and taken away.
//!
//! As root the judge has a /dev/shm of its own, which goes with it, and each run an IPC namespace of its own, in which
//! whatever is there afterwards is the program's. Else both are everybody's: what is new in /dev/shm is a program's of c-tests
//! by its name, and of System V's objects nothing is said.

use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::ffi::{CStr, OsString};
use std::fs::{self, File};
use std::io::Error;
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;
use std::ptr::null;

const FOLDER: &str = "/dev/shm";
/// How the names of our programs' objects and semaphores begin.
const OURS: [&str; 2] = ["mapsan-", "sem.mapsan-"];

/// The kernel's lists of this namespace's objects, and what each of their lines is about.
const LISTS: [(&str, &str); 3] = [("shm", "segment"), ("sem", "semaphore set"), ("msg", "message queue")];

/// What was there before a run, and where it is to make what is new.
pub(crate) struct Objects {
    names: BTreeSet<OsString>,
    namespace: Option<Namespace>,
}

impl Objects {
    pub(crate) fn before_the_run() -> Result<Objects> {
        // SAFETY: takes nothing and can't fail.
        let is_root = unsafe { libc::geteuid() } == 0;
        Ok(Objects { names: names()?, namespace: if is_root { Some(Namespace::new()?) } else { None } })
    }

    /// The program's own IPC namespace, in which the judge is not: as where a run has one by unshare(1).
    pub(crate) fn namespace(&self) -> Option<RawFd> {
        self.namespace.as_ref().map(|namespace| namespace.own.as_raw_fd())
    }

    /// What has come since; files are removed, and the rest goes with the namespace.
    pub(crate) fn left(self) -> Result<Vec<String>> {
        let mut left = self.files_left()?;
        if let Some(namespace) = &self.namespace {
            left.extend(namespace.objects()?);
        }
        Ok(left)
    }

    fn files_left(&self) -> Result<Vec<String>> {
        let now = names()?;
        let new = now.difference(&self.names).filter(|name| {
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

/// An IPC namespace for a run, and the judge's.
struct Namespace {
    own: File,
    of_judge: File,
}

impl Namespace {
    fn new() -> Result<Namespace> {
        let current = || File::open("/proc/self/ns/ipc").context("opening an IPC namespace");
        let of_judge = current()?;
        // SAFETY: changes nothing but the objects that this process can find.
        if unsafe { libc::unshare(libc::CLONE_NEWIPC) } != 0 {
            return Err(Error::last_os_error()).context("making an IPC namespace");
        }
        let own = current()?;
        enter(of_judge.as_raw_fd()).context("going back to the judge's IPC namespace")?;
        Ok(Namespace { own, of_judge })
    }

    /// All that is there.
    fn objects(&self) -> Result<Vec<String>> {
        enter(self.own.as_raw_fd()).context("entering a run's IPC namespace")?;
        let mut objects = Vec::new();
        for (list, what) in LISTS {
            let list = format!("/proc/sysvipc/{list}");
            let lines = fs::read_to_string(&list).with_context(|| format!("reading {list}"))?;
            let ids = lines.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1));
            objects.extend(ids.map(|id| format!("{what} {id}")));
        }
        enter(self.of_judge.as_raw_fd()).context("going back to the judge's IPC namespace")?;
        Ok(objects)
    }
}

/// Enters an IPC namespace, by system calls alone.
pub(crate) fn enter(namespace: RawFd) -> Result<(), Error> {
    // SAFETY: takes a descriptor.
    if unsafe { libc::setns(namespace, libc::CLONE_NEWIPC) } == 0 { Ok(()) } else { Err(Error::last_os_error()) }
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
