//! Runs that need the library, and programs for them.

#[path = "../library/mod.rs"]
mod library;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// The command with the library; `None`, said loudly, where there is none.
pub(crate) fn covering() -> Option<Command> {
    let library = library::library()?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_mapsan"));
    command.env_remove("MAPSAN_OPTIONS").env_remove("LD_PRELOAD").env("MAPSAN_RUNTIME", library).stdin(Stdio::null());
    Some(command)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a run says on standard error, and its status.
pub(crate) fn ended(output: &Output) -> (String, Option<i32>) {
    (text(&output.stderr), output.status.code())
}

/// A program in a folder of its own, compiled.
pub(crate) struct Compiled {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) program: PathBuf,
}

impl Compiled {
    pub(crate) fn new(code: &str, options: &[&str]) -> Compiled {
        let folder = tempfile::tempdir().unwrap();
        let (source, program) = (folder.path().join("prog.c"), folder.path().join("prog"));
        fs::write(&source, code).unwrap();
        let mut compiler = Command::new("cc");
        compiler.args(["-g", "-w", "-o"]).args([&program, &source]).args(options);
        assert!(compiler.status().unwrap().success());
        Compiled { folder, program }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
