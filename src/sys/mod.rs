//! Ground: the only raw system calls of the runtime.
//!
//! They go past libc on purpose: libc's wrappers set `errno`, are cancellation points, and can be interposed by other
//! libraries. Each function returns what the kernel said; none allocates, locks or touches `errno`.

pub(crate) mod access;
mod apart;
mod bpf;
pub(crate) mod channels;
pub(crate) mod futex;
pub(crate) mod ipc;
pub(crate) mod memory;
pub(crate) mod process;
mod reservations;
pub(crate) mod sandbox;
pub(crate) mod segments;
pub(crate) mod stack;
pub(crate) mod threads;
pub(crate) mod time;

pub(crate) use apart::{Apart, zeroed_memory};
pub(crate) use futex::{futex_wait, futex_wake};
pub(crate) use reservations::{move_mapping, reserve, reserve_at, unmap};

use crate::machine::{Architecture, Machine};
use core::ffi::{CStr, c_int, c_long, c_void};
use core::mem::{MaybeUninit, size_of};
use core::ptr;
use futex::spin;

pub(crate) use crate::plain::errno::Errno;

/// The result of a call that the kernel answers with a non-negative number or an error.
pub(crate) type Result<T> = core::result::Result<T, Errno>;

/// Makes system call `number` with six arguments and returns the kernel's raw answer: from -4095 to -1 it is a
/// negated errno.
///
/// # Safety
/// As the system call itself: every pointer among the arguments must be valid for what the kernel does with it.
#[inline]
pub(crate) unsafe fn syscall(number: c_long, arguments: [usize; 6]) -> isize {
    // SAFETY: the caller upholds the contract.
    unsafe { Machine::syscall(number, arguments) }
}

/// Splits the kernel's raw answer into value and errno.
#[inline]
pub(crate) fn answer(raw: isize) -> Result<usize> {
    match c_int::try_from(raw) {
        Ok(small @ -4095..=-1) => Err(small.wrapping_neg()),
        _ => Ok(raw.cast_unsigned()),
    }
}

/// Whether a sandbox of the program's lets a call of our own through.
pub(crate) fn seccomp_allows(number: c_long, arguments: [usize; 6]) -> bool {
    sandbox::allows(number, arguments)
}

/// A system call of our own; ENOSYS where a sandbox of the program's does not let it through.
#[inline(never)]
fn plain(number: c_long, arguments: [usize; 6]) -> Result<usize> {
    plain_inlined(number, arguments)
}

/// The same as a part of its caller, on the way of calls that are made by the million.
#[inline(always)]
fn plain_inlined(number: c_long, arguments: [usize; 6]) -> Result<usize> {
    if !sandbox::allows(number, arguments) {
        return Err(libc::ENOSYS);
    }
    // SAFETY: every caller in this file passes numbers, or pointers made from live references.
    answer(unsafe { syscall(number, arguments) })
}

/// An `int` as the kernel takes it: sign-extended to a register.
#[inline]
pub(crate) fn int(value: c_int) -> usize {
    (value as isize).cast_unsigned()
}

/// Reads a value that a system call left in memory, when it succeeded.
fn filled<T>(fill: impl FnOnce(*mut T) -> Result<usize>) -> Result<T> {
    let mut value = MaybeUninit::<T>::zeroed();
    fill(value.as_mut_ptr())?;
    // SAFETY: zeroed before the call and filled by it; every T of this file is plain data without invalid patterns.
    Ok(unsafe { value.assume_init() })
}

/// getpid(2), from the kernel and not from a copy that fork may have made stale; the copy where a sandbox does not let
/// the kernel be asked.
pub(crate) fn getpid() -> c_int {
    plain(libc::SYS_getpid, [0; 6]).map_or_else(|_| process::pid(), |pid| small(Ok(pid)))
}

/// getppid(2).
pub(crate) fn getppid() -> c_int {
    small(plain(libc::SYS_getppid, [0; 6]))
}

/// gettid(2); 0 where a sandbox does not let the kernel be asked.
pub(crate) fn gettid() -> c_int {
    small(plain(libc::SYS_gettid, [0; 6]))
}

/// geteuid(2).
pub(crate) fn geteuid() -> u32 {
    small(plain(libc::SYS_geteuid, [0; 6])).cast_unsigned()
}

/// getegid(2).
pub(crate) fn getegid() -> u32 {
    small(plain(libc::SYS_getegid, [0; 6])).cast_unsigned()
}

