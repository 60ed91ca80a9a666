//! C files in place of a program.

use crate::failure::{Failure, reason};
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many of the words are C files that are to be compiled: those that the command line starts with.
pub(crate) fn sources(words: &[OsString]) -> usize {
    words.iter().take_while(|word| Path::new(word).extension().is_some_and(|extension| extension == "c")).count()
}

/// Compiles C files with debug information into `folder`; the compiler speaks for itself.
pub(crate) fn compile(sources: &[OsString], folder: &Path) -> Result<PathBuf, Failure> {
    if let Some(missing) = sources.iter().find(|source| !Path::new(source).exists()) {
        return Err(Failure::not_found(format!("'{}' does not exist", missing.to_string_lossy())));
    }
    let first = sources.first().map(PathBuf::from).unwrap_or_default();
    let program = folder.join(first.file_stem().unwrap_or_default());
    let compiler = env::var("CC").ok().filter(|compiler| !compiler.trim().is_empty()).unwrap_or_else(|| "cc".into());
    let mut words = compiler.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or("cc"));
    // Its own files go where there is room.
    command.env("TMPDIR", folder);
    command.args(words).arg("-g").arg("-o").arg(&program).args(sources);
    match command.status() {
        Ok(status) if status.success() => Ok(program),
        Ok(_) => Err(Failure::own(format!("'{}' was not compiled; see the compiler's errors above", first.display()))),
        Err(error) => Err(Failure::own(format!(
            "the compiler '{compiler}' can't be run: {}; install one (apt-get install gcc), or set CC",
            reason(&error)
        ))),
    }
}
