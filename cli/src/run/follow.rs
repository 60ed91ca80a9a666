//! A run while it lasts: the records are taken in as they come, until the program has ended and all is known.

use crate::failure::{Failure, reason};
use crate::findings::records::{Kind, Record};
use crate::findings::session::{Ingested, Session};
use crate::outputs::Outputs;
use crate::run::coverage::{self, Coverage};
use crate::run::leftovers::Leftovers;
use crate::run::locks::{Ends, Locks};
use crate::run::options::Options;
use crate::run::prepare::Prepared;
use crate::say::say;
use crate::system::channel::{self, Block, Channel, Event};
use crate::system::child;
use crate::system::environment;
use crate::system::ledger::Ledger;
use crate::system::tree::{Living, Tree};
use crate::system::watch::{Seen, Watch};
use mapsan_model::{Rule, Severity};
use std::collections::HashMap;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// How often the processes are looked at: soon at first, so that a short program is seen, then now and then.
const FIRST_INTERVAL: Duration = Duration::from_millis(2);
const INTERVAL: Duration = Duration::from_millis(50);
/// How often the records that have come are taken.
const RECORDS_INTERVAL: Duration = Duration::from_millis(10);
/// How long the command waits in any case for processes that end right after the program.
const MOMENT: Duration = Duration::from_millis(100);
/// After which time it says for whom it waits.
const PATIENCE: Duration = Duration::from_secs(1);
/// After how many looks in a row that find no process there is none.
const EMPTY: u32 = 3;
/// The most processes that are named.
const NAMED: usize = 3;

/// How long the command stays for processes that outlive the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Until the last one has ended.
    ToTheEnd,
    /// So long at most.
    AtMost(Duration),
    /// No longer than those need that are about to end.
    No,
}

/// Why a program that uses UCX is not covered.
const UCX: &str = "UCX (libucm.so) puts functions of its own in the place of mmap and munmap, and what is called through them is not \
                   seen; set UCX_MEM_MMAP_HOOK_MODE=none in the environment of the run";

/// What takes in the records of one run.
pub(crate) struct Follower {
    pub(crate) session: Session,
    outputs: Outputs,
    channel: Channel,
    tree: Tree,
    locks: Locks,
    sender: Sender<Event>,
    events: Receiver<Event>,
    /// How the program has ended.
    ended: Option<io::Result<ExitStatus>>,
    /// Whether no process is left.
    deserted: bool,
    /// What waits for the processes in place of the follower, if the run is watched.
    watch: Option<Watch>,
    /// Where the processes are noted, if others are to know of them.
    ledger: Option<Arc<Ledger>>,
    /// When the run is to be over, whatever it does.
    limit: Option<Instant>,
    /// The process for which the run is made: when that is gone, it is over, too.
    keeper: Option<u32>,
    is_out_of_time: bool,
    /// Whether it is looked which programs are covered.
    asks_coverage: bool,
    /// The ranks of processes of a parallel job.
    ranks: HashMap<u32, Option<u32>>,
}

/// A run that is over.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// Processes that outlive it.
    pub(crate) living: Vec<Living>,
    pub(crate) session: Session,
    pub(crate) outputs: Outputs,
    /// Whether it was ended because its time was over.
    pub(crate) is_out_of_time: bool,
    /// What was seen of its processes, if it was watched.
    pub(crate) seen: Option<Seen>,
}

impl Follower {
    /// One that hears what is launched with its `log_path`, and shows the findings at these places.
    pub(crate) fn new(outputs: Outputs) -> Result<Follower, Failure> {
        let channel = Channel::open().map_err(|error| {
            Failure::own(format!("no local socket can be made for the library's records: {}", reason(&error)))
        })?;
        let (sender, events) = mpsc::channel();
        let (session, tree, locks) = (Session::default(), Tree::root(), Locks::default());
        let (watch, ledger, limit, keeper) = (None, None, None, None);
        Ok(Follower {
            session,
            outputs,
            channel,
            tree,
            locks,
            sender,
            events,
            ended: None,
            deserted: false,
            watch,
            ledger,
            limit,
            keeper,
            is_out_of_time: false,
            asks_coverage: true,
            ranks: HashMap::new(),
        })
    }

    /// Has the program that is about to be launched watched, which goes to `hold` first.
    pub(crate) fn watch(&mut self) -> Result<&mut Watch, Failure> {
        let sender = self.sender.clone();
        let tell = move |end| drop(sender.send(end));
        let watch = Watch::begin(tell, self.ledger.clone()).map_err(|error| cannot_wait(&error))?;
        Ok(self.watch.insert(watch))
    }

