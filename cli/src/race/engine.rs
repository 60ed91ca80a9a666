//! The thread that traces: what happens to the traced threads, one thing after the other, and what is watched meanwhile.
//!
//! It must be one thread, since the kernel lets no other ask for anything; and when it ends, all that it traces goes on
//! untraced.

mod births;
mod hits;
mod switches;

use crate::race::callee::Callees;
use crate::race::codes::Codes;
use crate::race::objects::{Choice, Objects};
use crate::race::suspicion::{Coverage, Event, Suspicion};
use crate::race::threads::{SLOTS, Threads};
use crate::race::window::{Stage, Window};
use crate::race::words::{Word, Words};
use crate::system::pages;
use crate::system::privileges;
use crate::system::threads;
use crate::system::tracer::{self, Born, Change, Told, What};
use nix::unistd::Pid;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use births::Births;
use switches::Switches;

/// What it costs a program that one of its threads stops and goes on.
const STOP: Duration = Duration::from_micros(25);
/// How much of the budget may be used before it is earned.
const CREDIT: Duration = Duration::from_millis(2);
/// One part in so many of the budget is for watching, and one for comparing, however often a program stops for other things.
const RESERVED: u32 = 4;
/// How often it is looked what has changed; and after which times, at least and at most, at what processes have mapped.
const TICK: Duration = Duration::from_millis(5);
const LOOK_SOON: Duration = Duration::from_millis(4);
const LOOK_LATE: Duration = Duration::from_millis(500);

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Demand {
    /// How much of its time a program may be held up, in percent.
    pub(crate) budget: f64,
    /// How many words are watched at once.
    pub(crate) words: usize,
    pub(crate) choice: Choice,
    /// How long it is watched.
    pub(crate) time: Option<Duration>,
}

/// All that is known while it lasts.
pub(crate) struct Engine {
    demand: Demand,
    main: i32,
    threads: Threads,
    births: Births,
    objects: Objects,
    words: Words,
    codes: Codes,
    callees: Callees,
    windows: [Option<Window<Suspicion>>; SLOTS],
    /// Instructions of processes that were seen to poll.
    pollers: HashSet<(i32, u64)>,
    /// How often each instruction was held.
    held: HashMap<u64, u32>,
    /// Pairs of instructions of which it is told that they race.
    told: HashSet<(u64, u64)>,
    events: Sender<Event>,
    stop: Arc<AtomicBool>,
    start: Instant,
    switches: Switches,
    /// For how long something of the program was held up; and how much of that is for watching.
    spent: Duration,
    watching: Duration,
    /// The time of the processor that was taken for comparing.
    compared: Duration,
    next_look: Instant,
    /// Before which it is not looked again, since looking costs, too.
    rests_until: Instant,
    interval: Duration,
    next_tick: Instant,
    /// Processes that have not got the rights of their program's file.
    withheld: BTreeSet<i32>,
    windows_made: u64,
    /// How often somebody came of whom it can't be known what he did.
    unplaced: u64,
}

impl Engine {
    pub(crate) fn new(demand: Demand, main: i32, events: Sender<Event>, stop: Arc<AtomicBool>) -> Engine {
        let now = Instant::now();
        let objects = Objects::new(demand.choice.clone());
        let seed = u64::from(std::process::id()) << 32 | 0x9e37_79b9;
        Engine {
            demand,
            main,
            threads: Threads::default(),
            births: Births::new(main, now),
            objects,
            words: Words::new(seed),
            codes: Codes::default(),
            callees: Callees::default(),
            windows: [const { None }; SLOTS],
            pollers: HashSet::new(),
            held: HashMap::new(),
            told: HashSet::new(),
            events,
            stop,
            start: now,
            switches: Switches::new(now),
            spent: Duration::ZERO,
            watching: Duration::ZERO,
            compared: Duration::ZERO,
            next_look: now,
            rests_until: now,
            interval: LOOK_SOON,
            next_tick: now,
            withheld: BTreeSet::new(),
            windows_made: 0,
            unplaced: 0,
        }
    }

