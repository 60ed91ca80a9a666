//! The calls that `inject=` can make fail, each with the errnos that its manual page gives it.
//!
//! The pages are those of man-pages 6.03; where they have none (locks), POSIX.1-2017's. An errno *matters* where a correct
//! program meets it and its author can't prevent it: memory is gone, a limit is reached, somebody else was faster. What only a
//! wrong argument gives does not.

use crate::errnos::{ERRNO_NAMES, errno_name};
use crate::words;
use crate::words::Words;

/// What a call that is made to fail may have been asked, as far as it decides which errnos matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Circumstances(pub u16);

macro_rules! circumstances {
    ($($constant:ident $name:literal $meaning:literal;)+) => {
        circumstances! { @ 1; $($constant $meaning;)+ }

        static CIRCUMSTANCES: Words<{ [$($name),+].len() }> = words!($($name),+);
    };
    (@ $bit:expr; $constant:ident $meaning:literal; $($rest:tt)*) => {
        impl Circumstances {
            #[doc = $meaning]
            pub const $constant: Circumstances = Circumstances($bit);
        }
        circumstances! { @ $bit << 1; $($rest)* }
    };
    (@ $bit:expr;) => {};
}

circumstances! {
    ANONYMOUS "anonymous" "`MAP_ANONYMOUS`.";
    FILE "file" "A file is mapped.";
    HUGETLB "hugetlb" "Huge pages.";
    LOCKED "locked" "`MAP_LOCKED`.";
    FIXED "fixed" "`MAP_FIXED`.";
    NOREPLACE "noreplace" "`MAP_FIXED_NOREPLACE`.";
    CREATE "create" "It may make something: `IPC_CREAT` or `O_CREAT`, or `IPC_PRIVATE`.";
    EXCL "excl" "`IPC_EXCL` or `O_EXCL`, with what makes it count.";
    KEY "key" "A key other than `IPC_PRIVATE`.";
    OPEN "open" "It makes nothing, and finds what is there.";
    NOWAIT "nowait" "`IPC_NOWAIT`, or a time after which it waits no longer.";
    REMOVE "remove" "`IPC_RMID`.";
    LOCK "lock" "`SHM_LOCK`.";
}

impl Circumstances {
    /// None of them.
    pub const NONE: Circumstances = Circumstances(0);

    /// These, and another one if it holds.
    #[must_use]
    pub const fn and(self, other: Circumstances, holds: bool) -> Circumstances {
        if holds { Circumstances(self.0 | other.0) } else { self }
    }

    /// Whether all of the others are among these.
    #[must_use]
    pub const fn have(self, others: Circumstances) -> bool {
        self.0 & others.0 == others.0
    }

    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        (0_u16..16)
            .filter(move |bit| self.0 >> bit & 1 != 0)
            .map(|bit| CIRCUMSTANCES.get(usize::from(bit)))
            .filter(|name| !name.is_empty())
    }

    /// The one of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Circumstances> {
        let bit = if name.is_empty() { None } else { CIRCUMSTANCES.position(name) }?;
        Some(Circumstances(1_u16.wrapping_shl(u32::try_from(bit).ok()?)))
    }
}

/// What a call does and gives, beside -1 with `errno`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gives {
    /// Nothing else.
    Status,
    /// It maps memory.
    Memory,
    /// It maps memory, of a file perhaps.
    File,
    /// It gives the errno as its value, and leaves `errno` alone.
    Errno,
}

/// A call that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Injectable(u8);

macro_rules! calls {
    ($($name:literal $page:literal $gives:ident: $errnos:tt $(and $more:literal)?, $matter:literal;)+) => {
        const COUNT: usize = [$($name),+].len();
        static NAMES: Words<COUNT> = words!($($name),+);
        static PAGES: Words<COUNT> = words!($($page),+);
        static ERRNOS: [u128; COUNT] = [$(errno_bits($errnos) $(| errno_bits($more))?),+];
        static MATTER: Words<COUNT> = words!($($matter),+);
        static GIVES: [Gives; COUNT] = [$(Gives::$gives),+];
    };
}

