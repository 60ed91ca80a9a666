//! Knowing, the tracker: what the program has mapped, attached and made, by which call, and what became of it.
//!
//! It is not the truth, the kernel is: raw system calls, libc's own mappings and what was there before the library are
//! not in it. So nothing is concluded from what is not in it, and nobody is accused before the kernel was asked.
//!
//! All of it lies behind one lock ([`lock`]), held for a search and an insertion. An event that happens while its own
//! thread holds the lock, in a signal handler, or while its holder does not run, waits in a [`queue`]. When the queue is
//! full and the lock can't be had, tracking ends for this process; that is said once, and no call is held up again.

mod held;
mod hints;
pub(crate) mod history;
pub(crate) mod keys;
pub(crate) mod leak_sites;
pub(crate) mod libraries;
mod lock;
pub(crate) mod locks;
pub(crate) mod objects;
pub(crate) mod origin;
mod pending;
mod pool;
pub(crate) mod protections;
mod queue;
pub(crate) mod regions;
pub(crate) mod reserved;
pub(crate) mod segments;
pub(crate) mod tree;

pub(crate) use origin::{By, File, NewMapping};
pub(crate) use pending::{PendingRelease, detach, detached, release, release_for_mremap, released};
pub(crate) use regions::{Regions, ReleasedMapping, ReleasedPieces, Releaser, Requested, TrackedRange};

use crate::enabled;
use crate::output::{self, sink};
use crate::plain::hidden::{Addresses, Hidden};
use crate::plain::{Outer, Range};
use crate::sys::Errno;
use crate::track::reserved::Reserved;
use core::cell::UnsafeCell;
use core::ffi::c_int;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use held::{Held, give_up, leave_event, tell};
use leak_sites::LeakSites;
use libraries::Libraries;
use lock::{Lock, Patience, Refusal};
use objects::{Object, Objects};
use protections::{Protection, Protections};
use queue::Queue;
use segments::{Segment, Segments, ShmgetSuccess};

/// All that is tracked.
#[repr(C)] // see `Tracker`
pub(crate) struct State {
    pub(crate) regions: Regions,
    pub(crate) segments: Segments,
    pub(crate) objects: Objects,
    pub(crate) leak_sites: LeakSites,
    protections: Protections,
    pub(crate) libraries: Libraries,
    pub(crate) reserved: Reserved,
}

/// What happened.
#[derive(Clone, Copy)]
enum Event {
    Mapped { range: Range, made: NewMapping },
    Released { range: Range, releaser: Releaser },
    Failed { release: u32 },
    Passed { release: u32 },
    Detached { base: usize, releaser: Releaser },
    Protected(Protection),
    Moved { release: u32, old: Range, new: Range, made: NewMapping },
    Duplicated { old: Range, new: Range, made: NewMapping },
    Requested { range: Range, address: usize, base: Option<usize> },
    Forgotten { range: Range },
    ShmgetSucceeded(ShmgetSuccess),
    SizeLearned { id: c_int, size: usize },
    Removed { id: c_int, site: Hidden },
    RemovalRefused { id: c_int, site: Hidden, errno: Errno },
}

impl Addresses for Event {
    fn complemented(mut self) -> Event {
        match &mut self {
            Event::Mapped { range, made } => (*range, *made) = (range.complemented(), made.complemented()),
            Event::Released { range, releaser } => {
                (*range, *releaser) = (range.complemented(), releaser.complemented());
            }
            Event::Detached { base, releaser } => (*base, *releaser) = (!*base, releaser.complemented()),
            Event::Protected(protection) => *protection = protection.complemented(),
            Event::Moved { old, new, made, .. } | Event::Duplicated { old, new, made } => {
                (*old, *new, *made) = (old.complemented(), new.complemented(), made.complemented());
            }
            Event::Requested { range, address, base } => {
                (*range, *address, *base) = (range.complemented(), !*address, base.map(|base| !base));
            }
            Event::Forgotten { range } => *range = range.complemented(),
            // Their addresses are hidden already, or they have none.
            Event::Failed { .. }
            | Event::Passed { .. }
            | Event::ShmgetSucceeded(_)
            | Event::Removed { .. }
            | Event::RemovalRefused { .. }
            | Event::SizeLearned { .. } => {}
        }
        self
    }
}

