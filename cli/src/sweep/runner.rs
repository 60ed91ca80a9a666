//! One run, in a process of its own: with namespaces, processes and a time of its own, so that nothing of it is left.

use crate::failure::{Failure, reason};
use crate::findings::symbols::Symbols;
use crate::form::contract::RunFacts;
use crate::outputs::{Destination, Outputs, Stream, StyleChoice};
use crate::path::SourceRoot;
use crate::run::follow::{Ended, Follower, Wait};
use crate::run::launch::launch;
use crate::run::options::Options;
use crate::run::prepare::Prepared;
use crate::sweep::input::Input;
use crate::sweep::remains::{self, LEDGER, RECORDS};
use crate::system::ledger::Ledger;
use crate::system::namespace;
use crate::system::watch::Seen;
use mapsan_model::injection::{COUNTERS_SIZE, count_of};
use mapsan_model::{Key, Severity};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, PipeReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt, parent_id};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The most of what a program writes that is kept.
const KEPT: u64 = 64 << 20;
/// How long what a check starts may take.
const CHECK: Duration = Duration::from_mins(10);

/// What all runs have in common.
pub(crate) struct Setting {
    pub(crate) prepared: Prepared,
    pub(crate) project: Vec<(Key, String)>,
    pub(crate) given: Vec<(Key, String)>,
    pub(crate) input: Input,
    /// Where the folders of the runs are made.
    pub(crate) folder: PathBuf,
    /// Whether each runs in a copy of the working directory.
    pub(crate) copies: bool,
    /// The command that says whether a run was right.
    pub(crate) check: Option<String>,
}

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) number: usize,
    /// The orders of `inject=`; none of a plain run.
    pub(crate) orders: Vec<String>,
    /// When it is ended.
    pub(crate) limit: Option<Duration>,
    /// How long what the program leaves running is waited for.
    pub(crate) wait: Wait,
}

impl Run {
    /// Whether standard input has not been read yet.
    fn is_first(&self) -> bool {
        self.number == 0
    }
}

/// What is told of a run that was made.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Report {
    /// As wait(2) tells it.
    pub(crate) status: i32,
    pub(crate) seconds: f64,
    pub(crate) is_out_of_time: bool,
    /// Whether processes went on that the program had left.
    pub(crate) leaves_processes: bool,
    pub(crate) pid: u32,
    pub(crate) seen: Seen,
    /// How many calls each order has met.
    pub(crate) counts: Vec<u32>,
    pub(crate) output: String,
    pub(crate) errors: String,
    /// The check's exit status.
    pub(crate) check: Option<i32>,
    /// Why the objects of System V, and those of /dev/shm, are not its own.
    pub(crate) shared: Option<String>,
    /// Whether others can find the objects that it makes.
    pub(crate) has_named: bool,
    /// Why it could not be made: the exit status of the command, and words.
    pub(crate) failure: Option<(u8, String)>,
}

impl Report {
    pub(crate) fn ended(&self) -> ExitStatus {
        ExitStatus::from_raw(self.status)
    }
}

impl Setting {
    /// The folder of a run.
    pub(crate) fn folder_of(&self, number: usize) -> PathBuf {
        self.folder.join(number.to_string())
    }

