//! Locks as glibc lays them out in memory.
//!
//! The words are those of glibc since 2.25 (`nptl/`, `sysdeps/nptl/bits/`), alike on all architectures of 64 bits that the
//! library knows. Of an older one, or another libc, nothing is said.

use crate::clib;
use crate::plain::lock::LockKind;
use crate::sys::memory;
use core::ffi::c_int;

/// What the attributes that a lock was made with say.
#[derive(Clone, Copy, Default)]
pub(crate) struct LockAttributes {
    /// Whether processes share it.
    pub(crate) is_shared: bool,
    /// Whether it outlives its owner's death.
    pub(crate) is_robust: bool,
}

/// What the attributes of a call say, by their address (of a spin lock or a semaphore: by the flag itself); `None` if they can't
/// be read any more.
pub(crate) fn attributes(kind: LockKind, attributes: usize) -> Option<LockAttributes> {
    if let LockKind::Spin | LockKind::Semaphore = kind {
        return Some(LockAttributes { is_shared: attributes != 0, is_robust: false });
    }
    if attributes == 0 {
        return Some(LockAttributes::default());
    }
    let word = |place: usize| memory::value::<u32>(attributes.wrapping_add(place.wrapping_mul(4)));
    Some(match kind {
        LockKind::Mutex => {
            let flags = word(0)?;
            LockAttributes { is_shared: flags >> 31 != 0, is_robust: flags & 1 << 30 != 0 }
        }
        LockKind::Condition => LockAttributes { is_shared: word(0)? & 1 != 0, is_robust: false },
        LockKind::Rwlock => LockAttributes { is_shared: word(1)? != 0, is_robust: false },
        _ => LockAttributes { is_shared: word(0)? != 0, is_robust: false },
    })
}

/// Whether who holds it can be read in it.
pub(crate) fn has_owner(kind: LockKind) -> bool {
    matches!(kind, LockKind::Mutex | LockKind::Rwlock) && is_layout_known()
}

/// Whether the words of locks are known.
fn is_layout_known() -> bool {
    clib::version().is_some_and(|(major, minor)| major == 2 && minor >= 25)
}

/// The thread that holds a mutex, or a read-write lock for writing: `None` if none does, or if what lies there is none, by
/// all of its words.
pub(crate) fn owner(kind: LockKind, address: usize) -> Option<c_int> {
    if !is_layout_known() {
        return None;
    }
    match kind {
        LockKind::Mutex => owner_of_mutex(memory::value(address)?),
        LockKind::Rwlock => writer_of(memory::value(address)?),
        _ => None,
    }
}

/// Of `__pthread_mutex_s`: lock, count, owner, users, kind, spins, and a list's two pointers.
fn owner_of_mutex(words: [u32; 10]) -> Option<c_int> {
    const TYPE: u32 = 3;
    const ROBUST: u32 = 16;
    const INHERITING: u32 = 32;
    const PROTECTING: u32 = 64;
    const SHARED_AND_OTHERS: u32 = 128 | 256 | 512;
    // Of a robust one whose owner has died, until it is made consistent.
    const INCONSISTENT: u32 = 0x7fff_ffff;
    let [lock, count, owner, users, kind, _, list @ ..] = words;
    if kind & !(TYPE | ROBUST | INHERITING | PROTECTING | SHARED_AND_OTHERS) != 0 || users == 0 || users > 1 << 20 {
        return None;
    }
    // Robust and inheriting ones have the thread in the lock's word, with the kernel's two bits.
    let (is_held, holder) = match (kind & (ROBUST | INHERITING), lock & 0x3fff_ffff) {
        (0, _) => (lock == 1 || lock == 2 || kind & PROTECTING != 0 && lock != 0, owner),
        (_, thread) => (owner == thread || owner == INCONSISTENT, thread),
    };
    let is_counted = match kind & (ROBUST | INHERITING | PROTECTING) {
        _ if kind & TYPE == 1 => count > 0 && count < 1 << 20,
        0 => count == 0,
        _ => count == 1,
    };
    let has_list = kind & ROBUST != 0 || list == [0; 4];
    (is_held && is_counted && has_list).then_some(holder.cast_signed()).filter(|holder| *holder > 0)
}

