//! What it costs that watched threads are switched. Whenever one goes on or off a processor, the kernel sets its watchpoints there,
//! or takes them away. No stop tells of that, and where threads wait for each other all the time it takes more than all stops.

use crate::race::engine::Engine;
use crate::system::{threads, tracer};
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
    /// How often each watched thread has gone on a processor.
    counts: HashMap<i32, u64>,
    /// Since when these are counted, and for how long words were watched since: two at once count twice.
    since: Instant,
    watched: Duration,
    last: Instant,
    next_count: Instant,
}

impl Switches {
    pub(super) fn new(now: Instant) -> Switches {
        Switches { counts: HashMap::new(), since: now, watched: Duration::ZERO, last: now, next_count: now }
    }

    /// So many words were watched until now.
    fn pass(&mut self, now: Instant, words: usize) {
        let words = u32::try_from(words).unwrap_or_default();
        self.watched += now.saturating_duration_since(self.last) * words;
        self.last = now;
    }

    /// What switches have cost since this was last asked, by how often each watched thread has gone on a processor by now.
    fn cost(&mut self, counts: HashMap<i32, u64>) -> Duration {
        let before = |thread| self.counts.get(thread).copied();
        let times: u64 =
            counts.iter().map(|(thread, times)| times.saturating_sub(before(thread).unwrap_or(*times))).sum();
        let words = match self.last.saturating_duration_since(self.since) {
            Duration::ZERO => 0.0,
            time => self.watched.div_duration_f64(time),
        };
        (self.counts, self.since, self.watched) = (counts, self.last, Duration::ZERO);
        (SWITCH + WATCHED.mul_f64(words)) * u32::try_from(times).unwrap_or(u32::MAX)
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
        let mut counts = HashMap::new();
        for (thread, known) in self.threads.watched() {
            if let Some(run) = threads::run(thread) {
                known.note_run_time(run.time);
                counts.insert(thread, run.times);
            }
        }
        let cost = self.switches.cost(counts);
        self.note_watching(cost);
        if words == 0 && !self.is_affordable(now + LONG) {
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
        let mut switches = Switches::new(start);
        // How often a thread has run before it was watched is not counted.
        switches.pass(at(10), 0);
        assert_eq!(switches.cost([(1, 500), (2, 900)].into()), Duration::ZERO);
        switches.pass(at(20), 0);
        assert_eq!(switches.cost([(1, 510), (2, 900)].into()), SWITCH * 10);
        switches.pass(at(25), 4);
        switches.pass(at(30), 0);
        assert_eq!(switches.cost([(1, 510), (2, 1000), (3, 7)].into()), (SWITCH + WATCHED * 2) * 100);
    }
}
