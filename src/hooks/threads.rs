//! The hooks of threads: who started which, and their alternate signal stacks.
//!
//! The new thread enters itself before any code of the program's runs in it. It starts at one of a row of small functions
//! ([`starters`]), each of which stands for a place here that holds the true start; that function is jumped to with its
//! argument untouched, so that nothing of this is left on the stack, and the argument is where libc and leak checkers have
//! it. When all places are taken, the thread starts without.

use super::injected::or_injected;
use crate::enabled::{self, TRACK};
use crate::facts::started::{self, Started};
use crate::facts::{alternate, threads};
use crate::machine::{self, Architecture, Machine};
use crate::plain::Range;
use crate::plain::callback::callback;
use crate::{next, observe, sys};
use core::ffi::{c_int, c_void};
use core::sync::atomic::{
    AtomicU32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

/// Threads that may be between their making and their beginning at once.
const MOST_PENDING: usize = 128;

/// A thread that has been made and has not begun.
struct Pending {
    /// 0: free; 1: being filled in; else the thread's number.
    number: AtomicU32,
    /// The start function and the call's return address, hidden.
    start: AtomicUsize,
    site: AtomicUsize,
    /// Whether the program has chosen attributes, the stack perhaps.
    attributes: AtomicU32,
}

/// The threads that are about to begin.
struct Starts {
    /// Where the search for a free place begins.
    turn: AtomicUsize,
    places: [Pending; MOST_PENDING],
}

static STARTS: Starts = Starts {
    turn: AtomicUsize::new(0),
    places: [const {
        Pending {
            number: AtomicU32::new(0),
            start: AtomicUsize::new(0),
            site: AtomicUsize::new(0),
            attributes: AtomicU32::new(0),
        }
    }; MOST_PENDING],
};

/// `pthread_create(3)`.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn pthread_create(
    thread: *mut c_void,
    attributes: *const c_void,
    start: *const c_void,
    argument: *mut c_void,
    return_address: usize,
) -> c_int {
    or_injected!("pthread_create", return_address, [thread, attributes, start, argument]);
    start_by(
        start,
        return_address,
        !attributes.is_null(),
        Make::of(&mut |start| {
            // SAFETY: the program's own call; a starter ends in its start function.
            unsafe { next::pthread_create(thread, attributes, start, argument) }
        }),
    )
}

/// `thrd_create(3)`: libc does not make it a call of the other by its name.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn thrd_create(
    thread: *mut c_void,
    start: *const c_void,
    argument: *mut c_void,
    return_address: usize,
) -> c_int {
    start_by(
        start,
        return_address,
        false,
        Make::of(&mut |start| {
            // SAFETY: the program's own call; a starter ends in its start function.
            unsafe { next::thrd_create(thread, start, argument) }
        }),
    )
}

callback! {
    /// Makes a thread that begins at an address.
    struct Make(start: *const c_void) -> c_int;
}

/// Has a thread made that begins in a starter, if there is a place for it.
fn start_by(start: *const c_void, return_address: usize, has_attributes: bool, mut make: Make<'_>) -> c_int {
    let place = if enabled::bits() & TRACK == 0 || start.is_null() { None } else { free_place() };
    let Some((index, pending)) = place else { return make.call(start) };
    let number = started::next_number();
    pending.start.store(!(start as usize), Relaxed);
    pending.site.store(!return_address, Relaxed);
    pending.attributes.store(u32::from(has_attributes), Relaxed);
    pending.number.store(number, Release);
    let status = make.call(starter(index));
    if status != 0 {
        let _ = pending.number.compare_exchange(number, 0, Relaxed, Relaxed);
    }
    status
}

fn free_place() -> Option<(usize, &'static Pending)> {
    let turn = STARTS.turn.fetch_add(1, Relaxed);
    (0..8_usize).find_map(|step| {
        let index = turn.wrapping_add(step) % MOST_PENDING;
        let pending = STARTS.places.get(index)?;
        pending.number.compare_exchange(0, 1, Acquire, Relaxed).is_ok().then_some((index, pending))
    })
}

/// The functions at which threads start, [`MOST_PENDING`] of them.
#[unsafe(naked)]
unsafe extern "C" fn starters() {
    machine::starters!(MOST_PENDING, thread_begins)
}

/// The function at which a thread of this number starts, below [`MOST_PENDING`].
fn starter(index: usize) -> *const c_void {
    let first = starters as *const () as usize;
    core::ptr::with_exposed_provenance(first.wrapping_add(index.wrapping_mul(Machine::STARTER_LENGTH)))
}

/// This thread has begun, in starter `index`: enters it; the function that the program wants it to start with.
extern "C" fn thread_begins(index: usize) -> usize {
    let Some(pending) = STARTS.places.get(index) else { return 0 };
    let number = pending.number.load(Acquire);
    let (start, site) = (!pending.start.load(Relaxed), !pending.site.load(Relaxed));
    let has_attributes = pending.attributes.load(Relaxed) != 0;
    pending.number.store(0, Release);
    let block = Machine::thread_pointer();
    let tid = threads::number_of_new();
    started::began(tid, block, Started { number, site });
    alternate::give_as(tid);
    if has_attributes {
        observe::events::watch_release(block);
    }
    start
}

/// sigaltstack(2): the program is told what it has set, though threads without an alternate stack have one of ours.
///
/// # Safety
/// As the call.
pub(crate) unsafe extern "C" fn sigaltstack(
    new: *const libc::stack_t,
    old: *mut libc::stack_t,
    _return_address: usize,
) -> c_int {
    // Looked at before the call: the two may be one. A bad address is the kernel's to refuse.
    let wanted = if new.is_null() { None } else { sys::memory::value::<libc::stack_t>(new as usize) };
    // SAFETY: the program's own call.
    let status = unsafe { next::sigaltstack(new, old) };
    if status != 0 {
        return status;
    }
    // SAFETY: the kernel has just filled it in, if it is there.
    if let Some(told) = unsafe { old.as_mut() } {
        alternate::tell(told);
    }
    let Some(wanted) = wanted else { return status };
    // Not in a child of vfork(2), which has this memory, and other threads.
    if wanted.ss_flags == libc::SS_DISABLE && sys::getpid() == sys::process::pid() {
        alternate::give();
    }
    if enabled::bits() & TRACK != 0 {
        // The kernel's word: it keeps some of what it was given.
        let stack = alternate::of_program();
        started::has_alternate_stack(sys::gettid(), Machine::thread_pointer(), stack);
        if let Some(Range { start, .. }) = stack {
            observe::events::watch_release(start);
        }
    }
    status
}
