//! Where `libmapsan.so` lies, and how it gets into `LD_PRELOAD`.

use crate::failure::{Failure, reason};
use crate::system::folder::Folder;
use std::env;
use std::ffi::{CStr, OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const NAME: &str = "libmapsan.so";

/// The library: `MAPSAN_RUNTIME`, or beside the command, or in the lib folder next to its own.
pub(crate) fn find() -> Result<PathBuf, Failure> {
    if let Some(place) = env::var_os("MAPSAN_RUNTIME").filter(|place| !place.is_empty()) {
        let place = PathBuf::from(place);
        let library = if place.is_dir() { place.join(NAME) } else { place };
        return library.canonicalize().map_err(|error| {
            Failure::own(format!(
                "MAPSAN_RUNTIME names '{}', which can't be used: {}; it takes {NAME} or its folder",
                library.display(),
                reason(&error)
            ))
        });
    }
    let command =
        command_file().map_err(|error| Failure::own(format!("the command can't find itself: {}", reason(&error))))?;
    let folder = command.parent().unwrap_or(Path::new("/"));
    // The folders of libraries that distributions use.
    let multiarch = format!("../lib/{}-linux-gnu", env::consts::ARCH);
    let places = [".", "../lib", "../lib64", &multiarch].map(|place| folder.join(place).join(NAME));
    places.iter().find_map(|place| place.canonicalize().ok()).ok_or_else(|| {
        let tried: Vec<String> = places.iter().map(|place| format!("'{}'", place.display())).collect();
        Failure::own(format!(
            "{NAME} was not found: looked for {}; build it with 'cargo build --release', or set MAPSAN_RUNTIME to it",
            tried.join(", ")
        ))
    })
}

/// The command's own file; where there is no /proc, by the path with which it was executed.
fn command_file() -> io::Result<PathBuf> {
    env::current_exe().and_then(|path| path.canonicalize()).or_else(|error| {
        // SAFETY: getauxval(3) reads what the kernel left on the stack.
        let name: *const libc::c_char = std::ptr::with_exposed_provenance(
            usize::try_from(unsafe { libc::getauxval(libc::AT_EXECFN) }).unwrap_or(0),
        );
        if name.is_null() {
            return Err(error);
        }
        // SAFETY: a string that the kernel has left there, too, for the life of the process.
        let name = unsafe { CStr::from_ptr(name) };
        Path::new(OsStr::from_bytes(name.to_bytes())).canonicalize()
    })
}

/// The value of `LD_PRELOAD` with the library first. A path with a blank or colon can't stand there, so it gets a
/// link in a folder.
pub(crate) fn preload(library: &Path, folder: &mut Folder) -> Result<OsString, Failure> {
    let separates = |path: &OsStr| path.as_bytes().iter().any(|byte| b" :\t".contains(byte));
    let mut value = if separates(library.as_os_str()) {
        let link = folder.path()?.join(NAME);
        std::os::unix::fs::symlink(library, &link)
            .map_err(|error| Failure::own(format!("'{}' can't be made: {}", link.display(), reason(&error))))?;
        link.into_os_string()
    } else {
        library.as_os_str().to_owned()
    };
    if let Some(others) = env::var_os("LD_PRELOAD").filter(|others| !others.is_empty()) {
        value.push(":");
        value.push(others);
    }
    Ok(value)
}
