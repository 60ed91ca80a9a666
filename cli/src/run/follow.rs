//! A run while it lasts: the records are taken in as they come, until the program has ended and all is known.

use crate::failure::{Failure, reason};
use crate::findings::records::Record;
use crate::findings::session::{Ingested, Session};
use crate::outputs::Outputs;
use crate::run::coverage::{self, Coverage};
use crate::run::leftovers::Leftovers;
use crate::run::options::Options;
use crate::run::prepare::Prepared;
use crate::say::say;
use crate::system::channel::{self, Channel, Event};
use crate::system::living::{self, Living};
use std::io;
use std::os::unix::process::ExitStatusExt;
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

/// What takes in the records of one run.
pub(crate) struct Follower {
    pub(crate) session: Session,
    outputs: Outputs,
    channel: Channel,
    sender: Sender<Event>,
    events: Receiver<Event>,
}

/// A run that is over.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// Processes that outlive it.
    pub(crate) living: Vec<Living>,
    pub(crate) session: Session,
    pub(crate) outputs: Outputs,
}

impl Follower {
    /// One that hears what is launched with its `log_path`, and shows the findings at these places.
    pub(crate) fn new(outputs: Outputs) -> Result<Follower, Failure> {
        let channel = Channel::open().map_err(|error| {
            Failure::own(format!("no local socket can be made for the library's records: {}", reason(&error)))
        })?;
        let (sender, events) = mpsc::channel();
        Ok(Follower { session: Session::default(), outputs, channel, sender, events })
    }

    /// Where the library is to write its records.
    pub(crate) fn log_path(&self) -> String {
        self.channel.log_path()
    }

    /// Follows a program that was just launched until all is known.
    pub(crate) fn follow(mut self, child: Child, prepared: &Prepared, options: &Options) -> Result<Ended, Failure> {
        let pid = child.id();
        let program = &prepared.program;
        self.session.main = Some(pid);
        if let Err(why) = &program.cover {
            self.session.add_gap(&program.path.display().to_string(), &why.reason, pid);
        }
        let mut coverage = Coverage::new(&prepared.library);
        let status = self.until_the_program_ends(child, &mut coverage)?;
        let living = self.wait_a_moment();
        coverage.tell(&mut self.session);
        if program.cover.is_ok() && !self.session.processes.contains_key(&pid) && !options.choose_programs() {
            self.session.add_gap(&program.path.display().to_string(), &coverage::silence(status), pid);
        }
        self.tell_leftovers(status, &living, options);
        let Follower { session, outputs, .. } = self;
        Ok(Ended { status, living, session, outputs })
    }

    /// Shows what is found until the program ends.
    fn until_the_program_ends(&mut self, mut child: Child, coverage: &mut Coverage) -> Result<ExitStatus, Failure> {
        let pid = child.id();
        // No earlier: with the first thread libc takes a signal (33) for itself, which the program may get ignored.
        let listening = self.channel.listen(self.sender.clone());
        listening.map_err(|error| Failure::own(format!("no thread can be made: {}", reason(&error))))?;
        let ended = self.sender.clone();
        thread::spawn(move || ended.send(Event::Ended(child.wait())));
        let mut wait = FIRST_INTERVAL;
        let mut next = Instant::now() + wait;
        loop {
            let (mut blocks, end) = self.events_until(next);
            if end.is_some() {
                blocks.extend(channel::rest(&self.channel, &self.events));
            } else if Instant::now() >= next {
                coverage.inspect(pid);
                wait = (wait * 2).min(INTERVAL);
                next = Instant::now() + wait;
            }
            self.ingest(&blocks);
            match end {
                None => {}
                Some(Ok(status)) => return Ok(status),
                Some(Err(error)) => {
                    return Err(Failure::own(format!("the program can't be waited for: {}", reason(&error))));
                }
            }
        }
    }

