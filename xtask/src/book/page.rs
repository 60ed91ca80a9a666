//! A page of the book: a document, with links that hold there.

pub(super) mod example;
pub(super) mod rule;

use crate::links::{links, parse, plain, title};
use anyhow::{Context, Result};
use mapsan_model::Rule;
use pulldown_cmark::{Event, Tag, TagEnd};
use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A page.
pub(super) struct Page {
    /// The path that links of the repository lead to.
    pub(super) source: PathBuf,
    pub(super) text: String,
}

impl Page {
    /// A document as it is.
    pub(super) fn read(root: &Path, path: &str) -> Result<Page> {
        let text = fs::read_to_string(root.join(path)).with_context(|| format!("reading {path}"))?;
        Ok(Page { source: path.into(), text })
    }

    pub(super) fn title(&self) -> &str {
        title(&self.text).unwrap_or_default()
    }

    /// Where it lies in the book: a folder's document is what a browser opens for the folder.
    pub(super) fn place(&self) -> PathBuf {
        place(&self.source)
    }

    /// The text, with links to the places of other pages, and with links to the rules that it names.
    pub(super) fn linked(&self, root: &Path, pages: &BTreeMap<PathBuf, Page>) -> String {
        let mut changes: Vec<(Range<usize>, String)> = Vec::new();
        let above = self.source.parent().unwrap_or(Path::new(""));
        for link in links(&self.text) {
            let Some((file, heading)) = link.inner().filter(|(file, _)| !file.is_empty()) else { continue };
            let path = plain(&above.join(file));
            let path = if root.join(&path).is_dir() { path.join("README.md") } else { path };
            if let Some(page) = pages.get(&path) {
                let whole = &self.text[link.range.clone()];
                let Some(at) = whole.rfind(&format!("]({}", link.target)) else { continue };
                let start = link.range.start + at + 2;
                let heading = if heading.is_empty() { String::new() } else { format!("#{heading}") };
                let target = relative(above, &page.place());
                changes.push((start..start + link.target.len(), format!("{}{heading}", target.display())));
            }
        }
        changes.extend(self.rules_named().into_iter().map(|(range, rule)| {
            let target = relative(above, &rule::place(rule));
            let link = format!("[`{rule}`]({})", target.display());
            (range, link)
        }));
        changes.sort_by_key(|(range, _)| range.start);
        let mut text = self.text.clone();
        for (range, words) in changes.into_iter().rev() {
            text.replace_range(range, &words);
        }
        text
    }

    /// Where other rules are named, outside of links and headings.
    fn rules_named(&self) -> Vec<(Range<usize>, Rule)> {
        let mut named = Vec::new();
        let mut within = 0_usize;
        for (event, range) in parse(&self.text) {
            match event {
                Event::Start(Tag::Link { .. } | Tag::Heading { .. }) => within += 1,
                Event::End(TagEnd::Link | TagEnd::Heading(_)) => within = within.saturating_sub(1),
                Event::Code(word) if within == 0 => {
                    let other = |rule: &Rule| rule::place(*rule) != self.source;
                    named.extend(Rule::from_name(&word).filter(other).map(|rule| (range, rule)));
                }
                _ => {}
            }
        }
        named
    }
}

fn place(source: &Path) -> PathBuf {
    if source.ends_with("README.md") { source.with_file_name("index.md") } else { source.to_owned() }
}

/// The way from a folder to a file.
fn relative(folder: &Path, file: &Path) -> PathBuf {
    let common = folder.components().zip(file.components()).take_while(|(here, there)| here == there).count();
    let up = folder.components().skip(common).map(|_| Path::new(".."));
    up.collect::<PathBuf>().join(file.components().skip(common).collect::<PathBuf>())
}

/// A block of code, fenced by more backticks than it has.
fn block(language: &str, code: &str) -> String {
    let longest = code.split(|character| character != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    let end = if code.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{language}\n{code}{end}{fence}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_pages_of_the_book() {
        let page = |source: &str, text: &str| Page { source: source.into(), text: text.into() };
        let text = "# X `munmap-double`\n\n[a](../b/README.md#h) [c](c.md) [d](https://d.e/c.md) `munmap-double`, `x`, [`c.md`](c.md)\n";
        let pages = [page("docs/a.md", text), page("b/README.md", "# B\n"), page("docs/c.md", "# C\n")];
        let pages: BTreeMap<PathBuf, Page> = pages.into_iter().map(|page| (page.source.clone(), page)).collect();
        let linked = pages[Path::new("docs/a.md")].linked(Path::new("/nowhere"), &pages);
        let rule = "[`munmap-double`](../model/rules/munmap-double.md)";
        let expected = format!(
            "# X `munmap-double`\n\n[a](../b/index.md#h) [c](c.md) [d](https://d.e/c.md) {rule}, `x`, [`c.md`](c.md)\n"
        );
        assert_eq!(linked, expected);
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(block("c", "x\n"), "```c\nx\n```\n");
        assert_eq!(block("", "```sh\ny\n```"), "````\n```sh\ny\n```\n````\n");
    }
}