/// An answer that fits an `int` by the system call's contract.
fn small(answer: Result<usize>) -> c_int {
    // User and group ids use all 32 bits, so the low half is taken as it is.
    #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "pids, uids and gids have 32 bits")]
    answer.map_or(0, |value| value as c_int)
}

/// Whether process `pid` exists (kill(2) with signal 0; EPERM means that it does). A zombie exists.
pub(crate) fn process_exists(pid: c_int) -> bool {
    plain(libc::SYS_kill, [int(pid), 0, 0, 0, 0, 0]) != Err(libc::ESRCH)
}

/// Whether thread `tid` of process `pid` exists.
pub(crate) fn thread_exists(pid: c_int, tid: c_int) -> bool {
    plain(libc::SYS_tgkill, [int(pid), int(tid), 0, 0, 0, 0]) != Err(libc::ESRCH)
}

/// `exit_group(2)`, for the program's own calls of `_exit(2)`.
pub(crate) fn exit_group(status: c_int) -> ! {
    loop {
        // SAFETY: numbers alone.
        unsafe { syscall(libc::SYS_exit_group, [int(status), 0, 0, 0, 0, 0]) };
    }
}

/// A set of signals, as the kernel has it.
pub(crate) type SignalSet = u64;

/// Replaces the thread's signal mask and returns the one before; `None` where that is not let through.
pub(crate) fn set_signal_mask(mask: SignalSet) -> Option<SignalSet> {
    let how = int(libc::SIG_SETMASK);
    filled(|before: *mut SignalSet| {
        let arguments = [how, (&raw const mask) as usize, before as usize, size_of::<SignalSet>(), 0, 0];
        plain(libc::SYS_rt_sigprocmask, arguments)
    })
    .ok()
}

/// Puts back the mask that [`set_signal_mask`] gave. No sandbox is asked: one that has come meanwhile is another thread's,
/// or has waited.
pub(crate) fn restore_signal_mask(mask: SignalSet) {
    let how = int(libc::SIG_SETMASK);
    let arguments = [how, (&raw const mask) as usize, 0, size_of::<SignalSet>(), 0, 0];
    // SAFETY: a live mask.
    unsafe { syscall(libc::SYS_rt_sigprocmask, arguments) };
}

/// The signals that are pending for this thread or process.
pub(crate) fn pending_signals() -> SignalSet {
    filled(|set: *mut SignalSet| plain(libc::SYS_rt_sigpending, [set as usize, size_of::<SignalSet>(), 0, 0, 0, 0]))
        .unwrap_or(0)
}

/// Whether a signal that a call of ours raises can be held back and taken away.
pub(crate) fn can_hold_signals() -> bool {
    let size = size_of::<SignalSet>();
    seccomp_allows(libc::SYS_rt_sigprocmask, [int(libc::SIG_SETMASK), 0, 0, size, 0, 0])
        && seccomp_allows(libc::SYS_rt_sigtimedwait, [0, 0, 0, size, 0, 0])
}

/// Takes one pending signal of `set` away without waiting.
pub(crate) fn consume_signal(set: SignalSet) {
    let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let _ = plain(
        libc::SYS_rt_sigtimedwait,
        [(&raw const set) as usize, 0, (&raw const now) as usize, size_of::<SignalSet>(), 0, 0],
    );
}

/// What happens on a signal, as the kernel has it (`struct sigaction` of `rt_sigaction(2)`).
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Disposition {
    /// `SIG_DFL`, `SIG_IGN` or a handler's address.
    pub(crate) handler: usize,
    pub(crate) flags: usize,
    restorer: [usize; Machine::RESTORER_WORDS],
    pub(crate) mask: SignalSet,
    /// A word more than the kernel has, where it has no restorer: an emulator (QEMU 7.2) writes it all the same.
    spare: [usize; 1 - Machine::RESTORER_WORDS],
}

impl Disposition {
    /// A handler, `SIG_DFL` or `SIG_IGN`, and nothing of what a handler returns to.
    pub(crate) fn new(handler: usize, flags: usize, mask: SignalSet) -> Disposition {
        Disposition { handler, flags, restorer: [0; _], mask, spare: [0; _] }
    }

    /// With what is needed besides the handler: where that returns to.
    pub(crate) fn with_restorer(mut self) -> Disposition {
        const SA_RESTORER: usize = 0x0400_0000;
        let restorer = Machine::signal_restorer();
        if restorer != 0 {
            self.flags |= SA_RESTORER;
            self.set_restorer(restorer);
        }
        self
    }