    /// Watches a thread that was seized, and all that it starts, until nobody is left or it is enough.
    pub(crate) fn watch(mut self) {
        self.threads.add(self.main);
        while !self.threads.is_empty() && !self.is_enough() {
            while let Ok(Some(change)) = tracer::next() {
                self.take(change);
            }
            let now = Instant::now();
            self.note_switches(now);
            self.end_windows(now);
            self.catch_up(now);
            if now >= self.next_look {
                self.look(now);
            }
            if now >= self.next_tick {
                self.next_tick = now + TICK;
                self.compare(now);
            }
            self.open_windows(now);
            let until = self.windows.iter().flatten().map(|window| window.until).fold(self.next_tick, Instant::min);
            tracer::wait(until.saturating_duration_since(Instant::now()));
        }
        self.let_all_go();
        let coverage = self.coverage();
        drop(self.events.send(Event::Over(coverage)));
    }

    fn is_enough(&self) -> bool {
        self.stop.load(Relaxed) || self.demand.time.is_some_and(|time| self.start.elapsed() >= time)
    }

    fn tell(&self, event: Event) {
        // Nobody listens any more when the command is about to end.
        drop(self.events.send(event));
    }

    /// Something has happened to a thread.
    fn take(&mut self, Change { thread, what }: Change) {
        self.spent += STOP;
        match what {
            What::Ended(status) => {
                self.end_thread(thread);
                if thread == self.main {
                    self.tell(Event::Ended(status));
                }
            }
            What::Born(born) => {
                self.take_birth(thread, born);
                tracer::go_on(thread, 0);
            }
            What::Executed => self.execute(thread),
            What::Halted => {
                self.add(thread);
                tracer::listen(thread);
            }
            What::Stopped if self.withheld.remove(&thread) => {
                // It has not got the rights that its file gives, for it is traced: it is executed again, and not traced.
                self.tell(Event::LetGo(thread, exe_of(thread)));
                self.end_thread(thread);
                self.births.leave_alone(thread);
                privileges::execute_again(thread);
            }
            What::Stopped => {
                self.add(thread);
                match self.threads.get_mut(thread) {
                    Some(known) if known.is_held => known.has_settled = true,
                    _ => tracer::go_on(thread, 0),
                }
            }
            What::Signal(told) => self.take_signal(thread, told),
        }
    }

    fn take_birth(&mut self, parent: i32, born: Born) {
        // The end of what lives for a moment may be told before its birth.
        match born {
            Born::Process(child) => {
                if tracer::is_there(child) {
                    self.add_forked(parent, child);
                }
                self.note_birth(parent);
            }
            Born::Other(child) if tracer::is_there(child) => {
                self.add(child);
                self.note_thread(parent, child);
            }
            Born::Other(_) => {}
        }
    }

    fn take_signal(&mut self, thread: i32, told: Told) {
        self.add(thread);
        self.follow_again(thread);
        let is_own = self.threads.get(thread).is_some_and(|known| known.signal == told.signal);
        let does_nothing = || told.descriptor.is_some() && is_own || threads::ignores(thread, told.signal);
        threads::restart_interrupted(Pid::from_raw(thread), does_nothing);
        match told.descriptor.filter(|_| is_own).map(|descriptor| self.threads.slot_of(thread, descriptor)) {
            Some(Some(slot)) => self.hit(thread, slot),
            // Of a watchpoint that is gone.
            Some(None) => tracer::go_on(thread, 0),
            None => tracer::go_on(thread, told.signal),
        }
    }

    /// A thread that may be new.
    fn add(&mut self, thread: i32) {
        if self.threads.get(thread).is_some() {
            return;
        }
        if let Some(pid) = self.threads.add(thread) {
            self.look_soon();
            // A child may be over soon.
            if self.is_affordable(Instant::now()) && self.objects.are_there() {
                self.objects.look(pid);
            }
        }
        self.join(thread);
    }

    /// A process that was forked has what the one has that did so.
    fn add_forked(&mut self, parent: i32, child: i32) {
        if self.threads.add_process(child) {
            let parent = self.threads.get(parent).map_or(parent, |known| known.pid);
            self.objects.inherit(parent, child);
            self.look_soon();
            self.join(child);
        }
    }

    /// Watches in a new thread what is watched in the others, if that is affordable: what it does goes unseen otherwise.
    fn join(&mut self, thread: i32) {
        if !self.is_affordable(Instant::now()) {
            return;
        }
        for (slot, window) in self.windows.iter().enumerate() {
            if let Some(window) = window {
                self.threads.join(thread, slot, window.word.of, &window.word.bytes, &self.objects);
            }
        }
    }

