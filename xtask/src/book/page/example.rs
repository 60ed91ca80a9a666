//! The pages of recipes: what their document says, and their files.

use super::{Page, block};
use anyhow::{Context, Result};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// The folders of examples/, by name.
pub(in crate::book) fn folders(root: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(root.join("examples")).context("reading examples")? {
        let path = entry?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

/// A recipe.
pub(in crate::book) fn page(root: &Path, folder: &Path) -> Result<Page> {
    let path = folder.strip_prefix(root).context("a folder of the repository")?;
    let document = folder.join("README.md");
    let mut text = if document.is_file() {
        fs::read_to_string(&document).with_context(|| format!("reading {}", document.display()))?
    } else {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        format!("# {name}\n\nThe files of `{}`, which [Recipes](../README.md) tells more of.\n", path.display())
    };
    text.push_str("\n## The files\n");
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let entry = entry?;
        if !entry.file_type().is_file() || entry.path() == document {
            continue;
        }
        let code = fs::read_to_string(entry.path()).with_context(|| format!("reading {}", entry.path().display()))?;
        let name = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        let _ = write!(text, "\n### {}\n\n{}", name.display(), block(language(name), &code));
    }
    Ok(Page { source: path.join("README.md"), text })
}

/// What a browser is to take a file for.
fn language(file: &Path) -> &'static str {
    match file.extension().and_then(|ending| ending.to_str()) {
        Some("c" | "h") => "c",
        Some("sh") => "sh",
        Some("py") => "python",
        Some("rs") => "rust",
        Some("toml") => "toml",
        Some("yml") => "yaml",
        _ if file.ends_with("Makefile") => "makefile",
        _ => "text",
    }
}
