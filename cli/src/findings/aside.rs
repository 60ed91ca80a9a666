//! Notes of what a library of the system does by itself, and copes with: they are counted by library, and told in a line each.

use crate::findings::found::{Found, is_path_of_system, own_site};
use crate::path::SourceRoot;
use mapsan_model::Severity;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// Which notes are shown as findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Notes {
    #[default]
    All,
    /// Those of the program and its own libraries.
    Own,
    None,
}

impl Notes {
    /// The values of `--notes`.
    pub(crate) const NAMES: [&str; 3] = ["all", "own", "none"];

    pub(crate) fn from_name(name: &str) -> Option<Notes> {
        let place = Self::NAMES.iter().position(|known| *known == name)?;
        [Notes::All, Notes::Own, Notes::None].get(place).copied()
    }
}

/// What such a note is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    rule: String,
    errno: Option<String>,
    library: String,
    /// Where the program's own code led there.
    from: Option<String>,
}

/// The notes that are no findings of their own.
#[derive(Default)]
pub(crate) struct Aside {
    notes: Notes,
    source_root: Option<SourceRoot>,
    seen: HashSet<(String, String)>,
    lines: BTreeMap<Line, u64>,
}

impl Aside {
    /// What is asked for; what lies below the root of the sources is the program's own wherever that is.
    pub(crate) fn new(notes: Notes, source_root: &SourceRoot) -> Aside {
        // That of a run in / says nothing.
        let source_root = Some(source_root.clone()).filter(|root| root.path() != Path::new("/"));
        Aside { notes, source_root, ..Aside::default() }
    }

    /// Takes a finding that is not to be shown.
    pub(crate) fn takes(&mut self, found: &Found) -> bool {
        if found.severity != Severity::Note || self.notes == Notes::All {
            return false;
        }
        if self.notes == Notes::None {
            return true;
        }
        let Some(library) = self.library_of_system(found) else { return false };
        if self.seen.insert(found.identity()) {
            let line = Line {
                rule: found.rule.clone(),
                errno: found.call.errno.clone(),
                library: library.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                from: own_site(&found.stack),
            };
            *self.lines.entry(line).or_default() += 1;
        }
        true
    }

    /// The library of the system that made the call. Where the program itself is one of the system's, all are its own.
    fn library_of_system<'a>(&self, found: &'a Found) -> Option<&'a Path> {
        let module = Path::new(found.stack.first()?.frame.module.as_deref()?);
        let exe = Path::new(&found.exe);
        let is_of_sources = || self.source_root.as_ref().is_some_and(|root| root.relative(module).is_some());
        (is_path_of_system(module) && !is_path_of_system(exe) && !is_of_sources()).then_some(module)
    }

    /// A line for each kind: `5 msync-failed (ENOMEM) in libmpich.so.12, from main (prog.c:6)`.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.lines.iter().map(|(Line { rule, errno, library, from }, count)| {
            let errno = errno.as_ref().map(|errno| format!(" ({errno})")).unwrap_or_default();
            let from = from.as_ref().map(|from| format!(", from {from}")).unwrap_or_default();
            format!("{count} {rule}{errno} in {library}{from}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::records::{Finding, Kind, Record};
    use crate::findings::symbols::Symbols;

    /// A finding of a program whose innermost frame is in this module.
    fn found(exe: &str, module: &str, severity: &str) -> Found {
        let line = format!(
            r#"{{"schema":"mapsan/1","kind":"finding","pid":1,"exe":"{exe}","rule":"msync-failed","severity":"{severity}",
            "call":{{"function":"msync","args":[],"result":"-1","errno":"ENOMEM"}},"message":"m","notes":[],"help":[],
            "stack":[{{"address":"0x1","module":"{module}","offset":"0x1","build_id":null}},
            {{"address":"0x2","module":"{exe}","offset":"0x2","build_id":null,"symbol":"main+0x2"}}],"related":[]}}"#
        );
        let record = Record::read(&line).unwrap();
        let Kind::Finding(finding) = &record.kind else { panic!("it is a finding") };
        let finding: &Finding = finding;
        Found::of(&record, finding, &mut Symbols::off())
    }

    #[test]
    fn what_is_of_the_system() {
        let root = SourceRoot::find(Some(Path::new("/usr/lib/work")));
        let takes = |exe: &str, module: &str, severity: &str| {
            Aside::new(Notes::Own, &root).takes(&found(exe, module, severity))
        };
        assert!(takes("/home/me/prog", "/usr/lib/x86_64-linux-gnu/libmpich.so.12", "note"));
        assert!(takes("/usr/local/bin/prog", "/lib64/libucs.so.0", "note"));
        // As in a container: that all lies below the folder of the program says nothing.
        assert!(takes("/prog", "/usr/lib/libmpich.so.12", "note"));
        for (exe, module, severity, why) in [
            ("/usr/lib/own/prog", "/usr/lib/own/libown.so", "note", "a library beside the program"),
            ("/home/me/prog", "/usr/lib/libmpich.so.12", "warning", "not a note"),
            ("/home/me/prog", "/home/me/prog", "note", "the program's own"),
            ("/home/me/prog", "/home/me/libs/libown.so", "note", "a library of the program's own"),
            ("/opt/x/bin/prog", "/opt/x/lib/libown.so", "note", "a library that is nobody's"),
            ("/usr/bin/python3.11", "/usr/lib/libffi.so.8", "note", "a program of the system"),
            ("/usr/lib/postgresql/15/bin/postgres", "/usr/lib/libffi.so.8", "note", "another one"),
            ("/home/me/prog", "/usr/lib/work/build/libown.so", "note", "below the root of the sources"),
        ] {
            assert!(!takes(exe, module, severity), "{why}");
        }
    }

    #[test]
    fn each_kind_has_a_line() {
        let mut aside = Aside::new(Notes::Own, &SourceRoot::find(Some(Path::new("/srv"))));
        for _ in 0..2 {
            assert!(aside.takes(&found("/home/me/prog", "/usr/lib/libmpich.so.12", "note")));
        }
        let lines: Vec<String> = aside.lines().collect();
        assert_eq!(lines, ["1 msync-failed (ENOMEM) in libmpich.so.12, from main (/home/me/prog)"]);
        let mut none = Aside::new(Notes::None, &SourceRoot::find(Some(Path::new("/srv"))));
        assert!(none.takes(&found("/home/me/prog", "/home/me/prog", "note")) && none.lines().next().is_none());
        assert!(!none.takes(&found("/home/me/prog", "/home/me/prog", "warning")));
    }
}
