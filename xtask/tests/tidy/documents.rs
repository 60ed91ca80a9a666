//! Files, folders and names of code that the documents name.

use crate::package::Package;
use crate::tree::{Defect, Tree};
use std::collections::BTreeSet;

/// The documents that lead a reader to files.
pub(crate) const DOCUMENTS: [&str; 3] = ["ARCHITECTURE.md", "CONTRIBUTING.md", "c-tests/README.md"];

/// Where a path may start, besides the root.
const STARTS: [&str; 4] = ["", "src/", "cli/src/", "c-tests/"];

/// What a word that ends so is.
const ENDINGS: [&str; 9] = [".rs", ".md", ".json", ".sh", ".c", ".h", ".ld", ".toml", ".txt"];

/// The paths in a document to which nothing answers.
pub(crate) fn dead_paths(tree: &Tree, document: &str) -> Vec<Defect> {
    let mut defects = Vec::new();
    let text = tree.text(document).unwrap_or_else(|| panic!("{document} is not there"));
    for (at, line) in text.lines().enumerate() {
        let dead = words(line).filter(|word| is_path(tree, word) && !answers(tree, word));
        defects.extend(dead.map(|word| Defect::new(document, at + 1, format!("there is no {word}"))));
    }
    defects
}

/// The names of code in a document, such as `Tree::insert`, of which some part is no name in any file of Rust.
pub(crate) fn dead_names(tree: &Tree, document: &str) -> Vec<Defect> {
    let known: BTreeSet<&str> = tree.rust().flat_map(|(_, text)| text.split(|byte| !is_of_name(byte))).collect();
    let mut defects = Vec::new();
    let text = tree.text(document).unwrap_or_else(|| panic!("{document} is not there"));
    for (at, line) in text.lines().enumerate() {
        let is_path = |name: &&str| name.contains("::") && name.chars().all(|each| is_of_name(each) || each == ':');
        let dead = names(line).filter(is_path).filter(|name| name.split("::").any(|part| !known.contains(part)));
        defects.extend(dead.map(|name| Defect::new(document, at + 1, format!("there is no {name}"))));
    }
    defects
}

fn is_of_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// The files of a package that a document's section does not name: each by its path from there, or by its name alone in
/// the item of the list that begins with its folder. A word in capitals stands for any name.
pub(crate) fn unnamed_files(tree: &Tree, package: &Package, document: &str, heading: &str) -> Vec<Defect> {
    let text = tree.text(document).unwrap_or_else(|| panic!("{document} is not there"));
    let section = text.split("\n## ").find_map(|section| section.strip_prefix(heading));
    let section = section.unwrap_or_else(|| panic!("{document} has no '## {heading}'"));
    let items: Vec<BTreeSet<&str>> = section.split("\n- ").map(|item| names(item).collect()).collect();
    let everywhere: BTreeSet<&str> = items.iter().flatten().copied().collect();
    let is_named = |file: &str| {
        let by_name = file.split_once('/').is_some_and(|(top, below)| {
            let (top, name) = (format!("{top}/"), below.trim_end_matches("/mod.rs").trim_end_matches(".rs"));
            let name = name.rsplit('/').next().unwrap_or(name);
            items.iter().any(|item| item.contains(top.as_str()) && (name == "mod" || item.contains(name)))
        });
        by_name || everywhere.iter().any(|word| fits(word, file))
    };
    let Some((first, files)) = package.files.split_first() else { return Vec::new() };
    let folder = first.path.rfind('/').map_or(0, |slash| slash + 1);
    let unnamed = files.iter().filter(|file| !is_named(&file.path[folder..]));
    unnamed.map(|file| Defect::new(&file.path, 0, format!("{document} does not name it below '{heading}'"))).collect()
}

