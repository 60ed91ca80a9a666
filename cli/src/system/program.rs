//! Which file is run, and whether the library can cover it.

use crate::failure::Failure;
use mapsan_model::Rule;
use object::read::elf::{ElfFile, FileHeader, ProgramHeader, SectionHeader};
use object::{Architecture, Object, ObjectSymbol, ReadCache};
use std::env;
use std::ffi::{CString, OsStr};
use std::fmt;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A program that can be run.
#[derive(Debug)]
pub(crate) struct Program {
    /// The file that is executed.
    pub(crate) path: PathBuf,
    /// How it is covered, or why it can't be.
    pub(crate) cover: Result<Cover, Uncovered>,
}

/// How a program is covered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cover {
    /// Whether it is linked with the runtime of `AddressSanitizer`, which wants to be the first library.
    pub(crate) has_asan: bool,
    /// Whether it is linked with the library.
    pub(crate) has_library: bool,
    /// The calls that it defines itself, without a way to hand them on: those that it makes never leave it.
    pub(crate) own_calls: Vec<String>,
}

/// Why a program is not covered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Uncovered {
    /// What it is, and what to do.
    pub(crate) reason: String,
    /// Whether it bears the library in `LD_PRELOAD`, for the sake of what it starts.
    pub(crate) bears_preload: bool,
}

impl fmt::Display for Uncovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// Why looking at a file ended.
enum InspectError {
    Uncovered(Uncovered),
    Failure(Failure),
}

impl From<Failure> for InspectError {
    fn from(failure: Failure) -> InspectError {
        InspectError::Failure(failure)
    }
}

/// It is not covered, and bears the library.
fn uncovered(reason: String) -> InspectError {
    InspectError::Uncovered(Uncovered { reason, bears_preload: true })
}

/// It is not covered, and the library would be an error to its loader.
fn foreign(reason: String) -> InspectError {
    InspectError::Uncovered(Uncovered { reason, bears_preload: false })
}

/// How many interpreters may follow each other.
const INTERPRETERS: usize = 4;

/// Finds a program as execvp(3) does, and looks at it.
pub(crate) fn find(name: &OsStr) -> Result<Program, Failure> {
    let path = resolve(name)?;
    let cover = match inspect_file(&path, INTERPRETERS) {
        Ok(cover) => Ok(cover),
        Err(InspectError::Uncovered(why)) => Err(why),
        Err(InspectError::Failure(failure)) => return Err(failure),
    };
    Ok(Program { path, cover })
}

/// Whether a file that was executed can be covered.
pub(crate) fn inspect(path: &Path) -> Result<Cover, Uncovered> {
    match inspect_file(path, INTERPRETERS) {
        Err(InspectError::Uncovered(why)) => Err(why),
        // It was executed, whatever is said of it now.
        Err(InspectError::Failure(_)) => Ok(Cover::default()),
        Ok(cover) => Ok(cover),
    }
}

/// The file of a program that is found in PATH.
pub(crate) fn in_path(name: &str) -> Option<PathBuf> {
    resolve(OsStr::new(name)).ok()
}

fn resolve(name: &OsStr) -> Result<PathBuf, Failure> {
    let shown = name.to_string_lossy();
    // "." and ".." are folders, wherever they stand.
    if name.as_bytes().contains(&b'/') || name == "." || name == ".." {
        let path = PathBuf::from(name);
        return match executable(&path) {
            Ok(()) => Ok(path),
            Err(NotExecutable::Absent) => Err(Failure::not_found(format!("'{shown}' does not exist"))),
            Err(refusal) => Err(refusal.of(&path)),
        };
    }
    let search = env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    let mut refused = None;
    for directory in env::split_paths(&search) {
        let path = directory.join(name);
        match executable(&path) {
            Ok(()) => return Ok(path),
            Err(NotExecutable::Absent) => {}
            Err(refusal) => refused = refused.or(Some(refusal.of(&path))),
        }
    }
    let here = if Path::new(name).exists() { format!("; there is one here: write ./{shown}") } else { String::new() };
    Err(refused.unwrap_or_else(|| Failure::not_found(format!("'{shown}' is in no directory of PATH{here}"))))
}

/// Why a file can't be executed.
enum NotExecutable {
    Absent,
    Directory,
    NotPermitted,
}

impl NotExecutable {
    fn of(&self, path: &Path) -> Failure {
        let path = path.display();
        match self {
            NotExecutable::Absent => Failure::not_found(format!("'{path}' does not exist")),
            NotExecutable::Directory => Failure::not_executable(format!("'{path}' is a directory, not a program")),
            NotExecutable::NotPermitted => {
                Failure::not_executable(format!("'{path}' is not executable; if it is a program, chmod +x it"))
            }
        }
    }
}

