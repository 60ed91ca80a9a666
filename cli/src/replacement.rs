//! A file that is written beside its place and takes it when it is whole: whoever reads it finds all of it, or nothing.

use crate::failure::{Failure, unwritable};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The file on its way.
#[derive(Debug)]
pub(crate) struct Replacement {
    file: File,
    /// Where it is written.
    beside: PathBuf,
    place: PathBuf,
}

impl Replacement {
    /// Begins one, and removes what is in its place: an earlier one must not be taken for it. `None` where that can't be
    /// done: the place is a pipe or a device, or no file can be made beside it.
    pub(crate) fn of(place: &Path) -> Option<Replacement> {
        // A symbolic link stays one.
        let place = place.canonicalize().unwrap_or_else(|_| place.to_owned());
        let before = fs::symlink_metadata(&place);
        if before.as_ref().is_ok_and(|before| !before.is_file()) {
            return None;
        }
        let name = place.file_name()?.to_str()?;
        remove_abandoned(&place, name);
        let beside = place.with_file_name(format!(".{name}.mapsan-{}", std::process::id()));
        let file = OpenOptions::new().write(true).create_new(true).open(&beside).ok()?;
        let replacement = Replacement { file, beside, place };
        if let Ok(before) = before {
            fs::set_permissions(&replacement.beside, before.permissions()).ok()?;
            // One that may not be written may not be removed either.
            OpenOptions::new().write(true).open(&replacement.place).ok()?;
            fs::remove_file(&replacement.place).ok()?;
        }
        Some(replacement)
    }

    /// Writes on.
    pub(crate) fn write(&mut self, text: &str) -> Result<(), Failure> {
        self.file.write_all(text.as_bytes()).map_err(|error| self.failure(&error))
    }

    /// It is whole.
    pub(crate) fn put_in_place(self) -> Result<(), Failure> {
        fs::rename(&self.beside, &self.place).map_err(|error| self.failure(&error))
    }

    fn failure(&self, error: &io::Error) -> Failure {
        unwritable(&format!("'{}'", self.place.display()), error)
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.beside);
    }
}

/// Removes what commands have left beside a place that were killed.
fn remove_abandoned(place: &Path, name: &str) {
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let other = entry.file_name();
        let maker = other.to_str().and_then(|other| {
            other.strip_prefix('.')?.strip_prefix(name)?.strip_prefix(".mapsan-")?.parse::<libc::pid_t>().ok()
        });
        // SAFETY: signal 0 only asks.
        let is_gone =
            |pid| unsafe { libc::kill(pid, 0) } != 0 && io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH);
        if maker.is_some_and(is_gone) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn it_is_there_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (place, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&place, "earlier").unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o640)).unwrap();
        fs::write(folder.path().join(".file.mapsan-2147483646"), "left").unwrap();
        symlink("file", &link).unwrap();
        let mut one = Replacement::of(&link).unwrap();
        one.write("whole").unwrap();
        assert!(!place.exists() && !folder.path().join(".file.mapsan-2147483646").exists());
        one.put_in_place().unwrap();
        assert_eq!(fs::read_to_string(&link).unwrap(), "whole");
        assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o640);
        drop(Replacement::of(&place).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "the link alone is left of one that is given up");
        assert!(Replacement::of(Path::new("/dev/null")).is_none());
    }
}