    /// Notes the processes of the run that is to be watched, and takes its records as they come: if all is killed at once, what is
    /// not written by then is lost.
    pub(crate) fn keep(&mut self, ledger: Ledger) {
        self.ledger = Some(Arc::new(ledger));
    }

    /// Follows a run of programs of which is known already whether they are covered.
    pub(crate) fn ask_no_coverage(&mut self) {
        self.asks_coverage = false;
    }

    /// Ends the run after so much time.
    pub(crate) fn limit(&mut self, time: Duration) {
        self.limit = Some(Instant::now() + time);
    }

    /// Ends the run when this process, the parent of the command's, has ended.
    pub(crate) fn end_with(&mut self, keeper: u32) {
        self.keeper = Some(keeper);
    }

    /// Where the library is to write its records.
    pub(crate) fn log_path(&self) -> String {
        self.channel.log_path()
    }

    /// Follows a program that was just launched until all is known.
    pub(crate) fn follow(
        mut self,
        pid: u32,
        prepared: &Prepared,
        options: &Options,
        wait: Wait,
    ) -> Result<Ended, Failure> {
        let program = &prepared.program;
        self.session.main = Some(pid);
        if let Err(why) = &program.cover {
            self.session.add_gap(&program.path.display().to_string(), &why.reason, pid);
        }
        let mut coverage = self.asks_coverage.then(|| Coverage::new(&prepared.library));
        let status = self.until_the_program_ends(pid, &mut coverage)?;
        let living = self.until_the_tree_ends(wait, status, &mut coverage);
        // Of who is killed everybody knows that it was not asked.
        let killed = status.signal().map(|_| pid);
        let runs = |pid| Some(pid) == killed || living.iter().any(|living| [pid, 0].contains(&living.pid));
        self.session.note_unended(runs, Some(pid));
        if let Some(coverage) = coverage {
            coverage.tell(&mut self.session, options.choose_programs());
        }
        if program.cover.is_ok() && !self.session.processes.contains_key(&pid) && !options.choose_programs() {
            self.session.add_gap(&program.path.display().to_string(), &coverage::silence(status), pid);
        }
        if options.choose_programs() && self.session.processes.is_empty() {
            let reason = "it was left out by only= or skip=, and so was all that it has started";
            self.session.add_gap(&program.path.display().to_string(), reason, pid);
        }
        self.tell_leftovers(status, &living, options);
        let Follower { session, outputs, watch, is_out_of_time, .. } = self;
        let seen = watch.map(|watch| {
            // What it leaves running is not to be left.
            watch.stop();
            watch.end()
        });
        Ok(Ended { status, living, session, outputs, is_out_of_time, seen })
    }

    /// Shows what is found until the program ends.
    fn until_the_program_ends(&mut self, pid: u32, coverage: &mut Option<Coverage>) -> Result<ExitStatus, Failure> {
        // No earlier: with the first thread libc takes a signal (33) for itself, which the program may get ignored.
        self.channel.listen(self.sender.clone(), self.ledger.is_some()).map_err(|error| cannot_wait(&error))?;
        if self.watch.is_none() {
            let sender = self.sender.clone();
            thread::spawn(move || {
                child::reap(pid, |status| drop(sender.send(Event::Ended(status))));
                drop(sender.send(Event::Deserted));
            });
        }
        let mut wait = FIRST_INTERVAL;
        let mut next = Instant::now() + wait;
        while self.ended.is_none() {
            self.mind_the_limit();
            self.take_until(next.min(Instant::now() + RECORDS_INTERVAL));
            if self.ended.is_none() && Instant::now() >= next {
                self.look(coverage);
                wait = (wait * 2).min(INTERVAL);
                next = Instant::now() + wait;
            }
        }
        let status = self.ended.take().unwrap_or_else(|| Err(io::Error::from(io::ErrorKind::NotFound)));
        status.map_err(|error| Failure::own(format!("the program can't be waited for: {}", reason(&error))))
    }