/// What calls have in common that lock memory, wait for a set, or open a file.
const LOCKING: &str = "EAGAIN EINVAL ENOMEM EPERM";
const WAITING: &str = "E2BIG EACCES EAGAIN EFAULT EFBIG EIDRM EINTR EINVAL ENOMEM ERANGE";
const OPENING: &str = "EACCES EBUSY EDQUOT EFAULT EFBIG EINTR EINVAL EISDIR ELOOP EMFILE ENAMETOOLONG ENFILE ENODEV \
                       ENOENT ENOMEM ENOSPC ENOTDIR ENXIO EOVERFLOW EPERM EROFS ETXTBSY EAGAIN";

// The call, its page; what it gives; its errnos; those that matter, some under a circumstance alone.
calls! {
    "mmap" "mmap(2)" File:
        "EACCES EAGAIN EBADF EEXIST EINVAL ENFILE ENODEV ENOMEM EOVERFLOW EPERM ETXTBSY",
        "ENOMEM EAGAIN:locked EEXIST:noreplace";
    "munmap" "munmap(2)" Status: "EINVAL ENOMEM", "ENOMEM";
    "mremap" "mremap(2)" Memory: "EAGAIN EFAULT EINVAL ENOMEM", "ENOMEM";
    "mprotect" "mprotect(2)" Status: "EACCES EINVAL ENOMEM", "ENOMEM";
    "pkey_mprotect" "pkey_mprotect(2)" Status: "EACCES EINVAL ENOMEM", "ENOMEM";
    "msync" "msync(2)" Status: "EBUSY EINVAL ENOMEM", "ENOMEM";
    "madvise" "madvise(2)" Status:
        "EACCES EAGAIN EBADF EBUSY EFAULT EINVAL EIO ENOMEM EPERM", "ENOMEM EINVAL";
    "posix_madvise" "posix_madvise(3)" Errno: "EINVAL ENOMEM", "ENOMEM";
    "mincore" "mincore(2)" Status: "EAGAIN EFAULT EINVAL ENOMEM", "EAGAIN";
    "mlock" "mlock(2)" Status: LOCKING, "ENOMEM EPERM";
    "mlock2" "mlock2(2)" Status: LOCKING, "ENOMEM EPERM";
    "munlock" "munlock(2)" Status: LOCKING, "";
    "mlockall" "mlockall(2)" Status: LOCKING, "ENOMEM EPERM";
    "munlockall" "munlockall(2)" Status: LOCKING, "";
    "brk" "brk(2)" Status: "ENOMEM", "ENOMEM";
    "sbrk" "sbrk(2)" Status: "ENOMEM", "ENOMEM";
    // As for stat(2).
    "ftok" "ftok(3)" Status:
        "EACCES EBADF EFAULT ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR EOVERFLOW", "ENOENT";
    "shmget" "shmget(2)" Status:
        "EACCES EEXIST EINVAL ENFILE ENOENT ENOMEM ENOSPC EPERM",
        "ENOMEM:create ENOSPC:create EEXIST:excl ENOENT:open EINVAL:key EACCES:key";
    "shmat" "shmat(2)" Memory: "EACCES EIDRM EINVAL ENOMEM", "ENOMEM EINVAL";
    "shmdt" "shmdt(2)" Status: "EINVAL", "";
    "shmctl" "shmctl(2)" Status:
        "EACCES EFAULT EIDRM EINVAL ENOMEM EOVERFLOW EPERM", "EIDRM EPERM:remove ENOMEM:lock";
    "semget" "semget(2)" Status:
        "EACCES EEXIST EINVAL ENOENT ENOMEM ENOSPC",
        "ENOMEM:create ENOSPC:create EEXIST:excl ENOENT:open EACCES:key";
    "semop" "semop(2)" Status: WAITING, "EINTR EIDRM EAGAIN:nowait";
    "semtimedop" "semtimedop(2)" Status: WAITING, "EINTR EIDRM EAGAIN:nowait";
    "semctl" "semctl(2)" Status: "EACCES EFAULT EIDRM EINVAL EPERM ERANGE", "EIDRM EPERM:remove";
    "msgget" "msgget(2)" Status:
        "EACCES EEXIST ENOENT ENOMEM ENOSPC",
        "ENOMEM:create ENOSPC:create EEXIST:excl ENOENT:open EACCES:key";
    "msgsnd" "msgsnd(2)" Status:
        "EACCES EAGAIN EFAULT EIDRM EINTR EINVAL ENOMEM", "EINTR EIDRM EAGAIN:nowait ENOMEM";
    "msgrcv" "msgrcv(2)" Status:
        "E2BIG EACCES EFAULT EIDRM EINTR EINVAL ENOMSG ENOSYS", "EINTR EIDRM ENOMSG:nowait";
    "msgctl" "msgctl(2)" Status: "EACCES EFAULT EIDRM EINVAL EPERM", "EIDRM EPERM:remove";
    "shm_open" "shm_open(3)" Status:
        "EACCES EEXIST EINVAL EMFILE ENAMETOOLONG ENFILE ENOENT", "EMFILE EACCES EEXIST:excl ENOENT:open";
    "shm_unlink" "shm_unlink(3)" Status: "EACCES ENAMETOOLONG ENOENT", "ENOENT";
    "sem_open" "sem_open(3)" Status:
        "EACCES EEXIST EINVAL EMFILE ENAMETOOLONG ENFILE ENOENT ENOMEM",
        "ENOMEM EMFILE EACCES EEXIST:excl ENOENT:open";
    "sem_unlink" "sem_unlink(3)" Status: "EACCES ENAMETOOLONG ENOENT", "ENOENT";
    "sem_init" "sem_init(3)" Status: "EINVAL ENOSYS", "";
    "sem_destroy" "sem_destroy(3)" Status: "EINVAL", "";
    "memfd_create" "memfd_create(2)" Status: "EFAULT EINVAL EMFILE ENFILE ENOMEM", "EMFILE ENOMEM";
    // What a program opens is mostly no memory.
    "open" "open(2)" Status: OPENING and "EEXIST EOPNOTSUPP", "";
    "openat" "openat(2)" Status: OPENING and "EBADF EEXIST EOPNOTSUPP", "";
    "creat" "creat(2)" Status: OPENING, "";
    "pthread_create" "pthread_create(3)" Errno: "EAGAIN EINVAL EPERM", "EAGAIN";
    // glibc's give none of these but for what the program has done wrong.
    "pthread_mutex_init" "pthread_mutex_init(3)" Errno: "EAGAIN EBUSY EINVAL ENOMEM EPERM", "";
    "pthread_mutex_destroy" "pthread_mutex_destroy(3)" Errno: "EBUSY EINVAL", "";
    "pthread_cond_init" "pthread_cond_init(3)" Errno: "EAGAIN EBUSY EINVAL ENOMEM", "";
    "pthread_cond_destroy" "pthread_cond_destroy(3)" Errno: "EBUSY EINVAL", "";
    "pthread_rwlock_init" "pthread_rwlock_init(3)" Errno: "EAGAIN EBUSY EINVAL ENOMEM EPERM", "";
    "pthread_rwlock_destroy" "pthread_rwlock_destroy(3)" Errno: "EBUSY EINVAL", "";
    "pthread_barrier_init" "pthread_barrier_init(3)" Errno: "EAGAIN EBUSY EINVAL ENOMEM", "";
    "pthread_barrier_destroy" "pthread_barrier_destroy(3)" Errno: "EBUSY EINVAL", "";
    "pthread_spin_init" "pthread_spin_init(3)" Errno: "EAGAIN EBUSY EINVAL ENOMEM", "";
    "pthread_spin_destroy" "pthread_spin_destroy(3)" Errno: "EBUSY EINVAL", "";
}

