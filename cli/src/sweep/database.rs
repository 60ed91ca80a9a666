//! What is known of runs that were made before: a file of records, of each run what was found in it, and then its point.

use crate::failure::{Failure, reason, unwritable};
use crate::findings::records::{Kind, Point, Record};
use crate::say::say;
use crate::sweep::judge::Outcome;
use crate::sweep::planned::{Key, Planned};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The file, and what it holds.
pub(crate) struct Database {
    path: PathBuf,
    file: File,
    known: BTreeMap<Key, Known>,
}

/// A run that was made before.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) outcome: Outcome,
    pub(crate) findings: Vec<Record>,
}

impl Database {
    /// Reads a file, which need not be there yet, and opens it for what is new.
    pub(crate) fn open(path: &Path) -> Result<Database, Failure> {
        let name = path.display();
        let text = match fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(Failure::usage(format!("the database '{name}' can't be read: {}", reason(&error))));
            }
        };
        let file = OpenOptions::new().append(true).create(true).open(path);
        let mut file = file.map_err(|error| unwritable(&format!("the database '{name}'"), &error))?;
        // The last line of a sweep that was killed may be cut: it is to stand alone.
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n").map_err(|error| unwritable(&format!("the database '{name}'"), &error))?;
        }
        let mut database = Database { path: path.to_owned(), file, known: BTreeMap::new() };
        database.read(&text);
        Ok(database)
    }

    fn read(&mut self, text: &str) {
        let mut pending = Vec::new();
        for (line, number) in text.lines().zip(1_u64..).filter(|(line, _)| !line.trim().is_empty()) {
            let record = match Record::read(line) {
                Ok(record) => record,
                Err(why) => {
                    say!("'{}', line {number}, is skipped: {why}", self.path.display());
                    continue;
                }
            };
            match &record.kind {
                Kind::Finding(_) => pending.push(record),
                Kind::Point(point) => self.learn(point, std::mem::take(&mut pending)),
                _ => {}
            }
        }
    }

    /// Takes a run in, if it was made.
    fn learn(&mut self, point: &Point, findings: Vec<Record>) {
        let (Some(what), Some(when)) = (&point.what, &point.when) else { return };
        let Some(outcome) = point.outcome.as_deref().and_then(Outcome::from_name) else { return };
        let has = |rule: &String| {
            findings.iter().any(|record| matches!(&record.kind, Kind::Finding(finding) if finding.rule == *rule))
        };
        // A line of it is lost: it is not known.
        if !point.rules.iter().flatten().all(has) {
            return;
        }
        self.known.insert(Key::of(point, what, when), Known { outcome, findings });
    }

    /// What became of a run, if it was made before, with objects that are the same.
    pub(crate) fn known(&self, planned: &Planned) -> Option<&Known> {
        self.known.get(&planned.key()).filter(|_| planned.without_build_id().is_none())
    }

    /// Writes what was found in a run, and its point.
    pub(crate) fn write(&mut self, findings: &[Record], point: &Record) -> Result<(), Failure> {
        let text: String = findings.iter().chain([point]).map(|record| record.line() + "\n").collect();
        // At once, so that lines of several sweeps don't mix.
        self.file
            .write_all(text.as_bytes())
            .map_err(|error| unwritable(&format!("the database '{}'", self.path.display()), &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::records::{Call, Frame};
    use crate::sweep::planned::When;
    use std::rc::Rc;

    fn planned(what: &str) -> Planned {
        planned_in(what, Some("12ab"))
    }

    fn planned_in(what: &str, build_id: Option<&str>) -> Planned {
        let frame = Frame {
            address: "0x10".into(),
            module: Some("/x/prog".into()),
            offset: Some("0x10".into()),
            build_id: build_id.map(str::to_owned),
            symbol: None,
        };
        let call = Call { function: "mmap".into(), args: Vec::new(), result: "-1".into(), errno: None };
        let point = Point {
            call,
            site: "prog+0x10".into(),
            stack_hash: "01234567".into(),
            flags: Vec::new(),
            stack: vec![frame],
            failed_result: None,
            what: None,
            when: None,
            outcome: None,
            rules: None,
        };
        Planned { point: Rc::new(point), exe: "/x/prog".into(), what: what.into(), when: When::Nth(1) }
    }

    #[test]
    fn what_was_written_is_known_and_a_cut_line_does_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known.json");
        let (one, other) = (planned("ENOMEM"), planned("EAGAIN"));
        let mut database = Database::open(&path).unwrap();
        assert!(database.known(&one).is_none());
        database.write(&[], &one.record(1, Some("clean"), Vec::new())).unwrap();
        let mut text = fs::read_to_string(&path).unwrap();
        text += "{\"schema\":\"maps";
        fs::write(&path, &text).unwrap();
        let mut database = Database::open(&path).unwrap();
        assert_eq!(database.known(&one).unwrap().outcome, Outcome::Clean);
        assert!(database.known(&other).is_none());
        database.write(&[], &other.record(1, Some("died"), Vec::new())).unwrap();
        let database = Database::open(&path).unwrap();
        assert_eq!(database.known(&other).unwrap().outcome, Outcome::Died);
        // What was found is there, too, or it counts for nothing.
        fs::write(&path, one.record(1, Some("died"), vec!["sweep-hang".to_owned()]).line() + "\n").unwrap();
        assert!(Database::open(&path).unwrap().known(&one).is_none());
        fs::write(&path, &text).unwrap();
        // Two files one after the other are one.
        let both = fs::read_to_string(&path).unwrap().repeat(2);
        fs::write(&path, both).unwrap();
        assert!(Database::open(&path).unwrap().known(&one).is_some());
    }

    #[test]
    fn what_has_changed_is_not_known_nor_what_may_have() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known.json");
        let mut database = Database::open(&path).unwrap();
        for build_id in [Some("12ab"), None] {
            database.write(&[], &planned_in("ENOMEM", build_id).record(1, Some("clean"), Vec::new())).unwrap();
        }
        let database = Database::open(&path).unwrap();
        assert!(database.known(&planned_in("ENOMEM", Some("12ab"))).is_some());
        assert!(database.known(&planned_in("ENOMEM", Some("34cd"))).is_none());
        assert!(database.known(&planned_in("ENOMEM", None)).is_none());
    }

    #[test]
    fn what_is_planned_alone_is_not_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        fs::write(&path, planned("ENOMEM").record(1, None, Vec::new()).line() + "\n").unwrap();
        assert!(Database::open(&path).unwrap().known(&planned("ENOMEM")).is_none());
    }
}
