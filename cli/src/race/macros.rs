//! What the source says of a statement: whether it is an atomic's, by its words or behind a macro of the file or of a header.

use crate::findings::source;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Headers that are read for a file, at most, and how large each may be, and the file itself.
const HEADERS: usize = 300;
const LARGEST_HEADER: u64 = 1 << 20;
const LARGEST: u64 = 64 << 20;

/// What is known of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Statement {
    /// It is an atomic's.
    Atomic,
    /// It has something in it that looks like a macro, of this name, whose definition was not found.
    HasMacro(String),
    Plain,
}

/// Sources that were read, and their macros.
#[derive(Default)]
pub(super) struct Sources {
    texts: HashMap<PathBuf, String>,
    macros: HashMap<PathBuf, Macros>,
}

/// The macros of a source and of the headers that it includes: what each is defined as, wherever it is.
#[derive(Default)]
struct Macros(HashMap<String, Vec<String>>);

impl Sources {
    /// What the statement of a line is.
    pub(super) fn statement(&mut self, file: &Path, line: usize) -> Statement {
        let text = self.texts.entry(file.to_owned()).or_insert_with_key(|file| read(file, LARGEST));
        let statement = source::statement(text, line);
        if words(&statement).any(is_atomic_word) {
            return Statement::Atomic;
        }
        let macros = self.macros.entry(file.to_owned()).or_insert_with_key(|file| Macros::of(file, text));
        let mut known = HashMap::new();
        if words(&statement).any(|word| macros.have_atomic(word, &mut known)) {
            return Statement::Atomic;
        }
        let unknown = words(&statement).find(|word| !macros.0.contains_key(*word) && is_macro_call(&statement, word));
        unknown.map_or(Statement::Plain, |name| Statement::HasMacro(name.to_owned()))
    }
}

impl Macros {
    fn of(file: &Path, text: &str) -> Macros {
        let mut macros = Macros::default();
        macros.take(text);
        let (mut seen, mut open) = (HashSet::from([file.to_owned()]), headers(file, text));
        while let Some(header) = open.pop().filter(|_| seen.len() < HEADERS) {
            if seen.insert(header.clone()) {
                let text = read(&header, LARGEST_HEADER);
                macros.take(&text);
                open.extend(headers(&header, &text));
            }
        }
        macros
    }

    fn take(&mut self, text: &str) {
        for (name, definition) in definitions(text) {
            self.0.entry(name.to_owned()).or_default().push(definition);
        }
    }

    /// Whether a macro has an atomic in it, itself or by others; not by itself again.
    fn have_atomic(&self, name: &str, known: &mut HashMap<String, bool>) -> bool {
        let Some(definitions) = self.0.get(name) else { return false };
        if let Some(known) = known.get(name) {
            return *known;
        }
        known.insert(name.to_owned(), false);
        let has = definitions
            .iter()
            .any(|text| words(text).any(|word| is_atomic_word(word) || self.have_atomic(word, known)));
        known.insert(name.to_owned(), has);
        has
    }
}

/// A text, if it is not larger than that; nothing where it can't be read.
fn read(file: &Path, largest: u64) -> String {
    let is_small = fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.len() <= largest);
    let bytes = if is_small { fs::read(file).unwrap_or_default() } else { Vec::new() };
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The headers that a text includes, as far as they are found.
fn headers(includer: &Path, text: &str) -> Vec<PathBuf> {
    included(text).filter_map(|name| found(includer, name)).collect()
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

/// The macros that a text defines, and as what; without comments.
fn definitions(text: &str) -> impl Iterator<Item = (&str, String)> {
    let mut lines = text.lines();
    std::iter::from_fn(move || {
        loop {
            let line = lines.next()?;
            let directive = line.trim_start().strip_prefix('#').map(str::trim_start);
            let Some(rest) = directive.and_then(|rest| rest.strip_prefix("define")) else { continue };
            let rest = rest.trim_start_matches([' ', '\t']);
            let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(rest.len());
            let (name, mut definition) = (&rest[..end], source::code_of(&rest[end..]).to_owned());
            // It goes on behind the lines that end with a backslash.
            let mut last = line;
            while last.trim_end().ends_with('\\')
                && let Some(next) = lines.next()
            {
                definition.push('\n');
                definition.push_str(source::code_of(next));
                last = next;
            }
            return Some((name, definition));
        }
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
        let text = "#define LOAD(x) \\\n  __atomic_load_n(x, 2)\n# define LOADED 1 // no atomic\nint undefine = LOAD(&x);\n#define END";
        let of = |name| definitions(text).filter(|(other, _)| *other == name).map(|(_, text)| text).collect::<Vec<_>>();
        assert_eq!(of("LOAD").len(), 1);
        assert!(of("LOAD")[0].contains("__atomic_load_n"));
        assert_eq!(of("LOADED")[0].trim(), "1");
        assert_eq!((of("x").len(), of("END")), (0, vec![String::new()]));
    }

    #[test]
    fn macros_that_name_each_other_come_to_an_end() {
        let names: Vec<String> = (0..40).map(|number| format!("M{number}")).collect();
        let all = names.join("() ");
        let mut macros = Macros::default();
        for name in &names {
            macros.take(&format!("#define {name}() {all}()\n"));
        }
        assert!(!macros.have_atomic("M0", &mut HashMap::new()));
        macros.take("#define M39() atomic_load(x)\n");
        assert!(macros.have_atomic("M0", &mut HashMap::new()));
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