    /// Makes the folder of a run.
    pub(crate) fn make_folder(&self, number: usize) -> io::Result<()> {
        let folder = self.folder_of(number);
        fs::create_dir(&folder)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o711))?;
        let temporary = folder.join("tmp");
        fs::create_dir(&temporary)?;
        // The program may give up its rights before it needs it.
        fs::set_permissions(&temporary, fs::Permissions::from_mode(0o1777))?;
        // Counted by all processes of the run.
        let counts = folder.join(COUNTS);
        File::create(&counts)?.set_len(COUNTERS_SIZE as u64)?;
        fs::set_permissions(&counts, fs::Permissions::from_mode(0o666))
    }

    /// Makes a run, and writes what there is to tell of it into its folder. This process ends with it; when its parent, the
    /// command, is gone, the run ends, and nothing of it is left.
    pub(crate) fn carry_out(&self, run: &Run, command: u32) -> ! {
        let report = self.make(run, command).unwrap_or_else(|failure| Report {
            failure: Some((failure.status(), failure.to_string())),
            ..Report::default()
        });
        let text = serde_json::to_vec(&report).unwrap_or_default();
        let written = fs::write(self.folder_of(run.number).join(REPORT), text);
        if parent_id() != command {
            let _ = fs::remove_dir_all(self.folder_of(run.number));
            // Who goes last takes all with it.
            let mut others = fs::read_dir(&self.folder).into_iter().flatten().flatten();
            if !others.any(|entry| entry.path().join(COUNTS).exists()) {
                let _ = fs::remove_dir_all(&self.folder);
            }
        }
        // SAFETY: ends the process, without what the one that it came from has to put away.
        unsafe { libc::_exit(i32::from(written.is_err())) }
    }

    fn make(&self, run: &Run, command: u32) -> Result<Report, Failure> {
        let folder = self.folder_of(run.number);
        let directory = self.directory(&folder)?;
        let shared = self.take_namespaces(&directory);
        let records = Destination { form: "json".to_owned(), file: Some(folder.join(RECORDS)) };
        let root = SourceRoot::find(None);
        let outputs = Outputs::open(&[records], Stream::StandardError, StyleChoice::default(), &root)?;
        let options = Options::new(self.project.clone(), self.options_of(run, &folder));
        let mut follower = self.follower(run, outputs, shared.is_none())?;
        follower.end_with(command);
        let (output, errors) = (pipe()?, pipe()?);
        let input = self.input_of(run)?;
        let log = follower.log_path();
        let watch = follower.watch()?;
        let started = Instant::now();
        let pid = launch(&self.prepared, &options, &log, |command| {
            command.stdin(input).stdout(output.1).stderr(errors.1);
            command.env("TMPDIR", folder.join("tmp"));
            if let Some(copy) = &directory.copy {
                command.current_dir(copy).env("PWD", copy);
            }
            // SAFETY: the closure makes a system call.
            unsafe { command.pre_exec(own_session) };
            watch.hold(command);
        })?;
        let (output, errors) = (read_all(output.0), read_all(errors.0));
        let ended = follower.follow(pid, &self.prepared, &options, run.wait)?;
        let seconds = started.elapsed().as_secs_f64();
        let Ended { status, living, mut session, outputs, is_out_of_time, seen } = ended;
        let (output, errors) = (text_of(output), text_of(errors));
        let check = self.check.as_ref().filter(|_| !is_out_of_time);
        let check = check.map(|check| ask(check, &directory, &folder, (&output, status), command)).transpose()?;
        outputs.close(&mut session, &facts(root))?;
        let has_named = remains::has_named(&session);
        if shared.is_some() {
            remains::remove(&session, &folder);
        }
        Ok(Report {
            status: status.into_raw(),
            seconds,
            is_out_of_time,
            leaves_processes: !living.is_empty(),
            pid,
            seen: seen.unwrap_or_default(),
            counts: counts_of(run, &folder),
            output,
            errors,
            check,
            shared,
            has_named,
            failure: None,
        })
    }

    /// What takes in the records of a run, whose objects may be those of all.
    fn follower(&self, run: &Run, outputs: Outputs, is_private: bool) -> Result<Follower, Failure> {
        let mut follower = Follower::new(outputs)?;
        follower.session.symbols = Symbols::off();
        follower.session.private = is_private;
        follower.session.private_objects = is_private;
        if !is_private {
            follower.keep(begin_ledger(&self.folder_of(run.number))?);
        }
        // One that is compared with the plain ones, which tell of all programs.
        if let Some(limit) = run.limit {
            follower.ask_no_coverage();
            follower.limit(limit);
        }
        Ok(follower)
    }

    fn input_of(&self, run: &Run) -> Result<Stdio, Failure> {
        let input = self.input.of_run(run.is_first());
        input.map_err(|error| Failure::own(format!("standard input can't be given to the runs: {}", reason(&error))))
    }

    /// The options that the user has given, and those of the run.
    fn options_of(&self, run: &Run, folder: &Path) -> Vec<(Key, String)> {
        let mut given = self.given.clone();
        given.push((Key::Points, "1".to_owned()));
        if !run.orders.is_empty() {
            given.push((Key::Inject, run.orders.join(",")));
            given.push((Key::InjectCounts, folder.join(COUNTS).display().to_string()));
        }
        given
    }

    /// Namespaces of the run's own, where they are to be had; why they are not.
    fn take_namespaces(&self, directory: &Directory) -> Option<String> {
        if let Err(failure) = namespace::enter() {
            return Some(failure.to_string().trim_start_matches("--ipc private: ").to_owned());
        }
        let needed = [&self.prepared.program.path, &self.prepared.library, directory.path(), &self.folder];
        namespace::hide_objects(needed.into_iter().map(PathBuf::as_path)).err()
    }

    /// Where the program runs.
    fn directory(&self, folder: &Path) -> Result<Directory, Failure> {
        let here = std::env::current_dir().unwrap_or_default();
        if !self.copies {
            return Ok(Directory { here, copy: None });
        }
        let copy = folder.join("cwd");
        let copied = Command::new("cp").args(["-a", "--"]).arg(&here).arg(&copy).stdin(Stdio::null()).output();
        match copied {
            Ok(done) if done.status.success() => Ok(Directory { here, copy: Some(copy) }),
            Ok(done) => {
                let why = String::from_utf8_lossy(&done.stderr).trim().replace('\n', "; ");
                Err(Failure::own(format!("--isolate=cwd: '{}' can't be copied: {why}", here.display())))
            }
            Err(error) => Err(Failure::own(format!("--isolate=cwd: cp can't be run: {}", reason(&error)))),
        }
    }
}

