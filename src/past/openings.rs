//! The last call of each thread that should have given a descriptor and failed: open(2) and its kin, `shm_open(3)`,
//! `memfd_create(2)`. What a -1 in the place of a descriptor comes from.
//!
//! A table without locks, since open(2) may be called by signal handlers. Successes are looked at only while some thread's
//! last call has failed ([`Openings::noted`], which the doors look at).

use crate::machine::{Architecture, Machine};
use crate::sys::Errno;
use core::ffi::c_char;
use core::sync::atomic::{
    AtomicBool, AtomicI32, AtomicU8, AtomicU32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

/// A function that opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Opener {
    Open,
    Openat,
    Creat,
    ShmOpen,
    MemfdCreate,
}

impl Opener {
    /// The function's name.
    pub(crate) fn function(self) -> &'static str {
        match self {
            Opener::Open => "open",
            Opener::Openat => "openat",
            Opener::Creat => "creat",
            Opener::ShmOpen => "shm_open",
            Opener::MemfdCreate => "memfd_create",
        }
    }

    fn of(number: u32) -> Opener {
        match number {
            1 => Opener::Openat,
            2 => Opener::Creat,
            3 => Opener::ShmOpen,
            4 => Opener::MemfdCreate,
            _ => Opener::Open,
        }
    }
}

/// Threads that are remembered.
const THREADS: usize = 16;
/// The most bytes of a name that are remembered.
pub(crate) const NAME: usize = 120;

struct Slot {
    /// Odd while it is written, 0 before that.
    version: AtomicU32,
    /// Complements, which no scan of memory takes for addresses (see [`crate::plain::hidden`]).
    thread: AtomicUsize,
    site: AtomicUsize,
    opener: AtomicU32,
    errno: AtomicI32,
    /// Bytes of the name that are kept, and whether there were more.
    length: AtomicU8,
    cut: AtomicU8,
    is_injected: AtomicBool,
    /// As complements, so that no part of it looks like an address.
    name: [AtomicU8; NAME],
}

/// What is kept of them.
pub(crate) struct Openings {
    /// A bit for each slot whose thread has had no success since.
    pub(crate) noted: AtomicU32,
    /// The slot that is taken next by a thread without one.
    next: AtomicUsize,
    slots: [Slot; THREADS],
}

pub(crate) static OPENINGS: Openings = Openings {
    noted: AtomicU32::new(0),
    next: AtomicUsize::new(0),
    slots: [const {
        Slot {
            version: AtomicU32::new(0),
            thread: AtomicUsize::new(0),
            site: AtomicUsize::new(0),
            opener: AtomicU32::new(0),
            errno: AtomicI32::new(0),
            length: AtomicU8::new(0),
            cut: AtomicU8::new(0),
            is_injected: AtomicBool::new(false),
            name: [const { AtomicU8::new(0) }; NAME],
        }
    }; THREADS],
};

/// A call that failed.
pub(crate) struct Opening {
    pub(crate) opener: Opener,
    /// The return address of the call.
    pub(crate) site: usize,
    pub(crate) errno: Errno,
    /// Whether it was injected: the call was not made.
    pub(crate) is_injected: bool,
    /// Whether this thread made it, and has opened nothing since.
    pub(crate) is_last: bool,
    /// Whether the name is longer than what is kept of it.
    pub(crate) cut: bool,
    name: [u8; NAME],
    length: u8,
}

impl Opening {
    /// The name that was passed, as far as it is kept; empty if it could not be read.
    pub(crate) fn name(&self) -> &[u8] {
        self.name.get(..usize::from(self.length)).unwrap_or_default()
    }
}

fn own() -> Option<(usize, &'static Slot)> {
    let thread = !Machine::thread_pointer();
    OPENINGS.slots.iter().enumerate().find(|(_, slot)| slot.thread.load(Relaxed) == thread)
}

/// Bit of [`Openings::noted`].
fn bit(at: usize) -> u32 {
    1_u32.wrapping_shl(u32::try_from(at).unwrap_or(0))
}

