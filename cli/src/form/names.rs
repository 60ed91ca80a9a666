//! The forms by their names.

use super::contract::{Form, TextStyle};
use super::{codeclimate, ctest, gcc, github, json, junit, sarif, text, valgrind};
use crate::path::SourceRoot;

/// The names, in the order in which `--help` lists them; `ctest` is not for people, and not among them.
pub(crate) const NAMES: [&str; 8] = ["text", "json", "sarif", "junit", "valgrind-xml", "gcc", "github", "codeclimate"];

/// Whether a form is a document, which is of no use before its end; the others are read while they grow.
pub(crate) fn is_document(name: &str) -> bool {
    matches!(name, "sarif" | "junit" | "valgrind-xml" | "codeclimate" | "ctest")
}

/// The form of this name; text for one that is none. Paths in those for machines are relative to `root`.
pub(crate) fn form(name: &str, style: TextStyle, root: &SourceRoot) -> Box<dyn Form> {
    match name {
        "json" => Box::new(json::Json),
        "sarif" => Box::<sarif::Sarif>::default(),
        "junit" => Box::<junit::Junit>::default(),
        "valgrind-xml" => Box::<valgrind::Valgrind>::default(),
        "gcc" => Box::new(gcc::Gcc),
        "github" => Box::new(github::Github::new(root.clone())),
        "codeclimate" => Box::<codeclimate::CodeClimate>::default(),
        "ctest" => Box::new(ctest::CTest),
        _ => Box::new(text::Text::new(style)),
    }
}
