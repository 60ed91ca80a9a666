//! Asking: the next definition of each call: libc's, or that of another preloaded library.
//!
//! Found once, at start. Before that, and in a static program, the raw system call is made, and `errno` set as libc
//! would. Nothing is looked up inside a hook: an allocator may be waiting for the loader's lock.

mod files;
mod relocation;

pub(crate) use relocation::is_relocated;

pub(crate) use files::*;

use crate::clib::weak;
use crate::plain::{errno, shm};
use crate::sys::{self, int};
use core::ffi::{CStr, c_char, c_int, c_long, c_uchar, c_uint, c_void};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

/// Declares the calls: for each a slot, the lookup at start, and a function that makes the call.
macro_rules! next {
    (doors { $($door:ident)+ } $($(#[$doc:meta])* $name:ident ($($argument:ident: $type:ty),*) -> $result:ty, else $raw:expr;)+) => {
        /// One slot for each call; null until start, and for ever in a static program.
        #[allow(non_snake_case, reason = "named as the calls are")]
        pub(crate) struct Slots {
            $(pub(crate) $door: AtomicPtr<c_void>,)+
            $(pub(crate) $name: AtomicPtr<c_void>,)+
        }

        pub(crate) static SLOTS: Slots = Slots {
            $($door: AtomicPtr::new(ptr::null_mut()),)+
            $($name: AtomicPtr::new(ptr::null_mut()),)+
        };

        /// Finds all of them; nothing happens in a static program.
        pub(crate) fn resolve() {
            $(resolve_one(&SLOTS.$door, concat!(stringify!($door), "\0"));)+
            $(resolve_one(&SLOTS.$name, concat!(stringify!($name), "\0"));)+
        }

        $($(#[$doc])*
        ///
        /// # Safety
        /// As the call itself.
        #[allow(non_snake_case, reason = "named as the calls are")]
        #[inline]
        pub(crate) unsafe fn $name($($argument: $type),*) -> $result {
            let next = SLOTS.$name.load(Relaxed);
            if next.is_null() {
                // SAFETY: the caller upholds the contract.
                unsafe { $raw }
            } else {
                // SAFETY: the definition that the loader found under this name, which has this signature by the
                // assertions below.
                let next: unsafe extern "C" fn($($type),*) -> $result = unsafe { core::mem::transmute(next) };
                // SAFETY: the caller upholds the contract.
                unsafe { next($($argument),*) }
            }
        })+
    };
}

next! {
    // These are called by the doors themselves.
    doors {
        open open64 __open_2 __open64_2 openat openat64 __openat_2 __openat64_2 creat creat64 memfd_create
    }
    /// mmap(2).
    mmap(address: *mut c_void, length: usize, prot: c_int, flags: c_int, fd: c_int, offset: i64) -> *mut c_void,
        else raw_mmap(address, length, prot, flags, fd, offset);
    /// mmap64(3).
    mmap64(address: *mut c_void, length: usize, prot: c_int, flags: c_int, fd: c_int, offset: i64) -> *mut c_void,
        else raw_mmap(address, length, prot, flags, fd, offset);
    /// munmap(2).
    munmap(address: *mut c_void, length: usize) -> c_int,
        else status(libc::SYS_munmap, [address as usize, length, 0, 0, 0, 0]);
    /// mremap(2), always with its fifth argument: libc reads it whatever the flags are, the kernel only with
    /// `MREMAP_FIXED` or `MREMAP_DONTUNMAP`.
    mremap(old: *mut c_void, old_size: usize, size: usize, flags: c_int, new: *mut c_void) -> *mut c_void,
        else pointer(libc::SYS_mremap, [old as usize, old_size, size, int(flags), new as usize, 0]);
    /// mprotect(2).
    mprotect(address: *mut c_void, length: usize, prot: c_int) -> c_int,
        else status(libc::SYS_mprotect, [address as usize, length, int(prot), 0, 0, 0]);
    /// msync(2), a cancellation point in libc.
    msync(address: *mut c_void, length: usize, flags: c_int) -> c_int,
        else status(libc::SYS_msync, [address as usize, length, int(flags), 0, 0, 0]);
    /// mlockall(2).
    mlockall(flags: c_int) -> c_int, else status(libc::SYS_mlockall, [int(flags), 0, 0, 0, 0, 0]);
    /// munlockall(2).
    munlockall() -> c_int, else status(libc::SYS_munlockall, [0; 6]);
    /// ftok(3).
    ftok(path: *const c_char, id: c_int) -> c_int, else raw_ftok(path, id);
    /// shmget(2).
    shmget(key: c_int, size: usize, flags: c_int) -> c_int,
        else status(libc::SYS_shmget, [int(key), size, int(flags), 0, 0, 0]);
    /// shmat(2).
    shmat(id: c_int, address: *const c_void, flags: c_int) -> *mut c_void,
        else pointer(libc::SYS_shmat, [int(id), address as usize, int(flags), 0, 0, 0]);
    /// shmdt(2).
    shmdt(address: *const c_void) -> c_int,
        else status(libc::SYS_shmdt, [address as usize, 0, 0, 0, 0, 0]);
    /// `shm_open(3)`.
    shm_open(name: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int, else raw_shm_open(name, flags, mode);
    /// `shm_unlink(3)`.
    shm_unlink(name: *const c_char) -> c_int, else raw_shm_unlink(name);
    /// dlclose(3).
    dlclose(handle: *mut c_void) -> c_int, else raw_dlclose(handle);
    /// _exit(2).
    _exit(status: c_int) -> !, else raw_exit(status);
    /// _Exit(3).
    _Exit(status: c_int) -> !, else raw_exit(status);
    /// `quick_exit(3)`.
    quick_exit(status: c_int) -> !, else raw_exit(status);
    /// sigaction(2).
    sigaction(signal: c_int, new: *const libc::sigaction, old: *mut libc::sigaction) -> c_int,
        else raw_sigaction(signal, new, old);
    /// signal(2).
    signal(signal: c_int, handler: usize) -> usize, else raw_signal(signal, handler, libc::SA_RESTART);
    /// `bsd_signal(3)`.
    bsd_signal(signal: c_int, handler: usize) -> usize, else raw_signal(signal, handler, libc::SA_RESTART);
    /// ssignal(3).
    ssignal(signal: c_int, handler: usize) -> usize, else raw_signal(signal, handler, libc::SA_RESTART);
    /// `sysv_signal(3)`.
    sysv_signal(signal: c_int, handler: usize) -> usize,
        else raw_signal(signal, handler, libc::SA_RESETHAND | libc::SA_NODEFER);
    /// `sysv_signal(3)` by its other name.
    __sysv_signal(signal: c_int, handler: usize) -> usize,
        else raw_signal(signal, handler, libc::SA_RESETHAND | libc::SA_NODEFER);
    /// sigset(3).
    sigset(signal: c_int, handler: usize) -> usize, else raw_sigset(signal, handler);
    /// `pthread_create(3)`; the attributes and the start function are handed on as they are.
    pthread_create(thread: *mut c_void, attributes: *const c_void, start: *const c_void, argument: *mut c_void) -> c_int,
        else own_pthread_create(thread, attributes, start, argument);
    /// sigaltstack(2).
    sigaltstack(new: *const libc::stack_t, old: *mut libc::stack_t) -> c_int,
        else status(libc::SYS_sigaltstack, [new as usize, old as usize, 0, 0, 0, 0]);
    /// brk(2).
    brk(end: *mut c_void) -> c_int, else own_brk(end);
    /// sbrk(2).
    sbrk(increment: isize) -> *mut c_void, else own_sbrk(increment);
    /// shmctl(2).
    shmctl(id: c_int, command: c_int, buffer: *mut c_void) -> c_int,
        else status(libc::SYS_shmctl, [int(id), int(command), buffer as usize, 0, 0, 0]);
    /// madvise(2).
    madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int,
        else status(libc::SYS_madvise, [address as usize, length, int(advice), 0, 0, 0]);
    /// `posix_madvise(3)`.
    posix_madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int,
        else raw_posix_madvise(address, length, advice);
    /// mincore(2).
    mincore(address: *mut c_void, length: usize, pages: *mut c_uchar) -> c_int,
        else status(libc::SYS_mincore, [address as usize, length, pages as usize, 0, 0, 0]);
    /// mlock(2).
    mlock(address: *const c_void, length: usize) -> c_int,
        else status(libc::SYS_mlock, [address as usize, length, 0, 0, 0, 0]);
    /// mlock2(2).
    mlock2(address: *const c_void, length: usize, flags: c_uint) -> c_int,
        else status(libc::SYS_mlock2, [address as usize, length, flags as usize, 0, 0, 0]);
    /// munlock(2).
    munlock(address: *const c_void, length: usize) -> c_int,
        else status(libc::SYS_munlock, [address as usize, length, 0, 0, 0, 0]);
    /// `pkey_mprotect(2)`.
    pkey_mprotect(address: *mut c_void, length: usize, prot: c_int, key: c_int) -> c_int,
        else status(libc::SYS_pkey_mprotect, [address as usize, length, int(prot), int(key), 0, 0]);
    /// prctl(2), always with all of its arguments, as the kernel gets them.
    prctl(option: c_int, second: usize, third: usize, fourth: usize, fifth: usize) -> c_int,
        else status(libc::SYS_prctl, [int(option), second, third, fourth, fifth, 0]);
    /// syscall(2), likewise.
    syscall(number: c_long, first: usize, second: usize, third: usize, fourth: usize, fifth: usize, sixth: usize) -> c_long,
        else returned(sys::syscall(number, [first, second, third, fourth, fifth, sixth])) as c_long;
}

// A signature that differs from libc's does not compile.
const _: unsafe extern "C" fn(*mut c_void, usize, c_int, c_int, c_int, i64) -> *mut c_void = libc::mmap;
const _: unsafe extern "C" fn(*mut c_void, usize, c_int, c_int, c_int, i64) -> *mut c_void = libc::mmap64;
const _: unsafe extern "C" fn(*mut c_void, usize) -> c_int = libc::munmap;
const _: unsafe extern "C" fn(*mut c_void, usize, usize, c_int, ...) -> *mut c_void = libc::mremap;
const _: unsafe extern "C" fn(*mut c_void, usize, c_int) -> c_int = libc::mprotect;
const _: unsafe extern "C" fn(*mut c_void, usize, c_int) -> c_int = libc::msync;
const _: unsafe extern "C" fn(*const c_char, c_int) -> c_int = libc::ftok;
const _: unsafe extern "C" fn(c_int, usize, c_int) -> c_int = libc::shmget;
const _: unsafe extern "C" fn(c_int, *const c_void, c_int) -> *mut c_void = libc::shmat;
const _: unsafe extern "C" fn(*const c_void) -> c_int = libc::shmdt;
const _: unsafe extern "C" fn(c_int, c_int, *mut libc::shmid_ds) -> c_int = libc::shmctl;
const _: unsafe extern "C" fn(*const c_char, c_int, libc::mode_t) -> c_int = libc::shm_open;
const _: unsafe extern "C" fn(*const c_char) -> c_int = libc::shm_unlink;
const _: unsafe extern "C" fn(c_int) -> ! = libc::_exit;
const _: unsafe extern "C" fn(*mut c_void) -> c_int = libc::dlclose;
const _: unsafe extern "C" fn(*mut c_void, usize, c_int) -> c_int = libc::madvise;
const _: unsafe extern "C" fn(*mut c_void, usize, c_int) -> c_int = libc::posix_madvise;
const _: unsafe extern "C" fn(*mut c_void, usize, *mut c_uchar) -> c_int = libc::mincore;
const _: unsafe extern "C" fn(*const c_void, usize) -> c_int = libc::mlock;
const _: unsafe extern "C" fn(*const c_void, usize, c_uint) -> c_int = libc::mlock2;
const _: unsafe extern "C" fn(*const c_void, usize) -> c_int = libc::munlock;
const _: unsafe extern "C" fn(c_int, ...) -> c_int = libc::prctl;
const _: unsafe extern "C" fn(c_long, ...) -> c_long = libc::syscall;
const _: unsafe extern "C" fn(c_int, *const libc::sigaction, *mut libc::sigaction) -> c_int = libc::sigaction;
const _: unsafe extern "C" fn(c_int, usize) -> usize = libc::signal;

fn resolve_one(slot: &AtomicPtr<c_void>, name: &str) {
    if let Ok(name) = CStr::from_bytes_with_nul(name.as_bytes()) {
        slot.store(find(name), Relaxed);
    }
}

/// The next definition of a name; null if there is none, and in a static program.
pub(crate) fn find(name: &CStr) -> *mut c_void {
    // SAFETY: dlsym(3) with RTLD_NEXT and a string; it allocates only to describe a failure.
    weak::dlsym().map_or(ptr::null_mut(), |dlsym| unsafe { dlsym(libc::RTLD_NEXT, name.as_ptr()) })
}

/// Gives a raw answer the form in which libc returns a status or id.
fn returned(raw: isize) -> isize {
    match sys::answer(raw) {
        Ok(_) => raw,
        Err(failure) => {
            // Before this library is relocated there is no way to errno; see `start`.
            if is_relocated() {
                errno::set(failure);
            }
            -1
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the calls that return an int fit one")]
unsafe fn status(number: c_long, arguments: [usize; 6]) -> c_int {
    // SAFETY: the caller upholds the contract, and passes on the program's arguments.
    returned(unsafe { sys::syscall(number, arguments) }) as c_int
}

unsafe fn pointer(number: c_long, arguments: [usize; 6]) -> *mut c_void {
    // SAFETY: the caller upholds the contract, and passes on the program's arguments.
    let value = returned(unsafe { sys::syscall(number, arguments) });
    ptr::with_exposed_provenance_mut(value.cast_unsigned())
}

/// As libc's mmap, which refuses an offset that is not a multiple of 4096 (or of the page size) itself.
unsafe fn raw_mmap(
    address: *mut c_void,
    length: usize,
    prot: c_int,
    flags: c_int,
    fd: c_int,
    offset: i64,
) -> *mut c_void {
    // As the register holds it; every target has 64 bits.
    let offset = usize::try_from(offset.cast_unsigned()).unwrap_or(usize::MAX);
    if crate::plain::page::page_remainder(offset) != 0 {
        if is_relocated() {
            errno::set(libc::EINVAL);
        }
        return libc::MAP_FAILED;
    }
    let arguments = [address as usize, length, int(prot), int(flags), int(fd), offset];
    // SAFETY: the caller upholds the contract.
    unsafe { pointer(libc::SYS_mmap, arguments) }
}

/// As libc's ftok: the low 16 bits of the inode, 8 of the device, 8 of the id.
unsafe fn raw_ftok(path: *const c_char, id: c_int) -> c_int {
    let mut found = core::mem::MaybeUninit::<libc::stat>::zeroed();
    let arguments = [int(libc::AT_FDCWD), path as usize, found.as_mut_ptr() as usize, 0, 0, 0];
    // SAFETY: the caller's contract: a string, or an address that the kernel answers with EFAULT.
    if unsafe { status(libc::SYS_newfstatat, arguments) } != 0 {
        return -1;
    }
    // SAFETY: zeroed, and filled by the kernel.
    let found = unsafe { found.assume_init() };
    ftok_key(found.st_ino, found.st_dev, id)
}

/// As libc's `shm_open`: a file of /dev/shm.
unsafe fn raw_shm_open(name: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int {
    // SAFETY: the caller's contract: a string.
    let path = shm::path(unsafe { CStr::from_ptr(name) });
    let Some(path) = path.as_ref().and_then(|path| path.as_c_str()) else { return failed(libc::EINVAL) };
    let flags = int(flags | libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC);
    // SAFETY: a string.
    unsafe { status(libc::SYS_openat, [int(libc::AT_FDCWD), path.as_ptr() as usize, flags, mode as usize, 0, 0]) }
}

/// As libc's `shm_unlink`.
unsafe fn raw_shm_unlink(name: *const c_char) -> c_int {
    // SAFETY: the caller's contract: a string.
    let path = shm::path(unsafe { CStr::from_ptr(name) });
    let Some(path) = path.as_ref().and_then(|path| path.as_c_str()) else { return failed(libc::ENOENT) };
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a string.
    unsafe {
        status(libc::SYS_unlink, [path.as_ptr() as usize, 0, 0, 0, 0, 0])
    }
    #[cfg(not(target_arch = "x86_64"))]
    // SAFETY: a string.
    unsafe {
        status(libc::SYS_unlinkat, [int(libc::AT_FDCWD), path.as_ptr() as usize, 0, 0, 0, 0])
    }
}

/// As libc's `posix_madvise`, which returns its errno and ignores the advice that would destroy what is there.
unsafe fn raw_posix_madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int {
    if advice == libc::POSIX_MADV_DONTNEED {
        return 0;
    }
    // SAFETY: the caller upholds the contract.
    let raw = unsafe { sys::syscall(libc::SYS_madvise, [address as usize, length, int(advice), 0, 0, 0]) };
    sys::answer(raw).err().unwrap_or(0)
}

/// Sets `errno` and gives what a call that failed returns.
fn failed(failure: sys::Errno) -> c_int {
    errno::set(failure);
    -1
}

/// As libc's sigaction, whose structures are larger than the kernel's.
unsafe fn raw_sigaction(signal: c_int, new: *const libc::sigaction, old: *mut libc::sigaction) -> c_int {
    // SAFETY: the caller's contract: null, or a structure.
    let new = unsafe { new.as_ref() }.map(|new| {
        let mask = (&raw const new.sa_mask).cast::<u64>();
        let flags = usize::try_from(new.sa_flags.cast_unsigned()).unwrap_or(0);
        // SAFETY: a sigset_t is larger, and aligned for it.
        let mask = unsafe { *mask };
        let mut new = sys::Disposition { handler: new.sa_sigaction, flags, restorer: 0, mask };
        new.set_restorer();
        new
    });
    match sys::disposition(signal, new.as_ref()) {
        Err(failure) => failed(failure),
        Ok(before) => {
            // SAFETY: the caller's contract: null, or room for a structure.
            if let Some(old) = unsafe { old.as_mut() } {
                (old.sa_sigaction, old.sa_restorer) = (before.handler, None);
                old.sa_flags = c_int::try_from(before.flags).unwrap_or(0);
                let mask = (&raw mut old.sa_mask).cast::<u64>();
                // SAFETY: a sigset_t is larger, and aligned for it.
                unsafe { *mask = before.mask };
            }
            0
        }
    }
}

/// As libc's signal and its kin.
unsafe fn raw_signal(signal: c_int, handler: usize, flags: c_int) -> usize {
    let once = flags & libc::SA_RESETHAND != 0;
    let bit = 1_u64.checked_shl(signal.wrapping_sub(1).cast_unsigned()).unwrap_or(0);
    let flags = usize::try_from(flags.cast_unsigned()).unwrap_or(0);
    let mut new = sys::Disposition { handler, flags, restorer: 0, mask: if once { 0 } else { bit } };
    new.set_restorer();
    match sys::disposition(signal, Some(&new)) {
        Ok(before) => before.handler,
        Err(failure) => {
            failed(failure);
            libc::SIG_ERR
        }
    }
}

/// As libc's sigset: it blocks the signal, or sets its handler and lets the signal in.
unsafe fn raw_sigset(signal: c_int, handler: usize) -> usize {
    const SIG_HOLD: usize = 2;
    let bit = 1_u64.checked_shl(signal.wrapping_sub(1).cast_unsigned()).unwrap_or(0);
    let set_mask = |mask: sys::SignalSet| {
        let mut before: sys::SignalSet = 0;
        let (new, old) = ((&raw const mask) as usize, (&raw mut before) as usize);
        // SAFETY: two live masks.
        unsafe { status(libc::SYS_rt_sigprocmask, [int(libc::SIG_SETMASK), new, old, size_of_val(&mask), 0, 0]) };
        before
    };
    let mask = set_mask(sys::SignalSet::MAX);
    let before = match handler {
        SIG_HOLD => sys::disposition(signal, None).map_or(libc::SIG_ERR, |before| before.handler),
        // SAFETY: the caller upholds the contract.
        _ => unsafe { raw_signal(signal, handler, 0) },
    };
    set_mask(if handler == SIG_HOLD { mask | bit } else { mask & !bit });
    if before != libc::SIG_ERR && mask & bit != 0 { SIG_HOLD } else { before }
}

/// libc's `pthread_create` in a static program, under its other name; in others, before start, that which is found now.
unsafe fn own_pthread_create(
    thread: *mut c_void,
    attributes: *const c_void,
    start: *const c_void,
    argument: *mut c_void,
) -> c_int {
    if let Some(create) = weak::own_pthread_create() {
        // SAFETY: the caller upholds the contract.
        return unsafe { create(thread, attributes, start, argument) };
    }
    resolve_one(&SLOTS.pthread_create, "pthread_create\0");
    if SLOTS.pthread_create.load(Relaxed).is_null() {
        return libc::EAGAIN;
    }
    // SAFETY: the caller upholds the contract.
    unsafe { pthread_create(thread, attributes, start, argument) }
}

// Nothing here calls thrd_create. In a static program it brings libc's pthread_create along, which the linker would not
// look for, because this library defines that name.
#[cfg(not(test))]
mod bring {
    use core::ffi::{c_int, c_void};

    unsafe extern "C" {
        fn thrd_create(thread: *mut c_void, start: *const c_void, argument: *mut c_void) -> c_int;
    }

    #[used]
    static THREADS: unsafe extern "C" fn(*mut c_void, *const c_void, *mut c_void) -> c_int = thrd_create;
}

/// As libc's brk, by its sbrk.
unsafe fn own_brk(end: *mut c_void) -> c_int {
    // SAFETY: asks where the break is.
    let now = unsafe { own_sbrk(0) };
    // SAFETY: the program's own call, in other words.
    let before = unsafe { own_sbrk((end as usize).wrapping_sub(now as usize).cast_signed()) };
    if before == libc::MAP_FAILED { -1 } else { 0 }
}

/// libc's sbrk under its other name, which is there before the next definition has been looked up, and in a static
/// program: libc has to know where the break is, so that the raw call will not do.
unsafe fn own_sbrk(increment: isize) -> *mut c_void {
    let Some(sbrk) = weak::own_sbrk() else {
        failed(libc::ENOMEM);
        return libc::MAP_FAILED;
    };
    // SAFETY: the program's own call.
    unsafe { sbrk(increment) }
}

/// As libc's dlclose. A static program has it under another name if anything else of it needs that; without it the object
/// stays loaded, as dlclose(3) allows.
unsafe fn raw_dlclose(handle: *mut c_void) -> c_int {
    // SAFETY: the caller upholds the contract.
    weak::static_dlclose().map_or(0, |close| unsafe { close(handle) })
}

/// Ends the process.
unsafe fn raw_exit(status: c_int) -> ! {
    sys::exit_group(status)
}

/// The key that ftok(3) makes of a file and an id.
#[expect(clippy::cast_possible_truncation, reason = "ftok keeps 16 bits of the inode")]
fn ftok_key(inode: u64, device: u64, id: c_int) -> c_int {
    inode as c_int & 0xffff | (device as c_int & 0xff) << 16 | id << 24
}
