//! What stays the same of a finding when lines move, addresses change and threads take other turns: by it two runs are compared.
//!
//! Neither lines nor addresses are in it, nor what the outer frames are called: of a call that several threads make, another
//! one may come first the next time.

use crate::findings::found::{Found, Located, own_frame, site_of};
use crate::findings::symbols::SourceLocation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

/// The rule, and where, in words that a review can read.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub(crate) struct Fingerprint {
    pub(crate) rule: String,
    /// The function of the user's own code that made the call, and the name of its file, or of its module without lines.
    pub(crate) function: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) file: String,
    /// Where the memory that it is about was mapped, unmapped or protected, as far as that is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) memory: Vec<String>,
    /// The line of the source, by which those of one function are told apart.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) source: String,
}

impl Fingerprint {
    /// That of a finding; the source is read for it.
    pub(crate) fn of(found: &Found) -> Fingerprint {
        let (function, file) = own_place(&found.stack).unwrap_or_default();
        let memory = found.related.iter().filter(|related| related.is_of_memory).filter_map(|related| {
            let (function, file) = own_place(&related.stack)?;
            Some(in_words(&function, &file))
        });
        let mut memory: Vec<String> = memory.collect();
        memory.dedup();
        Fingerprint {
            rule: found.rule.clone(),
            function,
            file,
            memory,
            source: found.site().and_then(line_of).unwrap_or_default(),
        }
    }

    /// Whether it is of the same rule and function as another.
    pub(crate) fn is_beside(&self, other: &Fingerprint) -> bool {
        (&self.rule, &self.function, &self.file) == (&other.rule, &other.function, &other.file)
    }

    /// Where it is, without the source: `main (prog.c)`.
    pub(crate) fn place(&self) -> String {
        in_words(&self.function, &self.file)
    }

    /// A number of 64 bits in hex, which is the same wherever it is made.
    fn hash(&self, ordinal: usize) -> String {
        let memory = self.memory.join("\0");
        let text = [&self.rule, &self.function, &self.file, &memory].map(String::as_str).join("\n");
        // FNV-1a.
        let hash = format!("{text}\n{ordinal}")
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        format!("{hash:016x}")
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place();
        if place.is_empty() { f.write_str(&self.rule) } else { write!(f, "{} in {place}", self.rule) }
    }
}

/// A finding among others: what it is, and which of those that are the same but for their lines.
pub(crate) struct Numbered {
    pub(crate) fingerprint: Fingerprint,
    /// Which it is of those that differ in their lines alone: from 1, in the order of the lines.
    ordinal: usize,
    /// Which it is of the same rule and function.
    number: usize,
}

impl Numbered {
    /// A number of 64 bits in hex that no other of the findings has.
    pub(crate) fn hash(&self) -> String {
        self.fingerprint.hash(self.ordinal)
    }

    /// A name that no other of the findings has, in one file of results.
    pub(crate) fn name(&self) -> String {
        match self.number {
            1 => self.fingerprint.to_string(),
            number => format!("{} ({number})", self.fingerprint),
        }
    }
}

/// The fingerprints of findings, in their order.
pub(crate) fn numbered(findings: &[Found]) -> Vec<Numbered> {
    let unnumbered = |found| Numbered { fingerprint: Fingerprint::of(found), ordinal: 0, number: 0 };
    let mut all: Vec<Numbered> = findings.iter().map(unnumbered).collect();
    let line = |index: usize| findings[index].site().and_then(|place| place.line);
    let mut by_line: Vec<usize> = (0..all.len()).collect();
    by_line.sort_by_key(|index| line(*index));
    let mut counts: BTreeMap<Fingerprint, usize> = BTreeMap::new();
    let mut next = |fingerprint: Fingerprint| {
        let count = counts.entry(fingerprint).or_default();
        *count += 1;
        *count
    };
    for index in by_line {
        let fingerprint = Fingerprint { source: String::new(), ..all[index].fingerprint.clone() };
        all[index].number = next(Fingerprint { memory: vec![String::new()], ..fingerprint.clone() });
        all[index].ordinal = next(fingerprint);
    }
    all
}

fn in_words(function: &str, file: &str) -> String {
    match (function, file) {
        (function, "") => function.to_owned(),
        ("", file) => file.to_owned(),
        (function, file) => format!("{function} ({file})"),
    }
}

/// The function of the user's own code in a stack, and the name of its file.
fn own_place(stack: &[Located]) -> Option<(String, String)> {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    if let Some(place) = site_of(stack) {
        let function = place.function.as_deref().map(as_written).unwrap_or_default();
        return Some((function, place.file.as_deref().and_then(name).unwrap_or_default()));
    }
    let located = own_frame(stack)?;
    let module = located.frame.module.as_deref().map(Path::new).and_then(name);
    Some((located.function().map(as_written).unwrap_or_default(), module.unwrap_or_default()))
}

/// The name of a function without what compilers add to their copies of it, and which changes with the rest of the program.
fn as_written(function: &str) -> String {
    let name = function.split(" [clone").next().unwrap_or(function);
    let copies = [".constprop.", ".isra.", ".part.", ".cold", ".lto_priv.", ".llvm."];
    let end = copies.iter().filter_map(|copy| name.find(copy)).min().unwrap_or(name.len());
    let name = &name[..end];
    match name.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => path.to_owned(),
        _ => name.to_owned(),
    }
}

/// The text of a line, if it can be read.
fn line_of(place: &SourceLocation) -> Option<String> {
    let source = fs::read_to_string(place.file.as_deref()?).ok()?;
    let line = source.lines().nth(usize::try_from(place.line?).ok()?.checked_sub(1)?)?;
    Some(line.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_a_function_have_its_name() {
        for (name, written) in [
            ("work.constprop.0.isra.0", "work"),
            ("work.part.0.cold", "work"),
            ("ns::f(int) [clone .constprop.0]", "ns::f(int)"),
            ("prog::work::h0123456789abcdef", "prog::work"),
            ("prog::work::hello", "prog::work::hello"),
        ] {
            assert_eq!(as_written(name), written);
        }
    }

    #[test]
    fn a_fingerprint_is_the_same_wherever_it_is_made() {
        let one = Fingerprint { rule: "munmap-double".into(), function: "main".into(), ..Fingerprint::default() };
        assert_eq!(one.hash(1), "1d05fc13eedf0a0b");
        assert_ne!(one.hash(1), one.hash(2));
        assert_eq!(one.to_string(), "munmap-double in main");
        let numbered = Numbered { fingerprint: Fingerprint { file: "a.c".into(), ..one }, ordinal: 1, number: 2 };
        assert_eq!(numbered.name(), "munmap-double in main (a.c) (2)");
    }
}
