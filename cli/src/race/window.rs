//! A word that is watched, from the moment at which it is until it is not any more: who came first is held, and who comes to the
//! same bytes meanwhile was kept apart from that one by nothing.

use crate::race::instruction::{Access, Effect, Extent, overlap};
use crate::race::words::Word;
use crate::system::tracer::Registers;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::{Duration, Instant};

/// How long the first one is held: at least, and at most where the budget allows that since few come.
pub(crate) const HOLD: Duration = Duration::from_micros(500);
pub(crate) const LONGEST: Duration = Duration::from_millis(20);
/// For how long somebody is waited for who comes to the word.
pub(crate) const PATIENCE: Duration = Duration::from_millis(12);
/// How long, and how many times, it is looked at who comes to a word of which a race is suspected.
const SURVEY: Duration = Duration::from_millis(150);
const SURVEYED: u32 = 96;
/// How much longer that is where it is to be seen whether somebody polls.
const LONGER: u32 = 4;
/// How often in a row one instruction reads, if it polls.
const POLLED: u32 = 2;

/// An access that was seen.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    pub(crate) pid: i32,
    pub(crate) thread: i32,
    pub(crate) registers: Registers,
    pub(crate) access: Access,
    /// Whether a loop waits by the instruction.
    pub(crate) waits: bool,
    /// The accessed bytes of the object, as far as the access's extent says so.
    pub(crate) bytes: Range<u64>,
    /// What the word was when it was last looked at before, and is now.
    pub(crate) before: Vec<u8>,
    pub(crate) after: Vec<u8>,
}

/// What a watched word is at.
#[derive(Debug)]
pub(crate) enum Stage<T> {
    /// Nobody came to it yet.
    Armed,
    /// Somebody came, and is held.
    Held(Box<Hit>),
    /// Everybody who comes is looked at, and goes on at once.
    Surveyed { suspected: Box<T>, left: u32 },
}

/// A word that is watched.
#[derive(Debug)]
pub(crate) struct Window<T> {
    pub(crate) word: Word,
    pub(crate) stage: Stage<T>,
    /// Since when it is.
    pub(crate) since: Instant,
    pub(crate) until: Instant,
    /// What it was when it was last looked at.
    pub(crate) value: Vec<u8>,
    polls: Polls,
    /// How many were let by that could have been held.
    pub(crate) let_by: u32,
    /// How often somebody went on of whom it was to be seen whether he polls.
    looked: u32,
}

/// What is to be done with who came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Hold,
    GoOn,
    /// It is the second of a pair.
    Suspect,
    /// It may have read what the first one wrote: what comes after may have waited for that.
    Spoil,
    /// The bytes are an atomic.
    Atomic,
}

impl<T> Window<T> {
    pub(crate) fn new(word: Word, value: Vec<u8>, now: Instant) -> Window<T> {
        Window {
            word,
            stage: Stage::Armed,
            since: now,
            until: now + PATIENCE,
            value,
            polls: Polls::default(),
            let_by: 0,
            looked: 0,
        }
    }

    /// Somebody came, and nobody else is about to be told of.
    pub(crate) fn judge(&mut self, hit: &Hit, is_alone: bool) -> Answer {
        let row = self.polls.note(hit);
        if hit.access.is_atomic {
            return Answer::Atomic;
        }
        match &mut self.stage {
            // Whether it polls is seen when it goes on.
            Stage::Armed if is_alone && (1..POLLED).contains(&row) && self.looked < POLLED => {
                self.looked += 1;
                Answer::GoOn
            }
            Stage::Armed => Answer::Hold,
            Stage::Held(first) if are_race(first, hit) => Answer::Suspect,
            Stage::Held(first) if is_unsure(first, hit) => Answer::Spoil,
            Stage::Held(_) => Answer::GoOn,
            Stage::Surveyed { left, .. } => {
                *left = left.saturating_sub(1);
                if row >= POLLED {
                    *left = (*left).min(SURVEYED);
                }
                Answer::GoOn
            }
        }
    }

    /// Holds who came first.
    pub(crate) fn hold(&mut self, hit: Hit, now: Instant, time: Duration) {
        self.stage = Stage::Held(Box::new(hit));
        self.since = now;
        self.until = now + time.clamp(HOLD, LONGEST);
    }

    /// Looks from now on who comes, to see whether what is suspected is right.
    pub(crate) fn survey(&mut self, suspected: T, may_poll: bool, now: Instant) {
        let longer = if may_poll { LONGER } else { 1 };
        self.until = now + SURVEY * longer;
        self.stage = Stage::Surveyed { suspected: Box::new(suspected), left: SURVEYED * longer };
    }

    /// Whether somebody is held who has only read: of the others it matters only if they write, and nothing that they do can have
    /// waited for a read.
    pub(crate) fn is_held_by_reader(&self) -> bool {
        matches!(&self.stage, Stage::Held(first) if first.access.effect == Effect::Read)
    }

    /// Whether it is over.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        now >= self.until || matches!(self.stage, Stage::Surveyed { left: 0, .. })
    }

    /// The instructions that were seen to poll, each in its process.
    pub(crate) fn pollers(&self) -> impl Iterator<Item = (i32, u64)> {
        self.polls.found.iter().copied()
    }
}