    /// What the handler returns to; 0 for what the kernel finds itself.
    pub(crate) fn restorer(&self) -> usize {
        self.restorer.first().copied().unwrap_or(0)
    }

    /// Sets what the handler returns to, where the kernel has a field for it.
    pub(crate) fn set_restorer(&mut self, restorer: usize) {
        self.restorer.fill(restorer);
    }
}

/// The signals of faults.
pub(crate) const FAULT_SIGNALS: [c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// Sets, if one is given, the disposition of a signal, and returns the one before. No sandbox is asked: this follows
/// calls of the program's own, or ends a handler that is not there where a sandbox forbids this.
pub(crate) fn disposition(signal: c_int, new: Option<&Disposition>) -> Result<Disposition> {
    let new = new.map_or(0, |new| ptr::from_ref(new) as usize);
    filled(|old: *mut Disposition| {
        let arguments = [int(signal), new, old as usize, size_of::<SignalSet>(), 0, 0];
        // SAFETY: live structures, or null.
        answer(unsafe { syscall(libc::SYS_rt_sigaction, arguments) })
    })
}

/// Sends a signal to this very thread, with the information that came with an earlier one. No sandbox is asked, for the
/// same reason.
pub(crate) fn queue_signal(signal: c_int, info: &libc::siginfo_t) -> Result<()> {
    // SAFETY: numbers alone.
    let own = |number| unsafe { syscall(number, [0; 6]) }.cast_unsigned();
    let arguments = [own(libc::SYS_getpid), own(libc::SYS_gettid), int(signal), ptr::from_ref(info) as usize, 0, 0];
    // SAFETY: a live structure.
    answer(unsafe { syscall(libc::SYS_rt_tgsigqueueinfo, arguments) }).map(|_| ())
}

/// Sleeps for a millisecond.
pub(crate) fn sleep_a_moment() {
    let time = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000 };
    if plain(libc::SYS_nanosleep, [(&raw const time) as usize, 0, 0, 0, 0, 0]) == Err(libc::ENOSYS) {
        spin();
    }
}

/// The wall clock.
pub(crate) fn realtime() -> libc::timespec {
    filled(|time: *mut libc::timespec| {
        plain(libc::SYS_clock_gettime, [int(libc::CLOCK_REALTIME), time as usize, 0, 0, 0, 0])
    })
    .unwrap_or(libc::timespec { tv_sec: 0, tv_nsec: 0 })
}

/// Soft and hard limit, getrlimit(2).
pub(crate) fn limit(resource: libc::__rlimit_resource_t) -> Result<libc::rlimit> {
    filled(|limit: *mut libc::rlimit| plain(libc::SYS_prlimit64, [0, resource as usize, 0, limit as usize, 0, 0]))
}

// ---- files ----

/// openat(2) relative to the working directory; `O_CLOEXEC` is added.
pub(crate) fn open(path: &CStr, flags: c_int, mode: u32) -> Result<c_int> {
    let flags = int(flags | libc::O_CLOEXEC);
    plain(libc::SYS_openat, [int(libc::AT_FDCWD), path.as_ptr() as usize, flags, mode as usize, 0, 0])
        .map(|fd| small(Ok(fd)))
}

/// close(2).
pub(crate) fn close(fd: c_int) {
    let _ = plain(libc::SYS_close, [int(fd), 0, 0, 0, 0, 0]);
}

/// read(2); a read that a signal interrupted is made again.
pub(crate) fn read(fd: c_int, buffer: &mut [u8]) -> Result<usize> {
    loop {
        let arguments = [int(fd), buffer.as_mut_ptr() as usize, buffer.len(), 0, 0, 0];
        match plain(libc::SYS_read, arguments) {
            Err(libc::EINTR) => {}
            other => return other,
        }
    }
}

/// getdents64(2): the bytes of the records that were read; 0 at the end.
pub(crate) fn read_folder(fd: c_int, records: &mut [u8]) -> Result<usize> {
    plain(libc::SYS_getdents64, [int(fd), records.as_mut_ptr() as usize, records.len(), 0, 0, 0])
}

/// Goes back to the start of a file, lseek(2).
pub(crate) fn rewind(fd: c_int) -> Result<()> {
    plain(libc::SYS_lseek, [int(fd), 0, int(libc::SEEK_SET), 0, 0, 0]).map(|_| ())
}

