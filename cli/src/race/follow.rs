//! A run that is watched, from its first instruction until it is over: what the thread that traces tells becomes findings.

use crate::failure::{Failure, reason};
use crate::findings::records::{Coverage as CoverageRecord, End, Kind, Record, Start};
use crate::findings::session::{Ingested, Session};
use crate::outputs::Outputs;
use crate::race::engine::{Demand, Engine};
use crate::race::judge::Judge;
use crate::race::suspicion::{Coverage, Event};
use crate::run::follow::Wait;
use crate::run::options::Options;
use crate::run::prepare::Prepared;
use crate::system::tree::{Living, Tree};
use crate::system::{child, tracer, watchpoint};
use mapsan_model::Rule;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// How often it is looked whether it is over.
const INTERVAL: Duration = Duration::from_millis(50);
/// How long processes are waited for that end right after the program.
const MOMENT: Duration = Duration::from_millis(100);
/// How long the thread that traces needs at most to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// What takes in what is found.
pub(crate) struct Follower<'a> {
    pub(crate) session: Session,
    pub(crate) outputs: Outputs,
    options: &'a Options,
    judge: Judge,
    pid: u32,
    exe: String,
    coverage: Option<Coverage>,
}

/// A run that is over.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) living: Vec<Living>,
    pub(crate) session: Session,
    pub(crate) outputs: Outputs,
}

impl<'a> Follower<'a> {
    pub(crate) fn new(session: Session, outputs: Outputs, options: &'a Options) -> Follower<'a> {
        let judge = Judge::default();
        Follower { session, outputs, options, judge, pid: 0, exe: String::new(), coverage: None }
    }

    /// Starts a program, watches it, and tells what is found until it has ended.
    pub(crate) fn follow(mut self, prepared: &Prepared, demand: Demand, wait: Wait) -> Result<Ended, Failure> {
        watchpoint::check().map_err(|error| refusal(&error))?;
        let tree = Tree::root();
        let mut command = Command::new(&prepared.program.path);
        command.arg0(&prepared.name).args(&prepared.arguments);
        let not_executable = |error: &io::Error| {
            let path = prepared.program.path.display();
            Failure::not_executable(format!("'{path}' can't be executed: {}", reason(error)))
        };
        let held = child::start_held(command).map_err(|error| not_executable(&error))?;
        tracer::block_children();
        (self.pid, self.exe) = (held.pid, prepared.program.path.display().to_string());
        self.session.main = Some(held.pid);
        self.record(held.pid, &self.exe.clone(), started(held.pid));
        let (events, heard) = mpsc::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let (is_traced, traced) = mpsc::channel();
        let main = i32::try_from(held.pid).unwrap_or(i32::MAX);
        let engine = Engine::new(demand, main, events.clone(), Arc::clone(&stop));
        let pid = held.pid;
        let tracing = thread::spawn(move || trace(engine, main, &is_traced));
        thread::spawn(move || {
            drop(tracing.join());
            reap(pid, &events);
        });
        if let Err(error) = traced.recv().unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::Other))) {
            self.session.add_gap(&self.exe.clone(), &untraced(&error), self.pid);
        }
        held.release().map_err(|error| not_executable(&error))?;
        let status = self.until_the_program_ends(&heard)?;
        let living = self.until_the_tree_ends(&heard, &tree, wait, &stop);
        self.tell_coverage();
        Ok(Ended { status, living, session: self.session, outputs: self.outputs })
    }

    fn until_the_program_ends(&mut self, heard: &Receiver<Event>) -> Result<ExitStatus, Failure> {
        loop {
            match heard.recv() {
                Ok(Event::Ended(status)) => return Ok(status),
                Ok(event) => self.take(event),
                Err(_) => return Err(Failure::own("the program can't be waited for: nobody tells how it ends")),
            }
        }
    }

    /// Until the last process has ended, or for as long as is to be waited; those that run even then.
    fn until_the_tree_ends(
        &mut self,
        heard: &Receiver<Event>,
        tree: &Tree,
        wait: Wait,
        stop: &AtomicBool,
    ) -> Vec<Living> {
        child::take_interrupts();
        let patience = match wait {
            Wait::ToTheEnd => None,
            Wait::AtMost(time) => Some(time.max(MOMENT)),
            Wait::No => Some(MOMENT),
        };
        let start = Instant::now();
        loop {
            let living = tree.living().unwrap_or_default();
            let is_over = patience.is_some_and(|patience| start.elapsed() >= patience) || child::is_interrupted();
            if living.is_empty() || is_over {
                stop.store(true, Relaxed);
                self.take_the_rest(heard);
                return living;
            }
            match heard.recv_timeout(INTERVAL) {
                Ok(event) => self.take(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => thread::sleep(INTERVAL),
            }
        }
    }

    /// What was found until nothing is watched any more.
    fn take_the_rest(&mut self, heard: &Receiver<Event>) {
        let end = Instant::now() + PATIENCE;
        while self.coverage.is_none()
            && let Ok(event) = heard.recv_timeout(end.saturating_duration_since(Instant::now()))
        {
            self.take(event);
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Race(suspicion) => {
                if let Some(record) = self.judge.finding(&suspicion, &mut self.session.symbols) {
                    self.find(record);
                }
            }
            Event::Executed(pid, exe) => {
                let pid = u32::try_from(pid).unwrap_or_default();
                self.record(pid, &exe, started(pid));
            }
            Event::LetGo(pid, exe) => {
                let why = "it gets rights of its file's owner, and would not while it is traced: it runs unwatched; watch a \
                           copy without that right (cp makes one), or run mapsan as the user it runs as";
                self.session.add_gap(&exe, why, u32::try_from(pid).unwrap_or_default());
            }
            Event::Tracer(pid, exe) => {
                let why = "it calls ptrace(2), which would be refused to what is traced already: it runs unwatched, and so does \
                           what it starts";
                self.session.add_gap(&exe, why, u32::try_from(pid).unwrap_or_default());
            }
            Event::Untraceable(pid, exe, error) => {
                let why = untraced(&error);
                self.session.add_gap(&exe, &why, u32::try_from(pid).unwrap_or_default());
            }
            Event::Refused(error) => {
                let why = format!("its threads can't be watched: {}", words_of(&error));
                self.session.add_gap(&self.exe.clone(), &why, self.pid);
            }
            Event::Ended(_) => {}
            Event::Over(coverage) => self.coverage = Some(coverage),
        }
    }

    /// Takes a finding in, unless it is not wanted.
    fn find(&mut self, mut record: Record) {
        let Kind::Finding(finding) = &mut record.kind else { return };
        let Some(rule) = Rule::from_name(&finding.rule) else { return };
        let usual = rule.info().severities.first().copied();
        let Some(severity) = usual.and_then(|usual| self.options.told_severity(rule, usual)) else { return };
        severity.name().clone_into(&mut finding.severity);
        if let Ingested::New(found) = self.session.ingest(&record) {
            self.outputs.write_finding(&found, &mut self.session);
        }
        self.outputs.write_record(&record.line());
    }

    fn record(&mut self, pid: u32, exe: &str, kind: Kind) {
        let record = Record::now(pid, exe, kind);
        self.session.ingest(&record);
        self.outputs.write_record(&record.line());
    }

    /// Says how much was looked at, and that it is over.
    fn tell_coverage(&mut self) {
        let coverage = self.coverage.take().unwrap_or_default();
        for pid in &coverage.deaf {
            let why = "some of its threads block all signals that could tell of an access, and are not watched";
            self.session.add_gap(&format!("process {pid}"), why, u32::try_from(*pid).unwrap_or_default());
        }
        let told = CoverageRecord {
            objects: coverage.objects.len(),
            names: coverage.objects,
            words: coverage.words,
            windows: coverage.windows,
            unplaced: coverage.unplaced,
            unwatched: coverage.unwatched,
            unfollowed_ms: u64::try_from(coverage.unfollowed.as_millis()).unwrap_or(u64::MAX),
        };
        let (pid, exe) = (self.pid, self.exe.clone());
        self.record(pid, &exe, Kind::Coverage(told));
        let summary = self.session.summary();
        let end = End { errors: summary.errors, warnings: summary.warnings, notes: summary.notes, ..End::default() };
        self.record(pid, &exe, Kind::End(end));
    }
}