    /// Shows what is found until the last process has ended that the program has left running, or for as long as is to be
    /// waited; those that run even then.
    fn until_the_tree_ends(&mut self, wait: Wait, status: ExitStatus, coverage: &mut Option<Coverage>) -> Vec<Living> {
        child::take_interrupts();
        // Who has ended the program by Ctrl-C does not want to do so twice.
        let is_stopped = status.signal() == Some(libc::SIGINT);
        let patience = match wait {
            Wait::ToTheEnd if !is_stopped => None,
            Wait::AtMost(time) if !is_stopped => Some(time.max(MOMENT)),
            _ => Some(MOMENT),
        };
        let start = Instant::now();
        let mut said = false;
        let mut empty = 0;
        loop {
            self.mind_the_limit();
            let living = self.living();
            let waited = start.elapsed();
            empty = if living.is_empty() { empty + 1 } else { 0 };
            // One look may miss a process that changes its parent meanwhile. That there are no children is certain, where
            // the command has none of its own besides.
            let is_over = self.deserted || self.tree.has_others() && empty >= EMPTY;
            if is_over || patience.is_some_and(|patience| waited >= patience) || child::is_interrupted() {
                self.take_the_rest();
                return living;
            }
            if waited >= PATIENCE && !said && !living.is_empty() {
                said = true;
                say!("the program has ended; {}", waiting_for(&living));
            }
            self.look(coverage);
            self.take_until(Instant::now() + if waited < MOMENT { FIRST_INTERVAL } else { INTERVAL });
        }
    }

    /// Ends the run when its time is over, or nobody is left to whom it is of use.
    fn mind_the_limit(&mut self) {
        let is_late = self.limit.is_some_and(|limit| Instant::now() >= limit);
        let is_abandoned = self.keeper.is_some_and(|keeper| std::os::unix::process::parent_id() != keeper);
        if (is_late || is_abandoned)
            && let Some(watch) = &self.watch
        {
            (self.limit, self.keeper, self.is_out_of_time) = (None, None, true);
            watch.stop();
        }
    }

    /// The processes of the run that still run; where /proc does not tell, only whether there is one is known.
    fn living(&self) -> Vec<Living> {
        let unknown = || vec![Living { pid: 0, exe: String::new() }];
        if self.deserted { Vec::new() } else { self.tree.living().unwrap_or_else(unknown) }
    }

    /// Looks which programs run.
    fn look(&mut self, coverage: &mut Option<Coverage>) {
        if let Some(coverage) = coverage {
            coverage.inspect(&self.tree.pids().unwrap_or_default());
        }
        if let Some(ledger) = &self.ledger {
            ledger.beat();
        }
        let tree = &self.tree;
        self.locks.look(&self.session, || tree.living().unwrap_or_default());
    }

    /// Waits for the first event, at most until `next`, and takes in all that are there. When the program has ended, what it
    /// has sent is here.
    fn take_until(&mut self, next: Instant) {
        let first = self.events.recv_timeout(next.saturating_duration_since(Instant::now())).ok();
        let had_ended = self.ended.is_some();
        let events: Vec<Event> = first.into_iter().chain(self.events.try_iter()).collect();
        for event in events {
            match event {
                Event::Ended(status) => self.ended = Some(status),
                Event::Deserted => self.deserted = true,
                Event::Come | Event::Drained => {}
            }
        }
        if self.ended.is_some() && !had_ended {
            self.take_the_rest();
        } else {
            self.ingest(&self.channel.take());
        }
    }

    /// Takes in what has been sent so far.
    fn take_the_rest(&mut self) {
        self.deserted |= channel::wait_for_the_rest(&self.channel, &self.events);
        self.ingest(&self.channel.take());
    }

    /// Takes in some blocks of records.
    fn ingest(&mut self, blocks: &[Block]) {
        let lines = blocks.iter().flat_map(|block| block.lines().map(|text| Line::read(text, block.sender)));
        for Line { mut text, record } in in_order(lines.collect()) {
            let record = match record {
                Ok(record) => self.with_rank(record, &mut text),
                Err(why) => {
                    say!("a record of the library is skipped: {why}");
                    self.session.add_gap("the library", &format!("a record of it can't be read: {why}"), 0);
                    continue;
                }
            };
            match self.session.ingest(&record) {
                Ingested::New(found) => self.outputs.write_finding(&found, &mut self.session),
                // It may be gone before the run is over.
                Ingested::Later => {
                    self.locks.keep(record);
                    continue;
                }
                Ingested::Silent => {}
            }
            if let Some((call, order)) = self.session.ingest_injected(&record) {
                self.outputs.write_injected(&call, &order, &mut self.session);
            }
            self.outputs.write_record(&text);
        }
    }

    /// A record, and its text, with the rank of its process in a parallel job, if it has one.
    fn with_rank(&mut self, mut record: Record, text: &mut String) -> Record {
        let starts = matches!(record.kind, Kind::Start(_));
        let process = if record.sender == 0 { record.pid } else { record.sender };
        if starts || !self.ranks.contains_key(&process) {
            // Of one that has ended the environment is gone; it has been started by this process's, most likely.
            let rank = environment::rank_of(process).or_else(environment::own_rank);
            self.ranks.insert(process, rank);
            if environment::has_hooks_of_ucx(process) {
                self.session.add_gap(&record.exe, UCX, record.pid);
            }
        }
        if let Some(rank) = self.ranks.get(&process).copied().flatten() {
            record.take_rank(rank, text);
        }
        record
    }

