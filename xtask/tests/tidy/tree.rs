//! The files that are looked at, and what is found in them.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use walkdir::WalkDir;

/// Texts by their paths from the root. Each check takes one, so that its own test can hand it a tree with a defect.
pub(crate) struct Tree(BTreeMap<String, String>);

impl Tree {
    /// All of the repository; a file that is no text has none here.
    pub(crate) fn of_the_repository() -> Tree {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the repository");
        let is_built_or_hidden = |name: &str| name == "target" || (name.starts_with('.') && name != ".ci");
        let files = WalkDir::new(root)
            .min_depth(1)
            .into_iter()
            .filter_entry(|entry| !is_built_or_hidden(&entry.file_name().to_string_lossy()))
            .map(|entry| entry.expect("the repository can be read"))
            .filter(|entry| entry.file_type().is_file());
        Tree(
            files
                .map(|file| {
                    let path = file.path().strip_prefix(root).expect("it lies below").to_string_lossy().into_owned();
                    (path, fs::read_to_string(file.path()).unwrap_or_default())
                })
                .collect(),
        )
    }

    /// These files and no others.
    pub(crate) fn of(files: &[(&str, &str)]) -> Tree {
        Tree(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    /// A file's text.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// Whether there is such a file or folder.
    pub(crate) fn holds(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        self.0.contains_key(path)
            || self.0.range(folder.clone()..).next().is_some_and(|(at, _)| at.starts_with(&folder))
    }

    /// The paths below a folder (`""`: all), in order, with their texts.
    pub(crate) fn below(&self, folder: &str) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .filter(move |(path, _)| path.starts_with(folder))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// All files of Rust.
    pub(crate) fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.below("").filter(|(path, _)| Path::new(path).extension().is_some_and(|extension| extension == "rs"))
    }
}

/// What is wrong, and where.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Defect {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl Defect {
    pub(crate) fn new(path: &str, line: usize, what: impl Into<String>) -> Defect {
        Defect { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path, self.line, self.what)
    }
}
