//! Alternate signal stacks of our own, for threads that have set none: without one, no handler runs where a stack is used up.
//!
//! Each thread registers its own, before any code of the program's runs in it. Whoever asks by sigaltstack(2) is told what
//! the program has set. None is touched before a fault: the memory for all of them counts as addresses alone, but for a word
//! for each, which says whose it is. No thread tells of its end: a place is taken over by the next thread with the same
//! control block, or when the kernel says that its thread is no more.

use crate::facts::Module;
use crate::machine::{Architecture, Machine, this_thread};
use crate::plain::Range;
use crate::plain::hash::mix;
use crate::plain::page::whole_pages;
use crate::sys;
use core::cell::UnsafeCell;
use core::ffi::c_int;
use core::ptr;
use core::slice;
use core::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU64, AtomicUsize,
    Ordering::{AcqRel, Acquire, Relaxed},
};

/// How much of it the handler of faults needs, before it goes on on the report's stack, beside what the kernel puts there.
const HANDLER: usize = 4096;

/// The bytes of each: enough for a handler of the program's, too, which runs there if it is set with `SA_ONSTACK` when threads
/// have one already.
const SIZE: usize = 32 * 1024;

/// The stacks in the first piece of memory; each further piece has twice as many as the one before.
const FIRST: usize = 16;
const PIECES: usize = 20;

/// How far from its place in a piece a thread's stack may lie.
const PROBES: usize = 8;

#[repr(C, align(64))]
struct Own(UnsafeCell<[u8; SIZE]>);

// SAFETY: the kernel writes there, and one thread's handler.
unsafe impl Sync for Own {}

static OWN_STACK: Own = Own(UnsafeCell::new([0; SIZE]));

struct Stacks {
    /// Whether threads get one.
    given: AtomicBool,
    /// The thread that has the one in the library's own data.
    first: AtomicUsize,
    /// Each begins with a word for each of its stacks: whose it is ([`Claim`]), 0 for nobody's.
    pieces: [AtomicPtr<AtomicU64>; PIECES],
}

static STACKS: Stacks = Stacks {
    given: AtomicBool::new(false),
    first: AtomicUsize::new(0),
    pieces: [const { AtomicPtr::new(ptr::null_mut()) }; PIECES],
};

/// A thread, in a word: 42 bits of where its control block lies, and its number, which has 22 (`PID_MAX_LIMIT`). Threads alike
/// in both would have to lie 64 TiB apart.
#[derive(Clone, Copy)]
struct Claim(u64);

impl Claim {
    const TID_BITS: u32 = 22;

    /// This thread's, which has this number.
    fn of_this_thread(tid: c_int) -> Claim {
        Claim((Machine::thread_pointer() as u64 >> 4) << Claim::TID_BITS | u64::from(tid.unsigned_abs()))
    }

    /// Whether it is of a thread with the same control block: one that was before, or the same before a fork.
    fn is_of_same_block(self, other: u64) -> bool {
        other >> Claim::TID_BITS == self.0 >> Claim::TID_BITS
    }

    fn tid(word: u64) -> c_int {
        c_int::try_from(word & ((1 << Claim::TID_BITS) - 1)).unwrap_or(0)
    }

    /// Where the search for its place begins.
    fn hash(self) -> usize {
        usize::try_from(mix(self.0 >> Claim::TID_BITS) >> 32).unwrap_or(0)
    }
}

/// A piece of memory with stacks.
struct Piece {
    claims: &'static [AtomicU64],
    /// Where the first stack begins.
    stacks: usize,
}

impl Piece {
    /// How many stacks piece `index` has, the bytes of their words, and those of all of it.
    fn shape(index: usize) -> (usize, usize, usize) {
        let count = FIRST << index;
        let words = whole_pages(count.wrapping_mul(size_of::<u64>()));
        (count, words, words.wrapping_add(count.wrapping_mul(SIZE)))
    }

    fn get(index: usize) -> Option<Piece> {
        let start = STACKS.pieces.get(index)?.load(Acquire);
        if start.is_null() {
            return None;
        }
        let (count, words, _) = Piece::shape(index);
        // SAFETY: zeroed memory of that shape, which is never given back.
        let claims = unsafe { slice::from_raw_parts(start, count) };
        Some(Piece { claims, stacks: (start as usize).wrapping_add(words) })
    }

    /// Makes piece `index`, unless another thread is faster.
    fn make(index: usize) -> Option<Piece> {
        let (_, _, bytes) = Piece::shape(index);
        let memory = sys::Apart::zeroed(bytes)?;
        let place = STACKS.pieces.get(index)?;
        if place.compare_exchange(ptr::null_mut(), memory.start(), AcqRel, Acquire).is_err() {
            memory.give_back();
        }
        Piece::get(index)
    }