/// Whether nothing kept two accesses apart that should have been.
fn are_race(first: &Hit, second: &Hit) -> bool {
    let is_sure = |hit: &Hit| hit.access.extent != Extent::Somewhere;
    let covers = |one: &Hit, other: &Hit| one.bytes.start <= other.bytes.start && other.bytes.end <= one.bytes.end;
    let same = match (is_sure(first), is_sure(second)) {
        (true, true) => overlap(&first.bytes, &second.bytes),
        // Wherever among them the other was.
        (true, false) => covers(first, second),
        (false, true) => covers(second, first),
        (false, false) => false,
    };
    let writes = [first, second].iter().any(|hit| hit.access.effect.writes());
    first.thread != second.thread && same && writes
}

/// Whether it can't be known if the second has read what the first has written.
fn is_unsure(first: &Hit, second: &Hit) -> bool {
    let is_sure = [first, second].iter().all(|hit| hit.access.extent != Extent::Somewhere);
    first.access.effect.writes() && !is_sure && first.thread != second.thread
}

/// Who reads by the same instruction again and again, in a loop that it leads back to: as long as it does, it has not read what
/// it waits for.
#[derive(Debug, Default)]
struct Polls {
    /// The last instruction of each thread that may poll, and how often in a row it was executed.
    rows: BTreeMap<i32, (u64, u32)>,
    found: BTreeSet<(i32, u64)>,
}

impl Polls {
    /// Notes an access; how often in a row it was made, if it may be one that polls.
    fn note(&mut self, hit: &Hit) -> u32 {
        let row = self.rows.entry(hit.thread).or_default();
        let may_poll = hit.access.effect == Effect::Read && hit.waits;
        *row = match *row {
            _ if !may_poll => (0, 0),
            (at, length) if at == hit.access.at => (at, length + 1),
            _ => (hit.access.at, 1),
        };
        if row.1 >= POLLED {
            self.found.insert((hit.pid, hit.access.at));
        }
        row.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::processes::Identity;

    /// An access, by a loop that waits if it reads at 10 or beyond 20.
    fn hit(thread: i32, at: u64, bytes: Range<u64>, effect: Effect, value: u8) -> Hit {
        // SAFETY: numbers alone.
        let registers = unsafe { std::mem::zeroed() };
        let access = Access { at, bytes: bytes.clone(), extent: Extent::Whole, effect, is_atomic: false };
        let value = vec![value];
        let waits = at == 10 || at > 20;
        Hit { pid: thread, thread, registers, access, waits, bytes, before: value.clone(), after: value }
    }

    fn window() -> Window<()> {
        let word = Word { of: Identity::Segment(1), bytes: 0..8 };
        Window::new(word, vec![0; 8], Instant::now())
    }

    #[test]
    fn who_comes_to_the_same_bytes_makes_a_race() {
        let mut window = window();
        let first = hit(1, 10, 0..4, Effect::Write, 0);
        assert_eq!(window.judge(&first, true), Answer::Hold);
        window.hold(first, Instant::now(), HOLD);
        assert_eq!(window.judge(&hit(2, 20, 4..8, Effect::Write, 0), true), Answer::GoOn, "a neighbour");
        assert_eq!(window.judge(&hit(1, 20, 0..4, Effect::Write, 0), true), Answer::GoOn, "the same thread");
        assert_eq!(window.judge(&hit(2, 20, 3..4, Effect::Read, 0), true), Answer::Suspect);
        let mut atomic = hit(2, 20, 0..4, Effect::Update, 0);
        atomic.access.is_atomic = true;
        assert_eq!(window.judge(&atomic, true), Answer::Atomic);
    }

    #[test]
    fn who_may_have_come_to_another_byte_makes_none() {
        let somewhere = |mut hit: Hit| {
            hit.access.extent = Extent::Somewhere;
            hit
        };
        let mut window = window();
        window.hold(hit(1, 10, 2..6, Effect::Write, 0), Instant::now(), HOLD);
        assert_eq!(window.judge(&somewhere(hit(2, 20, 0..4, Effect::Read, 0)), true), Answer::Spoil);
        assert_eq!(window.judge(&somewhere(hit(2, 20, 2..4, Effect::Read, 0)), true), Answer::Suspect);
        window.hold(somewhere(hit(1, 10, 0..4, Effect::Read, 0)), Instant::now(), HOLD);
        assert_eq!(window.judge(&hit(2, 20, 1..4, Effect::Write, 0), true), Answer::GoOn);
        assert_eq!(window.judge(&somewhere(hit(2, 20, 0..4, Effect::Write, 0)), true), Answer::GoOn);
        assert_eq!(window.judge(&hit(2, 20, 0..8, Effect::Write, 0), true), Answer::Suspect);
    }

    #[test]
    fn two_who_read_make_none() {
        let mut window = window();
        window.hold(hit(1, 10, 0..4, Effect::Read, 0), Instant::now(), HOLD);
        assert_eq!(window.judge(&hit(2, 20, 0..4, Effect::Read, 0), true), Answer::GoOn);
        assert_eq!(window.judge(&hit(2, 20, 0..4, Effect::Update, 0), true), Answer::Suspect);
    }

    #[test]
    fn polled_is_what_is_read_in_a_row() {
        let mut window = window();
        for effect in [Effect::Read, Effect::Write, Effect::Read] {
            window.judge(&hit(1, 10, 0..4, effect, 0), true);
        }
        assert_eq!(window.pollers().count(), 0);
        window.judge(&hit(1, 10, 0..4, Effect::Read, 1), true);
        assert_eq!(window.pollers().collect::<Vec<_>>(), [(1, 10)]);
        for at in [20, 21, 22, 20, 21, 22] {
            window.judge(&hit(2, at, 0..4, Effect::Read, 0), true);
        }
        assert_eq!(window.pollers().count(), 1);
    }
}
