//! Which file is run, and whether the library can cover it.

use crate::failure::Failure;
use object::read::elf::{ElfFile, FileHeader};
use object::{Architecture, Object, ObjectSection, ObjectSymbol, ReadCache};
use std::env;
use std::ffi::{CString, OsStr};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A program that can be covered.
#[derive(Debug)]
pub(crate) struct Program {
    /// The file that is executed.
    pub(crate) path: PathBuf,
    /// Whether it is linked with the runtime of `AddressSanitizer`, which wants to be the first library.
    pub(crate) has_asan: bool,
}

/// How many interpreters may follow each other.
const INTERPRETERS: usize = 4;

/// Finds a program as execvp(3) does, and looks at it.
pub(crate) fn find(name: &OsStr) -> Result<Program, Failure> {
    let path = resolve(name)?;
    let has_asan = inspect(&path, INTERPRETERS)?;
    Ok(Program { path, has_asan })
}

fn resolve(name: &OsStr) -> Result<PathBuf, Failure> {
    let shown = name.to_string_lossy();
    if name.as_bytes().contains(&b'/') {
        let path = PathBuf::from(name);
        return match executable(&path) {
            Ok(()) => Ok(path),
            Err(Refusal::Absent) => Err(Failure::not_found(format!("'{shown}' does not exist"))),
            Err(refusal) => Err(refusal.of(&path)),
        };
    }
    let search = env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    let mut refused = None;
    for directory in env::split_paths(&search) {
        let path = directory.join(name);
        match executable(&path) {
            Ok(()) => return Ok(path),
            Err(Refusal::Absent) => {}
            Err(refusal) => refused = refused.or(Some(refusal.of(&path))),
        }
    }
    let here = if Path::new(name).exists() { format!("; there is one here: write ./{shown}") } else { String::new() };
    Err(refused.unwrap_or_else(|| Failure::not_found(format!("'{shown}' is in no directory of PATH{here}"))))
}

/// Why a file can't be executed.
enum Refusal {
    Absent,
    Directory,
    NotPermitted,
}

impl Refusal {
    fn of(&self, path: &Path) -> Failure {
        let path = path.display();
        match self {
            Refusal::Absent => Failure::not_found(format!("'{path}' does not exist")),
            Refusal::Directory => Failure::not_executable(format!("'{path}' is a directory, not a program")),
            Refusal::NotPermitted => {
                Failure::not_executable(format!("'{path}' is not executable; if it is a program, chmod +x it"))
            }
        }
    }
}

fn executable(path: &Path) -> Result<(), Refusal> {
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::PermissionDenied => Refusal::NotPermitted,
        _ => Refusal::Absent,
    })?;
    if metadata.is_dir() {
        return Err(Refusal::Directory);
    }
    let c_path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Refusal::Absent)?;
    // SAFETY: a zero-terminated string.
    let may = unsafe { libc::access(c_path.as_ptr(), libc::X_OK) } == 0;
    if may && metadata.permissions().mode() & 0o111 != 0 { Ok(()) } else { Err(Refusal::NotPermitted) }
}

/// Looks at a file; true if it has the runtime of `AddressSanitizer`.
fn inspect(path: &Path, interpreters: usize) -> Result<bool, Failure> {
    let shown = path.display();
    // A program that may be executed and not read can't be looked at; the run will tell.
    let Ok(file) = File::open(path) else { return Ok(false) };
    secure_execution(path)?;
    let mut start = Vec::new();
    BufReader::new(&file)
        .take(256)
        .read_to_end(&mut start)
        .map_err(|error| Failure::own(format!("'{shown}': {error}")))?;
    if let Some(line) = start.strip_prefix(b"#!") {
        return match interpreter(line) {
            Some(interpreter) if interpreters > 0 => inspect(&resolve(&interpreter)?, interpreters - 1),
            _ => Ok(false),
        };
    }
    if !start.starts_with(b"\x7fELF") {
        // execvp(3) hands it to the shell.
        return Ok(false);
    }
    let cache = ReadCache::new(file);
    match object::FileKind::parse(&cache) {
        Ok(object::FileKind::Elf64) => {
            let elf = ElfFile::<object::elf::FileHeader64<object::Endianness>, _>::parse(&cache);
            covered(path, &elf.map_err(|error| Failure::not_executable(format!("'{shown}': {error}")))?)
        }
        Ok(object::FileKind::Elf32) => Err(Failure::own(format!(
            "'{shown}' is a 32-bit program, and the library is built for {}; build a 64-bit one",
            env::consts::ARCH
        ))),
        _ => Err(Failure::not_executable(format!("'{shown}' is not a valid ELF file"))),
    }
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

/// Refuses a program to which the loader gives no preload: one that runs with other rights than its caller.
fn secure_execution(path: &Path) -> Result<(), Failure> {
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
    Err(Failure::own(format!(
        "'{}' is {what}: the loader ignores LD_PRELOAD there; run a copy without that right (cp makes one), or run it \
         as the user it runs as",
        path.display()
    )))
}

fn has_capabilities(path: &Path) -> bool {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else {
        return false;
    };
    // SAFETY: two zero-terminated strings, and no buffer, which asks for the size alone.
    unsafe { libc::getxattr(path.as_ptr(), c"security.capability".as_ptr(), std::ptr::null_mut(), 0) > 0 }
}

fn covered<'a, E: FileHeader, R: object::ReadRef<'a>>(path: &Path, elf: &ElfFile<'a, E, R>) -> Result<bool, Failure> {
    let shown = path.display();
    let own = match env::consts::ARCH {
        "aarch64" => Architecture::Aarch64,
        _ => Architecture::X86_64,
    };
    if elf.architecture() != own {
        return Err(Failure::own(format!(
            "'{shown}' is a program for {:?}, and the library is built for {}; use a mapsan built for that architecture",
            elf.architecture(),
            env::consts::ARCH
        )));
    }
    let is_go = elf.section_by_name(".note.go.buildid").is_some() || elf.section_by_name(".go.buildinfo").is_some();
    let Some(loader) = elf.section_by_name(".interp").and_then(|section| section.data().ok().map(<[u8]>::to_vec))
    else {
        if elf.symbols().any(|symbol| symbol.name() == Ok("mapsan_version")) {
            return Ok(false);
        }
        let go = if is_go { "a Go program without cgo and " } else { "" };
        return Err(Failure::own(format!(
            "'{shown}' is {go}statically linked: no library can be put before its own calls; link it dynamically, or \
             link libmapsan.a into it: cc -static prog.c -L DIR -l:libmapsan.a"
        )));
    };
    let loader = String::from_utf8_lossy(&loader).trim_end_matches('\0').to_owned();
    if !loader.contains("ld-linux") {
        return Err(Failure::own(format!(
            "'{shown}' is loaded by {loader}: it is built for another libc than the library, which is for glibc; build \
             the program for glibc"
        )));
    }
    let needs = |name: &[u8]| {
        elf.section_by_name(".dynstr")
            .and_then(|section| section.data().ok())
            .is_some_and(|strings| strings.windows(name.len()).any(|window| window == name))
    };
    Ok(needs(b"libasan.so"))
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
        let (status, message) = refusal(program.to_str().unwrap());
        assert!(status == 125 && message.contains("statically linked"), "{message}");

        // The machine number of the ELF header: an IBM S/390.
        let mut bytes = fs::read(&program).unwrap();
        bytes[18] = 22;
        fs::write(&program, bytes).unwrap();
        let (status, message) = refusal(program.to_str().unwrap());
        assert!(status == 125 && message.contains("architecture"), "{message}");
    }
}
