//! The tracker against the kernel: random calls through the hooks, and after each the tracker's view of a window of
//! addresses compared with the kernel's, page by page.
//!
//! `MAPSAN_STEPS` sets how many (1,000,000 unless told otherwise), `MAPSAN_SEED` where to start. A failure prints the seed
//! and the shortest sequence found that shows it.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::multiple_unsafe_ops_per_block,
    reason = "a test may overflow, and fails then; the calls of a step are one fact"
)]

mod late;

use crate::facts::mapping::Mappings;
use crate::observe::{tracked, under_lock};
use crate::{enabled, hooks};
use core::cell::Cell;
use core::ffi::{c_int, c_void};
use core::ptr::{null_mut, with_exposed_provenance_mut};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;
use std::{env, thread};

const PAGE: usize = 4096;
/// Pages of a window.
const PAGES: usize = 48;
/// Where the windows lie: far from everything that the kernel maps by itself.
const WINDOWS: usize = 0x1000_0000_0000;
/// Mappings outside the window that are kept at a time.
const LOOSE: usize = 6;
/// Any return address.
const SITE: usize = 0x1234;

/// Small numbers without a pattern (xorshift64*).
#[derive(Clone)]
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }

    fn one_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }
}

/// What is mapped.
#[derive(Clone, Copy, Debug)]
enum What {
    Private,
    Shared,
    File { offset: usize },
}

/// One call. Pages count from the window's start; lengths are in bytes.
#[derive(Clone, Copy, Debug)]
enum Step {
    Map { page: usize, length: usize, prot: c_int, what: What, flags: c_int },
    MapLoose { length: usize, prot: c_int, hint: usize },
    Unmap { page: usize, length: usize, shift: usize },
    UnmapLoose { which: usize, skip: usize },
    Protect { page: usize, length: usize, prot: c_int },
    Remap { page: usize, old: usize, new: usize, to: usize, flags: c_int },
    Attach { page: usize, flags: c_int },
    Detach { page: usize },
}

fn random_prot(random: &mut Random) -> c_int {
    [0, 1, 3, 3, 5, 2][random.below(6)]
}

/// A length in bytes: mostly a few pages, sometimes ragged, rarely nonsense.
fn random_length(random: &mut Random) -> usize {
    let most = if random.one_in(6) { PAGES } else { 6 };
    let pages = 1 + random.below(most);
    match random.below(40) {
        0 => 0,
        1 => usize::MAX - 100,
        2..=8 => pages * PAGE - random.below(PAGE),
        _ => pages * PAGE,
    }
}

fn random_step(random: &mut Random) -> Step {
    let page = random.below(PAGES);
    let length = random_length(random);
    match random.below(16) {
        0..=4 => {
            let what = match random.below(4) {
                0 => What::Shared,
                1 => What::File { offset: random.below(20) * PAGE },
                _ => What::Private,
            };
            let flags = if random.one_in(5) { libc::MAP_FIXED_NOREPLACE } else { libc::MAP_FIXED };
            Step::Map { page, length, prot: random_prot(random), what, flags }
        }
        5 => {
            Step::MapLoose { length, prot: random_prot(random), hint: if random.one_in(3) { page } else { usize::MAX } }
        }
        6..=8 => Step::Unmap { page, length, shift: if random.one_in(30) { 1 + random.below(PAGE) } else { 0 } },
        9 => Step::UnmapLoose { which: random.below(LOOSE), skip: random.below(2) },
        10 | 11 => Step::Protect { page, length, prot: random_prot(random) },
        12 | 13 => {
            let flags = [
                0,
                libc::MREMAP_MAYMOVE,
                libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED,
                libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED | 4,
                libc::MREMAP_MAYMOVE | 4,
            ][random.below(5)];
            let old = if random.one_in(12) { 0 } else { length };
            let new = if random.one_in(3) { old } else { random_length(random) };
            Step::Remap { page, old, new, to: random.below(PAGES), flags }
        }
        14 => {
            Step::Attach { page, flags: [0, libc::SHM_RDONLY][random.below(2)] | [0, libc::SHM_REMAP][random.below(2)] }
        }
        _ => Step::Detach { page },
    }
}

