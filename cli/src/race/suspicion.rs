//! What the thread that traces tells the others.

use crate::race::callee::Inside;
use crate::race::instruction::Effect;
use crate::system::processes::Identity;
use crate::system::unwind::Place;
use std::io;
use std::ops::Range;
use std::process::ExitStatus;
use std::time::Duration;

/// Two accesses to the same bytes that nothing kept apart.
#[derive(Clone, Debug)]
pub(crate) struct Suspicion {
    pub(crate) of: Identity,
    /// What the object is called.
    pub(crate) name: String,
    /// The bytes of the object that both accessed.
    pub(crate) bytes: Range<u64>,
    pub(crate) first: Side,
    pub(crate) second: Side,
    /// Instructions of these two processes that were seen to poll.
    pub(crate) pollers: Vec<Place>,
}

impl Suspicion {
    /// Whether one of the accesses is the C library's own, of a lock and the like.
    pub(crate) fn is_of_library(&self) -> bool {
        self.first.inside.is_own() || self.second.inside.is_own()
    }
}

/// One of the two.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    pub(crate) pid: i32,
    pub(crate) thread: i32,
    pub(crate) exe: String,
    pub(crate) effect: Effect,
    /// The instruction.
    pub(crate) at: u64,
    /// Where it accessed memory.
    pub(crate) address: u64,
    /// The bytes of the object that it accessed.
    pub(crate) bytes: Range<u64>,
    /// Whether these are all that the instruction accessed.
    pub(crate) are_all: bool,
    /// Some bytes of the object, and what they were before and after.
    pub(crate) value_bytes: Range<u64>,
    pub(crate) before: Vec<u8>,
    pub(crate) after: Vec<u8>,
    pub(crate) stack: Vec<Place>,
    pub(crate) inside: Inside,
}

impl Side {
    /// The values before and after of some bytes, as far as they are known.
    pub(crate) fn values(&self, bytes: &Range<u64>) -> (Vec<u8>, Vec<u8>) {
        let index = |at: u64| usize::try_from(at.saturating_sub(self.value_bytes.start)).unwrap_or_default();
        let range = index(bytes.start)..index(bytes.end.min(self.value_bytes.end));
        let of = |value: &[u8]| value.get(range.clone()).unwrap_or_default().to_vec();
        (of(&self.before), of(&self.after))
    }
}

/// How much was looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage {
    pub(crate) objects: Vec<String>,
    pub(crate) words: usize,
    pub(crate) windows: u64,
    /// Accesses of which it can't be known what they were.
    pub(crate) unplaced: u64,
    /// Bytes of the objects that were never looked at.
    pub(crate) unwatched: u64,
    /// For how long not all processes were watched from their birth.
    pub(crate) unfollowed: Duration,
    /// Processes that could not be watched in part, for they have signals blocked.
    pub(crate) deaf: Vec<i32>,
}

/// What has happened.
#[derive(Debug)]
pub(crate) enum Event {
    Race(Box<Suspicion>),
    /// A process executes this program.
    Executed(i32, String),
    /// A process is not traced any more, for the sake of this program.
    LetGo(i32, String),
    /// A process is not traced any more, for this program may trace others itself.
    Tracer(i32, String),
    /// A process that was started unwatched can't be watched.
    Untraceable(i32, String, io::Error),
    /// Watchpoints can't be had.
    Refused(io::Error),
    /// The program has ended.
    Ended(ExitStatus),
    /// Nothing is watched any more.
    Over(Coverage),
}
