//! C and C++ files in place of a program.

use crate::failure::{Failure, reason};
use object::{Object, ObjectSymbol};
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a file is written in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    C,
    Cpp,
}

impl Language {
    /// By the end of the file's name, as gcc has it.
    fn of(source: &OsStr) -> Option<Language> {
        match Path::new(source).extension()?.to_str()? {
            "c" => Some(Language::C),
            "cc" | "cp" | "cpp" | "cxx" | "c++" | "CPP" | "C" => Some(Language::Cpp),
            _ => None,
        }
    }

    /// The variable that names the compiler, what it is without, and the package that has that.
    fn compiler(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Language::C => ("CC", "cc", "gcc"),
            Language::Cpp => ("CXX", "c++", "g++"),
        }
    }
}

/// How many of the words are files that are to be compiled: those that the command line starts with.
pub(crate) fn sources(words: &[OsString]) -> usize {
    words.iter().take_while(|word| Language::of(word).is_some()).count()
}

/// Compiles files with debug information into `folder`, as one program; the compilers speak for themselves.
pub(crate) fn compile(sources: &[OsString], folder: &Path) -> Result<PathBuf, Failure> {
    if let Some(missing) = sources.iter().find(|source| !Path::new(source).exists()) {
        return Err(Failure::not_found(format!("'{}' does not exist", missing.to_string_lossy())));
    }
    let first = sources.first().map(PathBuf::from).unwrap_or_default();
    let program = folder.join(first.file_stem().unwrap_or_default());
    // Where a part is C++, that links.
    let is_cpp = sources.iter().any(|source| Language::of(source) == Some(Language::Cpp));
    let language = if is_cpp { Language::Cpp } else { Language::C };
    let link = |inputs: &[OsString]| {
        run(language, inputs, &["-g", "-o"], &program, folder, || format!("'{}' was not compiled", first.display()))
    };
    if let [source] = sources {
        link(std::slice::from_ref(source))?;
    } else {
        link(&objects(sources, folder)?)?;
    }
    Ok(program)
}

/// Compiles each file by itself, in its own language.
fn objects(sources: &[OsString], folder: &Path) -> Result<Vec<OsString>, Failure> {
    let mut objects = Vec::new();
    let mut with_main = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        let object = folder.join(format!("{number}.o"));
        let language = Language::of(source).unwrap_or(Language::C);
        let shown = source.to_string_lossy();
        let what = || format!("'{shown}' was not compiled");
        run(language, std::slice::from_ref(source), &["-g", "-c", "-o"], &object, folder, what)?;
        if defines_main(&object) {
            with_main.push(format!("'{shown}'"));
        }
        objects.push(object.into_os_string());
    }
    if let [first, others @ ..] = &with_main[..]
        && !others.is_empty()
    {
        return Err(Failure::usage(format!(
            "{first} and {} each define main, and files that are given together become one program; run one at a \
             time: mapsan run {}",
            others.join(" and "),
            first.trim_matches('\'')
        )));
    }
    Ok(objects)
}

/// Whether an object file has a main of its own.
fn defines_main(path: &Path) -> bool {
    let content = fs::read(path).unwrap_or_default();
    let Ok(file) = object::File::parse(&*content) else { return false };
    file.symbols().any(|symbol| symbol.name() == Ok("main") && symbol.is_definition() && symbol.is_global())
}

/// Runs a compiler.
fn run(
    language: Language,
    inputs: &[OsString],
    options: &[&str],
    output: &Path,
    folder: &Path,
    failed: impl Fn() -> String,
) -> Result<(), Failure> {
    let (variable, usual, package) = language.compiler();
    let compiler = env::var(variable).ok().filter(|compiler| !compiler.trim().is_empty()).unwrap_or(usual.to_owned());
    let mut words = compiler.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or(usual));
    // Its own files go where there is room.
    command.env("TMPDIR", folder);
    command.args(words).args(options).arg(output).args(inputs);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(Failure::own(format!("{}; see the compiler's errors above", failed()))),
        Err(error) => Err(Failure::own(format!(
            "the compiler '{compiler}' can't be run: {}; install one (apt-get install {package}), or set {variable}",
            reason(&error)
        ))),
    }
}
