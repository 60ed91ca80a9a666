//! Which kind of lock in memory.

use core::fmt;

/// What a call makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockKind {
    Mutex,
    Condition,
    Rwlock,
    Barrier,
    Spin,
    Semaphore,
}

impl LockKind {
    pub(crate) const ALL: [LockKind; 6] = [
        LockKind::Mutex,
        LockKind::Condition,
        LockKind::Rwlock,
        LockKind::Barrier,
        LockKind::Spin,
        LockKind::Semaphore,
    ];

    /// The function that sets whether processes share it, in the attributes that the call is given.
    pub(crate) fn setter(self) -> Option<&'static str> {
        Some(match self {
            LockKind::Mutex => "pthread_mutexattr_setpshared",
            LockKind::Condition => "pthread_condattr_setpshared",
            LockKind::Rwlock => "pthread_rwlockattr_setpshared",
            LockKind::Barrier => "pthread_barrierattr_setpshared",
            LockKind::Spin | LockKind::Semaphore => return None,
        })
    }

    /// The function that makes it.
    pub(crate) fn function(self) -> &'static str {
        match self {
            LockKind::Mutex => "pthread_mutex_init",
            LockKind::Condition => "pthread_cond_init",
            LockKind::Rwlock => "pthread_rwlock_init",
            LockKind::Barrier => "pthread_barrier_init",
            LockKind::Spin => "pthread_spin_init",
            LockKind::Semaphore => "sem_init",
        }
    }
}

impl fmt::Display for LockKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LockKind::Mutex => "mutex",
            LockKind::Condition => "condition variable",
            LockKind::Rwlock => "read-write lock",
            LockKind::Barrier => "barrier",
            LockKind::Spin => "spin lock",
            LockKind::Semaphore => "semaphore",
        })
    }
}
