//! The calls by which a program shuts its own way to the file system: another root, other namespaces, another user. The
//! log is opened before them, and stays open (see `output::sink`). They are passed on as they were made: libc's change
//! the user of all threads.

use crate::clib::weak;
use crate::next;
use crate::output::{self, sink};
use crate::plain::errno;
use crate::sys::{self, process};
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

/// Declares the calls: for each its number, a slot, its name, and what serves in a static program.
macro_rules! ways {
    ($($number:literal $name:ident else $alone:expr;)+) => {
        static NEXT: [AtomicPtr<c_void>; [$($number),+].len()] =
            [$({ let _: usize = $number; AtomicPtr::new(core::ptr::null_mut()) }),+];
        const NAMES: [&core::ffi::CStr; NEXT.len()] = [$({
            match core::ffi::CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => c"",
            }
        }),+];
        /// The definition in a static program, where there is no other of this name.
        fn alone(which: usize) -> usize {
            match which {
                $($number => $alone,)+
                _ => 0,
            }
        }
    };
}

ways! {
    0 chroot else chroot as *const () as usize;
    1 unshare else unshare as *const () as usize;
    2 setns else setns as *const () as usize;
    3 setuid else weak::setuid();
    4 setreuid else weak::setreuid();
    5 setresuid else weak::setresuid();
    6 seteuid else seteuid as *const () as usize;
}

/// A call is about to be made, by number: the address of the function that makes it.
pub(crate) extern "C" fn shuts_way(which: usize) -> usize {
    keep_log();
    let Some(slot) = NEXT.get(which) else { return 0 };
    let mut next = slot.load(Relaxed) as usize;
    if next == 0 {
        let before = errno::get();
        // Here, not at start: these calls are rare, and no allocator's.
        next = NAMES.get(which).map_or(0, |name| next::find(name) as usize);
        if next == 0 {
            next = alone(which);
        }
        slot.store(core::ptr::with_exposed_provenance_mut(next), Relaxed);
        errno::set(before);
    }
    next
}

/// Opens the log, if it is one that is opened for each report, before the way to it is shut.
pub(crate) fn keep_log() {
    // A child of vfork has descriptors of its own and its parent's memory.
    if !sink::can_hold() || output::is_inside() || sys::getpid() != process::pid() {
        return;
    }
    if let Ok(lock) = output::enter() {
        sink::hold(&lock);
        lock.leave();
    }
}

unsafe fn status(number: core::ffi::c_long, arguments: [usize; 6]) -> c_int {
    // SAFETY: the program's own arguments.
    match sys::answer(unsafe { sys::syscall(number, arguments) }) {
        Ok(_) => 0,
        Err(failure) => {
            errno::set(failure);
            -1
        }
    }
}

unsafe extern "C" fn chroot(path: usize) -> c_int {
    // SAFETY: the program's own call.
    unsafe { status(libc::SYS_chroot, [path, 0, 0, 0, 0, 0]) }
}

unsafe extern "C" fn unshare(flags: usize) -> c_int {
    // SAFETY: the program's own call.
    unsafe { status(libc::SYS_unshare, [flags, 0, 0, 0, 0, 0]) }
}

unsafe extern "C" fn setns(fd: usize, kind: usize) -> c_int {
    // SAFETY: the program's own call.
    unsafe { status(libc::SYS_setns, [fd, kind, 0, 0, 0, 0]) }
}

/// As libc's, which is setresuid(2) with the effective id alone.
unsafe extern "C" fn seteuid(id: u32) -> c_int {
    // SAFETY: libc's function of this name and signature, in the static program in which alone this is called.
    let setresuid = unsafe {
        core::mem::transmute::<usize, Option<unsafe extern "C" fn(u32, u32, u32) -> c_int>>(weak::setresuid())
    };
    let Some(setresuid) = setresuid else {
        errno::set(libc::ENOSYS);
        return -1;
    };
    // SAFETY: the program's own call.
    unsafe { setresuid(u32::MAX, id, u32::MAX) }
}
