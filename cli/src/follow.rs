//! A run while it lasts: the records are taken in as they come, until the program ends.

use crate::channel::{self, Channel, Event};
use crate::coverage::Coverage;
use crate::failure::{Failure, reason};
use crate::living::{self, Living};
use crate::outputs::Outputs;
use crate::say::say;
use crate::session::{Session, Told};
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// How often the processes are looked at: soon at first, so that a short program is seen, then now and then.
const FIRST_INTERVAL: Duration = Duration::from_millis(2);
const INTERVAL: Duration = Duration::from_millis(10);
/// How long the command waits for processes that end right after the program.
const MOMENT: Duration = Duration::from_millis(100);
/// The most processes that are named.
const NAMED: usize = 3;

/// What takes in the records.
pub(crate) struct Follower {
    pub(crate) session: Session,
    pub(crate) outputs: Outputs,
    pub(crate) coverage: Coverage,
    pub(crate) channel: Channel,
    sender: Sender<Event>,
    events: Receiver<Event>,
}

impl Follower {
    pub(crate) fn new(session: Session, outputs: Outputs, channel: Channel, library: &Path) -> Follower {
        let (sender, events) = mpsc::channel();
        let coverage = Coverage::new(library);
        Follower { session, outputs, coverage, channel, sender, events }
    }

    /// Shows what is found until the program ends.
    pub(crate) fn follow(&mut self, mut child: Child) -> Result<ExitStatus, Failure> {
        let pid = child.id();
        // No earlier: with the first thread libc takes a signal (33) for itself, which the program may get ignored.
        let listening = self.channel.listen(self.sender.clone());
        listening.map_err(|error| Failure::own(format!("no thread can be made: {}", reason(&error))))?;
        let ended = self.sender.clone();
        thread::spawn(move || ended.send(Event::Ended(child.wait())));
        let mut wait = FIRST_INTERVAL;
        let mut next = Instant::now() + wait;
        loop {
            let first = self.events.recv_timeout(next.saturating_duration_since(Instant::now())).ok();
            let (mut blocks, mut end) = (Vec::new(), None);
            for event in first.into_iter().chain(self.events.try_iter()) {
                match event {
                    Event::Records(block) => blocks.push(block),
                    Event::Ended(status) => end = Some(status),
                    Event::Drained => {}
                }
            }
            if end.is_some() {
                blocks.extend(channel::rest(&self.channel, &self.events));
            } else if Instant::now() >= next {
                self.coverage.look(pid);
                wait = (wait * 2).min(INTERVAL);
                next = Instant::now() + wait;
            }
            self.take(&blocks);
            match end {
                None => {}
                Some(Ok(status)) => return Ok(status),
                Some(Err(error)) => {
                    return Err(Failure::own(format!("the program can't be waited for: {}", reason(&error))));
                }
            }
        }
    }

    /// Waits for processes that end right after the program; those of the run that are there even then.
    pub(crate) fn wait_a_moment(&mut self) -> Vec<Living> {
        let start = Instant::now();
        loop {
            let living = living::since(self.session.main.unwrap_or(0), &self.channel.log_path());
            let blocks = channel::rest(&self.channel, &self.events);
            self.take(&blocks);
            if living.is_empty() || start.elapsed() >= MOMENT {
                return living;
            }
            thread::sleep(FIRST_INTERVAL);
        }
    }

    /// Takes some blocks of records.
    fn take(&mut self, blocks: &[Vec<u8>]) {
        for line in channel::lines(blocks) {
            match self.session.take(&line) {
                Err(why) => {
                    say!("a record of the library is skipped: {why}");
                    continue;
                }
                Ok(Told::Finding(found)) => self.outputs.finding(&found, &mut self.session),
                // It may be gone before the run is over.
                Ok(Told::Later) => continue,
                Ok(Told::Nothing) => {}
            }
            self.outputs.record(&line);
        }
    }
}

/// What to say of processes that outlive the run.
pub(crate) fn still_running(living: &[Living]) -> String {
    let name = |exe: &str| Path::new(exe).file_name().map_or_else(|| exe.to_owned(), |name| name.display().to_string());
    let mut named: Vec<String> =
        living.iter().take(NAMED).map(|living| format!("{} ({})", living.pid, name(&living.exe))).collect();
    if living.len() > NAMED {
        named.push(format!("{} more", living.len() - NAMED));
    }
    match &named[..] {
        [one] => format!("process {one} still runs; what it does from now on is not reported"),
        [others @ .., last] => {
            format!("processes {} and {last} still run; what they do from now on is not reported", others.join(", "))
        }
        [] => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_that_still_run_are_named() {
        let living: Vec<Living> = (1..=5).map(|pid| Living { pid, exe: format!("/bin/p{pid}") }).collect();
        assert_eq!(still_running(&living[..1]), "process 1 (p1) still runs; what it does from now on is not reported");
        let all = still_running(&living);
        assert!(all.starts_with("processes 1 (p1), 2 (p2), 3 (p3) and 2 more still run; "), "{all}");
    }
}