/// The folders at the top that no row of a document's table of packages begins with.
pub(crate) fn unnamed_folders(tree: &Tree, document: &str, heading: &str) -> Vec<Defect> {
    let text = tree.text(document).unwrap_or_else(|| panic!("{document} is not there"));
    let section = text.split("\n## ").find_map(|section| section.strip_prefix(heading));
    let section = section.unwrap_or_else(|| panic!("{document} has no '## {heading}'"));
    let first_cells = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let named: BTreeSet<&str> =
        first_cells.flat_map(names).filter_map(|name| name.split_once('/').map(|(folder, _)| folder)).collect();
    let is_unnamed = |folder: &&str| !folder.starts_with('.') && !named.contains(folder);
    let unnamed = folders(tree, "").into_iter().filter(is_unnamed);
    unnamed.map(|folder| Defect::new(document, 0, format!("{folder}/ is not in the table of '{heading}'"))).collect()
}

/// The folders beside a document that it has no link to.
pub(crate) fn unlinked_folders(tree: &Tree, document: &str) -> Vec<Defect> {
    let text = tree.text(document).unwrap_or_else(|| panic!("{document} is not there"));
    let above = document.rfind('/').map_or("", |slash| &document[..=slash]);
    let unlinked = folders(tree, above).into_iter().filter(|folder| !text.contains(&format!("]({folder})")));
    unlinked.map(|folder| Defect::new(document, 0, format!("it has no link to {folder}"))).collect()
}

/// The folders right below one.
fn folders<'a>(tree: &'a Tree, above: &str) -> BTreeSet<&'a str> {
    tree.below(above).filter_map(|(path, _)| path[above.len()..].split_once('/').map(|(folder, _)| folder)).collect()
}

/// What keeps a reader of the first page from its use: the page of what is not seen comes before the one that one begins with,
/// or a section of more than two lines is about that.
pub(crate) fn discouraging(tree: &Tree, document: &str, begins: &str, gaps: &str) -> Vec<Defect> {
    let text = tree.text(document).unwrap_or_else(|| panic!("{document} is not there"));
    let line_of = |page: &str| text.lines().position(|line| line.contains(&format!("]({page})")));
    let mut defects = Vec::new();
    match (line_of(begins), line_of(gaps)) {
        (Some(first), Some(second)) if first < second => (),
        (Some(_), Some(line)) => {
            defects.push(Defect::new(document, line + 1, format!("{begins} does not come before")));
        }
        _ => defects.push(Defect::new(document, 0, format!("it has no link to {begins}, or none to {gaps}"))),
    }
    for section in text.split("\n#").skip(1) {
        let (heading, below) = section.split_once('\n').unwrap_or((section, ""));
        let words = heading.to_lowercase();
        let is_of_gaps = ["gap", "limit", "not ", "cannot", "can't", "missing"].iter().any(|word| words.contains(word));
        let lines = below.lines().filter(|line| !line.trim().is_empty());
        if is_of_gaps && lines.count() > 2 {
            let heading = heading.trim_start_matches('#').trim();
            defects.push(Defect::new(document, 0, format!("'{heading}' belongs into {gaps}")));
        }
    }
    defects
}

/// What may be paths: words without what encloses them.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let is_between = |character: char| character.is_whitespace() || "`()[],;:\"'|<>".contains(character);
    line.split(is_between).map(|word| word.trim_end_matches('.')).filter(|word| !word.is_empty())
}

/// The words in backticks.
fn names(item: &str) -> impl Iterator<Item = &str> {
    item.split('`').skip(1).step_by(2)
}

/// Whether a word is meant as a path in the repository: it ends as a folder or a file, or starts with a folder that is there.
fn is_path(tree: &Tree, word: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    let begins = || {
        word.split_once('/').is_some_and(|(first, _)| STARTS.iter().any(|start| tree.holds(&format!("{start}{first}"))))
    };
    let ends = word.ends_with('/') || ENDINGS.iter().any(|ending| word.len() > ending.len() && word.ends_with(ending));
    !word.starts_with(['/', '.']) && word.bytes().all(is_plain) && !word.contains("//") && (ends || begins())
}