    fn look_soon(&mut self) {
        self.interval = LOOK_SOON;
        self.next_look = self.next_look.min((Instant::now() + LOOK_SOON).max(self.rests_until));
    }

    fn end_thread(&mut self, thread: i32) {
        self.births.forget(thread);
        if let Some(pid) = self.threads.remove(thread) {
            self.objects.forget(pid);
            self.codes.forget(pid);
        }
    }

    /// A process executes another program, in the place of the one before.
    fn execute(&mut self, thread: i32) {
        self.add(thread);
        self.note_execution(thread);
        self.threads.execute(thread);
        self.objects.forget(thread);
        self.codes.forget(thread);
        self.look_soon();
        self.tell(Event::Executed(thread, exe_of(thread)));
        if privileges::traces_others(thread) {
            self.tell(Event::Tracer(thread, exe_of(thread)));
            self.threads.remove(thread);
            self.births.leave_alone(thread);
            tracer::let_go(thread, 0);
            return;
        }
        if privileges::are_withheld(thread) {
            // It stops again when the call is over, at its first instruction.
            self.withheld.insert(thread);
            tracer::interrupt(thread);
        }
        tracer::go_on(thread, 0);
    }

    /// Lets a thread that is held go on.
    fn release(&mut self, thread: i32) {
        if let Some(known) = self.threads.get_mut(thread) {
            known.is_held = false;
            // Otherwise it goes on as soon as it has stopped.
            if known.has_settled {
                known.has_settled = false;
                tracer::go_on(thread, 0);
            }
        }
    }

    fn close(&mut self, slot: usize, was_used: bool) {
        self.threads.unwatch(slot);
        if let Some(window) = self.windows.get_mut(slot).and_then(Option::take) {
            self.windows_made += u64::from(was_used);
            self.pollers.extend(window.pollers());
            self.words.note_watched(&window.word, was_used);
        }
    }

    fn end_windows(&mut self, now: Instant) {
        for slot in 0..SLOTS {
            let over = self.windows.get(slot).and_then(Option::as_ref).is_some_and(|window| window.is_over(now));
            if over {
                self.end_window(slot, now);
            }
        }
    }

    fn end_window(&mut self, slot: usize, now: Instant) {
        let begun = window_start(&self.windows, slot);
        let Some(Some(window)) = self.windows.get(slot) else { return };
        match &window.stage {
            Stage::Armed => self.close(slot, false),
            Stage::Held(first) => {
                let thread = first.thread;
                self.note_watching(now.saturating_duration_since(begun));
                self.release(thread);
                self.close(slot, true);
            }
            Stage::Surveyed { suspected, .. } => {
                let suspicion = (**suspected).clone();
                self.close(slot, true);
                self.confirm(suspicion);
            }
        }
    }

    /// Nothing has spoken against it.
    fn confirm(&mut self, mut suspicion: Suspicion) {
        if self.words.is_any_settled(suspicion.of, &suspicion.bytes) {
            return;
        }
        self.words.settle(suspicion.of, suspicion.bytes.clone());
        let (one, other) = (&suspicion.first, &suspicion.second);
        self.told.insert((one.at.min(other.at), one.at.max(other.at)));
        for (pid, at) in self.pollers.iter().filter(|(pid, _)| [one.pid, other.pid].contains(pid)) {
            suspicion.pollers.push(self.codes.place(*pid, *at));
        }
        self.tell(Event::Race(Box::new(suspicion)));
    }

    /// Looks at what processes have mapped.
    fn look(&mut self, now: Instant) {
        /// What part of the budget it may take.
        const PART: f64 = 6.0;
        let begin = tracer::own_time();
        let mut changed = false;
        for pid in self.threads.pids() {
            changed |= self.objects.look(pid);
        }
        if changed {
            self.words.forget(&self.objects);
        }
        self.words.look_for_pages(&self.objects);
        self.interval = if changed { LOOK_SOON } else { (self.interval * 2).min(LOOK_LATE) };
        let cost = tracer::own_time().saturating_sub(begin);
        self.rests_until = now + cost.mul_f64(100.0 / self.demand.budget * PART);
        self.next_look = (now + self.interval).max(self.rests_until);
    }