/// Memory for one thread's calls.
struct Arena {
    start: usize,
    loose: Vec<(usize, usize)>,
    file: c_int,
    segment: c_int,
    mappings: Mappings,
}

fn pointer(address: usize) -> *mut c_void {
    with_exposed_provenance_mut(address)
}

fn pages_of(length: usize) -> usize {
    length.div_ceil(PAGE) * PAGE
}

impl Arena {
    fn new(number: usize) -> Arena {
        // SAFETY: creates a file in memory.
        let file = unsafe { libc::memfd_create(c"differential".as_ptr(), libc::MFD_CLOEXEC) };
        // SAFETY: a new file, 16 pages long.
        assert_eq!(unsafe { libc::ftruncate(file, 16 * PAGE as i64) }, 0);
        // SAFETY: a new segment.
        let segment = unsafe { libc::shmget(libc::IPC_PRIVATE, 3 * PAGE - 5, libc::IPC_CREAT | 0o600) };
        // It lives as long as this attachment, which the hooks do not see.
        // SAFETY: attaches it where the kernel likes.
        assert_ne!(unsafe { libc::shmat(segment, null_mut(), 0) }, libc::MAP_FAILED);
        // SAFETY: the segment is our own.
        assert_eq!(unsafe { libc::shmctl(segment, libc::IPC_RMID, null_mut()) }, 0);
        let start = WINDOWS + number * 0x1_0000_0000;
        Arena { start, loose: Vec::new(), file, segment, mappings: Mappings::open().unwrap() }
    }

    fn at(&self, page: usize) -> usize {
        self.start + page * PAGE
    }

    /// Makes the call. What would leave the window is left out.
    fn make(&mut self, step: Step) {
        let fits = |page: usize, length: usize| length > PAGES * PAGE || page + pages_of(length) / PAGE <= PAGES;
        // SAFETY: every call touches nothing but the window and what earlier calls here mapped.
        unsafe {
            match step {
                Step::Map { page, length, prot, what, flags } if fits(page, length) => {
                    let (kind, fd, offset) = match what {
                        What::Private => (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0),
                        What::Shared => (libc::MAP_SHARED | libc::MAP_ANONYMOUS, -1, 0),
                        What::File { offset } => (libc::MAP_SHARED, self.file, offset as i64),
                    };
                    hooks::mmap(pointer(self.at(page)), length, prot, kind | flags, fd, offset, SITE);
                }
                Step::MapLoose { length, prot, hint } if length < PAGES * PAGE => {
                    let hint = if hint == usize::MAX { 0 } else { self.at(hint) };
                    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
                    let base = hooks::mmap(pointer(hint), length, prot, flags, -1, 0, SITE);
                    self.keep(base, length);
                }
                Step::Unmap { page, length, shift } if fits(page, length) => {
                    hooks::munmap(pointer(self.at(page) + shift), length, SITE);
                }
                Step::UnmapLoose { which, skip } if which < self.loose.len() => {
                    let (base, length) = self.loose.swap_remove(which);
                    let skip = skip * PAGE;
                    if skip < length {
                        hooks::munmap(pointer(base + skip), length - skip, SITE);
                    }
                    // Not twice: another thread may own the address by then.
                    if skip > 0 {
                        hooks::munmap(pointer(base), skip.min(length), SITE);
                    }
                }
                Step::Protect { page, length, prot } if fits(page, length) => {
                    hooks::mprotect(pointer(self.at(page)), length, prot, SITE);
                }
                Step::Remap { page, old, new, to, flags } if fits(page, old) && fits(to, new) && fits(page, new) => {
                    let (from, target) = (pointer(self.at(page)), pointer(self.at(to)));
                    let moved = hooks::mremap(from, old, new, flags, target, SITE);
                    let fixed = flags & libc::MREMAP_FIXED != 0;
                    if moved != libc::MAP_FAILED && !fixed && moved != from {
                        self.keep(moved, new);
                    }
                }
                Step::Attach { page, flags } if page + 3 <= PAGES => {
                    hooks::shmat(self.segment, pointer(self.at(page)), flags, SITE);
                }
                Step::Detach { page } => {
                    hooks::shmdt(pointer(self.at(page)), SITE);
                }
                _ => {}
            }
        }
    }