/// The tracker. What a fork(2) writes to lies at its beginning: the lock, and the beginning of the state.
#[repr(C)]
struct Tracker {
    lock: Lock,
    state: UnsafeCell<State>,
}

// SAFETY: the state is reached only by the holder of the lock.
unsafe impl Sync for Tracker {}

/// The events that wait.
static QUEUE: Queue<Hidden<Event>> = Queue::new();

static TRACKER: Tracker = Tracker {
    lock: Lock::new(),
    state: UnsafeCell::new(State {
        regions: Regions::new(),
        segments: Segments::new(),
        objects: Objects::new(),
        leak_sites: LeakSites::new(),
        protections: Protections::new(),
        libraries: Libraries::new(),
        reserved: Reserved::new(),
    }),
};

impl State {
    /// Whether what was made in this generation was made by this process, not by one that forked it.
    pub(crate) fn is_own(&self, generation: u8) -> bool {
        self.regions.generation() == generation
    }

    /// Whether there may be something to tell when this process ends: it has mapped or made something, or has a mapping that
    /// starts past the end of its file, perhaps its parent's.
    pub(crate) fn has_something_to_tell(&self) -> bool {
        self.regions.has_something_to_tell()
    }

    fn protect(&mut self, protection: Protection) {
        self.regions.protect(protection.range, protection.prot);
        self.protections.enter(Protection { after: self.regions.newest(), ..protection });
    }

    fn apply(&mut self, event: &Event) {
        let outer = None;
        let regions = &mut self.regions;
        match *event {
            Event::Mapped { range, made } => regions.mapped(range, made, outer),
            Event::Released { range, releaser } => _ = regions.release(range, releaser, outer),
            Event::Detached { base, releaser } => _ = regions.detach(base, releaser, outer),
            Event::Failed { release } => regions.put_back(release),
            Event::Passed { release } => regions.close(release),
            Event::Protected(protection) => self.protect(protection),
            Event::Moved { release, old, new, ref made } => regions.moved(release, old, new, made, outer),
            Event::Duplicated { old, new, ref made } => regions.duplicated(old, new, made, outer),
            Event::Requested { range, address, base } => regions.requested_at(range, address, base),
            Event::Forgotten { range } => regions.forget(range),
            Event::ShmgetSucceeded(got) => {
                let generation = self.regions.generation();
                self.regions.note_made();
                match self.segments.entry(got.id) {
                    Some(segment) => segment.shmget_succeeded(&got, generation),
                    None => self.regions.is_incomplete = true,
                }
            }
            Event::SizeLearned { id, size } => {
                if let Some(segment) = self.segments.entry(id) {
                    segment.size = size;
                }
            }
            Event::Removed { id, site } => {
                if let Some(segment) = self.segments.entry(id) {
                    segment.remove(site);
                }
            }
            Event::RemovalRefused { id, site, errno } => {
                if let Some(segment) = self.segments.entry(id) {
                    segment.refuse(site, errno);
                }
            }
        }
    }
}

/// As [`tell`], for the cold paths.
fn tell_event(event: Event) {
    tell(|state| state.apply(&event), || event);
}

/// Looks at what is tracked, or changes it; `None` if the lock can't be had. For the cold paths.
pub(crate) fn with<R>(look: impl FnOnce(&mut State) -> R) -> Option<R> {
    if !enabled::tracks() {
        return None;
    }
    match Held::take_with(Patience::Long) {
        Ok(mut held) => {
            let result = look(held.state());
            held.leave();
            Some(result)
        }
        Err(Refusal::Mine) => None,
        Err(Refusal::TimedOut) => {
            give_up(Refusal::TimedOut);
            None
        }
    }
}

