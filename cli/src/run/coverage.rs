//! Which programs of a run are not covered: seen in the tree of its processes while it runs.
//!
//! What lives for less than the time between two looks may be missed; what the program itself is, is known before.

use crate::findings::session::Session;
use crate::system::signal;
use crate::system::{process, program};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// The executables that were seen, each with a process that ran it.
pub(crate) struct Coverage {
    /// The library's file.
    library: PathBuf,
    seen: BTreeMap<PathBuf, u32>,
    /// Those that were seen in another network namespace than the command's.
    elsewhere: BTreeSet<PathBuf>,
    /// Those whose libraries were looked at, and those that have libc without the library.
    known: BTreeSet<(u32, PathBuf)>,
    without: BTreeMap<PathBuf, u32>,
}

impl Coverage {
    /// Nothing has been seen yet.
    pub(crate) fn new(library: &Path) -> Coverage {
        Coverage {
            library: library.to_owned(),
            seen: BTreeMap::new(),
            elsewhere: BTreeSet::new(),
            known: BTreeSet::new(),
            without: BTreeMap::new(),
        }
    }

    /// Looks at some processes.
    pub(crate) fn inspect(&mut self, pids: &[u32]) {
        let here = fs::read_link("/proc/self/ns/net").ok();
        for pid in pids.iter().copied() {
            let folder = process::folder(pid);
            let Ok(exe) = fs::read_link(folder.join("exe")) else { continue };
            if fs::read_link(folder.join("ns/net")).is_ok_and(|there| Some(&there) != here.as_ref()) {
                self.elsewhere.insert(exe.clone());
            }
            self.inspect_libraries(pid, &folder, &exe);
            self.seen.entry(exe).or_insert(pid);
        }
    }

    /// Looks once whether the library is in a process. The loader maps it before libc: as long as that is not there, nothing
    /// is known.
    fn inspect_libraries(&mut self, pid: u32, folder: &Path, exe: &Path) {
        let key = (pid, exe.to_owned());
        if self.known.contains(&key) {
            return;
        }
        let maps = fs::read_to_string(folder.join("maps")).unwrap_or_default();
        let has = |name: &str| maps.lines().any(|line| line.contains(name));
        // It may have become another program between the two looks, or amid the second: the list then ends early, before the stack.
        if has("/libc.so") && has(&exe.to_string_lossy()) && has("[stack]") {
            // Linked, it may be another copy.
            if !has(&self.library.to_string_lossy()) && !has("/libmapsan.so") {
                self.without.entry(exe.to_owned()).or_insert(pid);
            }
            self.known.insert(key);
        }
    }

    /// Tells of what the library could not be in; `by_choice` if it may also leave programs out.
    pub(crate) fn tell(&self, session: &mut Session, by_choice: bool) {
        self.tell_silent(session, by_choice);
        tell_own_calls(session);
        for (exe, pid) in &self.seen {
            let covered = session.processes.values().any(|process| process.exe == exe.to_string_lossy());
            let reason = match program::inspect(exe) {
                _ if covered => continue,
                Err(why) => why.to_string(),
                Ok(_) if self.elsewhere.contains(exe) => ELSEWHERE.to_owned(),
                Ok(_) => continue,
            };
            session.add_gap(&exe.display().to_string(), &reason, *pid);
        }
        let quiet = self
            .without
            .iter()
            .filter(|(exe, pid)| session.processes.get(pid).is_none_or(|process| exe.to_string_lossy() != process.exe));
        for (exe, pid) in quiet.map(|(exe, pid)| (exe.display().to_string(), *pid)).collect::<Vec<_>>() {
            let reason = "the library is not in it: it was started without LD_PRELOAD in its environment (as env -i, \
                          sudo and su do)";
            session.add_gap(&exe, reason, pid);
        }
    }
}

impl Coverage {
    /// Tells of programs that were started, and from which nothing has come.
    fn tell_silent(&self, session: &mut Session, by_choice: bool) {
        let silent = std::mem::take(&mut session.silent).into_iter().map(|(started, exec)| (started.pid, exec));
        let shells = std::mem::take(&mut session.lost_shells).into_iter().map(|started| (0, started));
        for (pid, started) in silent.chain(shells) {
            let exec = &started.what;
            let exe = self.executable(pid, &exec.path);
            let starter = Path::new(&started.exe).file_name().unwrap_or_default().to_string_lossy();
            let by = format!("{starter} (process {}) started it", started.pid);
            let reason = match program::inspect(&exe) {
                Err(why) => format!("{why}; {by}"),
                Ok(cover) if !exec.preload && !cover.has_library => format!(
                    "the library is not in it: {by} without the library in LD_PRELOAD (as env -i, sudo and su do)"
                ),
                Ok(_) if !exec.options => format!(
                    "what is found in it does not come here: {by} without MAPSAN_OPTIONS in its environment, or with \
                     another (as a 'mapsan run' within the run does)"
                ),
                Ok(_) if by_choice => continue,
                Ok(_) if self.elsewhere.contains(&exe) => ELSEWHERE.to_owned(),
                Ok(_) if program::has_capabilities(&exe) => format!(
                    "nothing has come from the library: {by}, and it has file capabilities, with which the loader ignores \
                     LD_PRELOAD unless root starts it; run a copy without them (cp makes one)"
                ),
                Ok(_) => format!(
                    "nothing has come from the library: {by}, and it died before main, or can't load the library (another \
                     root folder, a sandbox), or can't reach the command (a sandbox, another network namespace)"
                ),
            };
            session.add_gap(&exe.display().to_string(), &reason, pid);
        }
    }

    /// The file of a program, by the name by which it was started.
    fn executable(&self, pid: u32, name: &str) -> PathBuf {
        let is_it = |exe: &Path| exe.file_name() == Path::new(name).file_name();
        let known = self.known.iter().map(|(known, exe)| (*known, exe));
        let seen = self.seen.iter().map(|(exe, seen)| (*seen, exe));
        if let Some((_, exe)) = known.chain(seen).find(|(seen, exe)| *seen == pid && is_it(exe)) {
            return exe.clone();
        }
        let path = if name.contains('/') { PathBuf::from(name) } else { program::in_path(name).unwrap_or(name.into()) };
        // A relative one may be of another working directory.
        if path.is_absolute() { path.canonicalize().unwrap_or(path) } else { path }
    }
}

/// Tells of programs that have the library, and define calls themselves that it would stand in for.
fn tell_own_calls(session: &mut Session) {
    let programs: BTreeMap<String, u32> =
        session.processes.iter().map(|(pid, process)| (process.exe.clone(), *pid)).collect();
    for (program, pid) in programs {
        let calls = program::inspect(Path::new(&program)).map(|cover| cover.own_calls.join(", ")).unwrap_or_default();
        if !calls.is_empty() {
            let reason = format!("it defines {calls} itself: what it does by that does not reach the library");
            session.add_gap(&program, &reason, pid);
        }
    }
}

/// Why nothing is heard from there.
const ELSEWHERE: &str = "it runs in a network namespace of its own, from which findings do not reach the command; start it \
                         with MAPSAN_OPTIONS=log_path=FILE";

/// Why there is no word from a program that could have been covered.
pub(crate) fn silence(status: ExitStatus) -> String {
    match status.signal() {
        Some(signal) => format!(
            "it was ended by {}, and nothing had come from the library until then: it died before main, or the library \
             was not loaded",
            signal::name(signal)
        ),
        None => {
            "nothing has come from the library: it was not loaded (the program runs with other rights, or could not \
                 be loaded itself), or can't reach the command (a sandbox, another network namespace)"
                .to_owned()
        }
    }
}