    fn keep(&mut self, base: *mut c_void, length: usize) {
        let inside = (self.start..self.at(PAGES)).contains(&(base as usize));
        if base == libc::MAP_FAILED || inside {
            return;
        }
        self.loose.push((base as usize, pages_of(length)));
        if self.loose.len() > LOOSE {
            let (base, length) = self.loose.remove(0);
            // SAFETY: mapped by an earlier step, and forgotten here.
            unsafe { hooks::munmap(pointer(base), length, SITE) };
        }
    }

    /// What the tracker and the kernel say of a range, in words, where they differ.
    fn compare(&self, start: usize, end: usize) -> Result<(), String> {
        let mut address = start;
        while address < end {
            let kernel = self.mappings.at_or_after(address);
            let tracked = tracked::at_or_after(address).map(|known| known.entry);
            let kernel = kernel.map(|there| (there.start.max(address), there.end.min(end), there.prot()));
            let tracked = tracked.map(|there| (there.start.max(address), there.end.min(end), there.prot));
            let kernel = kernel.filter(|(from, ..)| *from < end);
            let tracked = tracked.filter(|(from, ..)| *from < end);
            match (kernel, tracked) {
                (None, None) => return Ok(()),
                (Some(one), Some(other)) if one.0 == other.0 && one.2 == other.2 => address = one.1.min(other.1),
                _ => return Err(format!("at {address:#x} the kernel has {kernel:x?}, the tracker {tracked:x?}")),
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        self.compare(self.start, self.at(PAGES))?;
        self.loose.iter().try_for_each(|(base, length)| self.compare(*base, base + length))
    }

    /// Empties it.
    fn clear(&mut self) {
        // SAFETY: the window, and what the steps mapped.
        unsafe {
            hooks::munmap(pointer(self.start), PAGES * PAGE, SITE);
            for (base, length) in self.loose.drain(..) {
                hooks::munmap(pointer(base), length, SITE);
            }
        }
    }

    /// Makes the steps anew in an empty window; the number of the first that goes wrong.
    fn replay(&mut self, steps: &[Step]) -> Option<usize> {
        self.clear();
        steps.iter().position(|step| {
            self.make(*step);
            self.check().is_err()
        })
    }

    /// Leaves out of a sequence that goes wrong whatever it does not need for that.
    fn shrink(&mut self, steps: &mut Vec<Step>) {
        let mut chunk = steps.len() / 2;
        while chunk > 0 {
            let mut at = 0;
            while at < steps.len() {
                let mut shorter = steps.clone();
                shorter.drain(at..(at + chunk).min(steps.len()));
                match self.replay(&shorter) {
                    Some(last) => {
                        shorter.truncate(last + 1);
                        *steps = shorter;
                    }
                    None => at += chunk,
                }
            }
            chunk /= 2;
        }
    }
}

/// One test at a time: the calls of one may not fall into the comparison of another.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let guard = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    enabled::track_in_tests();
    guard
}

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[test]
fn the_tracker_agrees_with_the_kernel() {
    /// Steps after which the window is emptied, so that a failure has a short history.
    const ROUND: u64 = 2000;
    let _alone = alone();
    let (steps, first) = (setting("MAPSAN_STEPS", 1_000_000), setting("MAPSAN_SEED", 1));
    let mut arena = Arena::new(0);
    for seed in first..first + steps.div_ceil(ROUND) {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut made = Vec::new();
        arena.clear();
        for _ in 0..ROUND {
            let step = random_step(&mut random);
            made.push(step);
            arena.make(step);
            under_lock(|tracker| tracker.check());
            if let Err(difference) = arena.check() {
                let last = made.split_off(made.len().saturating_sub(8));
                made.extend(&last);
                let length = made.len();
                // Where the kernel put what it placed itself may matter, and is another the next time.
                let shortest = arena.replay(&made).is_some().then(|| arena.shrink(&mut made));
                let again = shortest.map(|()| arena.replay(&made).map(|_| arena.check()));
                panic!(
                    "MAPSAN_SEED={seed}, step {length}: {difference}\nlast: {last:#x?}\n\
                     shortest: {made:#x?}\n{again:?}",
                    made = again.as_ref().map(|_| &made)
                );
            }
        }
    }
}

#[test]
fn threads_and_signal_handlers_that_map_are_followed() {
    const ROUNDS: usize = 20;
    const STEPS: usize = 1000;
    let _alone = alone();
    for threads in [2, 3, 4, 8] {
        let mut arenas: Vec<Arena> = (1..=threads).map(Arena::new).collect();
        // SAFETY: the handler maps and unmaps in a window of its own.
        unsafe { libc::signal(libc::SIGUSR1, handler as *const () as usize) };
        for round in 0..ROUNDS {
            let runs: Vec<Run> = arenas.iter().map(|_| Run::default()).collect();
            thread::scope(|scope| {
                let workers = arenas.iter_mut().zip(&runs).enumerate().map(|(number, (arena, run))| {
                    scope.spawn(move || {
                        HANDLER.set((number, 0));
                        // SAFETY: the calling thread's own id.
                        run.thread.store(unsafe { libc::pthread_self() } as usize, SeqCst);
                        let mut random = Random((round * 100 + number) as u64 | 1 << 40);
                        for _ in 0..STEPS {
                            arena.make(random_step(&mut random));
                            run.steps.fetch_add(1, SeqCst);
                        }
                    })
                });
                let workers: Vec<_> = workers.collect();
                while !workers.iter().all(thread::ScopedJoinHandle::is_finished) {
                    runs.iter().for_each(Run::interrupt);
                    thread::sleep(Duration::from_micros(50));
                }
                // The scope's own end would not wait for a handler that runs while its thread ends.
                for worker in workers {
                    worker.join().unwrap();
                }
            });
            assert!(enabled::tracks(), "{threads} threads, round {round}: tracking has ended");
            for arena in &arenas {
                arena.check().unwrap_or_else(|difference| panic!("{threads} threads, round {round}: {difference}"));
            }
            check_handlers(&arenas[0], threads);
        }
        arenas.iter_mut().for_each(Arena::clear);
    }
    assert!(HANDLED.load(SeqCst) > 0, "no signal came");
}

/// A thread of a round, and how far it is.
#[derive(Default)]
struct Run {
    /// Its `pthread_t`; 0 before it runs.
    thread: AtomicUsize,
    steps: AtomicUsize,
    /// The step of the last signal, with 1 added.
    interrupted: AtomicUsize,
}

impl Run {
    /// Sends it one signal in each step. More could come faster than its handlers end on a busy machine: then it would not get
    /// on, and neither would who waits for the lock that it holds.
    fn interrupt(&self) {
        let (thread, step) = (self.thread.load(SeqCst), self.steps.load(SeqCst) + 1);
        if thread != 0 && self.interrupted.swap(step, SeqCst) != step {
            // SAFETY: the thread runs, or has ended and is not joined yet.
            unsafe { libc::pthread_kill(thread as libc::pthread_t, libc::SIGUSR1) };
        }
    }
}

/// How many handlers have run.
static HANDLED: AtomicUsize = AtomicUsize::new(0);
/// Where the handlers map: each thread's in a part of its own, because a thread may stand still inside one for longer than
/// the others take for any number of theirs.
const HANDLERS: usize = WINDOWS + 0x100_0000_0000;
const HANDLER_PLACES: usize = 1024;
const PLACE: usize = 4 * PAGE;

thread_local! {
    /// The number of a thread, and of its handlers.
    static HANDLER: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

extern "C" fn handler(_signal: c_int) {
    HANDLED.fetch_add(1, SeqCst);
    let (thread, number) = HANDLER.get();
    HANDLER.set((thread, number + 1));
    let place = HANDLERS + (thread * HANDLER_PLACES + number % HANDLER_PLACES) * PLACE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
    // SAFETY: a place that no other code uses; the hooks keep errno.
    unsafe {
        hooks::mmap(pointer(place), 3 * PAGE, 3, flags, -1, 0, SITE);
        hooks::munmap(pointer(place + PAGE), PAGE, SITE);
        hooks::mprotect(pointer(place), PAGE, 1, SITE);
    }
}

fn check_handlers(any: &Arena, threads: usize) {
    any.compare(HANDLERS, HANDLERS + threads * HANDLER_PLACES * PLACE)
        .unwrap_or_else(|difference| panic!("after {} handlers: {difference}", HANDLED.load(SeqCst)));
}