    /// Whether the program was held up for less than it may be.
    fn is_affordable(&self, now: Instant) -> bool {
        self.spent + tracer::own_time() <= self.earned(now)
    }

    /// Whether words may be watched: there is a part of the budget for that, whatever the rest is spent on.
    fn is_watching_affordable(&self, now: Instant) -> bool {
        self.is_affordable(now) || self.watching * RESERVED <= self.earned(now)
    }

    /// For how long it may have been held up by now: a part of the time that it would have taken without.
    fn earned(&self, now: Instant) -> Duration {
        /// What is left of the budget for what is not seen: stops take longer on a busy machine, caches are emptied, starting takes time.
        const PART: f64 = 0.6;
        let alone = now.duration_since(self.start).saturating_sub(self.spent);
        alone.mul_f64(self.demand.budget / 100.0 * PART) + CREDIT
    }

    fn note_watching(&mut self, cost: Duration) {
        self.spent += cost;
        self.watching += cost;
    }

    /// Looks for words that have changed. Where much is shared, what that takes would leave nothing for watching.
    fn compare(&mut self, now: Instant) {
        let (begin, earned) = (tracer::own_time(), self.earned(now));
        if begin * 2 <= earned || self.compared * RESERVED <= earned {
            self.words.compare(&self.objects);
            self.compared += tracer::own_time().saturating_sub(begin);
        }
    }

    /// Watches as many words as the budget allows.
    fn open_windows(&mut self, now: Instant) {
        if !self.is_watching_affordable(now) || self.threads.is_last_free() {
            return;
        }
        for slot in 0..self.demand.words.min(SLOTS) {
            if self.windows.get(slot).is_some_and(Option::is_none) {
                self.open_window(slot, now);
            }
        }
    }

    fn open_window(&mut self, slot: usize, now: Instant) {
        let taken: Vec<Word> = self.windows.iter().flatten().map(|window| window.word.clone()).collect();
        let Some(word) = self.words.next(&self.objects, &taken) else { return };
        let Some((pid, at)) = self.objects.place(word.of, &word.bytes) else { return };
        let mut value = vec![0; usize::try_from(at.end - at.start).unwrap_or_default()];
        if !pages::read(pid, at.start, &mut value) {
            return;
        }
        if self.threads.watch(slot, &word, &self.objects) > 0
            && let Some(window) = self.windows.get_mut(slot)
        {
            *window = Some(Window::new(word, value, now));
        }
        if let Some(refusal) = self.threads.refusal.take() {
            self.tell(Event::Refused(refusal));
        }
    }

    /// Takes all watchpoints away and lets all go on that are held; who is about to stop is waited for.
    fn let_all_go(&mut self) {
        for slot in 0..SLOTS {
            match self.windows.get(slot).and_then(Option::as_ref).map(|window| &window.stage) {
                Some(Stage::Surveyed { suspected, .. }) => {
                    let suspicion = (**suspected).clone();
                    self.close(slot, true);
                    self.confirm(suspicion);
                }
                Some(_) => self.close(slot, false),
                None => {}
            }
        }
        for thread in self.threads.held() {
            self.release(thread);
        }
        for _ in 0..4 {
            while let Ok(Some(change)) = tracer::next() {
                self.take(change);
            }
            tracer::wait(Duration::from_micros(500));
        }
    }

    fn coverage(&self) -> Coverage {
        let (objects, size) = self.objects.seen();
        let words = self.words.watched();
        Coverage {
            objects,
            words,
            windows: self.windows_made,
            unplaced: self.unplaced,
            unwatched: size.saturating_sub(words as u64 * 8),
            unfollowed: self.births.time_unfollowed(),
            deaf: self.threads.deaf.iter().copied().collect(),
        }
    }
}

/// When somebody came to the word of a slot, if he is held.
fn window_start(windows: &[Option<Window<Suspicion>>], slot: usize) -> Instant {
    windows.get(slot).and_then(Option::as_ref).map_or_else(Instant::now, |window| window.since)
}

/// The program that a process executes.
fn exe_of(pid: i32) -> String {
    let exe = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    exe.to_string_lossy().trim_end_matches(" (deleted)").to_owned()
}