/// A range has been mapped.
#[allow(clippy::inline_always, reason = "each frame counts on small stacks")]
#[inline(always)]
pub(crate) fn mapped(range: Range, made: NewMapping, outer: Option<&Outer>) {
    // By hand, not by `tell`: this is the way of every mapping, and an event takes much of a small stack.
    match Held::take() {
        Ok(mut held) => {
            held.state().regions.mapped(range, made, outer);
            let is_incomplete = held.state().regions.is_incomplete;
            held.leave();
            if is_incomplete {
                say_incomplete();
            }
        }
        Err(refusal) => mapped_later(refusal, range, made),
    }
}

/// Says once that there is no memory for all mappings.
#[cold]
#[inline(never)]
fn say_incomplete() {
    static SAID: AtomicU32 = AtomicU32::new(0);
    if SAID.load(Relaxed) != 0 {
        return;
    }
    if let Ok(lock) = output::enter() {
        if SAID.swap(1, Relaxed) == 0 {
            sink::say(
                &lock,
                format_args!(
                    "there is no memory to remember all mappings by (RLIMIT_AS, or vm.max_map_count): some are \
                     forgotten from here on, and nothing is concluded of them"
                ),
            );
        }
        lock.leave();
    }
}

#[cold]
#[inline(never)]
fn mapped_later(refusal: Refusal, range: Range, made: NewMapping) {
    leave_event(refusal, || Event::Mapped { range, made });
}

/// A range has another protection, given by a call that returns to `site`.
pub(crate) fn protected(range: Range, prot: u8, site: usize) {
    let protection = Protection { range, site, prot, after: 0 };
    tell(|state| state.protect(protection), || Event::Protected(protection));
}

/// mremap has moved or resized what `begun` took from `old`.
pub(crate) fn moved(pending: &PendingRelease, old: Range, new: Range, made: &NewMapping, outer: Option<&Outer>) {
    let release = if let PendingRelease::Taken(taken) = pending {
        taken.release
    } else {
        released(old, Releaser { by: made.by, site: made.site, time: made.time });
        0
    };
    tell(
        |state| state.regions.moved(release, old, new, made, outer),
        || Event::Moved { release, old, new, made: *made },
    );
}

/// mremap has mapped what is at `old` a second time, at `new`.
pub(crate) fn duplicated(old: Range, new: Range, made: &NewMapping, outer: Option<&Outer>) {
    tell(|state| state.regions.duplicated(old, new, made, outer), || Event::Duplicated { old, new, made: *made });
}

/// mremap has shrunk, in place, what starts at `start`.
pub(crate) fn shrunk(start: usize, length: usize) {
    with(|state| state.regions.shrunk(start, length));
}

/// The program asked for an address in a range and was not given it, but `base`, if anything.
#[cold]
#[inline(never)]
pub(crate) fn requested(range: Range, address: usize, base: Option<usize>) {
    tell_event(Event::Requested { range, address, base });
}

/// The newest live mapping that was asked for where an address is, and lies elsewhere.
pub(crate) fn meant_to_hold(address: usize) -> Option<TrackedRange> {
    with(|state| state.regions.meant_to_hold(address))?
}

/// Nobody knows what is in this range now.
#[cold]
pub(crate) fn forget(range: Range) {
    tell_event(Event::Forgotten { range });
}

/// shmget has led to a segment.
pub(crate) fn shmget_succeeded(got: ShmgetSuccess) {
    tell_event(Event::ShmgetSucceeded(got));
}

/// The size of a segment; 0 if it is not known.
pub(crate) fn size_of_segment(id: c_int) -> usize {
    with(|state| state.segments.get(id).map_or(0, |segment| segment.size)).unwrap_or(0)
}

/// A segment's size is known now.
pub(crate) fn size_learned(id: c_int, size: usize) {
    tell_event(Event::SizeLearned { id, size });
}

/// A segment has been removed.
pub(crate) fn removed(id: c_int, site: usize) {
    tell_event(Event::Removed { id, site: Hidden::new(site) });
}

/// The removal of a segment was refused.
pub(crate) fn removal_refused(id: c_int, site: usize, errno: Errno) {
    tell_event(Event::RemovalRefused { id, site: Hidden::new(site), errno });
}