fn executable(path: &Path) -> Result<(), NotExecutable> {
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::PermissionDenied => NotExecutable::NotPermitted,
        _ => NotExecutable::Absent,
    })?;
    if metadata.is_dir() {
        return Err(NotExecutable::Directory);
    }
    let c_path = CString::new(path.as_os_str().as_bytes()).map_err(|_| NotExecutable::Absent)?;
    // SAFETY: a zero-terminated string.
    let may = unsafe { libc::access(c_path.as_ptr(), libc::X_OK) } == 0;
    if may && metadata.permissions().mode() & 0o111 != 0 { Ok(()) } else { Err(NotExecutable::NotPermitted) }
}

/// Looks at a file, and for a script at its interpreter.
fn inspect_file(path: &Path, interpreters: usize) -> Result<Cover, InspectError> {
    let shown = path.display();
    // A program that may be executed and not read can't be looked at; the run will tell.
    let Ok(file) = File::open(path) else { return Ok(Cover::default()) };
    secure_execution(path)?;
    let mut start = Vec::new();
    BufReader::new(&file)
        .take(256)
        .read_to_end(&mut start)
        .map_err(|error| Failure::own(format!("'{shown}': {error}")))?;
    if let Some(line) = start.strip_prefix(b"#!") {
        return match interpreter(line) {
            Some(interpreter) if interpreters > 0 => inspect_file(&resolve(&interpreter)?, interpreters - 1),
            _ => Ok(Cover::default()),
        };
    }
    if !start.starts_with(b"\x7fELF") {
        // execvp(3) hands it to the shell.
        return Ok(Cover::default());
    }
    let cache = ReadCache::new(file);
    match object::FileKind::parse(&cache) {
        // The loader, which loads what it is given as a program, and the library before it.
        Ok(object::FileKind::Elf64) if is_loader(path) => Ok(Cover::default()),
        Ok(object::FileKind::Elf64) => {
            let elf = ElfFile::<object::elf::FileHeader64<object::Endianness>, _>::parse(&cache);
            covered(&elf.map_err(|error| Failure::not_executable(format!("'{shown}': {error}")))?)
        }
        Ok(object::FileKind::Elf32) => Err(foreign(format!(
            "it is a 32-bit program, and the library is built for {}; build a 64-bit one",
            env::consts::ARCH
        ))),
        _ => Err(Failure::not_executable(format!("'{shown}' is not a valid ELF file")).into()),
    }
}

/// Whether a file is glibc's loader, by its name.
fn is_loader(path: &Path) -> bool {
    let name = |path: &Path| path.file_name().is_some_and(|name| name.as_bytes().starts_with(b"ld-linux"));
    name(path) || path.canonicalize().is_ok_and(|path| name(&path))
}

/// The interpreter of a `#!` line; with `env`, the program that it looks for.
fn interpreter(line: &[u8]) -> Option<std::ffi::OsString> {
    let line = line.lines().next()?.ok()?;
    let mut words = line.split_whitespace();
    let first = words.next()?;
    let word = if Path::new(first).file_name() == Some(OsStr::new("env")) {
        words.find(|word| !word.starts_with('-') && !word.contains('=')).unwrap_or(first)
    } else {
        first
    };
    Some(std::ffi::OsString::from_vec(word.as_bytes().to_vec()))
}

/// Names a program to which the loader gives no preload: one that runs with other rights than its caller.
fn secure_execution(path: &Path) -> Result<(), InspectError> {
    let Ok(metadata) = fs::metadata(path) else {
        return Ok(());
    };
    // SAFETY: takes nothing and can't fail.
    let uid = unsafe { libc::geteuid() };
    // SAFETY: takes nothing and can't fail.
    let gid = unsafe { libc::getegid() };
    let mode = metadata.mode();
    let what = if mode & 0o4000 != 0 && metadata.uid() != uid {
        "set-user-ID"
    } else if mode & 0o2010 == 0o2010 && metadata.gid() != gid {
        "set-group-ID"
    } else if uid != 0 && has_capabilities(path) {
        "a program with file capabilities"
    } else {
        return Ok(());
    };
    Err(uncovered(format!(
        "it is {what}: the loader ignores LD_PRELOAD there; run a copy without that right (cp makes one), or run it as \
         the user it runs as"
    )))
}

/// Whether a file gives capabilities to who executes it, capabilities(7).
pub(crate) fn has_capabilities(path: &Path) -> bool {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else {
        return false;
    };
    // SAFETY: two zero-terminated strings, and no buffer, which asks for the size alone.
    unsafe { libc::getxattr(path.as_ptr(), c"security.capability".as_ptr(), std::ptr::null_mut(), 0) > 0 }
}