    /// Tells what the run has left.
    fn tell_leftovers(&mut self, status: ExitStatus, living: &[Living], options: &Options) {
        let session = &self.session;
        let leaks = options.tell_leaks() || session.private;
        let told_severity = |rule, severity| options.told_severity(rule, severity).filter(|_| leaks);
        let killed_by = status.signal();
        let mut left = Leftovers { session, living, killed_by, told_severity: &told_severity }.findings();
        let told = options.told_severity(Rule::LockOwnerDied, Severity::Warning).is_some();
        let locks = std::mem::take(&mut self.locks).findings(&Ends { session: &self.session, living, killed_by });
        left.extend(locks.into_iter().filter(|_| told));
        for record in &mut left {
            if let Some(rank) = self.ranks.get(&record.pid).copied().flatten() {
                record.take_rank(rank, &mut String::new());
            }
            if let Some(found) = self.session.ingest_at_the_end(record) {
                self.outputs.write_finding(&found, &mut self.session);
            }
            self.outputs.write_record(&record.line());
        }
    }
}

fn cannot_wait(error: &io::Error) -> Failure {
    Failure::own(format!("no thread can be made: {}", reason(error)))
}

/// A line that has come in, and the record that it is.
struct Line {
    text: String,
    record: Result<Record, String>,
}

impl Line {
    fn read(text: String, sender: u32) -> Line {
        Line { record: Record::read(&text).map(|record| Record { sender, ..record }), text }
    }

    /// When it was written, in a form (RFC 3339, UTC) that sorts as text.
    fn time(&self) -> &str {
        self.record.as_ref().map_or("", |record| &record.time)
    }
}

/// Lines in the order in which things happened, across the processes that sent them.
fn in_order(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort_by(|one, other| one.time().cmp(other.time()));
    lines
}

/// What to say of processes that outlive the run.
pub(crate) fn still_running(living: &[Living]) -> String {
    let (named, one) = named(living);
    let (run, it_does, it, its) =
        if one { ("runs", "it does", "it", "its") } else { ("run", "they do", "them", "their") };
    format!("{named} still {run}; what {it_does} from now on is not reported (--wait follows {it} to {its} end)")
}

/// Why a process that outlives the run is not covered.
pub(crate) fn left_alone(living: &Living) -> String {
    format!("process {} still ran when the command ended: what it does from then on is not checked", living.pid)
}

/// What to say while the command waits.
fn waiting_for(living: &[Living]) -> String {
    let (named, one) = named(living);
    let run = if one { "runs" } else { "run" };
    format!("waiting for {named}, which still {run} (Ctrl-C ends the wait, --no-wait leaves it out)")
}

/// Some processes in words, and whether it is one.
fn named(living: &[Living]) -> (String, bool) {
    let name = |exe: &str| Path::new(exe).file_name().map_or_else(|| exe.to_owned(), |name| name.display().to_string());
    let mut named: Vec<String> =
        living.iter().take(NAMED).map(|living| format!("{} ({})", living.pid, name(&living.exe))).collect();
    if living.len() > NAMED {
        named.push(format!("{} more", living.len() - NAMED));
    }
    match &named[..] {
        _ if living.iter().any(|living| living.pid == 0) => ("what the program has started".to_owned(), true),
        [] => (String::new(), false),
        [one] => (format!("process {one}"), true),
        [others @ .., last] => (format!("processes {} and {last}", others.join(", ")), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_taken_in_as_things_happened() {
        let line = |time| format!(r#"{{"schema":"mapsan/1","kind":"end","pid":1,"time":"{time}","repeated":0}}"#);
        let lines = in_order(["2", "3", "1"].map(|time| Line::read(line(time), 0)).into());
        assert_eq!(lines.iter().map(Line::time).collect::<Vec<_>>(), ["1", "2", "3"]);
    }

    #[test]
    fn processes_that_still_run_are_named() {
        let living: Vec<Living> = (1..=5).map(|pid| Living { pid, exe: format!("/bin/p{pid}") }).collect();
        let one = "process 1 (p1) still runs; what it does from now on is not reported (--wait follows it to its end)";
        assert_eq!(still_running(&living[..1]), one);
        let all = still_running(&living);
        assert!(all.starts_with("processes 1 (p1), 2 (p2), 3 (p3) and 2 more still run; "), "{all}");
        assert!(waiting_for(&living[..2]).starts_with("waiting for processes 1 (p1) and 2 (p2), which still run ("));
    }
}
