//! Standard input: what the first run reads of it is given to every other.

use crate::inherited;
use std::fs::{self, File};
use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;

/// How the runs get theirs.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// As the command has it: closed, or a device such as /dev/null.
    Inherited,
    /// It is a terminal, which can't be read again.
    Nothing,
    /// A file, read from here on.
    File(u64),
    /// A pipe: what has come is kept in this file.
    Kept(PathBuf),
}

impl Input {
    /// The command's; what comes by a pipe is kept in this folder.
    pub(crate) fn of_command(folder: &Path) -> Input {
        if inherited::was_closed(libc::STDIN_FILENO) {
            return Input::Inherited;
        }
        if io::stdin().is_terminal() {
            return Input::Nothing;
        }
        let own = io::stdin().as_fd().try_clone_to_owned().map(File::from);
        let Ok((mut own, kind)) = own.and_then(|own| own.metadata().map(|metadata| (own, metadata.file_type()))) else {
            return Input::Inherited;
        };
        if kind.is_file() && File::open(ITSELF).is_ok() {
            return Input::File(own.stream_position().unwrap_or(0));
        }
        if kind.is_char_device() { Input::Inherited } else { Input::Kept(folder.join("input")) }
    }

    /// What one run gets; `is_first` if nothing has been read yet.
    pub(crate) fn of_run(&self, is_first: bool) -> io::Result<Stdio> {
        match self {
            Input::Inherited => Ok(Stdio::inherit()),
            Input::Nothing => Ok(Stdio::null()),
            Input::File(from) => {
                let mut file = File::open(ITSELF)?;
                file.seek(SeekFrom::Start(*from))?;
                Ok(file.into())
            }
            Input::Kept(kept) => {
                let (reader, writer) = io::pipe()?;
                let kept = kept.clone();
                thread::Builder::new().name("input".to_owned()).spawn(move || {
                    let _ = if is_first { keep(&kept, writer) } else { give(&kept, writer) };
                })?;
                Ok(reader.into())
            }
        }
    }

    /// The name of the file, if it is one that has a name.
    pub(crate) fn name(&self) -> Option<PathBuf> {
        let Input::File(0) = self else { return None };
        fs::read_link(ITSELF).ok().filter(|path| path.exists())
    }
}

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
