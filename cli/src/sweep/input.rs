//! Standard input: what the first run reads of it is given to every other.

use crate::inherited;
use std::fs::{self, File};
use std::io::{self, IsTerminal, PipeReader, Read, Seek, SeekFrom, Write};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;

/// How the runs get theirs.
#[derive(Debug)]
pub(crate) enum Input {
    /// As the command has it: closed, or a device such as /dev/null.
    Inherited,
    /// A file, read from here on.
    File(u64),
    /// A pipe: what has come is kept in this file.
    Kept(PathBuf),
    /// A terminal, and where what is typed is kept.
    Typed(Typist, PathBuf),
}

impl Input {
    /// The command's; what comes by a pipe is kept in this folder.
    pub(crate) fn of_command(folder: &Path) -> Input {
        if inherited::was_closed(libc::STDIN_FILENO) {
            return Input::Inherited;
        }
        let kept = folder.join("input");
        if io::stdin().is_terminal() {
            return Typist::start(&kept).map_or(Input::Inherited, |typist| Input::Typed(typist, kept));
        }
        let own = io::stdin().as_fd().try_clone_to_owned().map(File::from);
        let Ok((mut own, kind)) = own.and_then(|own| own.metadata().map(|metadata| (own, metadata.file_type()))) else {
            return Input::Inherited;
        };
        if kind.is_file() && File::open(ITSELF).is_ok() {
            return Input::File(own.stream_position().unwrap_or(0));
        }
        if kind.is_char_device() { Input::Inherited } else { Input::Kept(kept) }
    }

    /// What one run gets; `is_first` if nothing has been read yet.
    pub(crate) fn of_run(&self, is_first: bool) -> io::Result<Stdio> {
        match self {
            Input::Inherited => Ok(Stdio::inherit()),
            Input::File(from) => {
                let mut file = File::open(ITSELF)?;
                file.seek(SeekFrom::Start(*from))?;
                Ok(file.into())
            }
            Input::Typed(typist, _) if is_first => Ok(typist.typed.try_clone()?.into()),
            Input::Kept(kept) | Input::Typed(_, kept) => {
                let (reader, writer) = io::pipe()?;
                let kept = kept.clone();
                thread::Builder::new().name("input".to_owned()).spawn(move || {
                    let _ = if is_first { keep(&kept, writer) } else { give(&kept, writer) };
                })?;
                Ok(reader.into())
            }
        }
    }

    /// The first run is over: what it has not read, nobody gets.
    pub(crate) fn first_is_over(&self) {
        if let Input::Typed(typist, _) = self {
            typist.end();
        }
    }

    /// The name of the file, if it is one that has a name.
    pub(crate) fn name(&self) -> Option<PathBuf> {
        let Input::File(0) = self else { return None };
        fs::read_link(ITSELF).ok().filter(|path| path.exists())
    }
}

/// A process that reads the terminal, which those of the runs may not: they are not in the foreground.
#[derive(Debug)]
pub(crate) struct Typist {
    pid: libc::pid_t,
    typed: PipeReader,
}

impl Typist {
    /// Starts it; the command must have no other thread yet.
    fn start(kept: &Path) -> io::Result<Typist> {
        let (typed, writer) = io::pipe()?;
        let parent = std::process::id();
        // SAFETY: the child is a copy of a process of one thread, and may do what that could.
        let pid = unsafe { libc::fork() };
        match pid {
            -1 => return Err(io::Error::last_os_error()),
            0 => {
                // SAFETY: ends with the command, whatever ends that.
                unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
                drop(typed);
                if std::os::unix::process::parent_id() == parent {
                    let _ = keep(kept, writer);
                }
                // SAFETY: ends the process, without what the command has to put away.
                unsafe { libc::_exit(0) }
            }
            _ => {}
        }
        Ok(Typist { pid, typed })
    }

    /// Ends it, if it has not ended.
    fn end(&self) {
        // SAFETY: asks for a child, and keeps what is told of its end, so that the number stays its own.
        let is_there = unsafe {
            libc::waitid(libc::P_PID, self.pid.cast_unsigned(), MaybeUninit::zeroed().as_mut_ptr(), ENDED) == 0
        };
        if is_there {
            // SAFETY: a child that has not been waited for.
            unsafe { libc::kill(self.pid, libc::SIGKILL) };
            // SAFETY: as above, and nothing is asked of it.
            unsafe { libc::waitpid(self.pid, std::ptr::null_mut(), 0) };
        }
    }
}

impl Drop for Typist {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether there is such a child, ended or not, without waiting for it.
const ENDED: i32 = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;

/// The file that standard input is.
const ITSELF: &str = "/proc/self/fd/0";

/// Hands on what comes, and keeps it. It is kept before it is handed on, so that nobody has got what others don't get.
fn keep(kept: &Path, mut writer: impl Write) -> io::Result<()> {
    let mut kept = File::create(kept)?;
    let mut buffer = [0; 16 * 1024];
    loop {
        let length = io::stdin().read(&mut buffer)?;
        let bytes = buffer.get(..length).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(());
        }
        kept.write_all(bytes)?;
        writer.write_all(bytes)?;
    }
}

/// Gives what was kept.
fn give(kept: &Path, mut writer: impl Write) -> io::Result<()> {
    let mut kept = match File::open(kept) {
        Ok(kept) => kept,
        // Nothing had come.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    io::copy(&mut kept, &mut writer)?;
    Ok(())
}
