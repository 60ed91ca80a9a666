//! The threads of the process, as the kernel has them.

use super::procfile;
use crate::facts::started::{self, Started};
use crate::machine::{Architecture, Machine};
use crate::plain::{Line, Range};
use crate::sys;
use core::ffi::{CStr, c_int};
use core::fmt::{self, Write as _};
use core::ptr::with_exposed_provenance;
use core::sync::atomic::{AtomicI32, AtomicIsize, Ordering::Relaxed};

/// A living thread.
#[derive(Clone, Copy)]
pub(crate) struct Thread {
    /// Its number, gettid(2).
    pub(crate) tid: c_int,
    /// Where its control block is: the thread pointer.
    pub(crate) block: usize,
}

impl Thread {
    /// The main thread, whose number is the process's; its control block is not asked for.
    pub(crate) fn main() -> Thread {
        Thread { tid: sys::getpid(), block: 0 }
    }

    /// This thread.
    pub(crate) fn own() -> Thread {
        Thread { tid: sys::gettid(), block: Machine::thread_pointer() }
    }

    /// Whether it is the main thread.
    pub(crate) fn is_main(self) -> bool {
        self.tid == sys::getpid()
    }

    /// Where it was started, if that was seen.
    pub(crate) fn started(self) -> Option<Started> {
        started::started(self.tid, self.block)
    }

    /// The alternate signal stack that it registered, as far as that was seen.
    pub(crate) fn alternate_stack(self) -> Option<Range> {
        started::alternate_stack(self.tid, self.block)
    }
}

/// Where libc keeps a thread's number in its control block.
struct NumberPlace {
    /// Its distance from the thread pointer, once two threads have found their own numbers there; 0 before.
    distance: AtomicIsize,
    /// The first of the two; [`NO_PLACE`] if one has found another number.
    first: AtomicI32,
}

/// libc keeps it elsewhere.
const NO_PLACE: c_int = -1;

static NUMBER_PLACE: NumberPlace = NumberPlace { distance: AtomicIsize::new(0), first: AtomicI32::new(0) };

/// The number of this thread, which has just been made: the kernel has written it where libc keeps it before the thread ran
/// (`CLONE_PARENT_SETTID`), so that gettid(2) can be spared.
#[inline]
pub(crate) fn number_of_new() -> c_int {
    let distance = NUMBER_PLACE.distance.load(Relaxed);
    if distance == 0 {
        return find_number_of_new();
    }
    let place = Machine::thread_pointer().wrapping_add_signed(distance);
    // SAFETY: a word of this thread's own control block, which two others have had at the same place.
    unsafe { with_exposed_provenance::<c_int>(place).read_volatile() }
}

#[cold]
#[inline(never)]
fn find_number_of_new() -> c_int {
    /// How far before the list of robust mutexes glibc has it, in all its versions for machines of 64 bits.
    const BEFORE_LIST: usize = 16;
    const FARTHEST: usize = 4096;
    let tid = sys::gettid();
    let first = NUMBER_PLACE.first.load(Relaxed);
    if first == NO_PLACE || first == tid {
        return tid;
    }
    let place = sys::threads::robust_list(0).unwrap_or(0).wrapping_sub(BEFORE_LIST);
    let distance = place.wrapping_sub(Machine::thread_pointer()).cast_signed();
    let is_there = distance.unsigned_abs() < FARTHEST && sys::memory::value::<c_int>(place) == Some(tid);
    if !is_there {
        NUMBER_PLACE.first.store(NO_PLACE, Relaxed);
    } else if first == 0 {
        NUMBER_PLACE.first.store(tid, Relaxed);
    } else {
        NUMBER_PLACE.distance.store(distance, Relaxed);
    }
    tid
}

/// The name that the program has given this thread; none if it is the main thread's, which a thread has without one.
pub(crate) fn own_name() -> Option<Line<16>> {
    let mut bytes = [0_u8; 16];
    sys::threads::own_name(&mut bytes).ok()?;
    let name = CStr::from_bytes_until_nul(&bytes).ok()?.to_bytes();
    let differs = procfile::find_short_line(c"/proc/self/comm", |main| Some(main != name))?;
    let mut own = Line::new();
    own.push_bytes(name);
    (differs && !name.is_empty()).then_some(own)
}

