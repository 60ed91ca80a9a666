//! The runs that are made at once, each by a process of its own, and what is told of those that are over.

use crate::failure::{Failure, reason};
use crate::findings::records::Record;
use crate::sweep::remains::{self, RECORDS};
use crate::sweep::runner::{REPORT, Report, Run, Setting};
use crate::system::tree::Tree;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::fs;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// Runs that are being made.
pub(crate) struct Pool<'a> {
    setting: &'a Setting,
    running: Vec<Running>,
    tree: Tree,
}

struct Running {
    number: usize,
    pid: libc::pid_t,
    end: OwnedFd,
}

/// A run that was made: what is told of it, and the lines of its records.
pub(crate) struct Made {
    pub(crate) number: usize,
    pub(crate) report: Report,
    pub(crate) lines: Vec<String>,
    pub(crate) records: Vec<Record>,
}

impl Pool<'_> {
    pub(crate) fn new(setting: &Setting) -> Pool<'_> {
        Pool { setting, running: Vec::new(), tree: Tree::root() }
    }

    /// How many runs are being made.
    pub(crate) fn len(&self) -> usize {
        self.running.len()
    }

    /// Begins a run.
    pub(crate) fn begin(&mut self, run: &Run) -> Result<(), Failure> {
        let folder = |error| {
            let place = self.setting.folder.display();
            Failure::own(format!("no folder can be made in '{place}': {}", reason(&error)))
        };
        self.setting.make_folder(run.number).map_err(folder)?;
        let parent = std::process::id();
        // SAFETY: the command has no other thread.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            // What is sent to the command's group is the command's.
            // SAFETY: a system call without memory.
            unsafe { libc::setpgid(0, 0) };
            self.setting.carry_out(run, parent);
        }
        let end = Pid::from_raw(pid).ok_or_else(std::io::Error::last_os_error).and_then(|pid| {
            let end = pidfd_open(pid, PidfdFlags::empty())?;
            Ok(end)
        });
        let end = end.map_err(|error| Failure::own(format!("no process can be made: {}", reason(&error))))?;
        self.running.push(Running { number: run.number, pid, end });
        Ok(())
    }

    /// Waits, for some time at most or until a signal comes, for runs that are over.
    pub(crate) fn wait(&mut self, time: Duration) -> Result<Vec<Made>, Failure> {
        let time = time.try_into().ok();
        let mut ends: Vec<PollFd<'_>> =
            self.running.iter().map(|running| PollFd::new(&running.end, PollFlags::IN)).collect();
        let over: Vec<bool> = match poll(&mut ends, time.as_ref()) {
            Ok(_) => ends.iter().map(|end| !end.revents().is_empty()).collect(),
            Err(_) => return Ok(Vec::new()),
        };
        let mut over = over.into_iter();
        let (over, running) = std::mem::take(&mut self.running).into_iter().partition(|_| over.next() == Some(true));
        self.running = running;
        over.iter().map(|running: &Running| self.end(running)).collect()
    }

    /// The lines of a run's records, and what they are.
    fn records(&self, number: usize) -> (Vec<String>, Vec<Record>) {
        let folder = self.setting.folder_of(number);
        let mut text = String::from_utf8_lossy(&fs::read(folder.join(RECORDS)).unwrap_or_default()).into_owned();
        // What lies in the copy of the working directory is what lies there.
        let copy = folder.join("cwd");
        if self.setting.copies {
            let here = std::env::current_dir().unwrap_or_default();
            text = text.replace(&*copy.to_string_lossy(), &here.to_string_lossy());
        }
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let records = lines.iter().filter_map(|line| Record::read(line).ok()).collect();
        (lines, records)
    }

    /// What is told of a run that is over.
    fn end(&self, running: &Running) -> Result<Made, Failure> {
        let number = running.number;
        let mut status = 0;
        // SAFETY: a child of this process, and a word to be filled in.
        unsafe { libc::waitpid(running.pid, &raw mut status, 0) };
        let folder = self.setting.folder_of(number);
        let report = fs::read(folder.join(REPORT)).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let report: Report = report.ok_or_else(|| {
            remains::remove_of(&folder);
            let place = self.setting.folder.display();
            Failure::own(format!("a run could not be made: its process was killed, or '{place}' is full"))
        })?;
        let (lines, records) = self.records(number);
        let _ = fs::remove_dir_all(folder);
        if let Some((status, why)) = report.failure {
            return Err(Failure::of_status(status, why));
        }
        Ok(Made { number, report, lines, records })
    }
}

impl Drop for Pool<'_> {
    /// Ends what is still running, by whatever way the command ends.
    fn drop(&mut self) {
        for running in &self.running {
            // SAFETY: a child that has not been waited for.
            unsafe { libc::kill(running.pid, libc::SIGKILL) };
        }
        // What they leave is taken in here.
        while let Some(pids) = self.tree.pids().filter(|pids| !pids.is_empty()) {
            for pid in pids.iter().filter_map(|pid| libc::pid_t::try_from(*pid).ok()) {
                // SAFETY: a system call.
                unsafe { libc::kill(pid, libc::SIGKILL) };
                // SAFETY: asks for a child that has ended, and nothing of it.
                unsafe { libc::waitpid(pid, std::ptr::null_mut(), libc::WNOHANG) };
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        for running in &self.running {
            remains::remove_of(&self.setting.folder_of(running.number));
        }
    }
}
