//! How a path is shown.

use std::path::Path;

/// A path as it is shown: relative to the working directory where it lies below that.
pub(crate) fn display_path(path: &Path) -> String {
    let below = std::env::current_dir().ok().and_then(|here| Some(path.strip_prefix(here).ok()?.to_owned()));
    below.unwrap_or_else(|| path.to_owned()).display().to_string()
}