    /// The places for a thread, in which `take` looks for one.
    fn find(&self, claim: Claim, mut take: impl FnMut(&AtomicU64) -> bool) -> Option<Range> {
        (0..PROBES).find_map(|probe| {
            let index = claim.hash().wrapping_add(probe) & self.claims.len().wrapping_sub(1);
            let word = self.claims.get(index)?;
            take(word).then(|| Range::new(self.stacks.wrapping_add(index.wrapping_mul(SIZE)), SIZE))
        })
    }
}

/// Whether another thread may have this place, as `word` says of it now.
fn take(place: &AtomicU64, word: u64, claim: Claim) -> bool {
    place.compare_exchange(word, claim.0, AcqRel, Relaxed).is_ok()
}

fn pieces() -> impl Iterator<Item = Piece> {
    (0..PIECES).map_while(Piece::get)
}

/// A place for this thread: that of one before it with the same control block, a free one, or one whose thread is no more.
fn place(tid: c_int) -> Option<Range> {
    let claim = Claim::of_this_thread(tid);
    let same = |place: &AtomicU64| {
        let word = place.load(Relaxed);
        word != 0 && claim.is_of_same_block(word) && take(place, word, claim)
    };
    let free = |place: &AtomicU64| place.load(Relaxed) == 0 && take(place, 0, claim);
    let abandoned = |place: &AtomicU64| {
        let word = place.load(Relaxed);
        !sys::thread_exists(sys::getpid(), Claim::tid(word)) && take(place, word, claim)
    };
    pieces()
        .find_map(|piece| piece.find(claim, same))
        .or_else(|| pieces().find_map(|piece| piece.find(claim, free)))
        .or_else(|| pieces().find_map(|piece| piece.find(claim, abandoned)))
        .or_else(|| Piece::make(pieces().count())?.find(claim, free))
}

/// From here on threads get stacks, and this one has the first: nothing of the program's asks the kernel itself for them.
pub(crate) fn begin() {
    // SAFETY: getauxval(3) reads what the kernel left on the stack.
    let least = usize::try_from(unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) }).unwrap_or(0);
    if least.saturating_add(HANDLER) > SIZE {
        return;
    }
    STACKS.first.store(this_thread(), Relaxed);
    STACKS.given.store(true, Relaxed);
    give();
}

fn own() -> Range {
    Range::new(OWN_STACK.0.get() as usize, SIZE)
}

/// The program is about to set a handler that is to run on an alternate stack (`SA_ONSTACK`): where it has set none, that is not
/// to be one of ours. This thread gives its own back, and new ones get none. Those of other threads can't be taken away.
pub(crate) fn withdraw(handler: usize) {
    if STACKS.first.load(Relaxed) == 0 {
        return;
    }
    STACKS.given.store(false, Relaxed);
    // The Go runtime in a shared library has asked the kernel itself, and relies on the stack that it was told of.
    let is_go = Module::find_without_lock(handler).is_some_and(|module| module.is_go());
    if !is_go && sys::stack::alternate().is_some_and(|stack| is_ours(stack.start)) {
        sys::stack::disable_alternate();
    }
}

/// Gives this thread, which has set none, a stack.
pub(crate) fn give() {
    give_as(sys::gettid());
}

/// As [`give`], where the thread's number is known.
pub(crate) fn give_as(tid: c_int) {
    if !STACKS.given.load(Relaxed) {
        return;
    }
    let stack = if STACKS.first.load(Relaxed) == this_thread() { Some(own()) } else { place(tid) };
    if let Some(stack) = stack {
        let _ = sys::stack::register_alternate(stack);
    }
}

/// Whether an address lies in a stack of ours.
fn is_ours(address: usize) -> bool {
    let is_in = |piece: &Piece| Range::new(piece.stacks, piece.claims.len().wrapping_mul(SIZE)).contains(address);
    own().contains(address) || pieces().any(|piece| is_in(&piece))
}

/// What the kernel tells of this thread's alternate stack, as it would be without ours.
pub(crate) fn tell(told: &mut libc::stack_t) {
    if is_ours(told.ss_sp as usize) {
        *told = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
    }
}

/// The alternate signal stack that the program has set for this thread.
pub(crate) fn of_program() -> Option<Range> {
    sys::stack::alternate().filter(|stack| !is_ours(stack.start))
}

/// This is a forked child: its thread has another number now.
pub(crate) fn forked() {
    if STACKS.first.load(Relaxed) == 0 || STACKS.first.load(Relaxed) == this_thread() {
        return;
    }
    let claim = Claim::of_this_thread(sys::gettid());
    let _ = pieces().find_map(|piece| {
        piece.find(claim, |place| {
            let word = place.load(Relaxed);
            word != 0 && claim.is_of_same_block(word) && take(place, word, claim)
        })
    });
}