/// pread(2) of whole 64-bit words, 8 bytes each; how many were read.
pub(crate) fn read_words_at(fd: c_int, words: &mut [u64], offset: usize) -> Result<usize> {
    let arguments = [int(fd), words.as_mut_ptr() as usize, size_of_val(words), offset, 0, 0];
    plain(libc::SYS_pread64, arguments).map(|bytes| bytes >> 3)
}

/// write(2).
pub(crate) fn write(fd: c_int, bytes: &[u8]) -> Result<usize> {
    plain(libc::SYS_write, [int(fd), bytes.as_ptr() as usize, bytes.len(), 0, 0, 0])
}

/// write(2) that answers EAGAIN rather than wait, whatever the descriptor's own mode (pwritev2(2) with `RWF_NOWAIT`).
pub(crate) fn write_nowait(fd: c_int, bytes: &[u8]) -> Result<usize> {
    const RWF_NOWAIT: usize = 8;
    let vector = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let position = usize::MAX; // -1: the file's own position
    plain(libc::SYS_pwritev2, [int(fd), (&raw const vector) as usize, 1, position, position, RWF_NOWAIT])
}

/// send(2) that neither waits nor raises SIGPIPE.
pub(crate) fn send_nowait(fd: c_int, bytes: &[u8]) -> Result<usize> {
    let flags = int(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL);
    plain(libc::SYS_sendto, [int(fd), bytes.as_ptr() as usize, bytes.len(), flags, 0, 0])
}

/// Waits until `fd` can be written, for at most `milliseconds`.
pub(crate) fn wait_writable(fd: c_int, milliseconds: i64) -> bool {
    let mut poll = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
    let timeout = libc::timespec { tv_sec: 0, tv_nsec: milliseconds.wrapping_mul(1_000_000) };
    let answer = plain(libc::SYS_ppoll, [(&raw mut poll) as usize, 1, (&raw const timeout) as usize, 0, 0, 0]);
    // A pipe without a reader can be written, to raise SIGPIPE.
    answer == Ok(1) && poll.revents & (libc::POLLOUT | libc::POLLERR) == libc::POLLOUT
}

/// fcntl(2) with a number as argument.
pub(crate) fn fcntl(fd: c_int, command: c_int, argument: c_int) -> Result<c_int> {
    plain(libc::SYS_fcntl, [int(fd), int(command), int(argument), 0, 0, 0]).map(|value| small(Ok(value)))
}

/// statx(2) of a descriptor, from what the kernel has at hand (no round trip to a file server).
#[inline(never)]
pub(crate) fn statx_fd(fd: c_int) -> Result<libc::statx> {
    statx_fd_into(fd, &mut MaybeUninit::uninit()).copied()
}

/// The same where the caller has room for it: on the way of every file mapping it is neither zeroed nor copied.
#[inline(always)]
pub(crate) fn statx_fd_into(fd: c_int, out: &mut MaybeUninit<libc::statx>) -> Result<&libc::statx> {
    let flags = libc::AT_EMPTY_PATH | libc::AT_STATX_DONT_SYNC;
    match statx(fd, c"", flags, out.as_mut_ptr()) {
        Err(libc::ENOSYS | libc::EPERM) => fstat(fd, out)?,
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    // SAFETY: the kernel writes all of it, or `fstat` has.
    Ok(unsafe { out.assume_init_ref() })
}

/// fstat(2), which sandboxes let through that are older than statx(2), in the form of the latter. It may wait for a file
/// server.
#[cold]
#[inline(never)]
fn fstat(fd: c_int, out: &mut MaybeUninit<libc::statx>) -> Result<()> {
    let found = filled(|out: *mut libc::stat| plain(libc::SYS_fstat, [int(fd), out as usize, 0, 0, 0, 0]))?;
    *out = MaybeUninit::zeroed();
    // SAFETY: zeroed; plain data without invalid patterns.
    let statx = unsafe { out.assume_init_mut() };
    statx.stx_ino = found.st_ino;
    statx.stx_mode = u16::try_from(found.st_mode).unwrap_or(0);
    statx.stx_size = found.st_size.cast_unsigned();
    statx.stx_blksize = u32::try_from(found.st_blksize).unwrap_or(0);
    (statx.stx_dev_major, statx.stx_dev_minor) = (libc::major(found.st_dev), libc::minor(found.st_dev));
    (statx.stx_rdev_major, statx.stx_rdev_minor) = (libc::major(found.st_rdev), libc::minor(found.st_rdev));
    Ok(())
}

/// statx(2) of a path, symbolic links followed.
pub(crate) fn statx_path(path: &CStr) -> Result<libc::statx> {
    filled(|out| statx(libc::AT_FDCWD, path, 0, out))
}

#[inline]
fn statx(directory: c_int, path: &CStr, flags: c_int, out: *mut libc::statx) -> Result<usize> {
    let mask = (libc::STATX_BASIC_STATS | libc::STATX_BTIME) as usize;
    plain_inlined(libc::SYS_statx, [int(directory), path.as_ptr() as usize, int(flags), mask, out as usize, 0])
}

/// The magic number of the filesystem that `fd` lies on, fstatfs(2).
pub(crate) fn filesystem_magic(fd: c_int) -> Result<i64> {
    filesystem(fd).map(|filesystem| filesystem.f_type)
}

/// Room on the filesystem that `fd` lies on, fstatfs(2).
pub(crate) fn filesystem(fd: c_int) -> Result<libc::statfs> {
    filled(|out: *mut libc::statfs| plain(libc::SYS_fstatfs, [int(fd), out as usize, 0, 0, 0, 0]))
}

/// readlink(2): the bytes of the link that were there and fitted.
pub(crate) fn readlink<'a>(path: &CStr, buffer: &'a mut [u8]) -> Result<&'a [u8]> {
    let arguments = [int(libc::AT_FDCWD), path.as_ptr() as usize, buffer.as_mut_ptr() as usize, buffer.len(), 0, 0];
    let length = plain(libc::SYS_readlinkat, arguments)?;
    Ok(buffer.get(..length).unwrap_or_default())
}