impl Injectable {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Injectable> {
        (0_u8..).take(COUNT).map(Injectable)
    }

    /// The call of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Injectable> {
        u8::try_from(NAMES.position(name)?).ok().map(Injectable)
    }

    /// Its number, from 1 on.
    #[must_use]
    pub fn number(self) -> u32 {
        u32::from(self.0).wrapping_add(1)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.get(usize::from(self.0))
    }

    /// Its manual page.
    #[must_use]
    pub fn page(self) -> &'static str {
        PAGES.get(usize::from(self.0))
    }

    /// The errnos that its manual page gives it.
    pub fn errnos(self) -> impl Iterator<Item = &'static str> {
        (1..128).filter(move |number| self.gives_number(*number)).filter_map(errno_name)
    }

    /// Whether its manual page gives it the errno of this number.
    #[must_use]
    pub fn gives_number(self, number: i32) -> bool {
        let bits = ERRNOS.get(usize::from(self.0)).copied().unwrap_or(0);
        u32::try_from(number).is_ok_and(|number| bits.checked_shr(number).unwrap_or(0) & 1 != 0)
    }

    /// The errnos that matter under these circumstances, the likeliest first.
    pub fn mattering(self, circumstances: Circumstances) -> impl Iterator<Item = &'static str> {
        MATTER.get(usize::from(self.0)).split_ascii_whitespace().filter_map(move |word| match word.split_once(':') {
            None => Some(word),
            Some((errno, needed)) => {
                Circumstances::from_name(needed).is_some_and(|needed| circumstances.have(needed)).then_some(errno)
            }
        })
    }

    fn gives(self) -> Gives {
        GIVES.get(usize::from(self.0)).copied().unwrap_or(Gives::Status)
    }

    /// Whether it gives memory, whose pages can be made to fail (`sigbus`).
    #[must_use]
    pub fn maps(self) -> bool {
        matches!(self.gives(), Gives::Memory | Gives::File)
    }

    /// Whether it maps files, which can seem to be cut (`truncate`).
    #[must_use]
    pub fn maps_files(self) -> bool {
        self.gives() == Gives::File
    }

    /// Whether it gives the errno as its value, and leaves `errno` alone.
    #[must_use]
    pub fn gives_errno(self) -> bool {
        self.gives() == Gives::Errno
    }
}

