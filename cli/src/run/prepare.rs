//! What a run needs before it can begin, however often it is made: the program and the library.

use crate::failure::Failure;
use crate::system::compile;
use crate::system::folder::Folder;
use crate::system::library;
use crate::system::program::{self, Program};
use std::ffi::OsString;
use std::path::PathBuf;

/// A program by its words, compiled if they are C or C++ files, and the library that goes with it.
pub(crate) struct CommandLine {
    name: OsString,
    arguments: Vec<OsString>,
    library: PathBuf,
    folder: Folder,
}

impl CommandLine {
    /// Finds the library and compiles C and C++ files.
    pub(crate) fn new(words: &[OsString]) -> Result<CommandLine, Failure> {
        let library = library::find()?;
        let mut folder = Folder::default();
        let (name, arguments) = match words.split_at(compile::sources(words)) {
            ([], [name, arguments @ ..]) => (name.clone(), arguments.to_vec()),
            (sources, arguments) => (compile::compile(sources, folder.path()?)?.into_os_string(), arguments.to_vec()),
        };
        Ok(CommandLine { name, arguments, library, folder })
    }

    /// Finds the program's file, and whether it can be covered.
    pub(crate) fn prepare(self) -> Result<Prepared, Failure> {
        let CommandLine { name, arguments, library, mut folder } = self;
        let program = program::find(&name)?;
        let preload = library::preload(&library, &mut folder)?;
        Ok(Prepared { program, name, arguments, library, preload, _folder: folder })
    }
}

/// A program that can be launched.
pub(crate) struct Prepared {
    pub(crate) program: Program,
    /// Its words: the name by which it is called, and what follows.
    pub(crate) name: OsString,
    pub(crate) arguments: Vec<OsString>,
    /// The library's file.
    pub(crate) library: PathBuf,
    /// The value of `LD_PRELOAD`.
    pub(crate) preload: OsString,
    /// Where the compiled program and a link to the library may lie; gone with this.
    _folder: Folder,
}