    /// Waits for the first event, at most until `next`, and takes all that are there: blocks of records, and the program's
    /// end.
    fn events_until(&self, next: Instant) -> (Vec<Vec<u8>>, Option<io::Result<ExitStatus>>) {
        let first = self.events.recv_timeout(next.saturating_duration_since(Instant::now())).ok();
        let (mut blocks, mut end) = (Vec::new(), None);
        for event in first.into_iter().chain(self.events.try_iter()) {
            match event {
                Event::Records(block) => blocks.push(block),
                Event::Ended(status) => end = Some(status),
                Event::Drained => {}
            }
        }
        (blocks, end)
    }

    /// Waits for processes that end right after the program; those of the run that are there even then.
    fn wait_a_moment(&mut self) -> Vec<Living> {
        let start = Instant::now();
        loop {
            let living = living::since(self.session.main.unwrap_or(0), &self.channel.log_path());
            let blocks = channel::rest(&self.channel, &self.events);
            self.ingest(&blocks);
            if living.is_empty() || start.elapsed() >= MOMENT {
                return living;
            }
            thread::sleep(FIRST_INTERVAL);
        }
    }

    /// Takes in some blocks of records.
    fn ingest(&mut self, blocks: &[Vec<u8>]) {
        for Line { text, record } in in_order(channel::lines(blocks)) {
            match record.map(|record| self.session.ingest(&record)) {
                Err(why) => {
                    say!("a record of the library is skipped: {why}");
                    continue;
                }
                Ok(Ingested::New(found)) => self.outputs.write_finding(&found, &mut self.session),
                // It may be gone before the run is over.
                Ok(Ingested::Later) => continue,
                Ok(Ingested::Silent) => {}
            }
            self.outputs.write_record(&text);
        }
    }

    /// Tells what the run has left.
    fn tell_leftovers(&mut self, status: ExitStatus, living: &[Living], options: &Options) {
        let session = &self.session;
        let leaks = options.tell_leaks() || session.private;
        let tells = |rule, severity| leaks && options.tell(rule, severity);
        let left = Leftovers { session, living, killed_by: status.signal(), tells: &tells }.findings();
        for record in &left {
            if let Some(found) = self.session.ingest_at_the_end(record) {
                self.outputs.write_finding(&found, &mut self.session);
            }
            self.outputs.write_record(&record.line());
        }
    }
}

/// A line that has come in, and the record that it is.
struct Line {
    text: String,
    record: Result<Record, String>,
}

impl Line {
    fn read(text: String) -> Line {
        Line { record: Record::read(&text), text }
    }

    /// When it was written, in a form (RFC 3339, UTC) that sorts as text.
    fn time(&self) -> &str {
        self.record.as_ref().map_or("", |record| &record.time)
    }
}

/// Lines in the order in which things happened, across the processes that sent them.
fn in_order(lines: Vec<String>) -> Vec<Line> {
    let mut lines: Vec<Line> = lines.into_iter().map(Line::read).collect();
    lines.sort_by(|one, other| one.time().cmp(other.time()));
    lines
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
    fn records_are_taken_in_as_things_happened() {
        let line = |time| format!(r#"{{"schema":"mapsan/1","kind":"end","pid":1,"time":"{time}","repeated":0}}"#);
        let lines = in_order(["2", "3", "1"].map(line).to_vec());
        assert_eq!(lines.iter().map(Line::time).collect::<Vec<_>>(), ["1", "2", "3"]);
    }

    #[test]
    fn processes_that_still_run_are_named() {
        let living: Vec<Living> = (1..=5).map(|pid| Living { pid, exe: format!("/bin/p{pid}") }).collect();
        assert_eq!(still_running(&living[..1]), "process 1 (p1) still runs; what it does from now on is not reported");
        let all = still_running(&living);
        assert!(all.starts_with("processes 1 (p1), 2 (p2), 3 (p3) and 2 more still run; "), "{all}");
    }
}
