//! What is done when a thread has come to a watched word.

use super::{Engine, exe_of, window_start};
use crate::race::instruction::{Extent, Stopped};
use crate::race::suspicion::{Side, Suspicion};
use crate::race::threads::Taken;
use crate::race::window::{Answer, Hit, Stage, Window};
use crate::race::words::Word;
use crate::system::samples::Seen;
use crate::system::{pages, tracer};
use std::ops::Range;
use std::time::Instant;

impl Engine {
    /// Somebody came to a word that is watched. Where few come, and most of the budget is left, who does is held longer.
    pub(super) fn hit(&mut self, thread: i32, slot: usize) {
        /// What part of the budget that is left one of them may take.
        const PART: u32 = 16;
        let now = Instant::now();
        let taken = self.threads.get_mut(thread).map_or(Taken::Nothing, |known| known.take_hit(slot));
        let seen = match taken {
            Taken::Nothing => {
                tracer::go_on(thread, 0);
                return;
            }
            Taken::Unclear => None,
            Taken::Hit(seen) => self.access_of(thread, slot, &seen),
        };
        self.unplaced += u64::from(seen.is_none());
        let is_alone = !self.threads.is_another_coming(thread, slot);
        match seen.and_then(|hit| Some((self.windows.get_mut(slot)?.as_mut()?.judge(&hit, is_alone), hit))) {
            // Whoever comes later may have been waiting for this one.
            None | Some((Answer::Spoil, _)) => self.spoil(slot, is_alone, now),
            Some((Answer::Hold, _)) if self.threads.is_last_free() => self.give_up(slot),
            Some((Answer::Hold, hit)) if is_alone && self.is_common(slot, hit.access.at) => {}
            Some((Answer::Hold, hit)) => {
                let spare = self.earned(now).saturating_sub(self.spent);
                if let Some(Some(window)) = self.windows.get_mut(slot) {
                    window.hold(hit, now, spare / PART);
                }
                if let Some(known) = self.threads.get_mut(thread) {
                    (known.is_held, known.has_settled) = (true, false);
                }
                // It is held in a stop of its own, with which no signal reaches it if the command is killed.
                tracer::interrupt(thread);
            }
            Some((Answer::Suspect, hit)) => self.suspect(slot, &hit, now),
            Some((Answer::Atomic, hit)) => self.drop_atomic(slot, &hit.bytes),
            Some((Answer::GoOn, hit)) => {
                let is_read = !hit.access.effect.writes();
                // One that reads all the time would hardly come to where it writes.
                if is_read && self.windows.get(slot).and_then(Option::as_ref).is_some_and(Window::is_held_by_reader) {
                    self.threads.let_read(thread, slot);
                }
            }
        }
        tracer::go_on(thread, 0);
    }

    /// Ends a window as if it had not been: who came to the word is the only one who can still come to that of another.
    fn give_up(&mut self, slot: usize) {
        self.threads.unwatch(slot);
        if let Some(window) = self.windows.get_mut(slot) {
            *window = None;
        }
    }

    /// Whether an instruction was held so often that another one is rather waited for, for a while: a race may be at one that is
    /// hardly ever the first to come.
    fn is_common(&mut self, slot: usize, at: u64) -> bool {
        /// How often each is held at once, and how many of those that are not are let by at most.
        const OFTEN: u32 = 4;
        const LET_BY: u32 = 12;
        let Some(Some(window)) = self.windows.get_mut(slot) else { return false };
        let held = self.held.entry(at).or_default();
        let is_common = window.let_by < LET_BY && *held > OFTEN && self.words.chance((*held / OFTEN).min(8));
        if is_common {
            window.let_by += 1;
        } else {
            *held += 1;
        }
        is_common
    }

    /// An access was made of which nothing is known. It may have come after one by a thread that is about to stop: what that wrote may
    /// be what this one has waited for.
    fn spoil(&mut self, slot: usize, is_alone: bool, now: Instant) {
        let Some(Some(window)) = self.windows.get(slot) else { return };
        match &window.stage {
            Stage::Held(_) => self.end_window(slot, now),
            Stage::Armed if !is_alone => self.close(slot, true),
            _ => {}
        }
    }