/// getcwd(2): the working directory, without the closing zero byte.
pub(crate) fn getcwd(buffer: &mut [u8]) -> Result<&[u8]> {
    let length = plain(libc::SYS_getcwd, [buffer.as_mut_ptr() as usize, buffer.len(), 0, 0, 0, 0])?;
    Ok(buffer.get(..length.wrapping_sub(1)).unwrap_or_default())
}

// ---- memory ----

/// Copies from an address of this process that may not be mapped (`process_vm_readv(2)` on itself); what could be read.
pub(crate) fn read_memory(address: usize, buffer: &mut [u8]) -> Result<usize> {
    let local = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let remote = libc::iovec { iov_base: ptr::without_provenance_mut::<c_void>(address), iov_len: buffer.len() };
    // By the thread: of a main thread that has ended there is no memory.
    let tid = int(match gettid() {
        0 => process::pid(),
        tid => tid,
    });
    plain(libc::SYS_process_vm_readv, [tid, (&raw const local) as usize, 1, (&raw const remote) as usize, 1, 0])
}

/// Copies from memory that is mapped.
///
/// # Safety
/// All of the buffer's length from `address` on must be mapped and readable.
pub(crate) unsafe fn read_mapped(address: usize, buffer: &mut [u8]) {
    let from = ptr::with_exposed_provenance::<u8>(address);
    // SAFETY: the caller upholds the contract; the two do not overlap, since the buffer is a fresh one of the report's.
    unsafe { ptr::copy_nonoverlapping(from, buffer.as_mut_ptr(), buffer.len()) };
}

/// The argument of the `PROCMAP_QUERY` ioctl, `<linux/fs.h>` since Linux 6.11.
#[repr(C)]
#[derive(Default)]
pub(crate) struct ProcmapQuery {
    pub(crate) size: u64,
    pub(crate) query_flags: u64,
    pub(crate) query_addr: u64,
    pub(crate) vma_start: u64,
    pub(crate) vma_end: u64,
    pub(crate) vma_flags: u64,
    pub(crate) vma_page_size: u64,
    pub(crate) vma_offset: u64,
    pub(crate) inode: u64,
    pub(crate) dev_major: u32,
    pub(crate) dev_minor: u32,
    pub(crate) vma_name_size: u32,
    pub(crate) build_id_size: u32,
    pub(crate) vma_name_addr: u64,
    pub(crate) build_id_addr: u64,
}

/// Asks /proc/self/maps, open as `fd`, for one mapping; ENOENT when there is none, ENOTTY before Linux 6.11.
pub(crate) fn procmap_query(fd: c_int, query: &mut ProcmapQuery) -> Result<()> {
    const PROCMAP_QUERY: usize = 0xC068_6611; // _IOWR('f', 17, struct procmap_query)
    query.size = size_of::<ProcmapQuery>() as u64;
    plain(libc::SYS_ioctl, [int(fd), PROCMAP_QUERY, ptr::from_mut(query) as usize, 0, 0, 0]).map(|_| ())
}
