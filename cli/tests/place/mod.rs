//! A folder in which programs are compiled and run under the command.

#![allow(dead_code, reason = "each file of tests takes what it needs")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder to work in, with the library there; `None`, said loudly, where that is missing.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    pub(crate) library: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Option<Place> {
        let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/libmapsan.so");
        let library = std::env::var_os("MAPSAN_RUNTIME").map_or(built, PathBuf::from);
        if !library.exists() {
            eprintln!("SKIPPED: {} is missing: cargo build --release", library.display());
            return None;
        }
        Some(Place { folder: tempfile::tempdir().unwrap(), library })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// Compiles `NAME.c` to `NAME`.
    pub(crate) fn compile(&self, name: &str) {
        let source = format!("{name}.c");
        let compile = ["-g", "-O0", "-w", "-o", name, &source];
        assert!(Command::new("cc").current_dir(self.path()).args(compile).status().unwrap().success());
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mapsan"));
        command.current_dir(self.path()).env_remove("MAPSAN_OPTIONS").env_remove("LD_PRELOAD");
        command.env("MAPSAN_RUNTIME", &self.library).stdin(Stdio::null()).args(arguments);
        command
    }

    pub(crate) fn mapsan(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
