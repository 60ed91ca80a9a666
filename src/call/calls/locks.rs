//! The rows of the calls that make and destroy locks in the program's memory.

/// Hands these rows behind others to a macro.
macro_rules! with_calls_of_locks {
    ($make:ident { $($row:tt)* }) => {
        $make! {
            $($row)*
            /// `pthread_mutex_init(3)`.
            pthread_mutex_init(mutex: *mut pthread_mutex_t, attr: *const pthread_mutexattr_t) -> c_int {
                door: plain,
                declared: libc::pthread_mutex_init,
                raw: own_mutex_init,
            }
            /// `pthread_mutex_destroy(3)`.
            pthread_mutex_destroy(mutex: *mut pthread_mutex_t) -> c_int {
                door: plain,
                declared: libc::pthread_mutex_destroy,
                raw: own_mutex_destroy,
            }
            /// `pthread_cond_init(3)`.
            pthread_cond_init(cond: *mut pthread_cond_t, attr: *const pthread_condattr_t) -> c_int {
                door: plain,
                declared: libc::pthread_cond_init,
                raw: own_cond_init,
            }
            /// `pthread_cond_destroy(3)`.
            pthread_cond_destroy(cond: *mut pthread_cond_t) -> c_int {
                door: plain,
                declared: libc::pthread_cond_destroy,
                raw: own_cond_destroy,
            }
            /// `pthread_rwlock_init(3)`.
            pthread_rwlock_init(rwlock: *mut pthread_rwlock_t, attr: *const pthread_rwlockattr_t) -> c_int {
                door: plain,
                declared: libc::pthread_rwlock_init,
                raw: own_rwlock_init,
            }
            /// `pthread_rwlock_destroy(3)`.
            pthread_rwlock_destroy(rwlock: *mut pthread_rwlock_t) -> c_int {
                door: plain,
                declared: libc::pthread_rwlock_destroy,
                raw: own_rwlock_destroy,
            }
            /// `pthread_barrier_init(3)`.
            pthread_barrier_init(barrier: *mut pthread_barrier_t, attr: *const pthread_barrierattr_t, count: c_uint) -> c_int {
                door: plain,
                declared: libc::pthread_barrier_init,
                raw: own_barrier_init,
            }
            /// `pthread_barrier_destroy(3)`.
            pthread_barrier_destroy(barrier: *mut pthread_barrier_t) -> c_int {
                door: plain,
                declared: libc::pthread_barrier_destroy,
                raw: own_barrier_destroy,
            }
            /// `pthread_spin_init(3)`.
            pthread_spin_init(lock: *mut pthread_spinlock_t, pshared: c_int) -> c_int {
                door: plain,
                declared: libc::pthread_spin_init,
                raw: own_spin_init,
            }
            /// `pthread_spin_destroy(3)`.
            pthread_spin_destroy(lock: *mut pthread_spinlock_t) -> c_int {
                door: plain,
                declared: libc::pthread_spin_destroy,
                raw: own_spin_destroy,
            }
            /// `sem_init(3)`.
            sem_init(sem: *mut sem_t, pshared: c_int, value: c_uint) -> c_int {
                door: plain,
                declared: libc::sem_init,
                raw: own_sem_init,
            }
            /// `sem_destroy(3)`.
            sem_destroy(sem: *mut sem_t) -> c_int {
                door: plain,
                declared: libc::sem_destroy,
                raw: own_sem_destroy,
            }
        }
    };
}
pub(crate) use with_calls_of_locks;
