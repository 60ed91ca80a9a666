//! `cargo xtask book`: the documents, the recipes and the rules with their programs as a book that a browser shows.
//!
//! What is declared here is which documents there are, and in which order; all else is read. The sources of the book have the
//! folders of the repository, so that links of documents stay what they are. mdBook makes the pages.

mod page;

use crate::links::{broken, links, plain};
use anyhow::{Context, Result, bail};
use mapsan_model::Rule;
use page::{Page, example, rule};
use std::collections::BTreeMap;
use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a part of the book consists of.
enum Chapters {
    /// Documents, by their paths.
    Documents(&'static [&'static str]),
    /// Each folder of examples/, below the document.
    Recipes(&'static str),
    /// Each rule, below the call that it is about.
    Rules,
}

use Chapters::{Documents, Recipes, Rules};

/// The book: README.md, and these parts.
const PARTS: &[(&str, Chapters)] = &[
    (
        "Use",
        Documents(&[
            "docs/first-hour.md",
            "docs/ci.md",
            "docs/gdb.md",
            "docs/servers.md",
            "docs/sandboxes.md",
            "docs/containers.md",
        ]),
    ),
    ("Go further", Documents(&["docs/sweep.md", "docs/races.md", "docs/fleet.md"])),
    ("Know", Documents(&["docs/gaps.md", "docs/performance.md", "docs/compatibility.md", "CHANGELOG.md"])),
    ("Recipes", Recipes("examples/README.md")),
    ("Rules", Rules),
    ("Behind it", Documents(&["ARCHITECTURE.md", "CONTRIBUTING.md", "c-tests/README.md"])),
];

/// What mdBook is told.
const SETTINGS: &str = r#"[book]
title = "mapsan"
language = "en"
src = "src"

[build]
create-missing = false

[output.html]
default-theme = "light"
preferred-dark-theme = "navy"
no-section-label = true
additional-css = ["book.css"]

[output.html.fold]
enable = true
level = 0

[output.html.print]
enable = false
"#;

/// Makes the book in target/book, or its sources alone.
pub(crate) fn book(sources_alone: bool) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the folder of the sources")?;
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let sources = target.join("book-sources");
    if sources.exists() {
        fs::remove_dir_all(&sources).with_context(|| format!("emptying {}", sources.display()))?;
    }
    write_sources(root, &sources)?;
    let dead = broken(&sources.join("src"))?;
    if !dead.is_empty() {
        bail!("links that lead nowhere:\n{}", dead.join("\n"));
    }
    if sources_alone {
        println!("the sources of the book: {}", sources.display());
        return Ok(());
    }
    let book = target.join("book");
    let made = Command::new("mdbook").arg("build").arg(&sources).arg("--dest-dir").arg(&book).status();
    match made {
        Ok(status) if status.success() => println!("the book: {}", book.join("index.html").display()),
        Ok(status) => bail!("mdbook ended with {status}"),
        Err(error) => bail!("mdbook can't be run ({error}); install it: cargo install mdbook --version 0.5.4 --locked"),
    }
    Ok(())
}

/// Writes what mdBook reads: settings, style, contents and pages.
fn write_sources(root: &Path, sources: &Path) -> Result<()> {
    let mut contents = Contents { text: String::from("# Contents\n\n"), pages: BTreeMap::new() };
    contents.add("", Page::read(root, "README.md")?);
    for (name, chapters) in PARTS {
        let _ = writeln!(contents.text, "\n# {name}\n");
        match chapters {
            Documents(paths) => {
                for path in *paths {
                    contents.add("- ", Page::read(root, path)?);
                }
            }
            Recipes(document) => {
                contents.add("- ", Page::read(root, document)?);
                for folder in example::folders(root)? {
                    contents.add("  - ", example::page(root, &folder)?);
                }
            }
            Rules => {
                contents.add("- ", rule::overview());
                for call in Rule::calls() {
                    contents.add("- ", rule::of_call(call));
                    for each in Rule::ALL.iter().filter(|each| each.info().call == call) {
                        contents.add("  - ", rule::page(root, *each)?);
                    }
                }
            }
        }
    }
    let Contents { text: contents, pages } = contents;
    let folder = sources.join("src");
    for page in pages.values() {
        write(&folder.join(page.place()), &page.linked(root, &pages))?;
        copy_linked(root, page, &folder, &pages)?;
    }
    write(&folder.join("SUMMARY.md"), &contents)?;
    write(&sources.join("book.toml"), SETTINGS)?;
    write(&sources.join("book.css"), include_str!("book/book.css"))
}

/// The pages, and the list of them.
struct Contents {
    text: String,
    pages: BTreeMap<PathBuf, Page>,
}

impl Contents {
    fn add(&mut self, mark: &str, page: Page) {
        let _ = writeln!(self.text, "{mark}[{}]({})", page.title(), page.place().display());
        self.pages.insert(page.source.clone(), page);
    }
}

/// The files that a page leads to and that are no pages go with it.
fn copy_linked(root: &Path, page: &Page, folder: &Path, pages: &BTreeMap<PathBuf, Page>) -> Result<()> {
    let above = page.source.parent().unwrap_or(Path::new(""));
    for link in links(&page.text) {
        let Some((file, _)) = link.inner().filter(|(file, _)| !file.is_empty()) else { continue };
        let path = plain(&above.join(file));
        if !pages.contains_key(&path) && root.join(&path).is_file() {
            let copy = folder.join(&path);
            fs::create_dir_all(copy.parent().unwrap_or(folder))?;
            fs::copy(root.join(&path), &copy).with_context(|| format!("copying {}", path.display()))?;
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
    }

    #[test]
    fn each_document_stands_in_the_book() {
        let listed: Vec<&str> = PARTS
            .iter()
            .flat_map(|(_, chapters)| match chapters {
                Documents(paths) => *paths,
                Recipes(_) | Rules => &[],
            })
            .copied()
            .collect();
        for document in crate::links::documents(&root().join("docs")).unwrap() {
            let name = document.strip_prefix(root()).unwrap().to_str().unwrap();
            assert!(listed.contains(&name), "{name} is not in the book");
        }
    }

    #[test]
    fn the_sources_of_the_book_hold_together() {
        let sources = env::temp_dir().join(format!("mapsan-book-{}", std::process::id()));
        write_sources(root(), &sources).unwrap();
        let broken = broken(&sources.join("src")).unwrap();
        let contents = fs::read_to_string(sources.join("src/SUMMARY.md")).unwrap();
        let rule = fs::read_to_string(sources.join("src/model/rules/munmap-double.md")).unwrap();
        fs::remove_dir_all(&sources).unwrap();
        assert!(broken.is_empty(), "\n{}", broken.join("\n"));
        for chapter in
            ["[mapsan](index.md)", "(docs/ci.md)", "(examples/sweep/index.md)", "(model/rules/munmap-double.md)"]
        {
            assert!(contents.contains(chapter), "{chapter} is not in\n{contents}");
        }
        for part in ["/* faulty */", "error[munmap-double]"] {
            assert!(rule.contains(part), "{part} is not in\n{rule}");
        }
    }
}