/// Whether a file or folder has that path, without its ending perhaps; a file of that name is anywhere; or it is a test.
fn answers(tree: &Tree, word: &str) -> bool {
    let word = word.trim_end_matches('/');
    let whole =
        |path: &str| STARTS.iter().any(|start| path.strip_prefix(start).is_some_and(|path| fits_or_begins(word, path)));
    let anywhere = |path: &str| !word.contains('/') && path.rsplit('/').next() == Some(word);
    tree.below("").any(|(path, _)| whole(path) || anywhere(path)) || is_ctest(tree, word)
}

/// Whether the name of a test, `FOLDER/NAME`, is made of words of that folder's list of tests.
fn is_ctest(tree: &Tree, word: &str) -> bool {
    let Some((folder, name)) = word.split_once('/') else { return false };
    let list = tree.text(&format!("c-tests/{folder}/CMakeLists.txt")).unwrap_or_default();
    let listed: BTreeSet<&str> =
        list.split(|character: char| !character.is_ascii_alphanumeric() && character != '_').collect();
    name.split('-').all(|part| listed.contains(part))
}

/// Whether a path is what the word names, lies below it, or is it but for an ending.
fn fits_or_begins(word: &str, path: &str) -> bool {
    let mut names = path.split('/');
    let mut words = word.split('/').peekable();
    while let Some(word) = words.next() {
        let Some(name) = names.next() else { return false };
        let is_last = words.peek().is_none();
        let without_ending = name.split_once('.').map_or(name, |(stem, _)| stem);
        if !(fits(word, name) || is_last && fits(word, without_ending)) {
            return false;
        }
    }
    true
}