/// This process has attached a segment; whether it is known to be the first time.
pub(crate) fn attached(id: c_int) -> bool {
    with(|state| state.segments.entry(id).is_some_and(Segment::attach)).unwrap_or(false)
}

/// What is known of a segment.
pub(crate) fn segment(id: c_int) -> Option<Segment> {
    with(|state| state.segments.get(id).copied())?
}

/// `shm_open` has made an object.
pub(crate) fn object_made(object: &mut Object) {
    with(|state| {
        object.generation = state.regions.generation();
        state.regions.note_made();
        if !state.objects.made(object) {
            state.regions.is_incomplete = true;
        }
    });
}

/// The most that is remembered of one address.
pub(crate) fn at(address: usize) -> Option<TrackedRange> {
    with(|state| state.regions.at(address).and_then(|entry| state.regions.known(entry)))?
}

/// As [`at`], or else of the next range above.
pub(crate) fn at_or_after(address: usize) -> Option<TrackedRange> {
    with(|state| state.regions.at_or_after(address).and_then(|entry| state.regions.known(entry)))?
}

/// The last mapping that ends at or below an address, and the first that starts above it.
pub(crate) fn neighbours(address: usize) -> (Option<TrackedRange>, Option<TrackedRange>) {
    with(|state| {
        let regions = &state.regions;
        let known = |entry| regions.known(entry);
        (regions.before(address).and_then(known), regions.at_or_after(address).and_then(known))
    })
    .unwrap_or((None, None))
}

/// The largest size that a file is known to have had since a call that maps, in bytes: at each mapping of it, alive or gone.
pub(crate) fn largest_size(device: u32, inode: u64, since: u32) -> Option<u64> {
    with(|state| state.regions.largest_size(device, inode, since))?
}

/// Where what is mapped at an address, by a call with this number if it is tracked, was given this protection by mprotect.
pub(crate) fn protection(address: usize, prot: u8, since: Option<u32>) -> Option<Protection> {
    with(|state| {
        let given = state.protections.last(address, prot)?;
        since.is_none_or(|since| given.after.wrapping_sub(since).cast_signed() >= 0).then_some(given)
    })?
}

/// The last release of the memory at an address.
pub(crate) fn last_gone(address: usize) -> Option<ReleasedMapping> {
    with(|state| {
        let gone = state.regions.history.newest_first().find(|gone| gone.entry.contains(address))?;
        state.regions.known_gone(gone)
    })?
}

/// The pieces that a release took, lowest first.
pub(crate) fn pieces_of(taken: &ReleasedPieces, mut each: impl FnMut(&ReleasedMapping)) {
    let mut from = 0;
    for _ in 0..taken.pieces {
        let Some(Some(piece)) = with(|state| state.regions.next_piece(taken.release, from)) else { return };
        from = piece.gone.entry.end;
        each(&piece);
    }
}

/// What is mapped at an address is in use by a thread: its release needs a look.
pub(crate) fn watch_release(address: usize) {
    with(|state| state.regions.watch_release(address));
}

/// Bytes past the end of what is mapped at an address are not the program's, or no longer to be told from older ones.
pub(crate) fn mark_tail_unreliable(address: usize) {
    with(|state| state.regions.mark_tail_unreliable(address));
}

/// Whether this process has made a segment.
pub(crate) fn created(id: c_int) -> bool {
    let made = |state: &mut State| {
        state.segments.get(id).is_some_and(|segment| segment.is_created() && state.is_own(segment.generation))
    };
    with(made).unwrap_or(false)
}

/// Takes the lock before fork(2); whether it was had.
pub(crate) fn before_fork() -> bool {
    enabled::tracks() && Held::take_with(Patience::Long).map(core::mem::forget).is_ok()
}

/// Gives the lock back after fork(2).
pub(crate) fn after_fork(in_child: bool) {
    let mut held = Held;
    if in_child {
        held.state().regions.forked();
        locks::unlocks_all();
    }
    held.leave();
}
