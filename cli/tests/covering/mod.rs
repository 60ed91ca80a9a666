//! Runs that need the library, and programs for them.

#![allow(dead_code, reason = "each file of tests uses a part of it")]

#[path = "../library/mod.rs"]
mod library;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// The command, with nothing of the surroundings that it would heed.
pub(crate) fn mapsan() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mapsan"));
    command.env_remove("MAPSAN_OPTIONS").env_remove("LD_PRELOAD").env_remove("MAPSAN_RUNTIME").stdin(Stdio::null());
    command
}

/// The command with the library; `None`, said loudly, where there is none.
pub(crate) fn covering() -> Option<Command> {
    let mut command = mapsan();
    command.env("MAPSAN_RUNTIME", library::library()?);
    Some(command)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a run says on standard error, and its status.
pub(crate) fn ended(output: &Output) -> (String, Option<i32>) {
    (text(&output.stderr), output.status.code())
}

/// The gaps that a run under `--require-coverage` names: for each the program and why.
pub(crate) fn gaps(arguments: &[&str]) -> Option<Vec<String>> {
    let mut command = covering()?;
    let output = command.args(["run", "--require-coverage"]).args(arguments).output().unwrap();
    let (said, status) = ended(&output);
    let gaps: Vec<String> =
        said.lines().filter_map(|line| line.strip_prefix("mapsan: NOT COVERED: ")).map(str::to_owned).collect();
    assert_eq!(status == Some(125), !gaps.is_empty(), "{arguments:?} {status:?} {said}");
    Some(gaps)
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
