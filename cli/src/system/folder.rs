//! A temporary folder, for the runs that need one: a compiled program, a library whose path can't be preloaded.

use crate::failure::{Failure, reason};
use std::env;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A folder that is made when it is asked for, and removed in the end.
#[derive(Default)]
pub(crate) struct Folder {
    made: Option<tempfile::TempDir>,
}

impl Folder {
    /// Where it is.
    pub(crate) fn path(&mut self) -> Result<&Path, Failure> {
        if self.made.is_none() {
            let folder = tempfile::Builder::new().prefix("mapsan-").tempdir().map_err(|error| {
                let place = env::temp_dir();
                Failure::own(format!("no folder can be made in '{}' (TMPDIR): {}", place.display(), reason(&error)))
            })?;
            // The program may give up its rights before it needs what is there.
            let _ = std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711));
            self.made = Some(folder);
        }
        Ok(self.made.as_ref().map_or(Path::new("/"), tempfile::TempDir::path))
    }
}
