//! Running a program, with the library or without, each time in a directory and IPC namespace of its own, and what it leaves.

use crate::objects::{self, Objects};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use std::fmt;
use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The longest that a program may run.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// How a program gets the library.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Way {
    /// By `LD_PRELOAD`.
    Preloaded,
    /// It is linked with `-lmapsan`.
    Linked,
    /// By `LD_PRELOAD`, with memory hardened: nothing but the addresses may differ.
    Hardened,
}

/// How a program ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    Exited(i32),
    Killed(i32),
}

impl From<ExitStatus> for Outcome {
    fn from(status: ExitStatus) -> Self {
        match status.code() {
            Some(code) => Outcome::Exited(code),
            None => Outcome::Killed(status.signal().unwrap_or(0)),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Exited(code) => write!(f, "ends with {code}"),
            Outcome::Killed(signal) => write!(f, "dies of signal {signal}"),
        }
    }
}

/// What a program did.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) pid: u32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) outcome: Outcome,
    /// What the library wrote, of all processes.
    pub(crate) log: String,
    /// Objects of /dev/shm and of System V that outlive it.
    pub(crate) left: Vec<String>,
}

/// Runs a program without the library.
pub(crate) fn plain(program: &Path) -> Result<Run> {
    run(program, |_, _| {})
}

/// Runs a program with the library, whose findings go to a log in `form`.
pub(crate) fn covered(program: &Path, way: Way, library: &Path, options: &str, form: &str) -> Result<Run> {
    run(program, |command, log| {
        let mut all = format!("log_format={form}:log_path={}", log.join("%p").display());
        if !options.is_empty() {
            all = format!("{options}:{all}");
        }
        if way == Way::Hardened {
            all = format!("harden=guard,quarantine,tail:{all}");
        }
        command.env("MAPSAN_OPTIONS", all);
        match way {
            Way::Preloaded | Way::Hardened => command.env("LD_PRELOAD", library),
            Way::Linked => command.env("LD_LIBRARY_PATH", library.parent().unwrap_or(Path::new("."))),
        };
    })
}

fn run(program: &Path, prepare: impl FnOnce(&mut Command, &Path)) -> Result<Run> {
    let place = tempfile::tempdir().context("making a directory for the program")?;
    let (directory, log) = (place.path().join("cwd"), place.path().join("log"));
    for path in [&directory, &log] {
        fs::create_dir(path)?;
        // Programs that give up their privileges still write here.
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o1777))?;
    }
    fs::set_permissions(place.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let (out, err) = (place.path().join("out"), place.path().join("err"));
    let mut command = Command::new(program);
    command.current_dir(&directory).env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C");
    command.stdin(Stdio::null()).stdout(File::create(&out)?).stderr(File::create(&err)?);
    prepare(&mut command, &log);
    let objects = Objects::before_the_run()?;
    let namespace = objects.namespace();
    // SAFETY: system calls alone, which is all that may be done between fork and exec.
    #[expect(clippy::multiple_unsafe_ops_per_block, reason = "one fact covers them")]
    unsafe {
        command.pre_exec(move || {
            namespace.map_or(Ok(()), objects::enter)?;
            // What CTest and the shell leave open is no business of the program's.
            libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
            Ok(())
        });
    }
    let mut child = command.spawn().with_context(|| format!("running {}", program.display()))?;
    let pid = child.id();
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > TIME_LIMIT {
            child.kill()?;
            bail!("{} did not end within {TIME_LIMIT:?}", program.display());
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let read = |path: &Path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let mut text = String::new();
    for entry in fs::read_dir(&log)? {
        text.push_str(&read(&entry?.path())?);
    }
    let left = objects.left()?;
    Ok(Run { pid, stdout: read(&out)?, stderr: read(&err)?, outcome: status.into(), log: text, left })
}
