//! The tree of a run's processes: the command takes in those whose parents have ended (`PR_SET_CHILD_SUBREAPER`, prctl(2)), so
//! that what the program has started is below the command until it ends, whatever session and environment it gives itself.

use super::process;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A process that still runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Living {
    pub(crate) pid: u32,
    /// Its executable, or its name where that can't be read.
    pub(crate) exe: String,
}

/// What the command has below it.
pub(crate) struct Tree {
    /// Children that it had before: `exec mapsan` in a shell with background jobs hands these on.
    inherited: BTreeSet<u32>,
}

impl Tree {
    /// Makes the command the one to whom orphans of the run go; before anything is started.
    pub(crate) fn root() -> Tree {
        // SAFETY: changes who becomes the parent of orphans, and takes a number.
        unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) };
        Tree { inherited: children(std::process::id()).into_iter().collect() }
    }

    /// Whether the command has children that are none of the run.
    pub(crate) fn has_others(&self) -> bool {
        !self.inherited.is_empty()
    }

    /// All processes of the run, in no order, zombies among them; `None` where /proc does not tell.
    pub(crate) fn pids(&self) -> Option<Vec<u32>> {
        let own = std::process::id();
        if !Path::new(&format!("/proc/{own}/task/{own}/children")).exists() {
            return None;
        }
        let mut pids = children(own);
        pids.retain(|pid| !self.inherited.contains(pid));
        Some(with_descendants(pids))
    }

    /// The processes of the run that still run; `None` where /proc does not tell.
    pub(crate) fn living(&self) -> Option<Vec<Living>> {
        let mut living: Vec<Living> = self.pids()?.into_iter().filter_map(running).collect();
        living.sort_unstable_by_key(|living| living.pid);
        Some(living)
    }
}

/// All processes below one, in no order, zombies among them.
pub(crate) fn below(pid: u32) -> Vec<u32> {
    with_descendants(children(pid))
}

fn with_descendants(mut pids: Vec<u32>) -> Vec<u32> {
    let mut next = 0;
    while let Some(pid) = pids.get(next) {
        pids.extend(children(*pid));
        next += 1;
    }
    pids
}

/// The children of all threads of a process; of the command those of its main thread, which starts what is run, and to which
/// orphans go. Where the folder in /proc of a thread that ends was looked at, the kernel may need milliseconds to forget it.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let of_task = |task: PathBuf| {
        let list = fs::read_to_string(task.join("children")).unwrap_or_default();
        list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()
    };
    let tasks = PathBuf::from(format!("/proc/{pid}/task"));
    if pid == std::process::id() {
        return of_task(tasks.join(pid.to_string()));
    }
    fs::read_dir(tasks).into_iter().flatten().flatten().flat_map(|task| of_task(task.path())).collect()
}

/// What runs as a process or thread; nothing in a zombie, or where it is gone.
pub(crate) fn running(pid: u32) -> Option<Living> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let (before, after) = stat.rsplit_once(')')?;
    // Of a process whose main thread has ended, others may live: how many there are is the eighteenth word.
    let threads = after.split_whitespace().nth(17).unwrap_or_default();
    if after.trim_start().starts_with(['Z', 'X']) && ["", "0", "1"].contains(&threads) {
        return None;
    }
    let name = before.split_once('(').map_or("", |(_, name)| name).to_owned();
    let exe = fs::read_link(process::folder(pid).join("exe"))
        .map_or(name, |exe| exe.to_string_lossy().trim_end_matches(" (deleted)").to_owned());
    Some(Living { pid, exe })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::process::{Command, Stdio};

    #[test]
    fn an_orphan_of_another_session_and_environment_is_found() {
        let tree = Tree::root();
        let script = "setsid env -i sh -c 'echo $$; exec sleep 100' &";
        let mut shell = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut out = std::io::BufReader::new(shell.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut out, &mut line).unwrap();
        let orphan: u32 = line.trim().parse().unwrap();
        shell.wait().unwrap();
        assert!(tree.living().unwrap().iter().any(|living| living.pid == orphan));
        assert!(Command::new("kill").arg(line.trim()).status().unwrap().success());
        // Its output is closed when it has ended; it stays a zombie then, whom nobody has waited for.
        out.read_to_end(&mut Vec::new()).unwrap();
        while tree.living().unwrap().iter().any(|living| living.pid == orphan) {
            std::thread::yield_now();
        }
        assert!(tree.pids().unwrap().contains(&orphan));
        assert!(Tree::root().pids().unwrap().iter().all(|pid| *pid != orphan), "it is inherited");
    }
}