/// A call of this thread has failed.
///
/// # Safety
/// `name` must be a string, unless the errno is EFAULT.
pub(crate) unsafe fn failed(opener: Opener, name: *const c_char, site: usize, errno: Errno, is_injected: bool) {
    let (at, slot) = if let Some(own) = own() {
        own
    } else {
        let at = OPENINGS.next.fetch_add(1, Relaxed) % THREADS;
        let Some(slot) = OPENINGS.slots.get(at) else { return };
        (at, slot)
    };
    let version = slot.version.load(Relaxed);
    // Another thread, or this one under a signal handler, is writing the slot: leave it.
    if version & 1 == 1 || slot.version.compare_exchange(version, version | 1, Acquire, Relaxed).is_err() {
        return;
    }
    slot.thread.store(!Machine::thread_pointer(), Relaxed);
    slot.site.store(!site, Relaxed);
    slot.opener.store(opener as u32, Relaxed);
    slot.errno.store(errno, Relaxed);
    slot.is_injected.store(is_injected, Relaxed);
    let (length, cut) = if errno == libc::EFAULT {
        (0, false)
    } else {
        // SAFETY: the caller upholds the contract.
        unsafe { copy(name, &slot.name) }
    };
    slot.length.store(length, Relaxed);
    slot.cut.store(u8::from(cut), Relaxed);
    slot.version.store(version.wrapping_add(2) | 2, Release);
    OPENINGS.noted.fetch_or(bit(at), Relaxed);
}

/// Copies a string; how much of it, and whether there is more.
///
/// # Safety
/// `name` must be a string.
unsafe fn copy(name: *const c_char, to: &[AtomicU8; NAME]) -> (u8, bool) {
    let mut length = 0;
    for (at, place) in to.iter().enumerate() {
        // SAFETY: inside the string, whose end has not been passed; libc or the kernel has just read it.
        let next = unsafe { name.add(at) };
        // SAFETY: as above.
        let [byte] = unsafe { next.read() }.to_ne_bytes();
        if byte == 0 {
            return (length, false);
        }
        place.store(!byte, Relaxed);
        length = length.wrapping_add(1);
    }
    (length, true)
}

/// A call of this thread has succeeded: an earlier failure is no longer the last.
#[cold]
pub(crate) fn succeeded() {
    if let Some((at, _)) = own() {
        OPENINGS.noted.fetch_and(!bit(at), Relaxed);
    }
}

/// The last call that failed: of this thread if it has opened nothing since, else any that is remembered.
pub(crate) fn last() -> Option<Opening> {
    let noted = OPENINGS.noted.load(Relaxed);
    let own = own();
    if let Some((at, slot)) = own
        && let Some(opening) = read(slot, noted & bit(at) != 0)
    {
        return Some(opening);
    }
    let newest = OPENINGS.next.load(Relaxed);
    (1..=THREADS).find_map(|age| read(OPENINGS.slots.get(newest.wrapping_sub(age) % THREADS)?, false))
}

fn read(slot: &Slot, is_last: bool) -> Option<Opening> {
    let version = slot.version.load(Acquire);
    let mut name = [0; NAME];
    for (byte, kept) in name.iter_mut().zip(&slot.name) {
        *byte = !kept.load(Relaxed);
    }
    let opening = Opening {
        opener: Opener::of(slot.opener.load(Relaxed)),
        site: !slot.site.load(Relaxed),
        errno: slot.errno.load(Relaxed),
        is_injected: slot.is_injected.load(Relaxed),
        is_last,
        cut: slot.cut.load(Relaxed) != 0,
        name,
        length: slot.length.load(Relaxed),
    };
    (version != 0 && version & 1 == 0 && slot.version.load(Acquire) == version).then_some(opening)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_of_this_thread_ends_what_is_known_of_its_last_failure() {
        // SAFETY: a string.
        unsafe { failed(Opener::ShmOpen, c"/one".as_ptr(), 5, libc::ENOENT, false) };
        std::thread::spawn(|| {
            assert!(!last().unwrap().is_last);
            // SAFETY: a string.
            unsafe { failed(Opener::Open, c"two".as_ptr(), 6, libc::EACCES, false) };
            succeeded();
            let other = last().unwrap();
            assert_eq!((other.site, other.is_last), (6, false));
        })
        .join()
        .unwrap();
        let own = last().unwrap();
        assert_eq!(
            (own.name(), own.site, own.errno, own.is_last, own.cut),
            (&b"/one"[..], 5, libc::ENOENT, true, false)
        );
        let long = std::ffi::CString::new([b'x'; 300]).unwrap();
        // SAFETY: a string.
        unsafe { failed(Opener::Open, long.as_ptr(), 7, libc::ENAMETOOLONG, false) };
        assert_eq!(last().map(|own| (own.name().len(), own.cut)), Some((NAME, true)));
        succeeded();
        assert!(!last().unwrap().is_last);
    }
}