    /// What a thread did that has stopped at a watchpoint, and has done nothing since.
    fn access_of(&mut self, thread: i32, slot: usize, seen: &Seen) -> Option<Hit> {
        let pid = self.threads.get(thread)?.pid;
        let window = self.windows.get_mut(slot)?.as_mut()?;
        let word = window.word.clone();
        let (_, watched) = self.objects.places(word.of, &word.bytes).into_iter().find(|(there, _)| *there == pid)?;
        let registers = tracer::registers(thread).ok().filter(|registers| seen.is_at(registers))?;
        let mut value = vec![0; window.value.len()];
        if !pages::read(pid, watched.start, &mut value) {
            return None;
        }
        let stopped = Stopped { registers: &registers, watched: watched.clone() };
        let (access, waits) = match self.codes.access(pid, &stopped) {
            Ok(found) => found,
            Err(size) => {
                if let Some(size) = size {
                    self.words.note_unknown_place(&word, size as u64);
                }
                return None;
            }
        };
        let to_object = |address: u64| word.bytes.start.wrapping_add(address.wrapping_sub(watched.start));
        let bytes = to_object(access.bytes.start)..to_object(access.bytes.end);
        if access.extent == Extent::Whole {
            self.words.note_size(&word, &bytes);
        }
        let before = std::mem::replace(&mut window.value, value.clone());
        Some(Hit { pid, thread, registers, access, waits, bytes, before, after: value })
    }

    /// Two accesses were kept apart by nothing: both stacks are looked at, and then who else comes.
    fn suspect(&mut self, slot: usize, second: &Hit, now: Instant) {
        let Some(Some(window)) = self.windows.get_mut(slot) else { return };
        let Stage::Held(first) = &window.stage else { return };
        let (first, word) = ((**first).clone(), window.word.clone());
        self.note_watching(now.saturating_duration_since(window_start(&self.windows, slot)));
        let pair = (first.access.at.min(second.access.at), first.access.at.max(second.access.at));
        // What was unmapped since it was looked at is other memory.
        for pid in [first.pid, second.pid] {
            self.objects.look(pid);
        }
        let places = self.objects.places(word.of, &word.bytes);
        let is_there = |hit: &Hit| places.iter().any(|(pid, _)| *pid == hit.pid);
        if self.told.contains(&pair) || !is_there(&first) || !is_there(second) {
            self.release(first.thread);
            self.words.settle(word.of, common(&first.bytes, &second.bytes));
            self.close(slot, true);
            return;
        }
        let suspicion = Suspicion {
            bytes: common(&common(&first.bytes, &second.bytes), &word.bytes),
            of: word.of,
            name: self.objects.name(word.of),
            first: self.side(&first, &word),
            second: self.side(second, &word),
            pollers: Vec::new(),
        };
        self.release(first.thread);
        if suspicion.is_of_library() {
            self.words.settle(word.of, suspicion.bytes);
            self.close(slot, true);
        } else if let Some(Some(window)) = self.windows.get_mut(slot) {
            let may_poll = [&first, second].iter().any(|hit| hit.waits && !hit.access.effect.writes());
            window.survey(suspicion, may_poll, Instant::now());
            self.threads.watch_reads(slot);
        }
    }

    fn side(&mut self, hit: &Hit, word: &Word) -> Side {
        let stack = self.codes.stack(hit.pid, &hit.registers, hit.access.at);
        let inside = self.callees.inside(hit.pid, &stack);
        Side {
            pid: hit.pid,
            thread: hit.thread,
            exe: exe_of(hit.pid),
            effect: hit.access.effect,
            at: hit.access.at,
            address: hit.access.bytes.start,
            bytes: hit.bytes.clone(),
            are_all: hit.access.extent == Extent::Whole,
            value_bytes: word.bytes.clone(),
            before: hit.before.clone(),
            after: hit.after.clone(),
            stack,
            inside,
        }
    }

    /// A word is an atomic: it needs no watching.
    fn drop_atomic(&mut self, slot: usize, bytes: &Range<u64>) {
        let Some(Some(window)) = self.windows.get(slot) else { return };
        let of = window.word.of;
        if let Stage::Held(first) = &window.stage {
            let thread = first.thread;
            self.release(thread);
        }
        self.words.settle(of, bytes.clone());
        let is_of_suspected =
            self.windows.get(slot).and_then(Option::as_ref).is_some_and(|window| match &window.stage {
                Stage::Surveyed { suspected, .. } => {
                    suspected.bytes.start < bytes.end && bytes.start < suspected.bytes.end
                }
                _ => true,
            });
        if is_of_suspected {
            self.close(slot, true);
        }
    }
}

/// The bytes that two ranges have in common.
fn common(one: &Range<u64>, other: &Range<u64>) -> Range<u64> {
    one.start.max(other.start)..one.end.min(other.end)
}