/// Of `__pthread_rwlock_arch_t`: readers, writers, two futexes, two that are not used, the writer, whether it is shared, and
/// more.
fn writer_of(words: [u32; 14]) -> Option<c_int> {
    let [readers, _, phase, _, 0, 0, writer, shared, _, _, _, _, flags, _] = words else { return None };
    // A phase of writing, and a writer in it.
    let is_held = readers & 3 == 3 && phase & 1 == 1;
    (is_held && shared <= 1 && flags <= 2).then_some(writer.cast_signed()).filter(|writer| *writer > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::zeroed;
    use core::ptr;

    #[test]
    fn who_holds_a_lock_is_read() {
        // SAFETY: a lock that is all zeroes is one that PTHREAD_MUTEX_INITIALIZER makes.
        let mut mutex: libc::pthread_mutex_t = unsafe { zeroed() };
        // SAFETY: likewise.
        let mut rwlock: libc::pthread_rwlock_t = unsafe { zeroed() };
        let of = |kind, address: *const u8| owner(kind, address as usize);
        let (at_mutex, at_rwlock) = (ptr::from_mut(&mut mutex), ptr::from_mut(&mut rwlock));
        assert_eq!(of(LockKind::Mutex, at_mutex.cast()), None);
        assert_eq!(of(LockKind::Rwlock, at_rwlock.cast()), None);
        // SAFETY: both are locks, held by nobody.
        unsafe { libc::pthread_mutex_lock(at_mutex) };
        // SAFETY: as above.
        unsafe { libc::pthread_rwlock_rdlock(at_rwlock) };
        let own = crate::sys::gettid();
        assert_eq!(of(LockKind::Mutex, at_mutex.cast()), Some(own));
        assert_eq!(of(LockKind::Rwlock, at_rwlock.cast()), None);
        // SAFETY: held by this thread.
        unsafe { libc::pthread_mutex_unlock(at_mutex) };
        // SAFETY: as above.
        unsafe { libc::pthread_rwlock_unlock(at_rwlock) };
        // SAFETY: held by nobody.
        unsafe { libc::pthread_rwlock_wrlock(at_rwlock) };
        assert_eq!(of(LockKind::Mutex, at_mutex.cast()), None);
        assert_eq!(of(LockKind::Rwlock, at_rwlock.cast()), Some(own));
        // SAFETY: held by this thread.
        unsafe { libc::pthread_rwlock_unlock(at_rwlock) };
        assert_eq!(of(LockKind::Rwlock, at_rwlock.cast()), None);
    }

    /// A mutex of some kind, if there are such.
    fn mutex(protocol: c_int, robust: c_int, of_type: c_int) -> Option<libc::pthread_mutex_t> {
        // SAFETY: what is all zeroes is made by the calls below.
        let mut attributes: libc::pthread_mutexattr_t = unsafe { zeroed() };
        // SAFETY: likewise.
        let mut mutex: libc::pthread_mutex_t = unsafe { zeroed() };
        // SAFETY: attributes of this function alone, here and below.
        unsafe { libc::pthread_mutexattr_init(&raw mut attributes) };
        // SAFETY: as above.
        unsafe { libc::pthread_mutexattr_setprotocol(&raw mut attributes, protocol) };
        // SAFETY: as above.
        unsafe { libc::pthread_mutexattr_setrobust(&raw mut attributes, robust) };
        // SAFETY: as above.
        unsafe { libc::pthread_mutexattr_settype(&raw mut attributes, of_type) };
        // SAFETY: a mutex of this function alone.
        (unsafe { libc::pthread_mutex_init(&raw mut mutex, &raw const attributes) } == 0).then_some(mutex)
    }

    #[test]
    fn mutexes_of_every_kind_say_who_holds_them() {
        const EACH: [[c_int; 2]; 4] = [[0, 0], [0, 1], [1, 0], [1, 1]];
        for ([protocol, robust], of_type) in EACH.into_iter().flat_map(|first| [0, 1, 2, 3].map(|last| (first, last))) {
            let mut mutex = mutex(protocol, robust, of_type).unwrap();
            let address = ptr::from_mut(&mut mutex) as usize;
            assert_eq!(owner(LockKind::Mutex, address), None);
            // SAFETY: a mutex of this thread alone.
            assert_eq!(unsafe { libc::pthread_mutex_lock(&raw mut mutex) }, 0);
            assert_eq!(owner(LockKind::Mutex, address), Some(crate::sys::gettid()), "{protocol} {robust} {of_type}");
            // SAFETY: held by this thread.
            unsafe { libc::pthread_mutex_unlock(&raw mut mutex) };
            assert_eq!(owner(LockKind::Mutex, address), None);
        }
    }

    #[test]
    fn whose_owner_has_died_is_held_by_nobody_until_it_is_locked_again() {
        let mut mutex = mutex(0, 1, 0).unwrap();
        let place = ptr::from_mut(&mut mutex) as usize;
        std::thread::spawn(move || {
            // SAFETY: the mutex lives until this thread has ended, and longer.
            unsafe { libc::pthread_mutex_lock(place as *mut libc::pthread_mutex_t) }
        })
        .join()
        .unwrap();
        assert_eq!(owner(LockKind::Mutex, place), None);
        // SAFETY: a mutex of this thread alone now.
        assert_eq!(unsafe { libc::pthread_mutex_lock(&raw mut mutex) }, libc::EOWNERDEAD);
        assert_eq!(owner(LockKind::Mutex, place), Some(crate::sys::gettid()));
        // SAFETY: held by this thread.
        unsafe { libc::pthread_mutex_consistent(&raw mut mutex) };
        assert_eq!(owner(LockKind::Mutex, place), Some(crate::sys::gettid()));
        // SAFETY: held by this thread.
        unsafe { libc::pthread_mutex_unlock(&raw mut mutex) };
        assert_eq!(owner(LockKind::Mutex, place), None);
    }
}