/// A bit for each errno of a text, by its number.
///
/// # Panics
/// When it is compiled, at a name that is none.
const fn errno_bits(text: &str) -> u128 {
    let text = text.as_bytes();
    let mut bits = 0_u128;
    let mut start = 0;
    while start < text.len() {
        let mut end = start;
        while end < text.len() && text[end] != b' ' {
            end += 1;
        }
        let mut index = 0;
        while !is_same(text, start, end, ERRNO_NAMES[index].as_bytes()) {
            index += 1;
        }
        bits |= 1 << (index + 1);
        start = end + 1;
    }
    bits
}

const fn is_same(text: &[u8], start: usize, end: usize, name: &[u8]) -> bool {
    let mut at = 0;
    while at < name.len() && start + at < end && text[start + at] == name[at] {
        at += 1;
    }
    at == name.len() && start + at == end && at > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errnos::errno_number;

    #[test]
    fn what_matters_is_given_by_the_page_and_its_circumstance_has_a_name() {
        for call in Injectable::all() {
            assert_eq!(Injectable::from_name(call.name()), Some(call));
            assert!(call.page().starts_with(call.name()), "{}", call.name());
            assert!(call.errnos().next().is_some() && call.errnos().all(|name| errno_number(name).is_some()));
            for word in MATTER.get(usize::from(call.0)).split_ascii_whitespace() {
                let (errno, needed) = word.split_once(':').unwrap_or((word, "file"));
                assert!(call.errnos().any(|name| name == errno), "{}: {word}", call.name());
                assert!(Circumstances::from_name(needed).is_some(), "{}: {word}", call.name());
            }
        }
    }

    #[test]
    fn some_errnos_matter_under_a_circumstance_alone() {
        let shmget = Injectable::from_name("shmget").unwrap();
        let has = |circumstances, errno| shmget.mattering(circumstances).any(|name| name == errno);
        assert!(!has(Circumstances::CREATE, "EEXIST") && !has(Circumstances::CREATE, "EINVAL"));
        let all = Circumstances::CREATE.and(Circumstances::EXCL, true).and(Circumstances::KEY, true);
        assert!(has(all, "EEXIST") && has(all, "EINVAL") && has(all, "ENOSPC") && !has(all, "ENOENT"));
        let mut names = all.names();
        assert_eq!(
            [names.next(), names.next(), names.next(), names.next()],
            [Some("create"), Some("excl"), Some("key"), None]
        );
    }
}
