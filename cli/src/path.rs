//! How a path is shown.

use std::env;
use std::path::{Component, Path, PathBuf};

/// A path as it is shown: relative to the working directory where it lies below that.
pub(crate) fn display_path(path: &Path) -> String {
    let below = env::current_dir().ok().and_then(|here| Some(path.strip_prefix(here).ok()?.to_owned()));
    below.unwrap_or_else(|| path.to_owned()).display().to_string()
}

/// The folder that the paths of a report for machines are relative to, whichever folder the command was called in.
#[derive(Clone, Debug)]
pub(crate) struct SourceRoot(PathBuf);

impl SourceRoot {
    /// This folder; without one the top of the repository that the working directory lies in, or the working directory.
    pub(crate) fn find(given: Option<&Path>) -> SourceRoot {
        let here = env::current_dir().unwrap_or_default();
        if let Some(given) = given {
            return SourceRoot(normal(&here.join(given)));
        }
        let is_top = |folder: &&Path| [".git", ".hg", ".jj", ".svn"].iter().any(|name| folder.join(name).exists());
        SourceRoot(here.ancestors().find(is_top).unwrap_or(&here).to_owned())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A path below the folder, as it is from there; `None` of one that lies elsewhere. A path of debug information that is
    /// relative (the compiler was told to leave the folder out) is meant from there.
    pub(crate) fn relative(&self, path: &Path) -> Option<PathBuf> {
        let whole = normal(&self.0.join(path));
        let below = |root: &Path, path: &Path| Some(path.strip_prefix(root).ok()?.to_owned());
        let by_links = || below(&self.0.canonicalize().ok()?, &whole.canonicalize().ok()?);
        below(&self.0, &whole).or_else(by_links)
    }
}

/// A path without `.` and `..`, as far as that can be seen from it alone.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if normal.file_name().is_some() => _ = normal.pop(),
            _ => normal.push(component),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_root() {
        let root = SourceRoot::find(Some(Path::new("/srv/./work/build/..")));
        let relative = |path: &str| root.relative(Path::new(path)).map(|path| path.display().to_string());
        assert_eq!(relative("/srv/work/build/../src/a.c").unwrap(), "src/a.c");
        assert_eq!(relative("src/./a.c").unwrap(), "src/a.c");
        assert_eq!(relative("/srv/workshop/a.c"), None);
        assert_eq!(relative("../a.c"), None);
    }

    #[test]
    fn the_root_is_found_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("real")).unwrap();
        std::fs::write(folder.path().join("real/a.c"), "").unwrap();
        std::os::unix::fs::symlink("real", folder.path().join("link")).unwrap();
        let root = SourceRoot::find(Some(&folder.path().join("link")));
        assert_eq!(root.relative(&folder.path().join("real/a.c")).unwrap(), Path::new("a.c"));
    }
}