/// Asks the user's command whether a run was right; its status.
fn ask(
    check: &str,
    directory: &Directory,
    folder: &Path,
    (output, status): (&str, ExitStatus),
    keeper: u32,
) -> Result<i32, Failure> {
    let failure = |error: &io::Error| Failure::own(format!("--check can't be run: {}", reason(error)));
    let kept = folder.join("output");
    fs::write(&kept, output).map_err(|error| failure(&error))?;
    let input = File::open(&kept).map_err(|error| failure(&error))?;
    let shown = status.code().unwrap_or_else(|| status.signal().unwrap_or(0) + 128);
    let mut command = Command::new("sh");
    command.arg("-c").arg(check).env("MAPSAN_STATUS", shown.to_string()).env("TMPDIR", folder.join("tmp"));
    command.current_dir(directory.path()).stdin(input).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| failure(&error))?;
    let until = Instant::now() + CHECK;
    loop {
        match child.try_wait().map_err(|error| failure(&error))? {
            Some(status) => return Ok(status.code().unwrap_or_else(|| status.signal().unwrap_or(0) + 128)),
            None if Instant::now() > until || parent_id() != keeper => {
                let _ = child.kill();
                let why = format!("--check did not end within {} s", CHECK.as_secs());
                return Err(Failure::own(why));
            }
            None => thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// The file of a run's folder with what is told of it, and that in which its processes count.
pub(crate) const REPORT: &str = "report";
const COUNTS: &str = "counts";

/// Says in a run's folder that its objects are those of all, and which processes it has.
fn begin_ledger(folder: &Path) -> Result<Ledger, Failure> {
    let begun = Ledger::begin(&folder.join(LEDGER));
    begun.map_err(|error| Failure::own(format!("'{}': {}", folder.display(), reason(&error))))
}

/// How many calls each order has met.
fn counts_of(run: &Run, folder: &Path) -> Vec<u32> {
    let counters = fs::read(folder.join(COUNTS)).unwrap_or_default();
    run.orders.iter().map(|order| count_of(&counters, order)).collect()
}

/// The working directory of a run.
struct Directory {
    here: PathBuf,
    copy: Option<PathBuf>,
}

impl Directory {
    fn path(&self) -> &PathBuf {
        self.copy.as_ref().unwrap_or(&self.here)
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what is done before exec(2) may fail")]
fn own_session() -> io::Result<()> {
    // SAFETY: a system call without arguments. What a program sends to its group does not reach the command.
    unsafe { libc::setsid() };
    Ok(())
}

fn pipe() -> Result<(PipeReader, io::PipeWriter), Failure> {
    io::pipe().map_err(|error| Failure::own(format!("no pipe can be made: {}", reason(&error))))
}

/// Reads to the end, in a thread of its own; what is too much is left out.
fn read_all(mut from: PipeReader) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = (&mut from).take(KEPT).read_to_end(&mut bytes);
        let _ = io::copy(&mut from, &mut io::sink());
        bytes
    })
}

fn text_of(reading: JoinHandle<Vec<u8>>) -> String {
    String::from_utf8_lossy(&reading.join().unwrap_or_default()).into_owned()
}

/// Nobody looks at them: the records are handed on.
fn facts(source_root: SourceRoot) -> RunFacts {
    RunFacts {
        words: Vec::new(),
        fail: Severity::Warning,
        requires_coverage: false,
        ended: None,
        fault_is_expected: false,
        source_root,
        verbose: false,
        sweep: None,
    }
}
