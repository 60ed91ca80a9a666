//! The links of documents, and those that lead to a file or heading that is not there.

use anyhow::{Context, Result};
use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};
use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use walkdir::WalkDir;

/// The parser, with what GitHub and mdBook know.
pub(crate) fn parse(text: &str) -> impl Iterator<Item = (Event<'_>, Range<usize>)> {
    Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH).into_offset_iter()
}

/// A link: where its whole text stands in the document, and what it leads to.
pub(crate) struct Link {
    pub(crate) range: Range<usize>,
    pub(crate) target: String,
}

impl Link {
    /// The file, seen from the document's folder, and the heading that it leads to; `None` if it leads out of the project.
    pub(crate) fn inner(&self) -> Option<(&str, &str)> {
        let is_outer = self.target.contains("://") || self.target.starts_with("mailto:");
        (!is_outer).then(|| self.target.split_once('#').unwrap_or((&self.target, "")))
    }
}

/// All links and pictures of a document.
pub(crate) fn links(text: &str) -> Vec<Link> {
    let mut found = Vec::new();
    for (event, range) in parse(text) {
        if let Event::Start(Tag::Link { link_type, dest_url, .. } | Tag::Image { link_type, dest_url, .. }) = event
            && !matches!(link_type, LinkType::Autolink | LinkType::Email)
        {
            found.push(Link { range, target: dest_url.into_string() });
        }
    }
    found
}

/// The names under which a document's headings can be linked to, as GitHub and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut heading: Option<String> = None;
    for (event, _) in parse(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let name = anchor(&heading.take().unwrap_or_default());
                // A second one of that name gets a number.
                let numbered = (1..).map(|number| format!("{name}-{number}"));
                let free = std::iter::once(name.clone()).chain(numbered).find(|name| !anchors.contains(name));
                anchors.extend(free);
            }
            Event::Text(words) | Event::Code(words) => {
                if let Some(heading) = heading.as_mut() {
                    heading.push_str(&words);
                }
            }
            _ => {}
        }
    }
    anchors
}

fn anchor(heading: &str) -> String {
    let kept = |character: char| match character {
        ' ' => Some('-'),
        '-' | '_' => Some(character),
        _ => character.is_alphanumeric().then(|| character.to_ascii_lowercase()),
    };
    heading.trim().chars().filter_map(kept).collect()
}

/// The first heading of a document.
pub(crate) fn title(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("# "))
}

/// The documents below a folder, but for what is built and for hidden folders.
pub(crate) fn documents(root: &Path) -> Result<Vec<PathBuf>> {
    let mut documents = Vec::new();
    let is_source = |name: &str| name != "target" && !name.starts_with('.');
    let walk = WalkDir::new(root).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(|entry| entry.depth() == 0 || entry.file_name().to_str().is_some_and(is_source)) {
        let entry = entry?;
        if entry.file_type().is_file() && entry.path().extension().is_some_and(|ending| ending == "md") {
            documents.push(entry.into_path());
        }
    }
    Ok(documents)
}

/// The links of all documents below a folder that lead to nothing there, a line each.
pub(crate) fn broken(root: &Path) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    for document in documents(root)? {
        let text = fs::read_to_string(&document).with_context(|| format!("reading {}", document.display()))?;
        let folder = document.parent().unwrap_or(root);
        for link in links(&text) {
            let Some((file, heading)) = link.inner() else { continue };
            let path = if file.is_empty() { document.clone() } else { folder.join(file) };
            let says = |what: &str| {
                let line = text[..link.range.start].matches('\n').count() + 1;
                let name = document.strip_prefix(root).unwrap_or(&document).display();
                format!("{name}:{line}: {what}: {}", link.target)
            };
            if !plain(&path).starts_with(root) || !path.exists() {
                broken.push(says("there is no such file"));
            } else if !heading.is_empty() && !anchors(&fs::read_to_string(&path).unwrap_or_default()).contains(heading)
            {
                broken.push(says("there is no such heading"));
            }
        }
    }
    Ok(broken)
}

/// A path without `.` and `..`.
pub(crate) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_link_of_the_documents_leads_somewhere() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let documents = documents(root).unwrap();
        assert!(documents.len() > 200, "{}", documents.len());
        let broken = broken(root).unwrap();
        assert!(broken.is_empty(), "\n{}", broken.join("\n"));
    }

    #[test]
    fn a_link_that_leads_nowhere_is_told() {
        let folder = std::env::temp_dir().join(format!("mapsan-links-{}", std::process::id()));
        fs::create_dir_all(folder.join("docs")).unwrap();
        fs::write(
            folder.join("a.md"),
            "# A `b`, c\n\n[x](docs/b.md#one-two) [y](docs/b.md#three)\n`[n](none.md)`\n[z](c.md)\n",
        )
        .unwrap();
        fs::write(folder.join("docs/b.md"), "# One two\n[a](../a.md#a-b-c) [h](https://x.y/z) [out](../../etc)\n")
            .unwrap();
        let broken = broken(&folder).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(
            broken,
            [
                "a.md:3: there is no such heading: docs/b.md#three",
                "a.md:5: there is no such file: c.md",
                "docs/b.md:2: there is no such file: ../../etc"
            ]
        );
    }
}
