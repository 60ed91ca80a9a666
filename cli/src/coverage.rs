//! Which programs of a run are not covered: seen in the tree of its processes while it runs.
//!
//! What lives for less than the time between two looks may be missed; what the program itself is, is known before.

use crate::program;
use crate::session::Session;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// The executables that were seen, each with a process that ran it.
#[derive(Default)]
pub(crate) struct Coverage {
    seen: BTreeMap<PathBuf, u32>,
}

impl Coverage {
    /// Looks at the process `root` and all below it.
    pub(crate) fn look(&mut self, root: u32) {
        let mut open = vec![root];
        while let Some(pid) = open.pop() {
            if let Ok(exe) = fs::read_link(format!("/proc/{pid}/exe")) {
                self.seen.entry(exe).or_insert(pid);
            }
            let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
            for task in tasks {
                let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
                open.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
            }
        }
    }

    /// Tells of what the library could not be in.
    pub(crate) fn tell(&self, session: &mut Session) {
        for (exe, pid) in &self.seen {
            let covered = session.processes.values().any(|process| process.exe == exe.to_string_lossy());
            if let (false, Err(why)) = (covered, program::inspect(exe)) {
                session.add_gap(&exe.display().to_string(), &why.to_string(), *pid);
            }
        }
    }
}
