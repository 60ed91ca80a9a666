//! The calling thread's `errno`, and the names of its values.

use core::ffi::c_int;
use core::fmt;
use mapsan_model::errnos;
use mapsan_model::words;
use mapsan_model::words::Words;

/// A positive error number, as in errno(3).
pub(crate) type Errno = c_int;

/// The calling thread's `errno`.
#[inline]
pub(crate) fn get() -> Errno {
    // SAFETY: takes nothing, and always returns the thread's own location.
    let location = unsafe { libc::__errno_location() };
    // SAFETY: valid as long as the thread lives.
    unsafe { *location }
}

/// Sets the calling thread's `errno`.
#[inline]
pub(crate) fn set(errno: Errno) {
    // SAFETY: takes nothing, and always returns the thread's own location.
    let location = unsafe { libc::__errno_location() };
    // SAFETY: valid as long as the thread lives.
    unsafe { *location = errno }
}

/// Shows an errno by name, or by number where Linux has none for it.
pub(crate) struct ErrnoName(pub(crate) Errno);

impl fmt::Display for ErrnoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "errno {}", self.0),
        }
    }
}

macro_rules! names {
    ($($name:ident $meaning:literal,)+) => {
        static VALUES: [Errno; [$(libc::$name),+].len()] = [$(libc::$name),+];
        static MEANINGS: Words<{ VALUES.len() }> = words!($($meaning),+);
    };
}

/// The errno whose negation a word is, as the kernel gives it to raw system calls: one that the calls give.
pub(crate) fn negated(word: usize) -> Option<Errno> {
    Errno::try_from(word.wrapping_neg()).ok().filter(|errno| (1..=4095).contains(errno) && place(*errno).is_some())
}

/// The constant's name, such as `EINVAL`; `None` for a value that is no errno.
pub(crate) fn name(errno: Errno) -> Option<&'static str> {
    errnos::errno_name(errno)
}

/// What the value says in general, as in errno(3).
pub(crate) fn meaning(errno: Errno) -> &'static str {
    place(errno).map_or("an error that errno(3) lists", |place| MEANINGS.get(place))
}

fn place(errno: Errno) -> Option<usize> {
    VALUES.iter().position(|value| *value == errno)
}

/// The value of a constant's name.
pub(crate) fn from_name(name: &str) -> Option<Errno> {
    errnos::errno_number(name)
}

// The errors that the calls can give, and those with which mode=enforce refuses.
names! {
    EPERM "operation not permitted",
    ENOENT "no such file, directory or segment",
    EINTR "interrupted by a signal",
    EIO "input/output error",
    ENXIO "no such device or address",
    EBADF "bad file descriptor",
    ERANGE "a value is outside of its range",
    E2BIG "too long, or too many",
    ENOMSG "no message of the wanted type",
    EROFS "the filesystem is mounted read-only",
    EAGAIN "resource temporarily unavailable",
    ENOMEM "not enough memory, or a limit on it",
    EACCES "permission denied",
    EFAULT "bad address",
    EBUSY "device or resource busy",
    EEXIST "exists already",
    ENODEV "the file has no mmap operation",
    ENOTDIR "not a directory",
    EISDIR "is a directory",
    EINVAL "invalid argument",
    ENFILE "too many open files in the system",
    EMFILE "too many open files in the process",
    ETXTBSY "the file is executed or was opened with MAP_DENYWRITE",
    EFBIG "the file would be larger than RLIMIT_FSIZE or the file system allows",
    EDQUOT "the disk quota is used up",
    EPIPE "nobody reads it",
    ECONNREFUSED "nobody receives at the socket",
    ENOSPC "no space left, or a limit on the number of segments",
    ENAMETOOLONG "the path is too long",
    ENOSYS "the kernel has no such call",
    ELOOP "too many symbolic links",
    EIDRM "the segment has been removed",
    EOVERFLOW "a value is too large for its type",
    EOPNOTSUPP "not supported",
    ESTALE "stale file handle",
}
