//! What the source says of a statement: whether it is an atomic's, by its words or behind a macro of the file or of a header.

use crate::findings::source;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Headers that are read for a file, at most, and how large each may be.
const HEADERS: usize = 300;
const LARGEST: usize = 1 << 20;
/// How many macros deep an atomic may be.
const DEPTH: usize = 8;

/// What is known of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Statement {
    /// It is an atomic's.
    Atomic,
    /// It has something in it that looks like a macro, of this name, whose definition was not found.
    HasMacro(String),
    Plain,
}

/// Sources and headers that were read.
#[derive(Default)]
pub(super) struct Sources {
    texts: HashMap<PathBuf, String>,
    /// Of each source, itself and the headers that are found.
    units: HashMap<PathBuf, Vec<PathBuf>>,
}

impl Sources {
    /// What the statement of a line is.
    pub(super) fn statement(&mut self, file: &Path, line: usize) -> Statement {
        let statement = source::statement(self.text(file), line);
        if words(&statement).any(is_atomic_word) {
            return Statement::Atomic;
        }
        let unit = self.unit(file);
        let texts: Vec<&str> = unit.iter().filter_map(|file| self.texts.get(file)).map(String::as_str).collect();
        let mut unknown = None;
        for word in words(&statement) {
            match expands(&texts, word, DEPTH) {
                Some(true) => return Statement::Atomic,
                None if is_macro_call(&statement, word) => unknown = unknown.or_else(|| Some(word.to_owned())),
                _ => {}
            }
        }
        unknown.map_or(Statement::Plain, Statement::HasMacro)
    }

    fn text(&mut self, file: &Path) -> &str {
        self.texts.entry(file.to_owned()).or_insert_with_key(|file| {
            let bytes = fs::read(file).ok().filter(|bytes| bytes.len() <= LARGEST).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        })
    }

    /// A file and the headers that it includes, as far as they are found.
    fn unit(&mut self, file: &Path) -> Vec<PathBuf> {
        if let Some(unit) = self.units.get(file) {
            return unit.clone();
        }
        let (mut unit, mut seen) = (vec![file.to_owned()], HashSet::from([file.to_owned()]));
        let mut next = 0;
        while let Some(includer) = unit.get(next).cloned().filter(|_| unit.len() < HEADERS) {
            next += 1;
            let names: Vec<String> = included(self.text(&includer)).map(str::to_owned).collect();
            for header in names.iter().filter_map(|name| found(&includer, name)) {
                if seen.insert(header.clone()) {
                    self.text(&header);
                    unit.push(header);
                }
            }
        }
        self.units.insert(file.to_owned(), unit.clone());
        unit
    }
}

/// The names of the headers that a text includes.
fn included(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let name = line.trim_start().strip_prefix('#')?.trim_start().strip_prefix("include")?.trim_start();
        let end = if name.starts_with('"') { '"' } else { '>' };
        name.strip_prefix(['"', '<'])?.split(end).next()
    })
}

/// Where a header is: beside who includes it, in a folder above, or an `include` there, or among the system's.
fn found(includer: &Path, name: &str) -> Option<PathBuf> {
    let above = includer.ancestors().skip(1).flat_map(|folder| [folder.join(name), folder.join("include").join(name)]);
    above.chain([Path::new("/usr/include").join(name)]).find(|header| header.is_file())
}

/// Whether a macro of these texts has an atomic in it; `None` if there is no such macro.
fn expands(texts: &[&str], name: &str, depth: usize) -> Option<bool> {
    let mut is_macro = false;
    for definition in texts.iter().flat_map(|text| definitions(text, name)) {
        is_macro = true;
        let is_atomic =
            |word| is_atomic_word(word) || depth > 0 && word != name && expands(texts, word, depth - 1) == Some(true);
        if words(definition).any(is_atomic) {
            return Some(true);
        }
    }
    is_macro.then_some(false)
}

/// Whether a word of a statement is called, and written as macros are.
fn is_macro_call(statement: &str, word: &str) -> bool {
    let is_capital = word.len() > 1
        && word.contains(|letter: char| letter.is_ascii_uppercase())
        && !word.contains(|letter: char| letter.is_ascii_lowercase());
    is_capital
        && statement.match_indices(word).any(|(at, _)| statement[at + word.len()..].trim_start().starts_with('('))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').filter(|word| !word.is_empty())
}

/// What a source defines a macro as, in each place where it does.
fn definitions<'a>(source: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    source.match_indices("define").filter_map(move |(at, define)| {
        let is_directive = source[..at].trim_end_matches([' ', '\t']).ends_with('#');
        let rest = source[at + define.len()..].trim_start_matches([' ', '\t']);
        let text = rest.strip_prefix(name).filter(|text| is_directive && text.starts_with(['(', ' ', '\t']))?;
        // It goes on behind the lines that end with a backslash.
        let end = text.match_indices('\n').map(|(end, _)| end).find(|end| !text[..*end].trim_end().ends_with('\\'));
        Some(&text[..end.unwrap_or(text.len())])
    })
}

/// Whether a word of the source is an atomic's.
pub(super) fn is_atomic_word(word: &str) -> bool {
    const BEGINNINGS: [&str; 12] = [
        "atomic_",
        "__atomic_",
        "__c11_atomic_",
        "__sync_",
        "g_atomic_",
        "uatomic_",
        "ck_pr_",
        "_Atomic",
        "pg_atomic_",
        "ngx_atomic_",
        "apr_atomic_",
        "rte_atomic",
    ];
    const WORDS: [&str; 6] =
        ["READ_ONCE", "WRITE_ONCE", "ACCESS_ONCE", "smp_load_acquire", "smp_store_release", "atomic"];
    BEGINNINGS.iter().any(|beginning| word.starts_with(beginning)) || WORDS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros_are_what_they_are_defined_as() {
        let source =
            "#define LOAD(x) \\\n  __atomic_load_n(x, 2)\n# define LOADED 1\nint undefine = LOAD(&x);\n#define END";
        let of = |name| definitions(source, name).collect::<Vec<_>>();
        assert_eq!(of("LOAD"), ["(x) \\\n  __atomic_load_n(x, 2)"]);
        assert_eq!(of("LOADED"), [" 1"]);
        assert_eq!((of("x"), of("END"), of("OTHER")), (vec![], vec![], vec![]));
    }

    #[test]
    fn atomics_are_found_behind_macros_of_headers() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            path
        };
        file(
            "include/ring/order.h",
            "#pragma once\n#include \"deeper.h\"\n#define PUBLISH(p, v) STORE(p, v)\n#define COUNT(p) ((p)->count)\n",
        );
        file("include/ring/deeper.h", "#define STORE(p, v) \\\n    __atomic_store_n(p, v, __ATOMIC_RELEASE)\n");
        let source = "#include <ring/order.h>\n#include <not/there.h>\nvoid f(void)\n{\n    PUBLISH(&s->head, 1);\n    COUNT(s)++;\n    OTHER(s)++;\n    s->head++;\n}\n";
        let source = file("source/ring.c", source);
        let mut sources = Sources::default();
        let mut at = |line| sources.statement(&source, line);
        assert_eq!(at(5), Statement::Atomic);
        assert_eq!((at(6), at(7)), (Statement::Plain, Statement::HasMacro("OTHER".to_owned())));
        assert_eq!((at(8), at(99)), (Statement::Plain, Statement::Plain));
        assert_eq!(sources.statement(Path::new("/not/there.c"), 3), Statement::Plain);
    }
}