/// As findings call it: by the order in which the threads were started, the main thread being the first.
impl fmt::Display for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.started() {
            _ if self.is_main() => f.write_str("the main thread"),
            Some(started) => write!(f, "thread {}", started.number),
            None => write!(f, "the thread with id {}", self.tid),
        }
    }
}

/// How many threads the process has.
pub(crate) fn count() -> Option<u64> {
    procfile::field(c"/proc/self/status", b"Threads:")
}

/// The first of the other threads of the process that `look` finds something about. Threads whose control blocks the
/// kernel does not know, and such as are ending, are left out: one that has been joined is not there any more.
pub(crate) fn find<T>(mut look: impl FnMut(Thread) -> Option<T>) -> Option<T> {
    // libc registers a list in each thread's control block, always at the same place of it.
    let distance = sys::threads::robust_list(0).ok().filter(|head| *head != 0)?.wrapping_sub(Machine::thread_pointer());
    let own = sys::gettid();
    let folder = sys::open(c"/proc/self/task", libc::O_RDONLY | libc::O_DIRECTORY, 0).ok()?;
    let mut found = None;
    each_number(folder, |tid| {
        let head = if tid == own { 0 } else { sys::threads::robust_list(tid).unwrap_or(0) };
        if head != 0 && found.is_none() {
            found = look(Thread { tid, block: head.wrapping_sub(distance) });
        }
        found.is_none()
    });
    sys::close(folder);
    found
}

/// Hands over the entries of a folder that are numbers, until `each` says that it is enough.
fn each_number(folder: c_int, mut each: impl FnMut(c_int) -> bool) {
    /// Of `struct linux_dirent64`: where its length is, and its name.
    const LENGTH: usize = 16;
    const NAME: usize = 19;
    let mut buffer = [0_u8; 512];
    while let Ok(bytes) = sys::threads::entries(folder, &mut buffer)
        && bytes > 0
    {
        let mut entries = buffer.get(..bytes).unwrap_or_default();
        while let Some([low, high]) = entries.get(LENGTH..LENGTH.wrapping_add(2)) {
            let length = usize::from(u16::from_le_bytes([*low, *high]));
            let name = entries.get(NAME..length).and_then(|name| CStr::from_bytes_until_nul(name).ok());
            let tid = name.and_then(|name| name.to_str().ok()?.parse().ok());
            if tid.is_some_and(|tid| !each(tid)) || length == 0 {
                return;
            }
            entries = entries.get(length..).unwrap_or_default();
        }
    }
}

impl Thread {
    /// Its stack pointer, if it waits in a system call.
    pub(crate) fn stack_pointer(self) -> Option<usize> {
        let mut path = Line::<64>::new();
        write!(path, "/proc/self/task/{}/syscall\0", self.tid).ok()?;
        // Number and arguments of the call, stack pointer, program counter; or the word "running".
        procfile::find_line(CStr::from_bytes_until_nul(path.as_bytes()).ok()?, |line| {
            let field = line.rsplit(|byte| *byte == b' ').nth(1)?;
            usize::from_str_radix(core::str::from_utf8(field).ok()?.strip_prefix("0x")?, 16).ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_threads_find_their_numbers() {
        for _ in 0..4 {
            std::thread::spawn(|| assert_eq!(number_of_new(), sys::gettid())).join().unwrap();
        }
        if cfg!(target_env = "gnu") {
            assert_ne!(NUMBER_PLACE.distance.load(Relaxed), 0);
        }
    }

    #[test]
    fn another_thread_is_found_with_its_block_and_its_stack() {
        let (tell, told) = std::sync::mpsc::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let other = std::thread::spawn(move || {
            let local = 0_u8;
            tell.send((sys::gettid(), Machine::thread_pointer(), &raw const local as usize)).unwrap();
            let _ = ended.recv();
        });
        let (tid, block, local) = told.recv().unwrap();
        let thread = find(|thread| (thread.tid == tid).then_some(thread)).unwrap();
        assert_eq!(thread.block, block);
        let stack = (0..1000).find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(5));
            thread.stack_pointer()
        });
        assert!(stack.is_some_and(|stack| stack < local && local < block));
        assert!(count().is_some_and(|count| count > 1));
        drop(end);
        other.join().unwrap();
        assert!(find(|thread| (thread.tid == tid).then_some(())).is_none(), "a thread that was joined is gone");
    }
}