/// Traces, in a thread of its own, whose end lets go of all.
fn trace(engine: Engine, main: i32, is_traced: &Sender<io::Result<()>>) {
    tracer::prepare_thread();
    let seized = tracer::seize(main);
    let is_seized = seized.is_ok();
    drop(is_traced.send(seized));
    if is_seized {
        engine.watch();
    }
}

/// Waits, when nothing is traced any more, for the program to end.
fn reap(pid: u32, events: &Sender<Event>) {
    child::reap(pid, |status| {
        if let Ok(status) = status {
            drop(events.send(Event::Ended(status)));
        }
    });
}

/// That a process executes a program.
fn started(pid: u32) -> Kind {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok());
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Kind::Start(Start { version, ppid: parent.unwrap_or_default(), ..Start::default() })
}

/// Why nothing can be watched, and what to do.
pub(crate) fn refusal(error: &io::Error) -> Failure {
    Failure::own(format!("no watchpoint can be set: {}", words_of(error)))
}

fn words_of(error: &io::Error) -> String {
    let remedy = match error.raw_os_error() {
        Some(libc::EACCES | libc::EPERM) => {
            "kernel.perf_event_paranoid is above 2, or a sandbox forbids perf_event_open(2): as root, sysctl \
             kernel.perf_event_paranoid=2; in a container, docker run --cap-add PERFMON --security-opt seccomp=unconfined"
        }
        Some(libc::ENOENT | libc::EOPNOTSUPP | libc::ENODEV) => {
            "this machine has no hardware watchpoints for programs, as some virtual machines have not"
        }
        Some(libc::ENOSPC | libc::EBUSY) => "all of the processor's watchpoints are in use, by a debugger or by perf",
        Some(libc::ENOBUFS) => {
            "each watchpoint needs 8 KiB of locked memory, and no more may be locked: raise ulimit -l, or as root \
             sysctl kernel.perf_event_mlock_kb; or watch with --words 1"
        }
        Some(libc::EMFILE) => "too many descriptors are open: ulimit -n",
        Some(libc::ENOSYS) => "this kernel has no perf events (CONFIG_PERF_EVENTS)",
        _ => "",
    };
    if remedy.is_empty() { reason(error) } else { format!("{}; {remedy}", reason(error)) }
}

/// That a program can't be traced, and what can be done.
fn untraced(error: &io::Error) -> String {
    let remedy = match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            "somebody traces it already (strace, a debugger, another mapsan race), or a sandbox forbids ptrace(2) \
             (docker run --cap-add SYS_PTRACE), or kernel.yama.ptrace_scope is above 1 (as root: sysctl \
             kernel.yama.ptrace_scope=1)"
        }
        _ => "see ptrace(2)",
    };
    format!("it runs unwatched: it can't be traced, ptrace(2): {}; {remedy}", reason(error))
}
