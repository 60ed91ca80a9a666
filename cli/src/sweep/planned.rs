//! One run of a sweep before it is made: which call fails, and how.

use crate::findings::records::{Kind, Point, Record};
use std::rc::Rc;

/// The call that fails, what becomes of it, and which of the calls of its place it is.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) point: Rc<Point>,
    /// The executable of the process that reached it.
    pub(crate) exe: String,
    /// An errno, `sigbus` or `truncate`.
    pub(crate) what: String,
    /// As `inject=` has it.
    pub(crate) when: When,
}

/// Which of the calls of a place fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum When {
    /// The one of this number.
    Nth(u32),
    /// The first, and from then on all calls of the function.
    FromThen,
}

impl std::fmt::Display for When {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            When::Nth(number) => write!(f, "{number}"),
            When::FromThen => f.write_str("1++"),
        }
    }
}

/// What makes a run the same as one of another sweep, as long as the objects are the same that the call is made in, and those that
/// hear of its failure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    function: String,
    site: String,
    hash: String,
    build_ids: Vec<String>,
    what: String,
    when: String,
}

impl Key {
    pub(crate) fn of(point: &Point, what: &str, when: &str) -> Key {
        Key {
            function: point.call.function.clone(),
            site: point.site.clone(),
            hash: point.stack_hash.clone(),
            build_ids: point.stack.iter().filter_map(|frame| frame.build_id.clone()).collect(),
            what: what.to_owned(),
            when: when.to_owned(),
        }
    }
}

impl Planned {
    pub(crate) fn key(&self) -> Key {
        Key::of(&self.point, &self.what, &self.when.to_string())
    }

    /// The order of `inject=` that makes it so.
    pub(crate) fn order(&self) -> String {
        order(&self.point, &self.what, &self.when)
    }

    /// Whether the call succeeds, and its memory is what fails.
    pub(crate) fn is_of_memory(&self) -> bool {
        ["sigbus", "truncate"].contains(&self.what.as_str())
    }

    /// Whether the call is one that takes an object away.
    pub(crate) fn removes(&self) -> bool {
        let is_unlink = ["shm_unlink", "sem_unlink"].contains(&self.point.call.function.as_str());
        is_unlink || self.point.flags.iter().any(|flag| flag == "remove")
    }

    /// An object of its stack of which nobody can say whether it has changed since: it has no build id.
    pub(crate) fn without_build_id(&self) -> Option<&str> {
        let mut without = self.point.stack.iter().filter(|frame| frame.build_id.is_none());
        without.find_map(|frame| frame.module.as_deref())
    }

    /// The record of it, with what became of it if it was made.
    pub(crate) fn record(&self, pid: u32, outcome: Option<&str>, rules: Vec<String>) -> Record {
        let point = Point {
            what: Some(self.what.clone()),
            when: Some(self.when.to_string()),
            outcome: outcome.map(str::to_owned),
            rules: outcome.map(|_| rules),
            failed_result: None,
            ..Point::clone(&self.point)
        };
        Record::now(pid, &self.exe, Kind::Point(Box::new(point)))
    }
}

/// An order of `inject=` for the calls of a point.
pub(crate) fn order(point: &Point, what: &str, when: &dyn std::fmt::Display) -> String {
    let Point { call, site, stack_hash: hash, .. } = point;
    format!("{}@{site}#{hash}:{what}:{when}", call.function)
}
