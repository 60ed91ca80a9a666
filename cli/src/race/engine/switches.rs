//! What it costs that watched threads are switched. Whenever one goes on or off a processor, the kernel sets its watchpoints there,
//! or takes them away. No stop tells of that, and where threads wait for each other all the time it takes more than all stops.

use crate::race::engine::Engine;
use crate::system::threads::{self, Run};
use crate::system::tracer;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// What it takes a thread to go on a processor and off it again if it has watchpoints, and how much more for each that is set.
/// Measured on a virtual machine, with two threads that wake each other by pipes: 0.3 and 0.35 to 0.5 us.
const SWITCH: Duration = Duration::from_nanos(300);
const WATCHED: Duration = Duration::from_nanos(400);
/// How often switches are counted, and how much of its time the command may count.
const OFTEN: Duration = Duration::from_millis(40);
const SHARE: u32 = 200;
/// Who has to wait for longer than this until watching is paid for again is better off without watchpoints.
const LONG: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Switches {
    /// How each watched thread had run when they were last counted.
    runs: HashMap<i32, Run>,
    /// When that was, and for how long words were watched since: two at once count twice.
    since: Instant,
    watched: Duration,
    last: Instant,
    next_count: Instant,
}

impl Switches {
    pub(super) fn new(now: Instant) -> Switches {
        Switches { runs: HashMap::new(), since: now, watched: Duration::ZERO, last: now, next_count: now }
    }

    /// So many words were watched until now.
    fn pass(&mut self, now: Instant, words: usize) {
        let words = u32::try_from(words).unwrap_or_default();
        self.watched += now.saturating_duration_since(self.last) * words;
        self.last = now;
    }

    /// For how long switches have held up the program since this was last asked, by how the watched threads have run by now. Those that
    /// run at the same time are held up at the same time.
    fn cost(&mut self, runs: HashMap<i32, Run>) -> Duration {
        let before = |thread| self.runs.get(thread).copied();
        let since = runs.iter().filter_map(|(thread, run)| Some((before(thread)?, run)));
        let (times, time) = since.fold((0, 0), |(times, time): (u64, u64), (before, run)| {
            (times + run.times.saturating_sub(before.times), time + run.time.saturating_sub(before.time))
        });
        let passed = self.last.saturating_duration_since(self.since);
        let (words, at_once) = match passed {
            Duration::ZERO => (0.0, 1.0),
            _ => (self.watched.div_duration_f64(passed), Duration::from_nanos(time).div_duration_f64(passed)),
        };
        (self.runs, self.since, self.watched) = (runs, self.last, Duration::ZERO);
        (SWITCH + WATCHED.mul_f64(words)).div_f64(at_once.max(1.0)) * u32::try_from(times).unwrap_or(u32::MAX)
    }
}

impl Engine {
    /// Notes what it costs that threads are switched; takes watchpoints away that can't be used for long.
    pub(super) fn note_switches(&mut self, now: Instant) {
        let words = self.windows.iter().flatten().count();
        self.switches.pass(now, words);
        if now < self.switches.next_count {
            return;
        }
        let begin = tracer::own_time();
        let mut runs = HashMap::new();
        for (thread, known) in self.threads.watched() {
            if let Some(run) = threads::run(thread) {
                known.note_run_time(run.time);
                runs.insert(thread, run);
            }
        }
        let cost = self.switches.cost(runs);
        self.note_watching(cost);
        if words == 0 && !self.is_watching_affordable(now + LONG) {
            self.threads.drop_watchpoints();
        }
        self.switches.next_count = now + OFTEN.max(tracer::own_time().saturating_sub(begin) * SHARE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_costs_as_much_as_words_are_watched() {
        let start = Instant::now();
        let at = |time: u64| start + Duration::from_millis(time);
        let run = |times: u64, milliseconds: u64| Run { times, time: milliseconds * 1_000_000 };
        let mut switches = Switches::new(start);
        // How often a thread has run before it was watched is not counted.
        switches.pass(at(10), 0);
        assert_eq!(switches.cost([(1, run(500, 3)), (2, run(900, 70))].into()), Duration::ZERO);
        switches.pass(at(20), 0);
        assert_eq!(switches.cost([(1, run(510, 4)), (2, run(900, 70))].into()), SWITCH * 10);
        switches.pass(at(25), 4);
        switches.pass(at(30), 0);
        let runs = [(1, run(510, 4)), (2, run(1000, 71)), (3, run(7, 9))];
        assert_eq!(switches.cost(runs.into()), (SWITCH + WATCHED * 2) * 100);
        // Two processors were at work all the time.
        switches.pass(at(40), 0);
        assert_eq!(switches.cost([(1, run(610, 14)), (2, run(1100, 81))].into()), SWITCH / 2 * 200);
    }
}