/// Whether a pattern, in which words in capitals stand for anything but a slash, is a path.
fn fits(pattern: &str, path: &str) -> bool {
    if pattern == path {
        return true;
    }
    let start = pattern.find(|character: char| character.is_ascii_uppercase());
    let Some(start) = start else { return false };
    let length = pattern[start..].find(|character: char| !character.is_ascii_uppercase());
    let end = length.map_or(pattern.len(), |length| start + length);
    // A name that only begins with a capital is meant as it is.
    if end - start < 2 {
        return false;
    }
    let (before, after) = (&pattern[..start], &pattern[end..]);
    let middle = path.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    middle.is_some_and(|middle| !middle.is_empty() && !middle.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead(text: &str) -> Vec<String> {
        let list = ("c-tests/stress/CMakeLists.txt", "foreach(kind signals few-descriptors)");
        let tree = Tree::of(&[("A.md", text), ("src/track/tree.rs", ""), ("c-tests/process/r05.c", ""), list]);
        dead_paths(&tree, "A.md").into_iter().map(|defect| format!("{}: {}", defect.line, defect.what)).collect()
    }

    #[test]
    fn what_a_document_names_is_there() {
        assert_eq!(
            dead("`src/track/`, (track/tree.rs, tree.rs); src/track/NAME.rs. process/r05, and/or /proc/self\n"),
            [""; 0]
        );
        assert_eq!(dead("stress/signals, stress/few-descriptors"), [""; 0]);
        assert_eq!(dead("none\nin `src/tack/`"), ["2: there is no src/tack/"]);
        assert_eq!(dead("track/node.rs, node.rs"), ["1: there is no track/node.rs", "1: there is no node.rs"]);
        assert_eq!(dead("process/r06 stress/forks"), ["1: there is no process/r06", "1: there is no stress/forks"]);
        assert_eq!(dead("src/check/CALL.rs"), ["1: there is no src/check/CALL.rs"]);
    }

    #[test]
    fn names_of_code_are_in_the_code() {
        let document = "`Tree::insert`, `Tree::remove` and `tree:insert`\nin `shrub::insert`";
        let tree = Tree::of(&[("A.md", document), ("src/tree.rs", "impl Tree { fn insert() {} }")]);
        let dead =
            [Defect::new("A.md", 1, "there is no Tree::remove"), Defect::new("A.md", 2, "there is no shrub::insert")];
        assert_eq!(dead_names(&tree, "A.md"), dead);
    }

    #[test]
    fn folders_stand_in_the_tables() {
        let table = "# A\n\n## Packages\n\n| folder | is |\n| --- | --- |\n| `/` | `docs/` |\n| `a/`, `b/c.h` | - |\n\n## Else\n\n\
                     | `e/` | - |\n";
        let files = [("a/x", ""), ("b/c.h", ""), (".d/x", ""), ("docs/x", ""), ("e/x", ""), ("A.md", table)];
        let unnamed = unnamed_folders(&Tree::of(&files), "A.md", "Packages");
        assert_eq!(unnamed.iter().map(|defect| &defect.what[..6]).collect::<Vec<_>>(), ["docs/ ", "e/ is "]);
        let list = ("x/README.md", "[a](a), [c](c/d), b");
        let tree = Tree::of(&[list, ("x/a/f", ""), ("x/b/f", ""), ("x/c/d", ""), ("y/f", "")]);
        let unlinked = ["it has no link to b", "it has no link to c"].map(|what| Defect::new("x/README.md", 0, what));
        assert_eq!(unlinked_folders(&tree, "x/README.md"), unlinked);
    }

    #[test]
    fn the_first_page_does_not_begin_with_what_is_missing() {
        let of = |text: &str| {
            let defects = discouraging(&Tree::of(&[("A.md", text)]), "A.md", "one.md", "gaps.md");
            defects.into_iter().map(|defect| format!("{}: {}", defect.line, defect.what)).collect::<Vec<_>>()
        };
        let links = "# A\n[one](one.md)\n[what it does not see](gaps.md)\n";
        assert_eq!(of(&format!("{links}\n## Gaps\n\none\ntwo\n\n## More\n\n1\n2\n3\n")), [""; 0]);
        assert_eq!(
            of(&format!("{links}\n### What it does not see\n\n1\n2\n3\n")),
            ["0: 'What it does not see' belongs into gaps.md"]
        );
        assert_eq!(of("# A\n[gaps](gaps.md)\n[one](one.md)\n"), ["2: one.md does not come before"]);
        assert_eq!(of("# A\n[gaps](gaps.md)\n"), ["0: it has no link to one.md, or none to gaps.md"]);
    }

    #[test]
    fn the_map_names_each_file() {
        let map = |text: &str| {
            let files = [
                ("src/lib.rs", "mod check; mod start; mod track; #[cfg(test)] mod tests;"),
                ("src/start.rs", ""),
                ("src/track/mod.rs", "mod tree;"),
                ("src/track/tree.rs", ""),
                ("src/check/mod.rs", "mod mmap;"),
                ("src/check/mmap.rs", ""),
                ("src/tests.rs", ""),
            ];
            let document = format!("# A\n\n## Map\n\n{text}\n## Else\n\n- `start.rs`\n");
            let tree = Tree::of(&[files.as_slice(), &[("A.md", document.as_str())]].concat());
            unnamed_files(&tree, &Package::read(&tree, "src/lib.rs"), "A.md", "Map")
                .into_iter()
                .map(|defect| defect.path)
                .collect::<Vec<_>>()
        };
        assert_eq!(map("- `track/`: `tree` is there\n- `check/`, `check/CALL.rs`, `start.rs`: more\n"), [""; 0]);
        assert_eq!(
            map("- `track/`: a tree is there\n- `check/` `check/CALL.rs`: more\n"),
            ["src/start.rs", "src/track/tree.rs"]
        );
        assert_eq!(
            map("- `check/`: `tree`, `start.rs`\n"),
            ["src/check/mmap.rs", "src/track/mod.rs", "src/track/tree.rs"]
        );
    }
}