fn covered<'a, E: FileHeader, R: object::ReadRef<'a>>(elf: &ElfFile<'a, E, R>) -> Result<Cover, InspectError> {
    let own = match env::consts::ARCH {
        "aarch64" => Architecture::Aarch64,
        "riscv64" => Architecture::Riscv64,
        _ => Architecture::X86_64,
    };
    if elf.architecture() != own {
        return Err(foreign(format!(
            "it is a program for {:?}, and the library is built for {}; use a mapsan built for that architecture",
            elf.architecture(),
            env::consts::ARCH
        )));
    }
    // By their kinds: to look for a section by its name reads those of all before it.
    let Some(loader) = loader_of(elf) else {
        if elf.symbols().any(|symbol| symbol.name() == Ok("mapsan_version")) {
            return Ok(Cover { has_library: true, ..Cover::default() });
        }
        let is_go = [".note.go.buildid", ".go.buildinfo"].iter().any(|name| elf.section_by_name(name).is_some());
        return Err(uncovered(if is_go {
            "it is a Go program without cgo, which makes system calls by itself; build it with cgo".to_owned()
        } else {
            "it is statically linked: no library can be put before its own calls; link it dynamically, or link \
             libmapsan.a into it: cc -static prog.c -L FOLDER_OF_libmapsan.a -l:libmapsan.a"
                .to_owned()
        }));
    };
    let loader = String::from_utf8_lossy(loader).trim_end_matches('\0').to_owned();
    if !loader.contains("ld-linux") {
        return Err(foreign(format!(
            "it is loaded by {loader}: it is built for another libc than the library, which is for glibc; build the \
             program for glibc"
        )));
    }
    let strings = dynamic_strings(elf).unwrap_or_default();
    let needs = |library: &[u8]| strings.windows(library.len()).any(|window| window == library);
    Ok(Cover { has_asan: needs(b"libasan.so"), has_library: needs(b"libmapsan.so"), own_calls: own_calls(elf) })
}

/// The calls with rules that a program defines itself, unless it has the means to find the next definition of them, as the
/// runtimes of sanitizers do.
fn own_calls<'a, E: FileHeader, R: object::ReadRef<'a>>(elf: &ElfFile<'a, E, R>) -> Vec<String> {
    let is_call = |name: &str| Rule::ALL.iter().any(|rule| rule.info().call == name);
    let mut calls = Vec::new();
    for symbol in elf.dynamic_symbols() {
        match symbol.name() {
            Ok("dlsym" | "dlvsym") if symbol.is_undefined() => return Vec::new(),
            Ok(name) if symbol.is_definition() && is_call(name) => calls.push(name.to_owned()),
            _ => {}
        }
    }
    calls
}

/// The name of the loader that a program asks for.
fn loader_of<'a, E: FileHeader, R: object::ReadRef<'a>>(elf: &ElfFile<'a, E, R>) -> Option<&'a [u8]> {
    let headers = elf.elf_program_headers();
    headers.iter().find_map(|header| header.interpreter(elf.endian(), elf.data()).ok().flatten())
}

/// The strings of a program's dynamic section, the names of its libraries among them.
fn dynamic_strings<'a, E: FileHeader, R: object::ReadRef<'a>>(elf: &ElfFile<'a, E, R>) -> Option<&'a [u8]> {
    let mut sections = elf.elf_section_table().iter();
    let strings = sections.find(|section| {
        section.sh_type(elf.endian()) == object::elf::SHT_STRTAB
            && section.sh_flags(elf.endian()).contains(object::elf::SHF_ALLOC)
    })?;
    strings.data(elf.endian(), elf.data()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(name: &str) -> (u8, String) {
        let failure = find(OsStr::new(name)).unwrap_err();
        (failure.status(), failure.to_string())
    }

    #[test]
    fn programs_are_found_as_the_shell_finds_them() {
        assert!(find(OsStr::new("sh")).unwrap().path.ends_with("sh"));
        assert!(find(OsStr::new("/bin/sh")).is_ok());
        assert_eq!(refusal("/no/such/program").0, 127);
        assert_eq!(refusal("no-such-program").0, 127);
        assert_eq!(refusal("/etc/passwd").0, 126);
        assert_eq!(refusal("/").0, 126);
    }

    #[test]
    fn interpreters() {
        assert_eq!(interpreter(b"/bin/sh -e\necho").unwrap(), "/bin/sh");
        assert_eq!(interpreter(b" /usr/bin/env -S A=b python3 -u\n").unwrap(), "python3");
        assert!(interpreter(b"\n").is_none());
    }

    #[test]
    fn static_and_foreign_programs_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let source = directory.path().join("a.c");
        fs::write(&source, "int main(void) { return 0; }\n").unwrap();
        let program = directory.path().join("a");
        let done =
            std::process::Command::new("cc").arg("-static").arg("-o").args([&program, &source]).status().unwrap();
        assert!(done.success());
        let why = find(program.as_os_str()).unwrap().cover.unwrap_err();
        assert!(why.bears_preload && why.reason.contains("statically linked"), "{why}");

        // The machine number of the ELF header: an IBM S/390.
        let mut bytes = fs::read(&program).unwrap();
        bytes[18] = 22;
        fs::write(&program, bytes).unwrap();
        let why = find(program.as_os_str()).unwrap().cover.unwrap_err();
        assert!(!why.bears_preload && why.reason.contains("architecture"), "{why}");
    }
}
